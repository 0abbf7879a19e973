"""Convert a recording of an event camera to the layout that EventHPE trains on.

One file, cut by the clock into intervals of 1 / FPS seconds, or by the times of gray frames:

    python tools/dataset_converters/events.py walk.h5 --out data/events --name walk --fps 15
    python tools/dataset_converters/events.py walk.raw --out data/events --name walk \
        --gray walk_frames --gray-times walk_frames.txt

CeleX-V's csv files as EventHPE's authors have them, one for each interval, turned upside down:

    python tools/dataset_converters/events.py subject01/*.csv --out data/events --name subject01 \
        --sensor 800 1280 --per-interval --rotate180 --reduce nearest

What was wrong with the events is printed. Formats: see mmpose_ext.events.open_events.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from mmpose_ext.event_layout import (
    BINS,
    SPLITS,
    check_recording_name,
    intrinsics,
    read_split,
    write_dataset_file,
    write_event_frames,
    write_gray_frames,
    write_npz,
    write_split,
)
from mmpose_ext.events import (
    BurstWatch,
    EventFile,
    EventFrameBuilder,
    EventReport,
    open_events,
    square_pad,
)
from mmpose_ext.refusals import refusing

PICTURES = ('.png', '.jpg', '.jpeg', '.bmp')


@dataclass
class Intervals:
    """Frames of intervals, and what was met while they were made.

    Attributes:
        size (int): Width and height of the frames in pixels.
        reduce (str): ``'max'`` or ``'nearest'``.
        rotate180 (bool): Whether the sensor is mounted upside down.
        report (EventReport): What was met so far.
        unused (int): Events that belong to no interval.
    """

    size: int
    reduce: str
    rotate180: bool
    report: EventReport
    unused: int = 0

    def __post_init__(self) -> None:
        self._bursts = BurstWatch()
        self._sensor: tuple[int, int] | None = None

    def check_sensor(self, recording: EventFile) -> None:
        """Refuse a file of another sensor than those before.

        Raises:
            ValueError: If it is.
        """
        if self._sensor not in (None, recording.size):
            raise ValueError(
                f'{recording.path} is of a sensor of {recording.size} pixels, those before of '
                f'{self._sensor}: give --sensor'
            )
        self._sensor = recording.size

    def frames(self, recording: EventFile, start: int, end: int) -> np.ndarray:
        """Frames of [start, end) microseconds.

        Returns:
            np.ndarray: ``(4, size, size)`` uint8 of 0 and 1.
        """
        builder = EventFrameBuilder(
            *(recording.size, (start, end), BINS, (self.size, self.size), self.reduce),
            *(square_pad(recording.size), self.rotate180),
        )
        number = 0
        for piece in recording.pieces(start, end):
            builder.add(piece)
            number += len(piece)
        self.unused -= number
        self.report += EventReport(empty=not number, bursts=self._bursts.is_burst(number))
        return builder.frames()

    def count(self, recording: EventFile) -> None:
        """Add what was met in a file of which everything has been taken."""
        self.report += recording.report
        self.unused += recording.report.num_kept


def clock_edges(recording: EventFile, fps: float, times: Path | None) -> np.ndarray:
    """Times between intervals, microseconds, int64 (intervals + 1,).

    Args:
        recording (EventFile): The events; without ``times`` the first begins the first interval,
            and the last interval is a whole one that has the last event in it.
        fps (float): Intervals a second.
        times (Path, optional): Text file of the gray frames' times, a line each.

    Raises:
        ValueError: If there are no events, or the times do not increase.
    """
    if times is not None:
        with refusing(times, 'text file with a time in us in each line'):
            edges = np.loadtxt(times, np.int64, ndmin=1, usecols=0)
        if len(edges) < 2 or (np.diff(edges) <= 0).any():
            raise ValueError(f'{times} should have two increasing times or more, in microseconds')
        return edges
    if not recording.num_events:
        raise ValueError(f'{recording.path} has no events')
    first, last = recording.t_range
    number = int((last - first) * fps // 1e6) + 1
    if number > 10**6:
        raise ValueError(
            f'{recording.path} goes from {first} to {last} us, {number} intervals: is the unit of '
            'its times right (--time-unit), and is no time damaged?'
        )
    return first + np.round(np.arange(number + 1) * (1e6 / fps)).astype(np.int64)


def interval_frames(
    options: argparse.Namespace, intervals: Intervals, num_gray: int
) -> Iterator[np.ndarray]:
    """Give the frames of one interval after the other, ``(4, size, size)``."""
    reading = dict(
        size=options.sensor,
        format=options.format,
        time_unit=options.time_unit,
        clock_bits=options.clock_bits,
    )
    if options.per_interval:
        for path in tqdm(options.inputs, unit='interval', disable=options.quiet):
            with open_events(path, **reading) as recording:
                intervals.check_sensor(recording)
                first, last = recording.t_range
                # The authors' bins end before the last event.
                yield intervals.frames(recording, first, max(last, first + 1))
                intervals.count(read_on(recording))
        return
    with open_events(options.inputs[0], **reading) as recording:
        edges = clock_edges(recording, options.fps, options.gray_times)
        if num_gray:
            edges = edges[:num_gray]
        pairs = list(pairwise(edges.tolist()))
        for start, end in tqdm(pairs, unit='interval', disable=options.quiet):
            yield intervals.frames(recording, start, end)
        intervals.count(read_on(recording))


def read_on(recording: EventFile) -> EventFile:
    """Read what no interval asked for, so that the report is of the whole file."""
    first, last = recording.t_range
    for _ in recording.pieces(first, last + 1):
        pass
    return recording


def gray_pictures(folder: Path | None) -> list[Path]:
    """Pictures of a folder, in the order of their names."""
    if folder is None:
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if len(paths) < 2:
        raise ValueError(f'{folder} should have two pictures or more ({", ".join(PICTURES)})')
    return paths


def gray_frame(path: Path, size: int) -> np.ndarray:
    """Gray picture, padded to a square and made smaller, ``(size, size)`` uint8."""
    with refusing(path, 'picture'):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f'{path} is no picture that can be read')
    left, top, right, bottom = square_pad(picture.shape[::-1])
    picture = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)


def camera(options: argparse.Namespace) -> tuple[tuple[float, float], tuple[float, float]]:
    """Focal lengths and principal point in pixels of the frames."""
    if options.focal is None:
        focal, center = intrinsics(options.size)
        return (focal, focal), (center, center)
    if options.sensor is None or options.principal_pt is None:
        raise ValueError('--focal needs --principal-pt and --sensor')
    left, top, *_ = square_pad(options.sensor)
    scale = options.size / max(options.sensor)
    x, y = (
        (place + before) * scale
        for place, before in zip(options.principal_pt, (left, top), strict=True)
    )
    return (options.focal[0] * scale, options.focal[1] * scale), (x, y)


def convert(options: argparse.Namespace) -> Intervals:
    """Write what the command line asks for.

    Args:
        options (argparse.Namespace): The command line.

    Returns:
        Intervals: What was met.

    Raises:
        ValueError: If an input is damaged or an option is none.
        FileExistsError: If the recording is there already.
    """
    if len(options.inputs) > 1 and not options.per_interval:
        raise ValueError('several files are one for each interval: say --per-interval')
    if not 0 < options.fps <= 1e6:
        raise ValueError(f'--fps should be above 0 and up to 1000000, got {options.fps}')
    check_recording_name(options.name)
    annotations = options.out / 'annotations' / f'{options.name}.npz'
    if annotations.exists():
        raise FileExistsError(f'{annotations} is there already: give another --name or --out')
    focal, principal_pt = camera(options)
    size = options.size
    write_dataset_file(options.out, (size, size), focal, principal_pt, options.fps, 'events')
    gray = gray_pictures(options.gray)
    intervals = Intervals(size, options.reduce, options.rotate180, EventReport())
    frames = interval_frames(options, intervals, len(gray))
    counts = write_event_frames(options.out, options.name, frames)
    number = len(counts['event_frames'])
    pictures = (gray_frame(path, size) for path in gray[: number + 1])
    write_gray_frames(options.out, options.name, pictures)
    write_npz(annotations, **counts)
    if options.split != 'none':
        others = [
            one for one in read_split(options.out, options.split) if one['name'] != options.name
        ]
        recording = dict(
            name=options.name, subject=options.subject, action=options.action or options.name
        )
        write_split(options.out, options.split, [*others, recording])
    print(f'{options.out}/{options.name}: {number} intervals; {intervals.report}')
    if intervals.unused:
        print(f'{intervals.unused} events belong to no interval and were left out')
    if len(gray) > number + 1:
        print(f'{len(gray) - number - 1} gray frames after the last event were left out')
    return intervals


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add('inputs', nargs='+', metavar='INPUT', help='file of events')
    add('--out', type=Path, required=True, help='root of the data; may hold other recordings')
    add('--name', required=True, help='name of the recording')
    add('--subject', default='unknown', help='who is seen')
    add('--action', help='what is done; default: the name')
    add('--split', choices=(*SPLITS, 'none'), default='train', help='default: train')
    add('--fps', type=float, default=15.0, help='intervals a second; default: 15')
    add('--gray', type=Path, metavar='FOLDER', help='gray frames, one at each end of an interval')
    add('--gray-times', type=Path, metavar='FILE', help='their times in us, a line each')
    add('--per-interval', action='store_true', help='each file is an interval')
    add('--size', type=int, default=256, help='width and height to store in pixels; default: 256')
    add('--sensor', type=int, nargs=2, metavar=('W', 'H'), help='pixels, if no file says it')
    add('--format', help='default: by the suffix')
    add('--time-unit', choices=('ns', 'us', 'ms', 's'), default='us', help='default: us')
    add('--clock-bits', type=int, help="bits of the camera's clock, if it starts anew")
    add(
        '--reduce',
        choices=('max', 'nearest'),
        default='max',
        help="max: any event of the pixels that one covers; nearest: the authors'",
    )
    add('--rotate180', action='store_true', help='the sensor is mounted upside down')
    add('--focal', type=float, nargs=2, help="pixels of the sensor; default: the authors' camera")
    add('--principal-pt', type=float, nargs=2, help='pixels of the sensor, turned as the events')
    add('--quiet', action='store_true', help='no progress bar')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Convert what the command line asks for."""
    options = parse_args(args)
    try:
        convert(options)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f'events: {error}')


if __name__ == '__main__':
    main()
