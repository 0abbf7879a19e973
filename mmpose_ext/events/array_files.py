"""Events in files of plain arrays: npz, CeleX's csv, Prophesee's DAT."""

import csv
import re
from pathlib import Path

import numpy as np

from mmpose_ext.events.event_file import ArraySource
from mmpose_ext.events.opened import Opened, check_columns, size_of_file
from mmpose_ext.npz import read_npz

# Width and height of CeleX-V, upright as in EventHPE's data.
CELEX_SIZE = (800, 1280)
_DAT_EVENT = np.dtype([('t', '<u4'), ('place', '<u4')])


def open_npz(path: str) -> Opened:
    """Read an npz: ``t, x, y, p`` with optional ``width, height``, or ``xy, t, p``.

    Args:
        path (str): The file.

    Returns:
        Opened: Its events.

    Raises:
        ValueError: If it is damaged or something else.
    """
    arrays = read_npz(path, ['t'], ['x', 'y', 'xy', 'p', 'width', 'height'], 'a file of events')
    if 'xy' in arrays:
        xy = arrays['xy']
        if xy.ndim != 2 or 2 not in xy.shape:
            raise ValueError(f'{path}: xy should be of shape (N, 2), got {xy.shape}')
        arrays['x'], arrays['y'] = xy.T if xy.shape[1] == 2 else xy
    for name in 'xy':
        if name not in arrays:
            raise ValueError(f'{path} has neither {name} nor xy; it should be a file of events')
    arrays.setdefault('p', np.ones(arrays['t'].shape, np.uint8))
    columns = {name: arrays[name] for name in 'txyp'}
    check_columns(
        path,
        {name: column.shape for name, column in columns.items()},
        {name: column.dtype.kind for name, column in columns.items()},
    )
    size = None
    if 'width' in arrays and 'height' in arrays:
        size = size_of_file(path, arrays['width'], arrays['height'])
    return Opened(ArraySource(**columns), size)


def open_celex_csv(path: str) -> Opened:
    """Read a csv of CeleX-V: row, column, in-pixel time, off-pixel time, polarity; no header.

    Args:
        path (str): The file; with three columns all events are positive.

    Returns:
        Opened: Its events on a sensor of 800 x 1280 pixels, upright as EventHPE's authors have
        it; of 1280 x 800 if there is a column from 800 on.

    Raises:
        ValueError: If it is damaged or something else.
    """
    try:
        with Path(path).open(newline='', encoding='ascii') as file:
            first = next(filter(None, csv.reader(file)), None)
        if first is None:
            rows = np.zeros((0, 5), np.int64)
        else:
            columns = (0, 1, 2, 4) if len(first) >= 5 else (0, 1, 2)
            rows = np.loadtxt(path, np.int64, delimiter=',', usecols=columns, ndmin=2)
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f'{path} is no csv of whole numbers ({error}); its columns should be row, column, '
            'in-pixel time, off-pixel time, polarity, without a header'
        ) from error
    p = rows[:, 3] if rows.shape[1] > 3 else np.ones(len(rows), np.int64)
    lies = len(rows) > 0 and rows[:, 1].max() >= CELEX_SIZE[0]
    size = CELEX_SIZE[::-1] if lies else CELEX_SIZE
    return Opened(ArraySource(rows[:, 2], rows[:, 1], rows[:, 0], p), size)


class _DatSource:
    """Prophesee's DAT: the time and, packed in 32 bits, the column, row and polarity."""

    def __init__(self, events: np.ndarray) -> None:
        self.events = events

    def __len__(self) -> int:
        return len(self.events)

    def times(self, start: int, stop: int) -> np.ndarray:
        return self.events['t'][start:stop].astype(np.int64)

    def places(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.asarray(self.events['place'][start:stop])
        x, y = place & 0x3FFF, place >> 14 & 0x3FFF
        return x.astype(np.int16), y.astype(np.int16), (place >> 28 & 0xF).astype(np.uint8)


def open_dat(path: str) -> Opened:
    """Map a DAT of Prophesee: lines of text after %, two bytes, 8 bytes an event.

    Args:
        path (str): The file.

    Returns:
        Opened: Its events.

    Raises:
        ValueError: If it is damaged or something else.
    """
    header, size, _ = read_percent_header(path)
    total = Path(path).stat().st_size
    with open(path, 'rb') as file:
        file.seek(header)
        kind = file.read(2)
    if len(kind) < 2 or kind[0] not in (0, 12) or kind[1] != _DAT_EVENT.itemsize:
        raise ValueError(f'{path} is no DAT of 2D events, or is cut off in its header')
    number, rest = divmod(total - header - 2, _DAT_EVENT.itemsize)
    if rest:
        raise ValueError(f'{path} is cut off: {rest} bytes are left after {number} events')
    events = (
        np.memmap(path, _DAT_EVENT, mode='r', offset=header + 2, shape=(number,))
        if number
        else np.zeros(0, _DAT_EVENT)
    )
    return Opened(_DatSource(events), size)


def read_percent_header(path: str) -> tuple[int, tuple[int, int] | None, int]:
    """Read the lines after % that Prophesee's files begin with.

    Args:
        path (str): The file.

    Returns:
        tuple[int, tuple[int, int] | None, int]: Bytes of the header, the sensor's width and
        height if it says them, and bytes of a word of what follows: 2, 4 or 8 for EVT 3, 2 and
        2.1, 1 if it says nothing.
    """
    lines = []
    with open(path, 'rb') as file:
        while file.peek(2)[:2] == b'% ':
            lines.append(file.readline(4096))
    text = b''.join(lines).decode('ascii', 'replace')
    width = re.search(r'width[ =](\d+)', text, re.IGNORECASE)
    height = re.search(r'height[ =](\d+)', text, re.IGNORECASE)
    both = re.search(r'geometry[ =](\d+)x(\d+)', text, re.IGNORECASE)
    size = None
    if both:
        size = (int(both[1]), int(both[2]))
    elif width and height:
        size = (int(width[1]), int(height[1]))
    version = re.search(r'evt ?(3|2\.1|2)', text, re.IGNORECASE)
    word = {'3': 2, '2.1': 8, '2': 4}[version[1]] if version else 1
    return sum(len(line) for line in lines), size, word
