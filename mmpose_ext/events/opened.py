"""What opening a file of events gives, and the checks that all formats share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.events.event_file import EventSource
from mmpose_ext.events.stream import sensor_size


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Opened:
    """A file of events.

    Attributes:
        source (EventSource): Its arrays.
        size (tuple[int, int], optional): Width and height of the sensor, if the file says it.
        time_unit (str): Unit of its times.
        time_offset (int): Added to them, in that unit.
        close (Callable): Closes the file.
    """

    source: EventSource
    size: tuple[int, int] | None = None
    time_unit: str = 'us'
    time_offset: int = 0
    close: Callable[[], None] = _nothing


def check_columns(path: str, shapes: dict[str, Sequence[int]], kinds: dict[str, str]) -> None:
    """Refuse arrays that are not numbers of one length.

    Args:
        path (str): The file.
        shapes (dict[str, Sequence[int]]): Shape of each array.
        kinds (dict[str, str]): Kind of its type, as numpy has it.

    Raises:
        ValueError: If they are something else.
    """
    if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ValueError(f'{path}: arrays of events should be of one length, got {shapes}')
    wrong = [name for name, kind in kinds.items() if kind not in 'iufb']
    if wrong:
        raise ValueError(f'{path}: {wrong} should be numbers')


def size_of_file(path: str, width: object, height: object) -> tuple[int, int]:
    """Read the size of the sensor that a file says.

    Args:
        path (str): The file.
        width (object): What it has as width, hopefully one number.
        height (object): What it has as height.

    Returns:
        tuple[int, int]: Width and height in pixels.

    Raises:
        ValueError: If they are no size.
    """
    sides = [np.asarray(side).reshape(-1) for side in (width, height)]
    if any(len(side) != 1 or side.dtype.kind not in 'iuf' for side in sides):
        raise ValueError(f'{path}: width should be one number, and height')
    try:
        return sensor_size([side[0] for side in sides])
    except (ValueError, OverflowError) as error:
        raise ValueError(f'{path}: {error}') from None
