"""Predict the poses of people in pictures, folders, videos or what a webcam sees.

    python tools/infer.py CONFIG CHECKPOINT INPUT [INPUT ...] --out poses
    python tools/infer.py MODEL.onnx INPUT [INPUT ...] --out poses

INPUT is a picture, a folder, a video file, or webcam (webcam:1 for the second). Top-down models
need to know where people are: --det-config and --det-checkpoint name a detector of MMDetection,
--boxes a file of boxes; without either each picture is taken to show one person. Bottom-up models
find people themselves. Written are pictures, or a video for each video, with the people drawn in,
and results.json.

An input that cannot be read costs its own result and is named; the others go on. Ctrl-C ends
early: what is done by then is written. The exit status is 0 when there is at least one result,
130 after Ctrl-C, else 1.
"""

import argparse
import os
import sys
from pathlib import Path

import cv2

from mmpose_ext.apis import (
    InputError,
    PosePredictor,
    PoseResult,
    ResultWriter,
    load,
    load_detector,
)

_WINDOW = 'mmpose_ext: any key goes on, q or Esc ends'
_ENDING_KEYS = (ord('q'), 27)
_INTERRUPTED = 130


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        usage='%(prog)s CONFIG CHECKPOINT INPUT [INPUT ...] --out OUT [options]\n'
        '       %(prog)s MODEL.onnx INPUT [INPUT ...] --out OUT [options]',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'model', help='config of a model, with its checkpoint behind it; or an .onnx file'
    )
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='input',
        help='pictures, folders, videos, webcam',
    )
    parser.add_argument('--out', type=Path, required=True, help='folder for the files')
    parser.add_argument('--det-config', help='config of a detector of MMDetection')
    parser.add_argument('--det-checkpoint', help='its checkpoint')
    parser.add_argument(
        '--det-thr', type=float, default=0.3, help='lowest score of a box (default: 0.3)'
    )
    parser.add_argument('--boxes', help='file of boxes (COCO annotations or results, or by name)')
    parser.add_argument(
        '--box-padding',
        type=float,
        help="factor by which boxes grow (default: 1.2 for a detector's with 3D models, else 1)",
    )
    parser.add_argument('--show', action='store_true', help='show the pictures in a window')
    parser.add_argument('--no-pictures', action='store_true', help='write results.json alone')
    parser.add_argument(
        '--kpt-thr', type=float, default=0.3, help='lowest score that is drawn (default: 0.3)'
    )
    parser.add_argument(
        '--batch-size', type=int, default=16, help='pictures and people at once (default: 16)'
    )
    parser.add_argument(
        '--flip-test',
        action=argparse.BooleanOptionalAction,
        help='average with the mirrored picture (default: as the config says)',
    )
    parser.add_argument('--device', default='cpu', help='default: cpu')
    args = parser.parse_intermixed_args(arguments)
    is_exported = args.model.lower().endswith('.onnx')
    args.checkpoint = None if is_exported else args.inputs.pop(0)
    if not args.inputs:
        parser.error('a config needs a checkpoint and at least one input behind it')
    if (args.det_config is None) != (args.det_checkpoint is None):
        parser.error('--det-config and --det-checkpoint belong together')
    if args.boxes and args.det_config:
        parser.error('give either --boxes or a detector')
    return args


def load_predictor(args: argparse.Namespace) -> PosePredictor:
    """Load the models.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        PosePredictor: With the detector, if there is one.
    """
    detector = None
    if args.det_config is not None:
        detector = load_detector(
            *(args.det_config, args.det_checkpoint), device=args.device, score_thr=args.det_thr
        )
    return load(
        *(args.model, args.checkpoint),
        device=args.device,
        detector=detector,
        batch_size=args.batch_size,
        flip_test=args.flip_test,
        box_padding=args.box_padding,
    )


def check_screen() -> None:
    """Refuse to open windows where there is no screen, since OpenCV's Qt ends the process.

    Raises:
        ValueError: If there is none.
    """
    if sys.platform.startswith('linux') and not (
        os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    ):
        raise ValueError('there is no screen (DISPLAY is not set) for --show: leave it out')


def show(result: PoseResult, kpt_thr: float) -> bool:
    """Show a result in a window: a picture until a key is pressed, a frame for a moment.

    Args:
        result (PoseResult): The result.
        kpt_thr (float): Keypoints with a lower score are not drawn.

    Returns:
        bool: Whether to go on: False if q or Esc was pressed.

    Raises:
        ValueError: If OpenCV has no windows.
    """
    try:
        cv2.imshow(_WINDOW, result.plot(kpt_thr))
        key = cv2.waitKey(0 if result.index is None else 1) & 0xFF
    except cv2.error as error:
        raise ValueError('this OpenCV opens no windows (headless): leave --show out') from error
    return key not in _ENDING_KEYS


def run(args: argparse.Namespace, predictor: PosePredictor) -> tuple[int, int, bool]:
    """Predict and write.

    Args:
        args (argparse.Namespace): The command line.
        predictor (PosePredictor): What predicts.

    Returns:
        tuple[int, int, bool]: Results, errors, and whether it was ended early.
    """
    results, errors, interrupted = 0, 0, False
    backend = predictor.backend
    with ResultWriter(
        args.out,
        model=backend.name,
        dataset_meta=backend.dataset_meta,
        pictures=not args.no_pictures,
        kpt_thr=args.kpt_thr,
    ) as writer:
        try:
            for one in predictor.stream(args.inputs, args.boxes, progress=None):
                writer.add(one)
                if isinstance(one, InputError):
                    errors += 1
                    print(f'error: {describe(one)}', file=sys.stderr, flush=True)
                    continue
                results += 1
                if args.show and not show(one, args.kpt_thr):
                    writer.interrupted = True
                    break
        except KeyboardInterrupt:
            interrupted = writer.interrupted = True
    number = len(writer.files)
    print(f'{number} file{"s" * (number != 1)} written to {args.out}')
    return results, errors, interrupted


def describe(error: InputError) -> str:
    """Name an input and say what is wrong with it.

    Args:
        error (InputError): The error.

    Returns:
        str: One line.
    """
    place = error.name if error.index is None else f'{error.name}, frame {error.index}'
    # Errors of files name them already.
    return error.message if error.name in error.message else f'{place}: {error.message}'


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, predict, write.

    Args:
        arguments (list[str] | None): The command line. Defaults to None: that of the process.

    Returns:
        int: Exit status.
    """
    args = parse_arguments(arguments)
    try:
        if args.show:
            check_screen()
        predictor = load_predictor(args)
        results, errors, interrupted = run(args, predictor)
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f'infer: {error}', file=sys.stderr)
        return 1
    kind = 'picture' if results + errors == 1 else 'pictures'
    print(f'{results} of {results + errors} {kind}, {errors} error{"s" * (errors != 1)}')
    if interrupted:
        print(f'ended early by Ctrl-C: what was done is in {args.out}', file=sys.stderr)
        return _INTERRUPTED
    return 0 if results else 1


if __name__ == '__main__':
    sys.exit(main())
