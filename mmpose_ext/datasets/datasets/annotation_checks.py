"""What the strict datasets check in annotation files."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from mmengine.fileio import exists

# What a file then is not and should be, for errors.
COCO_FILE = (
    'COCO annotation file',
    'it should hold a JSON object with images, annotations and categories',
)

_NUMBERS = {int, float}


def check_exists(path: str) -> None:
    """Refuse a missing file before MMPose does by an assertion.

    Args:
        path (str): The file.

    Raises:
        FileNotFoundError: If there is none.
    """
    if not exists(path):
        raise FileNotFoundError(f'there is no file {path}')


def numbers_of(name: str, values: Any, count: int) -> np.ndarray:
    """Check that a field of an annotation is a list of finite numbers.

    Args:
        name (str): Name of the field, for the error.
        values (Any): What stands in the file.
        count (int): How many numbers there should be.

    Returns:
        np.ndarray: The numbers (count,) float64.

    Raises:
        ValueError: If it is not; says what was found.
    """
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f'{name} should be a list of {count} numbers, got {values!r:.80}')
    if len(values) != count:
        raise ValueError(f'{name} should have {count} numbers, got {len(values)}')
    if _NUMBERS.issuperset(map(type, values)):  # as in nearly all annotations
        with contextlib.suppress(OverflowError):
            numbers = np.array(values, dtype=np.float64)
            if np.isfinite(numbers).all():
                return numbers
    for index, value in enumerate(values):
        if not is_finite(value):
            raise ValueError(f'{name}[{index}] should be a finite number, got {value!r:.80}')
    return np.array(values, dtype=np.float64)


def is_finite(value: Any) -> bool:
    """Tell whether a value of a JSON file is a number that a float can hold.

    Args:
        value (Any): The value.

    Returns:
        bool: Whether it is a finite number and no bool.
    """
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def check_ids(entry: Mapping[str, Any], *names: str) -> None:
    """Check that ids are whole numbers.

    Args:
        entry (Mapping[str, Any]): An entry of a COCO file.
        *names (str): Names of the ids that it needs.

    Raises:
        ValueError: If one is missing or no whole number.
    """
    for name in names:
        if type(entry.get(name)) is not int:
            raise ValueError(f'{name} should be a whole number, got {entry.get(name)!r:.80}')


def check_picture(picture: Mapping[str, Any]) -> None:
    """Check an entry of a COCO file's ``images``.

    Args:
        picture (Mapping[str, Any]): The entry.

    Raises:
        ValueError: If its name is no text, or its width or height no positive number.
    """
    if not isinstance(picture.get('file_name'), str):
        name = picture.get('file_name')
        raise ValueError(f'file_name of its image should be a name, got {name!r:.80}')
    size = numbers_of('size', [picture.get('width'), picture.get('height')], 2)
    if size.min() <= 0:
        raise ValueError(f'its image should have a size, got {size.tolist()} (w, h)')


def check_visibilities(name: str, values: np.ndarray, allowed: Sequence[int]) -> None:
    """Check that visibilities are among those that a format knows.

    Args:
        name (str): Name of the field, for the error.
        values (np.ndarray): Visibilities (K,).
        allowed (Sequence[int]): The values of the format.

    Raises:
        ValueError: If there is another one; names all that were found.
    """
    if not np.isin(values, allowed).all():
        known = f'{", ".join(map(str, allowed[:-1]))} or {allowed[-1]}'
        found = sorted({float(value) for value in values})
        raise ValueError(f'{name} should be {known}, got {found}')


def check_indices(indices: int | Sequence[int] | None, number: int, where: str) -> None:
    """Refuse a subset that asks for more samples than there are; mmengine would cut it short.

    Args:
        indices (int | Sequence[int], optional): MMEngine's ``indices``: how many samples, from
            the start or, if negative, the end; or which ones.
        number (int): How many there are.
        where (str): Where they are from, for the error.

    Raises:
        ValueError: If there are fewer than asked for.
    """
    if indices is None:
        return
    reach = abs(indices) if isinstance(indices, int) else max((i + 1 for i in indices), default=0)
    if reach > number:
        raise ValueError(
            f'indices ask for {reach} frames of {where}, which has {number}. Make more, or '
            'change indices.'
        )


def check_names(path: str, names: np.ndarray) -> list[str]:
    """Check the column of an npz file that names the images.

    Args:
        path (str): The file, for the error.
        names (np.ndarray): Its imgname.

    Returns:
        list[str]: The N names.

    Raises:
        ValueError: If they are not text (N,), N at least 1.
    """
    if names.ndim != 1 or names.dtype.kind != 'U' or not len(names):
        raise ValueError(
            f'{path}: imgname should be names of images (N,), got {names.dtype} {names.shape}'
        )
    listed: list[str] = names.tolist()
    return listed
