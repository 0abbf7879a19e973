"""A recording of events that is read window by window, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmpose_ext.events.stream import (
    EventReport,
    EventStream,
    check_events,
    check_option,
    concatenate_events,
    steps_back_in_time,
    unwrap_clock,
    whole_microseconds,
)

# Events of a file read at a time.
BLOCK = 2**20
# Blocks in memory: a window may lie across the border of two.
KEPT_BLOCKS = 2
TIME_UNITS = {'ns': 0.001, 'us': 1.0, 'ms': 1e3, 's': 1e6}


class EventSource(Protocol):
    """What a file format offers: parts of its arrays."""

    def __len__(self) -> int: ...

    def times(self, start: int, stop: int) -> np.ndarray:
        """Times of events start to stop, in the file's unit."""

    def places(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns, rows and polarities of events start to stop."""


@dataclass(frozen=True)
class ArraySource:
    """Events that are in memory, or mapped there.

    Attributes:
        t, x, y, p (np.ndarray): Arrays of one length.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray

    def __len__(self) -> int:
        return len(self.t)

    def times(self, start: int, stop: int) -> np.ndarray:
        """Times of events start to stop."""
        return self.t[start:stop]

    def places(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns, rows and polarities of events start to stop."""
        return self.x[start:stop], self.y[start:stop], self.p[start:stop]


@dataclass
class BurstWatch:
    """Tells windows with many times the usual events: a flash, or a broken sensor.

    Attributes:
        factor (float): A burst has more than this many times the median of the windows before.
        remembered (int): How many windows before make that median.
        warm_up (int): Windows without which nothing is called usual.
    """

    factor: float = 10.0
    remembered: int = 32
    warm_up: int = 3

    def __post_init__(self) -> None:
        self._counts: deque[int] = deque(maxlen=self.remembered)

    def is_burst(self, num_events: int) -> bool:
        """Look at the next window.

        Args:
            num_events (int): Its events.

        Returns:
            bool: Whether they are many times the usual number; a burst is not remembered.
        """
        usual = float(np.median(self._counts)) if len(self._counts) >= self.warm_up else 0.0
        if usual and num_events > self.factor * usual:
            return True
        self._counts.append(num_events)
        return False


@dataclass(frozen=True)
class _Index:
    """First and last time of every block of a file, and the clock's restarts before it."""

    starts: np.ndarray
    ends: np.ndarray
    before: list[int | None]
    report: EventReport


class EventFile:
    """A recording: :func:`mmpose_ext.events.readers.open_events` opens one.

    The first use of times reads those of the whole file once, block by block, so that windows
    are right in files that are out of order or whose clock started anew.

    Args:
        path (str): Its name, for errors.
        source (EventSource): Its arrays.
        size (tuple[int, int]): Width and height of the sensor in pixels.
        time_unit (str): Unit of its times: ns, us, ms or s. Defaults to us.
        time_offset (int): Added to all of them, in that unit. Defaults to 0.
        block (int): Events read at a time.
        close (Callable, optional): Called by :meth:`close`.
        on_disorder, on_outside, on_polarity, clock_bits: See
            :func:`mmpose_ext.events.stream.check_events`.

    Attributes:
        report (EventReport): What was met so far: in all times once one was asked for, and in the
            blocks that were read, each counted once. Duplicates are looked for within a block.

    Raises:
        ValueError: If an option is unknown or ``block`` is not positive; while reading, what
            ``check_events`` refuses, or what is damaged in the file.
    """

    def __init__(
        self,
        path: str,
        source: EventSource,
        size: tuple[int, int],
        time_unit: str = 'us',
        time_offset: int = 0,
        block: int = BLOCK,
        close: Callable[[], None] | None = None,
        on_disorder: str = 'sort',
        on_outside: str = 'drop',
        on_polarity: str = 'keep',
        clock_bits: int | None = None,
    ) -> None:
        check_option('time_unit', time_unit, tuple(TIME_UNITS))
        check_option('on_disorder', on_disorder, ('sort', 'raise'))
        if block < 1:
            raise ValueError(f'block should be 1 event or more, got {block}')
        self.path, self.size, self.source = path, size, source
        self.time_unit, self.time_offset, self.block = time_unit, time_offset, block
        self.on_disorder, self.clock_bits = on_disorder, clock_bits
        self.on_outside, self.on_polarity = on_outside, on_polarity
        self._close = close
        self._index: _Index | None = None
        self._blocks: dict[int, EventStream] = {}
        self._counted: set[int] = set()
        self.report = EventReport()

    def __enter__(self) -> 'EventFile':
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        if self._close is not None:
            self._close()

    @property
    def num_events(self) -> int:
        """Events in the file, before anything is dropped."""
        return len(self.source)

    @property
    def t_range(self) -> tuple[int, int]:
        """Times of the first event and the last, microseconds; (0, 0) of an empty file."""
        index = self._indexed()
        return (int(index.starts.min()), int(index.ends.max())) if self.num_events else (0, 0)

    def read(self) -> EventStream:
        """All events, checked and sorted.

        Returns:
            EventStream: They need 13 bytes each, and more while they are put together.
        """
        first, last = self.t_range
        return self.between(first, last + 1)

    def between(self, start: int, end: int) -> EventStream:
        """Events of [start, end), checked and sorted.

        Args:
            start (int): Microseconds.
            end (int): Microseconds.

        Returns:
            EventStream: The events; :attr:`report` counts what was met.
        """
        pieces = list(self.pieces(start, end))
        stream = concatenate_events(pieces) if pieces else EventStream.empty(self.size)
        if len(pieces) > 1 and (stream.t[1:] < stream.t[:-1]).any():
            stream = stream[np.argsort(stream.t, kind='stable')]
        return stream

    def pieces(self, start: int, end: int) -> Iterator[EventStream]:
        """Events of [start, end) in pieces of at most one block, whatever the window holds.

        Args:
            start (int): Microseconds.
            end (int): Microseconds.

        Yields:
            EventStream: Checked events, sorted within a piece; pieces of a file that is out of
            order may overlap. Empty ones are left out.
        """
        index = self._indexed()
        for number in np.flatnonzero((index.starts < end) & (index.ends >= start)):
            piece = self._block(int(number)).between(start, end)
            if len(piece):
                yield piece

    def windows(
        self,
        window_us: int,
        start: int | None = None,
        burst_factor: float = 10.0,
        max_windows: int = 10**7,
    ) -> Iterator[EventStream]:
        """Events window after window, empty ones too.

        Args:
            window_us (int): Length of a window in microseconds.
            start (int, optional): Where the first begins; default: at the first event.
            burst_factor (float): How many times the usual events :attr:`report` calls a burst.
            max_windows (int): More of them are refused: one damaged time makes a year of them.

        Yields:
            EventStream: Checked, sorted events of [start, start + window_us), and so on.

        Raises:
            ValueError: If a window has no length, or there would be too many.
        """
        if window_us < 1:
            raise ValueError(f'a window is 1 us or more, got {window_us}')
        if not self.num_events:
            return
        first, last = self.t_range
        start = first if start is None else start
        number = (last - start) // window_us + 1
        if number > max_windows:
            raise ValueError(
                f'{self.path} goes from {first} to {last} us, which is {number} windows: is the '
                'unit of its times right (time_unit), and is no time damaged?'
            )
        watch = BurstWatch(burst_factor)
        for place in range(number):
            begin = start + place * window_us
            window = self.between(begin, begin + window_us)
            is_burst = watch.is_burst(len(window))
            self.report += EventReport(empty=int(not len(window)), bursts=int(is_burst))
            yield window

    def _block(self, number: int) -> EventStream:
        """One block, checked; the last ones are kept, as neighbouring windows share them."""
        if number in self._blocks:
            return self._blocks[number]
        start = number * self.block
        stop = min(start + self.block, self.num_events)
        before = self._indexed().before[number]
        t = unwrap_clock(self._times(start, stop), self.clock_bits, before)[0]
        try:
            raw = EventStream(t, *self.source.places(start, stop), self.size)
            checked, report = check_events(
                raw, on_outside=self.on_outside, on_polarity=self.on_polarity
            )
        except Exception as error:  # numbers of any type and size come out of files
            raise self._named(error, start) from error
        if number not in self._counted:
            self._counted.add(number)
            # Disorder was counted with the index.
            counted = vars(report) | dict(unsorted=0, longest_step_back=0, empty=0)
            self.report += EventReport(**counted)
        self._blocks[number] = checked
        if len(self._blocks) > KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        return checked

    def _times(self, start: int, stop: int) -> np.ndarray:
        """Times in microseconds, as in the file."""
        try:
            t = np.asarray(self.source.times(start, stop))
            if t.dtype.kind in 'iu':
                # In 64 bits: an offset may not fit the file's type, nor nanoseconds a float.
                t = whole_microseconds(t) + self.time_offset
                unit = TIME_UNITS[self.time_unit]
                return t * int(unit) if unit >= 1 else t // round(1 / unit)
            t = (t + self.time_offset) * TIME_UNITS[self.time_unit]
            return whole_microseconds(t if self.time_unit == 'us' else np.round(t))
        except Exception as error:
            raise self._named(error, start) from error

    def _named(self, error: Exception, start: int) -> Exception:
        if isinstance(error, MemoryError):
            return MemoryError(f'{self.path} needs more memory than there is: {error}')
        if self.path in str(error):
            return ValueError(str(error))
        return ValueError(f'{self.path}, from event {start} on: {error}')

    def _indexed(self) -> _Index:
        """Read the times once."""
        if self._index is not None:
            return self._index
        starts, ends, before, report = [], [], [], EventReport()
        last: int | None = None
        for start in range(0, self.num_events, self.block):
            raw = self._times(start, min(start + self.block, self.num_events))
            before.append(last)
            t, wraps = unwrap_clock(raw, self.clock_bits, last)
            joined = t if last is None else np.concatenate([[last], t])
            steps_back, longest = steps_back_in_time(joined)
            if steps_back and self.on_disorder == 'raise':
                place = start + int(np.argmax(joined[1:] < joined[:-1]))
                raise ValueError(
                    f'{self.path}: times go back by up to {longest} us at about event {place}; '
                    "sort it, or let on_disorder='sort' do it"
                )
            report += EventReport(unsorted=steps_back, longest_step_back=longest, clock_wraps=wraps)
            starts.append(t.min())
            ends.append(t.max())
            last = int(t[-1])
        self._index = _Index(np.array(starts), np.array(ends), before, report)
        self.report += report
        return self._index
