"""What the benchmarks share: equal results first, then two sides timed in turns."""

import argparse
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from records import HEAD, Comparison, Section, write_record

from mmpose_ext.fileio import write_text

Arrays = list[np.ndarray]

# What stands above the rows of :class:`Table`.
TABLE_HEAD = HEAD


@dataclass
class Case:
    """One row: two ways to run something, and what was asked of their times, if anything."""

    name: str
    other_name: str
    other: Callable[[], object]
    ours: Callable[[], object]
    results: Callable[[], tuple[Arrays, Arrays]]  # the other's and ours; not timed
    tolerance: float
    min_ratio: float | None = None  # of the other's time to ours
    max_ms: float | None = None  # of ours

    def wanted(self) -> str:
        """What was asked for."""
        limits = [] if self.min_ratio is None else [f'>= {self.min_ratio:.3g}']
        limits += [] if self.max_ms is None else [f'< {self.max_ms:g} ms']
        return ', '.join(limits)

    def is_met(self, ours: float, ratio: float) -> bool:
        """Whether times (our milliseconds, and the ratio) are as they were asked for."""
        return (self.min_ratio is None or ratio >= self.min_ratio) and (
            self.max_ms is None or ours < self.max_ms
        )

    def difference(self) -> float:
        """Largest difference of the results, see :func:`largest_difference`."""
        return largest_difference(self.name, *self.results(), self.tolerance)

    def timings(self, repeats: int, seconds: float) -> tuple[float, float, float]:
        """The other's time, ours and their ratio, see :func:`timings`."""
        return timings((self.other, self.ours), repeats, seconds)


@dataclass
class Table:
    """Rows of what was measured.

    Attributes:
        comparisons (list[Comparison]): The rows.
        missed (list[str]): What was not met.
    """

    comparisons: list[Comparison] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[str]:
        """Lines of Markdown, to go below ``TABLE_HEAD``."""
        return [one.row() for one in self.comparisons]

    @property
    def ours(self) -> list[float]:
        """Our times in milliseconds, row by row."""
        return [one.ours_ms for one in self.comparisons]

    def measure(self, case: Case, turns: int, seconds: float) -> None:
        """Compare, time and print a row; see :func:`timings`."""
        unequal = case.difference()
        other, ours, ratio = case.timings(turns, seconds)
        is_met, times = case.is_met(ours, ratio), (other, ours, ratio)
        one = Comparison(case.name, case.other_name, *times, case.wanted(), is_met, unequal)
        self.comparisons.append(one)
        self.missed += [] if is_met else [f'{case.name} against {case.other_name}']
        print(one.row(), flush=True)


def largest_difference(
    name: str, other: Iterable[np.ndarray], ours: Iterable[np.ndarray], tolerance: float
) -> float:
    """Largest difference of two results, relative to the largest value of each array.

    Raises:
        SystemExit: If it is above the tolerance: what differs is not timed.
    """
    worst = 0.0
    for first, second in zip(other, ours, strict=True):
        error = math.inf
        if first.shape == second.shape:
            distance = np.abs(first.astype(float) - second).max()
            error = float(distance / max(np.abs(first).max(), 1e-30))
        if not error <= tolerance:  # NaN too
            sys.exit(
                f'"{name}" is not timed: the results of shapes {first.shape} and {second.shape} '
                f'differ by {error:.3g}, allowed is {tolerance:g}.'
            )
        worst = max(worst, error)
    return worst


def timings(
    sides: Sequence[Callable[[], object]], repeats: int, seconds: float
) -> tuple[float, float, float]:
    """Medians over turns of the other's time, ours (milliseconds a call) and their ratio.

    In a turn both sides run one after the other for about ``seconds`` each, so that whatever else
    the machine does meets both, by :func:`clock`.
    """
    calls = [max(1, int(seconds / _mean_time(run, 1))) for run in sides]
    turns = [
        [_mean_time(run, times) for run, times in zip(sides, calls, strict=True)]
        for _ in range(repeats)
    ]
    other, ours = (statistics.median(times) * 1e3 for times in zip(*turns, strict=True))
    return other, ours, statistics.median(first / second for first, second in turns)


def clock() -> float:
    """Seconds: of this process where it has one thread, so that a busy machine counts less."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    is_one_thread = torch.get_num_threads() == 1 and not torch.cuda.is_initialized()
    return time.process_time() if is_one_thread else time.perf_counter()


def _mean_time(run: Callable[[], object], calls: int) -> float:
    start = clock()
    for _ in range(calls):
        run()
    return (clock() - start) / calls


def processor() -> str:
    """Model name and cores of the CPU."""
    info = Path('/proc/cpuinfo')
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    name = names[0] if names else platform.processor() or platform.machine()
    return f'{name}, {os.cpu_count()} cores'


def make_parser(about: str, page: Path, turns: int | None = None) -> argparse.ArgumentParser:
    """Command line of a benchmark that writes a page; with ``--turns`` where it has a default."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='little data: a test, no figures')
    # On a busy machine one thread gives steadier figures.
    parser.add_argument(
        '--threads', type=int, default=torch.get_num_threads(), help='threads of torch and OpenCV'
    )
    if turns is not None:
        parser.add_argument(
            '--turns', type=int, default=turns, help='turns of which medians are taken'
        )
    parser.add_argument('--out', type=Path, default=page, help='Markdown file to write')
    return parser


def command_of(script: str, options: argparse.Namespace) -> str:
    """The command that repeats a measurement."""
    command = f'python tools/benchmark/{Path(script).name} --threads {options.threads}'
    if getattr(options, 'device', 'cpu') != 'cpu':
        command += f' --device {options.device}'
    if options.quick:
        return f'{command} --quick'
    return command + (f' --turns {options.turns}' if 'turns' in options else '')


def written_by(
    command: str, load: float, *libraries: ModuleType, machine: str | None = None
) -> str:
    """Say on a page how it was written: command, machine, its load, versions.

    Args:
        command (str): See :func:`command_of`.
        load (float): Load average at the start.
        libraries (ModuleType): Those that matter besides torch and numpy.
        machine (str, optional): Default: CPU and threads.
    """
    machine = machine or f'{processor()}, {torch.get_num_threads()} used'
    names = {'cv2': 'OpenCV'}
    versions = ', '.join(
        f'{names.get(one.__name__, one.__name__)} {one.__version__}'
        for one in (torch, np, *libraries)
    )
    return (
        f'Written by `{command}` on {machine}, load average {load:.1f} at the start and '
        f'{os.getloadavg()[0]:.1f} at the end; Python {platform.python_version()}, {versions}.'
    )


def measured_in(device: str = 'cpu') -> str:
    """What :func:`clock` counts, in words."""
    is_one_thread = device == 'cpu' and torch.get_num_threads() == 1
    return "in the process's own CPU time" if is_one_thread else 'on the clock'


def finish(
    options: argparse.Namespace,
    page: str,
    missed: Sequence[str],
    comparisons: Sequence[Comparison] = (),
    sections: Sequence[Section] = (),
) -> int:
    """Write the page, and what it compares as a record beside it.

    The exit status is 1 where measured figures were missed.
    """
    write_text(options.out, page)
    if comparisons or sections:
        (written,) = (line for line in page.splitlines() if line.startswith('Written by '))
        write_record(options.out, written, comparisons, sections)
    print(f'Written to {options.out}.')
    if options.quick or not missed:
        return 0
    print(f'Missed: {"; ".join(missed)}.', file=sys.stderr)
    return 1
