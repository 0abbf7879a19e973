"""What the benchmarks share: equal results first, then two sides timed in turns."""

import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

Arrays = list[np.ndarray]


@dataclass
class Case:
    """One row: two ways to run something."""

    name: str
    other_name: str
    other: Callable[[], object]
    ours: Callable[[], object]
    results: Callable[[], tuple[Arrays, Arrays]]  # the other's and ours; not timed
    tolerance: float

    def difference(self) -> float:
        """Largest difference of the results, see :func:`largest_difference`."""
        return largest_difference(self.name, *self.results(), self.tolerance)

    def timings(self, repeats: int, seconds: float) -> tuple[float, float, float]:
        """The other's time, ours and their ratio, see :func:`timings`."""
        return timings((self.other, self.ours), repeats, seconds)


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
