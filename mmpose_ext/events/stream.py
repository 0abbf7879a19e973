"""Events of an event camera, and the check that they pass before anything is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Pixels are stored in 16 bits.
MAX_SIDE = 2**15 - 1


@dataclass(frozen=True, eq=False)
class EventStream:
    """Events in the order in which they came.

    As read from a file they may be anything of numbers; :func:`check_events` puts them in order
    and gives them the types below.

    Attributes:
        t (np.ndarray): Times in microseconds, int64 (N,).
        x (np.ndarray): Columns in pixels, 0 on the left, int16 (N,).
        y (np.ndarray): Rows in pixels, 0 at the top, int16 (N,).
        p (np.ndarray): Polarities, 1 brighter, 0 darker, uint8 (N,).
        size (tuple[int, int]): Width and height of the sensor in pixels.

    Raises:
        ValueError: If the arrays are not of one length, or the size is not that of a sensor.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    size: tuple[int, int]

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in 'txyp'}
        if len(set(shapes.values())) != 1 or len(shapes['t']) != 1:
            raise ValueError(f't, x, y and p should be arrays of one length, got shapes {shapes}')
        object.__setattr__(self, 'size', sensor_size(self.size))

    def __len__(self) -> int:
        return len(self.t)

    def __getitem__(self, which: slice | np.ndarray) -> 'EventStream':
        return EventStream(self.t[which], self.x[which], self.y[which], self.p[which], self.size)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The arrays t, x, y, p."""
        return self.t, self.x, self.y, self.p

    def between(self, start: int, end: int) -> 'EventStream':
        """Events of [start, end), microseconds; the events must be sorted by time."""
        first, last = np.searchsorted(self.t, [start, end])
        return self[first:last]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> 'EventStream':
        """No events, of the types that checked ones have."""
        nothing = np.zeros(0, np.int16)
        return cls(np.zeros(0, np.int64), nothing, nothing, np.zeros(0, np.uint8), size)


def sensor_size(size: Sequence[int]) -> tuple[int, int]:
    """Width and height as whole numbers.

    Args:
        size (Sequence[int]): Width and height in pixels.

    Returns:
        tuple[int, int]: The same.

    Raises:
        ValueError: If they are not two whole numbers from 1 to 32767.
    """
    sides = np.asarray(size)
    if sides.shape != (2,) or not (sides == sides.astype(np.int64)).all():
        raise ValueError(f'a size is (width, height) in whole pixels, got {size!r}')
    width, height = (int(side) for side in sides)
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ValueError(f'width and height are from 1 to {MAX_SIDE} pixels, got {size!r}')
    return width, height


def concatenate_events(streams: Sequence[EventStream]) -> EventStream:
    """Events of several streams, one after the other.

    Args:
        streams (Sequence[EventStream]): One or more of one sensor.

    Returns:
        EventStream: Their events; sorted if the streams are and follow each other.

    Raises:
        ValueError: If there are none, or their sensors differ.
    """
    sizes = {stream.size for stream in streams}
    if len(sizes) != 1:
        raise ValueError(f'streams to join should be of one sensor, got sizes {sorted(sizes)}')
    t, x, y, p = (
        np.concatenate(parts) for parts in zip(*(one.arrays for one in streams), strict=True)
    )
    return EventStream(t, x, y, p, sizes.pop())


@dataclass(frozen=True)
class EventReport:
    """What was met while events were read. Reports of consecutive events are added with ``+``.

    Attributes:
        num_events (int): Events that came in.
        num_kept (int): Events that were kept.
        unsorted (int): Events earlier than the one before them; sorted.
        longest_step_back (int): Longest of these steps, in microseconds.
        duplicates (int): Events equal to another in time, place and polarity; kept.
        outside (int): Events outside of the sensor; dropped.
        bad_polarity (int): Polarities other than 0/1 or -1/1; kept by their sign.
        clock_wraps (int): Times that the camera's clock started anew; undone.
        late (int): Events of a window that was already over; dropped.
        empty (int): Windows without events.
        bursts (int): Windows with many times the usual events, see
            :class:`mmpose_ext.events.event_file.BurstWatch`; kept.
    """

    num_events: int = 0
    num_kept: int = 0
    unsorted: int = 0
    longest_step_back: int = 0
    duplicates: int = 0
    outside: int = 0
    bad_polarity: int = 0
    clock_wraps: int = 0
    late: int = 0
    empty: int = 0
    bursts: int = 0

    def __add__(self, other: 'EventReport') -> 'EventReport':
        sums = {name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        sums['longest_step_back'] = max(self.longest_step_back, other.longest_step_back)
        return EventReport(**sums)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was met that needs a look."""
        return not any(getattr(self, name) for name in vars(self) if not name.startswith('num_'))

    def __str__(self) -> str:
        found = [
            (self.unsorted, f'not in order, by up to {self.longest_step_back} us (sorted)'),
            (self.duplicates, 'duplicates (kept)'),
            (self.outside, 'outside of the sensor (dropped)'),
            (self.bad_polarity, 'of a polarity that is neither 0/1 nor -1/1 (kept by its sign)'),
            (self.late, 'later than their window (dropped)'),
            (self.clock_wraps, 'restarts of the clock (undone)'),
            (self.empty, 'windows without events'),
            (self.bursts, 'windows with many times the usual events (kept)'),
        ]
        parts = [f'{number} {what}' for number, what in found if number]
        return '; '.join([f'{self.num_events} events, {self.num_kept} kept', *parts])


