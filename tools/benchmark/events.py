"""Time events to frames against numpy.histogramdd and a plain loop, and bound their memory.

    python tools/benchmark/events.py --threads 1

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians and their ratio go into
``docs/results/events_speed.md``. The exit status is 1 if a wanted figure is missed (with
``--quick``, which measures nothing, 0).
"""

import os
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import measuring
import numpy as np
import torch
from measuring import TABLE_HEAD, Case, Table, command_of, finish, make_parser, written_by

from mmpose_ext.events import (
    EventFrameBuilder,
    EventStream,
    check_events,
    events_to_frames,
    open_events,
    square_pad,
)

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'events_speed.md'
# EventHPE's camera, frames and bins.
SENSOR, SIZE, BINS = (1280, 800), (256, 256), 4
RATE = 100e6  # events a second and core that were asked for
BLOCK = 2**18


@dataclass(frozen=True)
class Sizes:
    """How many events a window has; ``--quick`` has few."""

    window: int = 1_000_000
    loop: int = 50_000
    file: int = 10_000_000


QUICK = Sizes(2000, 500, 30_000)


def random_events(number: int, span: int = 66_667) -> EventStream:
    """Sorted events of random places on a CeleX-V, seeded; the window is [0, span) us."""
    rng = np.random.default_rng(number)
    x, y = (rng.integers(0, side, number).astype(np.int16) for side in SENSOR)
    t = np.sort(rng.integers(0, span, number))
    return EventStream(t, x, y, rng.integers(0, 2, number).astype(np.uint8), SENSOR)


def histogram(events: EventStream, t_range: tuple[int, int]) -> np.ndarray:
    """Counts of the padded sensor's 5 x 5 pixels by numpy, ``(4, 256, 256)``."""
    left, top, *_ = square_pad(SENSOR)
    ends = (np.linspace(*t_range, BINS + 1), *(np.arange(0, 1281, 5) for _ in range(2)))
    return np.histogramdd((events.t, events.y + top, events.x + left), ends)[0]


def loop(events: EventStream, t_range: tuple[int, int], reduce: str) -> np.ndarray:
    """The same, event after event; voxels as they are before they are clipped and divided."""
    left, top, *_ = square_pad(SENSOR)
    start, span = t_range[0], t_range[1] - t_range[0]
    frames = np.zeros((BINS + 1, SIZE[1], SIZE[0]))
    for t, x, y in zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True):
        row, column = (y + top) // 5, (x + left) // 5
        if reduce == 'voxel':
            place = (t - start) / span * (BINS - 1)
            index = int(place)
            frames[index, row, column] += 1 - (place - index)
            frames[index + 1, row, column] += place - index
        else:
            frames[int((t - start) * BINS / span), row, column] += 1
    return frames[:BINS]


def cases(sizes: Sizes) -> list[Case]:
    """The rows."""
    t_range = (0, 66_667)
    many, few = random_events(sizes.window), random_events(sizes.loop)
    options = dict(num_bins=BINS, size=SIZE, pad=square_pad(SENSOR), t_range=t_range)

    def case(reduce: str, against: str, events: EventStream, wanted: float | None) -> Case:
        def ours() -> np.ndarray:
            percentile = 100.0 if reduce == 'voxel' else 98.0
            return events_to_frames(events, reduce=reduce, percentile=percentile, **options)

        def other() -> np.ndarray:
            if against == 'numpy.histogramdd':
                return histogram(events, t_range)
            return loop(events, t_range, reduce)

        def results() -> tuple[measuring.Arrays, measuring.Arrays]:
            theirs = other()
            finished = {'max': theirs > 0, 'count': np.log1p(theirs)}
            return [finished.get(reduce, theirs / theirs.max())], [ours()]

        name = f'{reduce}, {len(events):,} events'
        limit = None if wanted is None else len(events) / wanted * 1e3
        return Case(name, against, other, ours, results, 1e-6, max_ms=limit)

    return [
        case('max', 'numpy.histogramdd', many, RATE),
        case('count', 'numpy.histogramdd', many, RATE),
        case('max', 'a loop over events', few, None),
        case('count', 'a loop over events', few, None),
        case('voxel', 'a loop over events', few, None),
        nearest_case(many, options),
        sensor_case(many, options),
    ]


def nearest_case(events: EventStream, options: dict) -> Case:
    """The authors' frames: numpy's histogram of the whole sensor, every fifth pixel kept."""
    left, top, *_ = square_pad(SENSOR)
    ends = (np.linspace(*options['t_range'], BINS + 1), *(np.arange(1281) for _ in range(2)))

    def other() -> np.ndarray:
        whole = np.histogramdd((events.t, events.y + top, events.x + left), ends)[0]
        return whole[:, ::5, ::5] > 0

    def ours() -> np.ndarray:
        return events_to_frames(events, reduce='nearest', **options)

    return Case(
        *(f'nearest, {len(events):,} events', 'numpy.histogramdd', other, ours),
        *(lambda: ([other()], [ours()]), 0.0),
        max_ms=len(events) / RATE * 1e3,
    )


