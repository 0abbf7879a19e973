"""Where a pixel of the sensor lies in a frame: turned, padded and made smaller."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmpose_ext.events.stream import sensor_size

Pad = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class PixelTables:
    """Cells of a frame for the rows and columns of a sensor.

    The cell of the event at (x, y) is ``rows[y] + columns[x]``. Cells from ``H * W`` on belong to
    no pixel of the frame: what lands there is thrown away, without a test for each event.

    Attributes:
        columns (np.ndarray): Int64, one for each column of the sensor.
        rows (np.ndarray): Int64, one for each row.
        size (tuple[int, int]): Width W and height H of the frame in pixels.
    """

    columns: np.ndarray
    rows: np.ndarray
    size: tuple[int, int]

    @property
    def num_cells(self) -> int:
        """Cells in all."""
        width, height = self.size
        return 2 * width * height + 1


def square_pad(sensor: Sequence[int]) -> tuple[int, int, int, int]:
    """Pixels to add to a sensor's (left, top, right, bottom) that make it a square."""
    width, height = sensor_size(sensor)
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    return left, top, side - width - left, side - height - top


def pixel_tables(
    sensor: Sequence[int],
    size: Sequence[int] | None,
    nearest: bool,
    pad: Pad = 0,
    rotate180: bool = False,
) -> PixelTables:
    """Where the pixels of a sensor lie in a frame.

    Args:
        sensor (Sequence[int]): Width and height of the sensor in pixels.
        size (Sequence[int], optional): Width and height of the frame; default: the padded sensor.
        nearest (bool): Whether a pixel of the frame shows one pixel of the sensor, the one that
            OpenCV's ``INTER_NEAREST`` takes (the authors' way: of 1280 pixels made 256 only every
            fifth counts), or all that it covers.
        pad (int | Sequence[int]): Pixels added on each side, or on (left, top, right, bottom).
        rotate180 (bool): Whether the sensor is mounted upside down, as the authors'.

    Returns:
        PixelTables: The tables.

    Raises:
        ValueError: If a size or padding is none, or the frame is larger than the padded sensor.
    """
    pads = (pad,) * 4 if isinstance(pad, int | np.integer) else tuple(pad)
    if len(pads) != 4 or any(side != int(side) or side < 0 for side in pads):
        raise ValueError(
            f'pad is a number of pixels or (left, top, right, bottom), 0 or more, got {pad!r}'
        )
    size = None if size is None else sensor_size(size)
    left, top, right, bottom = (int(side) for side in pads)
    return _tables(sensor_size(sensor), size, nearest, (left, top, right, bottom), rotate180)


@lru_cache(maxsize=32)
def _tables(
    sensor: tuple[int, int],
    size: tuple[int, int] | None,
    nearest: bool,
    pad: tuple[int, int, int, int],
    rotate180: bool,
) -> PixelTables:
    padded = (sensor[0] + pad[0] + pad[2], sensor[1] + pad[1] + pad[3])
    width, height = size or padded
    if width > padded[0] or height > padded[1]:
        raise ValueError(
            f'frames of {width} x {height} pixels would be larger than the sensor with its '
            f'padding, {padded[0]} x {padded[1]}: ask for a smaller size, or pad more'
        )
    columns = _one_side(sensor[0], padded[0], width, pad[0], nearest, rotate180)
    rows = _one_side(sensor[1], padded[1], height, pad[1], nearest, rotate180)
    nowhere = width * height
    columns = np.where(columns < 0, nowhere, columns)
    rows = np.where(rows < 0, nowhere, rows * width)
    for table in (columns, rows):
        table.flags.writeable = False
    return PixelTables(columns, rows, (width, height))


def _one_side(
    sensor: int, padded: int, frame: int, before: int, nearest: bool, turned: bool
) -> np.ndarray:
    """Pixel of the frame for each of the sensor along one side, -1 for none."""
    source = before + (np.arange(sensor)[::-1] if turned else np.arange(sensor))
    if not nearest:
        return source * frame // padded
    shown = np.full(padded, -1)
    shown[np.arange(frame) * padded // frame] = np.arange(frame)
    return shown[source]