def check_events(
    stream: EventStream,
    on_disorder: str = 'sort',
    on_outside: str = 'drop',
    on_polarity: str = 'keep',
    clock_bits: int | None = None,
    after: int | None = None,
    count_duplicates: bool = True,
) -> tuple[EventStream, EventReport]:
    """Put events in order, give them their types and report what was wrong with them.

    Args:
        stream (EventStream): N events as they came.
        on_disorder (str): ``'sort'`` events by time (equal times keep their order) or ``'raise'``.
        on_outside (str): ``'drop'`` events outside of the sensor or ``'raise'``.
        on_polarity (str): ``'keep'`` polarities other than 0/1 and -1/1 by their sign, or
            ``'raise'``.
        clock_bits (int, optional): Bits of the camera's clock, which starts anew when it is full
            (24, 31 or 32 in common cameras); :func:`unwrap_clock`. Default: it never does.
        after (int, optional): Time of the last event before these, microseconds, for the clock.
        count_duplicates (bool): Whether to count equal events. Defaults to True.

    Returns:
        tuple[EventStream, EventReport]: Sorted events and what was met.

    Raises:
        ValueError: If an option is unknown, times are no whole microseconds, or something is met
            that an option refuses; the first such event is named.
    """
    check_option('on_disorder', on_disorder, ('sort', 'raise'))
    check_option('on_outside', on_outside, ('drop', 'raise'))
    check_option('on_polarity', on_polarity, ('keep', 'raise'))
    t, wraps = unwrap_clock(whole_microseconds(stream.t), clock_bits, after)
    steps_back, longest = steps_back_in_time(t)
    if steps_back and on_disorder == 'raise':
        place = int(np.argmax(t[1:] < t[:-1])) + 1
        raise ValueError(
            f'event {place} at {t[place]} us comes after one at {t[place - 1]} us; sort the '
            "events, or let on_disorder='sort' do it"
        )
    p, bad_polarity = _check_polarity(stream.p, on_polarity)
    inside = _inside(stream, on_outside)
    checked = EventStream(t, stream.x, stream.y, p, stream.size)
    if inside is not None:
        checked = checked[inside]
    outside = len(t) - len(checked)
    checked = EventStream(
        checked.t, checked.x.astype(np.int16), checked.y.astype(np.int16), checked.p, stream.size
    )
    if steps_back:
        checked = checked[np.argsort(checked.t, kind='stable')]
    report = EventReport(
        num_events=len(t),
        num_kept=len(checked),
        unsorted=steps_back,
        longest_step_back=longest,
        duplicates=_count_duplicates(checked) if count_duplicates else 0,
        outside=outside,
        bad_polarity=bad_polarity,
        clock_wraps=wraps,
        empty=int(len(checked) == 0),
    )
    return checked, report


def whole_microseconds(t: np.ndarray) -> np.ndarray:
    """Times as int64.

    Args:
        t (np.ndarray): Microseconds (N,), of any type of numbers.

    Returns:
        np.ndarray: The same, int64 (N,).

    Raises:
        ValueError: If one is no whole number: seconds, most likely.
    """
    t = np.asarray(t)
    if t.dtype.kind in 'iu':
        if t.dtype == np.uint64 and len(t) and t.max() > np.iinfo(np.int64).max:
            raise ValueError(f'a time of {t.max()} us is no time: the file is damaged')
        return t.astype(np.int64, copy=False)
    if t.dtype.kind != 'f':
        raise ValueError(f'times should be whole microseconds, got {t.dtype}')
    whole = (np.abs(t) < 2**62) & (t == np.floor(t))
    if not whole.all():
        place = int(np.argmin(whole))
        raise ValueError(
            f'times should be whole microseconds, got {t[place]} at event {place}; give the unit '
            'of the file (time_unit), or take such events out'
        )
    return t.astype(np.int64)


