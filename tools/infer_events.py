"""Predict the pose after each window of a recording of events and write arrays and pictures.

    python tools/infer_events.py CONFIG CHECKPOINT RECORDING --out poses --gif

RECORDING is a file of raw events: .npz, .h5, .csv (CeleX), .dat, .aedat4, .raw. It becomes
RECORDING_poses.npz (SMPL's parameters and joints of each window, metres, camera space),
RECORDING_sheet.png (events, flow, the body over the events and from the side), and with --json,
--gif and --mp4 files of these kinds. What was wrong with the events is printed.

The size of the event frames, the camera and the frame rate are those of the data that the config
tests on; --dataset names another folder with a dataset.json. Models that are not trained to find
the first pose need --start: an npz file with theta, betas and transl, such as
annotations/NAME.npz of our layout.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from mmengine.model import BaseModel

from mmpose_ext.apis import infer_events, load_event_model, read_start, write_event_poses
from mmpose_ext.datasets.datasets.event_recordings import EventSource, read_event_source


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a model of event clips')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('recording', type=Path, help='file of raw events')
    parser.add_argument('--out', type=Path, required=True, help='folder for the files')
    parser.add_argument('--start', type=Path, help='npz file of the pose before the first window')
    parser.add_argument('--start-frame', type=int, help='frame of that file (default: the first)')
    parser.add_argument('--dataset', type=Path, help='folder with a dataset.json')
    parser.add_argument(
        '--sensor', type=int, nargs=2, metavar=('W', 'H'), help='pixels, where no file says so'
    )
    parser.add_argument('--rotate180', action='store_true', help='the sensor hangs upside down')
    parser.add_argument(
        '--reduce', default='max', help="nearest, max, count or voxel (default: 'max')"
    )
    parser.add_argument('--clock-bits', type=int, help="bits of the camera's clock, if it wraps")
    parser.add_argument(
        '--origin',
        type=int,
        help='microseconds at which the first window begins (default: at '
        'the first event; recordings of make_mannequin.py begin at 0)',
    )
    parser.add_argument('--gif', action='store_true', help='write an animation')
    parser.add_argument('--mp4', action='store_true', help='write a film')
    parser.add_argument('--json', action='store_true', help='write the poses as text too')
    parser.add_argument('--device', default='cpu', help='default: cpu')
    return parser.parse_args(arguments)


def data_of(model: BaseModel, folder: Path | None) -> tuple[EventSource, int]:
    """Give what the model's data are like, and the frames of a step.

    Args:
        model (BaseModel): The model.
        folder (Path | None): Folder with a ``dataset.json``; None: that of the config.

    Returns:
        tuple[EventSource, int]: Size, camera, frame rate; frames of a step.

    Raises:
        ValueError: If neither says it.
        FileNotFoundError: If there is no such file.
    """
    dataset = (model.cfg.get('test_dataloader') or {}).get('dataset', {})
    folder = folder or dataset.get('data_root')
    if folder is None:
        raise ValueError('the config has no data_root: give --dataset, a folder with dataset.json')
    return read_event_source(folder), int(dataset.get('skip', 2))


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, predict, write."""
    args = parse_arguments(arguments)
    try:
        if args.start_frame is not None and args.start is None:
            raise ValueError('--start-frame needs --start')
        model = load_event_model(args.config, args.checkpoint, args.device)
        source, skip = data_of(model, args.dataset)
        start = None if args.start is None else read_start(args.start, args.start_frame)
        found = infer_events(
            *(model, args.recording, source.size),
            start=start,
            sensor=args.sensor,
            reading=dict(clock_bits=args.clock_bits),
            **dict(fps=source.fps, skip=skip, bins=source.bins),
            **dict(reduce=args.reduce, rotate180=args.rotate180, origin_us=args.origin),
        )
        print(f'{args.recording.name}: {found.report}; {len(found.poses)} poses')
        if found.skipped_windows:
            print(f'{found.skipped_windows} windows of pauses have no pose')
        K = np.diag((*source.focal, 1.0))
        K[:2, 2] = source.principal_pt
        films = [kind for kind in ('gif', 'mp4') if getattr(args, kind)]
        files = write_event_poses(
            *(args.out, args.recording.stem, model, found, K), films=films, as_json=args.json
        )
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f'infer_events: {error}')
    for file in files:
        print(f'{file} is written')


if __name__ == '__main__':
    main()
