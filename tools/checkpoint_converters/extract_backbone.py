"""Cut the backbone out of a checkpoint of MMEngine, to pretrain other networks with.

    python tools/checkpoint_converters/extract_backbone.py epoch_210.pth backbone.pth

Training with HSJPPretrainHook writes the same file by itself. The checkpoint is read without
running code from it. Of a network trained with EMAHook the averaged weights are taken.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose_ext.apis.checkpoint_conversion import load_content, select_state_dict
from mmpose_ext.engine.backbone_export import (
    BACKBONE,
    check_modules,
    export_state_dict,
    finetune_options,
    short_hash,
    verify_export,
    write_export,
)
from mmpose_ext.engine.checkpoint_fit import name_some
from mmpose_ext.version import __version__


def extract(source: Path, destination: Path, modules: Sequence[str] = BACKBONE) -> None:
    """Write the weights of some modules of a checkpoint to a file of their own.

    Args:
        source (Path): A checkpoint of a whole network.
        destination (Path): The file to write.
        modules (Sequence[str]): Names of the modules. Defaults to the backbone.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it cannot be read safely, has no weights of a module or some that are not
            finite, or if the file would replace it.
        OSError: If the file cannot be written.
        RuntimeError: If the written file cannot be read back.
    """
    modules = check_modules(modules)
    if source.resolve() == destination.resolve():
        raise ValueError(f'{destination} would replace the checkpoint. Choose another name.')
    content = load_content(source)
    weights = select_state_dict(content, source)
    meta = {'mmpose_ext_version': __version__, 'extracted_from': source.name, **_puzzle(content)}
    export = export_state_dict(weights, modules)
    broken = [key for key, value in export.items() if not value.isfinite().all()]
    if broken:
        raise ValueError(
            f'{source} holds {len(broken)} weights that are not finite: {name_some(broken)}. The '
            'training has diverged; take an earlier checkpoint.'
        )
    write_export(destination, export, meta)
    verify_export(destination, weights, modules)


def _puzzle(content: Any) -> dict[str, Any]:
    """The stamp of HSJPPretrainHook, if there is one."""
    meta = content.get('meta') if isinstance(content, dict) else None
    return {'hsjp': meta['hsjp']} if isinstance(meta, dict) and 'hsjp' in meta else {}


def main() -> None:
    """Read the command line and extract.

    Raises:
        SystemExit: If it cannot be done; says why.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a whole network')
    parser.add_argument('out', type=Path, help='file to write')
    parser.add_argument(
        '--modules',
        nargs='+',
        default=list(BACKBONE),
        help='what to export; anything but the backbone alone keeps its full names, for load_from',
    )
    args = parser.parse_args()
    try:
        extract(args.checkpoint, args.out, args.modules)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'{Path(parser.prog).stem}: {error}')
    print(
        f'{args.out} (sha256 {short_hash(args.out)}) is written. To finetune any config of the '
        f'same network, append {finetune_options(args.out, args.modules)}'
    )


if __name__ == '__main__':
    main()
