"""What the strict datasets check in annotation files."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np


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
    for index, value in enumerate(values):
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f'{name}[{index}] should be a finite number, got {value!r:.80}')
    return np.array(values, dtype=np.float64)


def no_coco_file(path: str, error: Exception) -> str:
    """Say that a file is no COCO annotation file, and what one is.

    Args:
        path (str): The file.
        error (Exception): What reading it raised.

    Returns:
        str: Text of the error.
    """
    return (
        f'{path} is no COCO annotation file ({type(error).__name__}: {error}). It should hold a '
        'JSON object with images, annotations and categories.'
    )


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
