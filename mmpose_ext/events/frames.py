"""Events to frames: binary bins as EventHPE's, counts, voxel grids; at once or piece by piece."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mmpose_ext.events.pixel_tables import Pad, pixel_tables
from mmpose_ext.events.stream import EventStream, check_events

REDUCTIONS = ('nearest', 'max', 'count', 'voxel')
# Events handled at a time, which bounds the memory that temporary arrays take.
PIECE = 2**18


def events_to_frames(
    stream: EventStream,
    num_bins: int = 4,
    size: Sequence[int] | None = None,
    reduce: str = 'max',
    pad: Pad = 0,
    t_range: tuple[int, int] | None = None,
    rotate180: bool = False,
    polarity: bool = False,
    drop_last: bool = True,
    percentile: float = 98.0,
    max_events: int = PIECE,
) -> np.ndarray:
    """Turn the events of a window into frames, one for each of ``num_bins`` equal times.

    Bin i holds the events of [t0 + i dt, t0 + (i + 1) dt), dt = (t1 - t0) / num_bins. EventHPE's
    own frames (JimmyZou/EventHPE) are those of ``reduce='nearest', t_range=None``; ``'voxel'``
    is that of EvHuman (ZiyunClaudeWang/evhuman).

    Args:
        stream (EventStream): Events on their sensor; sorted ones are fastest.
        num_bins (int): Bins of time. Defaults to 4.
        size (Sequence[int], optional): Width and height of the frames; default: the padded sensor.
        reduce (str): What becomes of the sensor's pixels that a pixel of the frame covers:
            ``'nearest'`` shows one of them, ``'max'`` whether any had an event (0 or 1),
            ``'count'`` log(1 + events), ``'voxel'`` events shared between the two nearest of
            ``num_bins`` points of time, clipped at a percentile and divided by it. Defaults to
            ``'max'``, our choice: the authors' ``'nearest'`` throws 24 of 25 pixels away.
        pad (int | Sequence[int]): Pixels added to the sensor on each side, or on (left, top,
            right, bottom), before it is made smaller. Defaults to 0.
        t_range (tuple[int, int], optional): Times t0 and t1 in microseconds; events outside of
            [t0, t1) are another window's. Default: from the first event to the last.
        rotate180 (bool): Whether the sensor is mounted upside down. Defaults to False.
        polarity (bool): Whether darker and brighter events get frames of their own: channel
            2 i is bin i's darker ones, 2 i + 1 its brighter ones. Defaults to False.
        drop_last (bool): Whether, without ``t_range``, the events at t1 itself are dropped, as
            the authors' half open bins do. Defaults to True.
        percentile (float): Of the voxels that are not 0. Defaults to 98.
        max_events (int): Events handled at a time; the frames are the same for any number.

    Returns:
        np.ndarray: ``(num_bins, H, W)``, or ``(2 num_bins, H, W)`` with ``polarity``: uint8 of
        0 and 1, float32 for counts and voxels. All 0 if there are no events.

    Raises:
        ValueError: If an argument is not one of these, an event is outside of the sensor, or with
            ``polarity`` one is neither 0 nor 1: :func:`.check_events` mends events.

    Example:
        >>> frames = events_to_frames(stream, size=(256, 256), pad=square_pad(stream.size))
    """
    stream = _sorted(stream)
    if t_range is not None:
        start, end = t_range
        if end <= start:
            raise ValueError(f't_range is (start, end) in us with start < end, got {t_range}')
    elif len(stream):
        # Voxels take part in both neighbours: there the last event has its place.
        includes_last = not drop_last or reduce == 'voxel'
        start, end = int(stream.t[0]), int(stream.t[-1])
    else:
        start, end = 0, 1
    builder = EventFrameBuilder(
        *(stream.size, (start, end), num_bins, size, reduce, pad, rotate180, polarity),
        percentile=percentile,
        includes_end=t_range is None and len(stream) > 0 and includes_last,
        max_events=max_events,
    )
    builder.add(stream)
    return builder.frames()


class EventFrameBuilder:
    """Frames of one window, whose events come in pieces: see :func:`events_to_frames`.

    Memory is bounded by the frames and one piece, however many events the window has.

    Args:
        sensor (Sequence[int]): Width and height of the sensor in pixels.
        t_range (tuple[int, int]): The window [t0, t1) in microseconds.
        num_bins, size, reduce, pad, rotate180, polarity, percentile, max_events: As there.
        includes_end (bool): Whether events at t1 belong to the last bin. Defaults to False.

    Raises:
        ValueError: If an argument is not one of these.
    """

    def __init__(
        self,
        sensor: Sequence[int],
        t_range: tuple[int, int],
        num_bins: int = 4,
        size: Sequence[int] | None = None,
        reduce: str = 'max',
        pad: Pad = 0,
        rotate180: bool = False,
        polarity: bool = False,
        percentile: float = 98.0,
        includes_end: bool = False,
        max_events: int = PIECE,
    ) -> None:
        check_frame_options(num_bins, reduce, percentile)
        if max_events < 1:
            raise ValueError(f'max_events should be 1 or more, got {max_events}')
        self.tables = pixel_tables(sensor, size, reduce == 'nearest', pad, rotate180)
        self.edges = bin_edges(t_range, num_bins)
        self.edges[-1] += includes_end
        self.span = max(t_range[1] - t_range[0], 1)
        self.num_bins, self.reduce, self.percentile = num_bins, reduce, percentile
        self.polarities = 2 if polarity else 1
        self.max_events = max_events
        kind: Any = {'count': np.int64, 'voxel': np.float64}.get(reduce, np.uint8)
        # A voxel grid has one more point of time, which only takes what is nothing.
        points = num_bins + (reduce == 'voxel')
        self.cells: np.ndarray[Any, Any] = np.zeros(
            points * self.polarities * self.tables.num_cells, kind
        )

    def add(self, stream: EventStream) -> None:
        """Add events of the window; those outside of [t0, t1) are another window's.

        Args:
            stream (EventStream): Events of the same sensor, in any order.

        Raises:
            ValueError: If an event is outside of the sensor, or of another polarity than 0 and 1
                where it matters.
        """
        _check_inside(stream, (len(self.tables.columns), len(self.tables.rows)))
        if self.polarities == 2 and len(stream):
            check_polarity_range(stream.p.min(), stream.p.max())
        stream = _sorted(stream)
        places = np.searchsorted(stream.t, self.edges)
        if self.reduce == 'voxel':
            for piece in self._pieces(stream, places[0], places[-1]):
                self._share(piece)
            return
        for index, (first, last) in enumerate(pairwise(places)):
            block = self.polarities * self.tables.num_cells
            cells = self.cells[index * block : (index + 1) * block]
            for piece in self._pieces(stream, first, last):
                if self.reduce == 'count':
                    np.add(cells, np.bincount(self._cells_of(piece), minlength=block), out=cells)
                else:
                    cells[self._cells_of(piece)] = 1

    def frames(self) -> np.ndarray:
        """Frames of the events so far.

        Returns:
            np.ndarray: As :func:`events_to_frames` gives them.
        """
        width, height = self.tables.size
        channels = self.num_bins * self.polarities
        cells = self.cells.reshape(-1, self.tables.num_cells)[:channels, : width * height]
        frames = cells.reshape(channels, height, width)
        if self.reduce == 'count':
            return np.log1p(frames, dtype=np.float32)
        if self.reduce == 'voxel':
            return _normalized(frames, self.percentile)
        return frames.copy()

    def _pieces(self, stream: EventStream, first: int, last: int) -> Iterator[EventStream]:
        for start in range(first, last, self.max_events):
            yield stream[start : min(start + self.max_events, last)]

    def _cells_of(self, piece: EventStream) -> np.ndarray:
        cells = self.tables.columns.take(piece.x)
        cells += self.tables.rows.take(piece.y)
        if self.polarities == 2:
            cells += piece.p.astype(np.int64) * self.tables.num_cells
        return cells

    def _share(self, piece: EventStream) -> None:
        """Share each event between the points of time before and after it."""
        place = (piece.t - self.edges[0]) * ((self.num_bins - 1) / self.span)
        before = place.astype(np.int64)
        after_share = place - before
        block = self.polarities * self.tables.num_cells
        cells = self._cells_of(piece) + before * block
        length = len(self.cells)
        for where, share in ((cells, 1 - after_share), (cells + block, after_share)):
            np.add(self.cells, np.bincount(where, share, length), out=self.cells)


def check_frame_options(num_bins: int, reduce: str, percentile: float) -> None:
    """Refuse what no frame can be made of.

    Args:
        num_bins (int): Bins of time, 1 or more.
        reduce (str): One of :data:`REDUCTIONS`.
        percentile (float): Above 0, up to 100.

    Raises:
        ValueError: If one is something else.
    """
    if num_bins != int(num_bins) or num_bins < 1:
        raise ValueError(f'num_bins should be 1 or more, got {num_bins!r}')
    if reduce not in REDUCTIONS:
        raise ValueError(f'reduce is one of {REDUCTIONS}, got {reduce!r}')
    if not 0 < percentile <= 100:
        raise ValueError(f'percentile should be above 0 and up to 100, got {percentile!r}')


def check_polarity_range(lowest: float, highest: float) -> None:
    """Refuse polarities that would land in another bin's frame.

    Args:
        lowest (float): The lowest one.
        highest (float): The highest one.

    Raises:
        ValueError: If they are not within 0 and 1.
    """
    if lowest < 0 or highest > 1:
        raise ValueError(
            f'polarities from {lowest} to {highest} are not 0 and 1: let check_events look at the '
            'events first'
        )


def bin_edges(t_range: tuple[int, int], num_bins: int) -> np.ndarray:
    """First whole microsecond of each bin, and of what comes after the last.

    Whole numbers: t >= t0 + i dt where t >= its ceiling, and nothing is rounded.

    Args:
        t_range (tuple[int, int]): Times t0 and t1 in microseconds.
        num_bins (int): Bins of equal length.

    Returns:
        np.ndarray: Int64 (num_bins + 1,).
    """
    start, end = (int(time) for time in t_range)
    return np.array([start - (-i * (end - start) // num_bins) for i in range(num_bins + 1)])


def regroup_channels(frames: np.ndarray, channels: int = 8, remainder: str = 'last') -> np.ndarray:
    """Join neighbouring binary channels so that any window has the same number of them.

    Each of the ``channels`` is the union of C // channels consecutive ones.

    Args:
        frames (np.ndarray): Binary frames ``(C, H, W)``, C at least ``channels``.
        channels (int): Channels wanted. Defaults to 8.
        remainder (str): Whether the last one also takes what is left over (``'last'``, EventHPE's
            stage 2) or nobody does (``'drop'``, its stage 1). Defaults to ``'last'``.

    Returns:
        np.ndarray: ``(channels, H, W)`` of the same type.

    Raises:
        ValueError: If there are too few channels, or the remainder's treatment is unknown.
    """
    if remainder not in ('last', 'drop'):
        raise ValueError(f"remainder is 'last' or 'drop', got {remainder!r}")
    if frames.ndim != 3 or channels < 1 or len(frames) < channels:
        raise ValueError(
            f'frames of shape {frames.shape} cannot be made {channels} channels: give at least '
            'as many, as (C, H, W)'
        )
    group = len(frames) // channels
    starts = np.arange(channels) * group
    end = len(frames) if remainder == 'last' else channels * group
    return np.maximum.reduceat(frames[:end], starts, axis=0)


def _sorted(stream: EventStream) -> EventStream:
    if (stream.t[1:] >= stream.t[:-1]).all():
        return stream
    return check_events(stream, on_outside='raise', count_duplicates=False)[0]


def _check_inside(stream: EventStream, sensor: tuple[int, int]) -> None:
    if stream.size != sensor:
        raise ValueError(f'events of a sensor of {stream.size} pixels, expected {sensor}')
    for name, array, side in zip('xy', (stream.x, stream.y), sensor, strict=True):
        if len(array) and (array.min() < 0 or array.max() >= side):
            raise ValueError(
                f'{name} from {array.min()} to {array.max()} is outside of a sensor of {side} '
                'pixels: let check_events look at the events first'
            )


def _normalized(voxels: np.ndarray, percentile: float) -> np.ndarray:
    """Voxels clipped at the percentile of those that are not 0, and divided by it."""
    found = voxels[voxels > 0]
    if not len(found):
        return voxels.astype(np.float32)
    limit = np.percentile(found, percentile)
    return (np.minimum(voxels, limit) / limit).astype(np.float32)