def sensor_case(events: EventStream, options: dict) -> Case:
    """Frames of the sensor's own size."""
    width, height = SENSOR
    ends = (
        np.linspace(*options['t_range'], BINS + 1),
        *(np.arange(side + 1) for side in (height, width)),
    )

    def other() -> np.ndarray:
        return np.histogramdd((events.t, events.y, events.x), ends)[0] > 0

    def ours() -> np.ndarray:
        return events_to_frames(events, BINS, t_range=options['t_range'])

    return Case(
        *(f'max, not made smaller, {len(events):,} events', 'numpy.histogramdd', other, ours),
        *(lambda: ([other()], [ours()]), 0.0),
    )


# What has nothing to be compared with.


def peak_memory(run: Callable[[], object]) -> float:
    """Largest memory that Python and numpy took meanwhile, in MiB."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def write_recording(path: Path, events: EventStream) -> None:
    """HDF5, chunked, not packed."""
    with h5py.File(path, 'w') as file:
        for name, array in zip('txyp', events.arrays, strict=True):
            file.create_dataset(f'events/{name}', data=array, chunks=(min(65536, len(array)),))


def frames_of_file(path: Path, window: int, until: int) -> list[np.ndarray]:
    """Frames of every window of a file, in pieces."""
    frames = []
    with open_events(path, SENSOR, block=BLOCK) as recording:
        for start in range(0, until, window):
            builder = EventFrameBuilder(
                *(SENSOR, (start, start + window), BINS, SIZE), pad=square_pad(SENSOR)
            )
            for piece in recording.pieces(start, start + window):
                builder.add(piece)
            frames.append(builder.frames())
    return frames


def file_figures(sizes: Sizes, turns: int) -> list[str]:
    """Lines of the page on files: rates, and memory of a window and of one with ten times more."""
    events = random_events(sizes.file, 10 * 66_667)
    window, until = 66_667, 10 * 66_667
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'events.h5'
        write_recording(path, events)
        read, check = (
            measuring.timings((run, run), turns, 0.0)[1]
            for run in (
                lambda: frames_of_file(path, window, until),
                lambda: check_events(events),
            )
        )
        one = peak_memory(lambda: frames_of_file(path, window, window))
        burst = peak_memory(lambda: frames_of_file(path, until, until))
        wholes = [
            np.any(frames_of_file(path, size, until), axis=(0, 1)) for size in (window, until)
        ]
    if not np.array_equal(*wholes):
        sys.exit('memory is not measured: ten windows and one of ten times the length differ')
    rates = [sizes.file / time / 1e3 for time in (read, check)]
    at_once = peak_memory(lambda: histogram(events, (0, until)))
    return [
        f'- `check_events` of {sizes.file:,} sorted events, equal ones counted: {rates[1]:.0f} '
        'million events a second.',
        f'- HDF5 file of {sizes.file:,} events to frames, ten windows, times read and events '
        f'checked: {rates[0]:.0f} million events a second.',
        f'- Peak of memory (tracemalloc) while a window of {sizes.file // 10:,} events of that '
        f'file is read and turned into frames, in blocks of {BLOCK:,}: {one:.1f} MiB; one of '
        f'{sizes.file:,} events: {burst:.1f} MiB. `numpy.histogramdd` of the latter, the events '
        f'in memory already: {at_once:.1f} MiB more.',
    ]


def report(rows: list[str], figures: list[str], load: float, command: str) -> str:
    """The Markdown page."""
    return f"""# Events to frames

{written_by(command, load, h5py)}

Events at random places of a sensor of 1280 x 800 pixels, sorted by time, become 4 bins of 256 x \
256 pixels, padded to a square as EventHPE's. Both sides of a row get the same events; results \
are compared before anything is timed, and the column "difference" is the largest one, relative \
to the largest value. Times and ratio are medians over turns in which both sides run one after the \
other, {measuring.measured_in()}. Asked for were 100 million events a second and core, which is \
the time in the column "wanted".

{TABLE_HEAD}
{chr(10).join(rows)}

{chr(10).join(figures)}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = make_parser(__doc__, RESULTS, turns=5).parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    sizes, turns, seconds = (QUICK, 1, 0.0) if options.quick else (Sizes(), options.turns, 0.2)
    table = Table()
    for case in cases(sizes):
        table.measure(case, turns, seconds)
    figures = file_figures(sizes, turns)
    print('\n'.join(figures))
    page = report(table.rows, figures, load, command_of(__file__, options))
    return finish(options, page, table.missed, table.comparisons)


if __name__ == '__main__':
    sys.exit(main())