def unwrap_clock(
    t: np.ndarray, clock_bits: int | None, after: int | None = None
) -> tuple[np.ndarray, int]:
    """Undo the restarts of a clock that counts 2 ** clock_bits microseconds.

    A step back of more than half of that is a restart; a shorter one is disorder. Likewise a
    step ahead of more than half is an event from before the last restart that came late.

    Args:
        t (np.ndarray): Times in microseconds, int64 (N,).
        clock_bits (int, optional): Bits of the clock; None gives the times back.
        after (int, optional): Time before the first of these, unwrapped, microseconds.

    Returns:
        tuple[np.ndarray, int]: Times that go on, int64 (N,), and the number of restarts.

    Raises:
        ValueError: If the clock has not from 8 to 62 bits, or the times do not fit it.
    """
    if clock_bits is not None and not 8 <= clock_bits <= 62:
        raise ValueError(f'a clock has from 8 to 62 bits, got clock_bits={clock_bits!r}')
    if clock_bits is None or not len(t):
        return t, 0
    period = 1 << clock_bits
    if t.min() < 0 or t.max() >= period:
        raise ValueError(
            f'times from {t.min()} to {t.max()} us do not fit a clock of {clock_bits} bits: '
            'give clock_bits=None for times that go on'
        )
    start = int(t[0]) if after is None else after
    steps = np.diff(t, prepend=start % period)
    restarts = (steps < -period // 2).astype(np.int64) - (steps > period // 2)
    if not restarts.any() and start < period:
        return t, 0
    turns = np.cumsum(restarts)
    return t + (turns + start // period) * period, max(int(turns.max()), 0)


def steps_back_in_time(t: np.ndarray) -> tuple[int, int]:
    """Count events earlier than the one before, and measure the longest of these steps.

    Args:
        t (np.ndarray): Times in microseconds, int64 (N,).

    Returns:
        tuple[int, int]: How many, and the longest in microseconds.
    """
    number = int(np.count_nonzero(t[1:] < t[:-1]))
    return number, int((t[:-1] - t[1:]).max()) if number else 0


def check_option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a value that an option does not have."""
    if value not in allowed:
        raise ValueError(f'{name} is one of {allowed}, got {value!r}')


def _check_polarity(p: np.ndarray, on_polarity: str) -> tuple[np.ndarray, int]:
    """Polarities as 0/1 uint8, and the number of those that are neither 0/1 nor -1/1."""
    p = np.asarray(p)
    if p.dtype == bool:
        return p.astype(np.uint8), 0
    if p.dtype.kind not in 'iuf':
        raise ValueError(f'polarities should be numbers, got {p.dtype}')
    lowest, highest = (p.min(), p.max()) if len(p) else (0, 1)
    if p.dtype.kind in 'iu' and lowest >= 0 and highest <= 1:
        return p.astype(np.uint8, copy=False), 0
    bad = (p != 1) & (p != (-1 if (p == -1).any() else 0))
    if on_polarity == 'raise' and bad.any():
        place = int(np.argmax(bad))
        raise ValueError(
            f'event {place} has polarity {p[place]}; give 0/1 or -1/1, or on_polarity="keep"'
        )
    return (p > 0).astype(np.uint8), int(bad.sum())


def _inside(stream: EventStream, on_outside: str) -> np.ndarray | None:
    """Which events are on the sensor; None if all are."""
    width, height = stream.size
    for name, array in (('x', stream.x), ('y', stream.y)):
        if array.dtype.kind not in 'iu':
            raise ValueError(f'{name} should be whole pixels, got {array.dtype}')
    if not len(stream) or (
        min(stream.x.min(), stream.y.min()) >= 0
        and stream.x.max() < width
        and stream.y.max() < height
    ):
        return None
    inside = (stream.x >= 0) & (stream.x < width) & (stream.y >= 0) & (stream.y < height)
    if on_outside == 'raise':
        place = int(np.argmin(inside))
        raise ValueError(
            f'event {place} at ({stream.x[place]}, {stream.y[place]}) is outside of the sensor of '
            f'{width} x {height} pixels; give its true size, or on_outside="drop"'
        )
    return inside


def _count_duplicates(stream: EventStream) -> int:
    """Events (sorted by time) that equal another; of three equal ones two count."""
    t = stream.t
    same = t[1:] == t[:-1]
    if not same.any():
        return 0
    shared = np.zeros(len(t), dtype=bool)
    shared[1:] |= same
    shared[:-1] |= same
    width, height = stream.size
    # Among events of one time, the number of the moment and the place make one whole number.
    moment = np.cumsum(np.diff(t[shared], prepend=t[shared][0]) != 0)
    place = stream.y[shared].astype(np.int64) * width + stream.x[shared]
    key = (moment * (width * height) + place) * 2 + stream.p[shared]
    key.sort()
    return int(np.count_nonzero(key[1:] == key[:-1]))
