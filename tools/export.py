"""Write a trained model as ONNX, with its decoding.

    python tools/export.py CONFIG CHECKPOINT --out model.onnx

CONFIG + CHECKPOINT -> model.onnx (BGR pixels in; keypoints, bodies or maps out; a
batch of any size) and model.json (what it takes, gives and holds), which belong
together. Random inputs are run through both the model and the file, and a file
that says something else is refused. `mmpose_ext.apis.load('model.onnx')` and
`tools/infer.py model.onnx INPUT` run it; docs/export.md says how to without this
package.

A file of a model with PoShHead holds the body model as a whole: with SMPL's, its
licence goes with it. --without-body leaves it out; SMPL's parameters come out then.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmpose_ext.apis.export import export_model, metadata_path, read_metadata
from mmpose_ext.apis.export.parity import TOLERANCE, differences, random_pixels
from mmpose_ext.apis.loading import load_model


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'config', type=Path, help='config of a SimDR, HEMlets, PoSh, SWAHR or heatmap model'
    )
    parser.add_argument('checkpoint', type=Path, help='its checkpoint')
    parser.add_argument('--format', choices=['onnx'], default='onnx', help='default: onnx')
    parser.add_argument('--out', type=Path, help='NAME.onnx (default: CONFIG.onnx in this folder)')
    parser.add_argument(
        '--without-body',
        action='store_true',
        help="leave the body model out: SMPL's parameters come out, no vertices",
    )
    parser.add_argument(
        '--no-check', action='store_true', help='do not compare the file with the model'
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, export, compare.

    Args:
        arguments (Sequence[str], optional): Command line. Defaults to that of the process.

    Returns:
        int: Exit status.
    """
    args = parse_arguments(arguments)
    out = args.out or Path(f'{args.config.stem}.onnx')
    try:
        model = load_model(args.config, args.checkpoint)
        export_model(model, out, name=args.config.stem, with_body=not args.without_body)
        metadata = read_metadata(metadata_path(out))
        found = {} if args.no_check else differences(model, out, random_pixels(model))
    except (OSError, ValueError, ImportError) as error:
        print(f'export: {error}', file=sys.stderr)
        return 1
    print(f'{out} ({out.stat().st_size / 2**20:.1f} MiB) and {metadata_path(out)} are written')
    for name, text in metadata.outputs.items():
        difference = f'; differs by {found[name]:.1g}' if name in found else ''
        print(f'  {name}: {text}{difference}')
    for name, text in metadata.not_in_graph.items():
        print(f'  not in the file: {name}, {text}')
    if metadata.body is not None:
        print(f'  {metadata.body["licence"]}')
    return _refuse(out, found)


def _refuse(out: Path, found: dict[str, float]) -> int:
    """Rename a file that says something else than the model."""
    wrong = {name: f'{value:.1g}' for name, value in found.items() if not value <= TOLERANCE}
    if not wrong:
        return 0
    refused = out.with_suffix('.refused')
    out.replace(refused)
    metadata_path(out).unlink()
    print(
        f'export: {out} differs from the model by more than {TOLERANCE}: {wrong}; it is now '
        f'{refused}',
        file=sys.stderr,
    )
    return 1


if __name__ == '__main__':
    sys.exit(main())
