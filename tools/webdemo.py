"""Serve a page where people drop a picture, choose a method and see 2D and 3D poses.

    python tools/webdemo.py --model HEMlets CONFIG CHECKPOINT --model SimDR CONFIG CHECKPOINT \
        --det-config DET_CONFIG --det-checkpoint DET_CHECKPOINT

Then open the address that it prints. --model may be given again and again; an exported model
is its .onnx file instead of config and checkpoint. Without a detector, top-down methods
take the whole picture for one person. Needs the extra: pip install "mmpose_ext[webdemo]".
The page is served to this machine only; --host 0.0.0.0 opens it to the network.
"""

import argparse
import sys

from mmpose_ext.apis import PosePredictor, load, load_detector
from mmpose_ext.apis.webdemo import build_webdemo


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--model',
        action='append',
        nargs='+',
        required=True,
        metavar=('NAME', 'FILE'),
        help='NAME CONFIG CHECKPOINT, or NAME MODEL.onnx',
    )
    parser.add_argument('--det-config', help='config of a person detector of MMDetection')
    parser.add_argument('--det-checkpoint', help='its checkpoint')
    parser.add_argument('--device', default='cpu', help='default: cpu')
    parser.add_argument('--host', default='127.0.0.1', help='default: 127.0.0.1')
    parser.add_argument('--port', type=int, default=7860, help='default: 7860')
    args = parser.parse_args(arguments)
    if (args.det_config is None) != (args.det_checkpoint is None):
        parser.error('--det-config and --det-checkpoint belong together')
    names = [name for name, *_ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'each --model needs a name of its own, got {", ".join(names)}')
    for name, *files in args.model:
        if len(files) not in (1, 2):
            parser.error(f'--model {name} needs CONFIG CHECKPOINT or MODEL.onnx, got {files}')
    return args


def load_predictors(args: argparse.Namespace) -> dict[str, PosePredictor]:
    """Load what the command line names."""
    detector = None
    if args.det_config is not None:
        detector = load_detector(args.det_config, args.det_checkpoint, device=args.device)
    return {
        name: load(*files, device=args.device, detector=detector) for name, *files in args.model
    }


def main() -> None:
    """Load the models, serve the page until Ctrl-C."""
    args = parse_arguments()
    try:
        page = build_webdemo(load_predictors(args))
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f'webdemo: {error}')
    page.launch(server_name=args.host, server_port=args.port)


if __name__ == '__main__':
    main()
