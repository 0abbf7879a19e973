"""Refusing files that are damaged, made to harm, or something else: the error names the file."""

import json
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mmengine.fileio
import numpy as np


@contextmanager
def refusing(path: str | Path, what: str, cure: str = '') -> Iterator[None]:
    """Let nothing but errors that name a file come out of reading it.

    Libraries raise nearly anything over broken files, and rarely say which file it was.

    Args:
        path (str | Path): The file.
        what (str): What it then is not, for the error, such as ``'projection matrix'``.
        cure (str): What else to say: what it should hold, how to get one. Defaults to nothing.

    Raises:
        ValueError: Where what was raised is no ValueError or OSError that names the file.
        MemoryError: If the memory did not suffice; names the file, which may be sound.

    Example:
        >>> with refusing('P1.npy', 'projection matrix'):
        ...     matrix = np.load('P1.npy', allow_pickle=False)
    """
    try:
        yield
    except ImportError:
        raise  # a library is missing; the file may be sound
    except MemoryError as error:
        raise MemoryError(f'{path} needs more memory than there is: {error}') from error
    except Exception as error:
        is_told = isinstance(error, ValueError | OSError) and str(path) in str(error)
        if is_told or (isinstance(error, OSError) and error.filename is not None):
            raise
        reason = f'{type(error).__name__}: {error}'
        cure = f'; {cure}' if cure else ''
        raise ValueError(f'{path} is no {what} ({reason:.400}){cure}') from error


def read_json(path: str | Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        path (str | Path): The file.
        what (str): What it should be, for the error.

    Returns:
        Any: What it holds.

    Raises:
        OSError: If it is missing (a FileNotFoundError) or cannot be opened.
        ValueError: If it is no JSON in UTF-8, or nested too deeply.
    """
    with refusing(path, 'JSON file', f'it should be {what}'):
        return json.loads(mmengine.fileio.get(path))


# Larger than this many bytes, what a file unpacks to must be below so many times its own size:
# deflate makes up to 1030 bytes of one, of measurements a handful.
_LARGE, _MOST_GROWTH = 2**30, 200


def check_growth(size: int, packed: int) -> None:
    """Refuse a bomb: what is small in the file and gigabytes in memory. The bound is our choice.

    Args:
        size (int): Bytes in memory.
        packed (int): Bytes in the file.

    Raises:
        ValueError: If it is one.
    """
    if size > max(_LARGE, _MOST_GROWTH * packed):
        raise ValueError(f'its {packed} bytes would unpack to {size}')


# Python refuses to write out whole numbers that are much larger.
_MOST_BITS = 1000


class _Short(reprlib.Repr):
    """Says of an array what it is: one of objects may hold the same list a million times."""

    def repr_instance(self, value: Any, level: int) -> str:
        if isinstance(value, np.ndarray):  # of any subclass
            return f'array {value.dtype} {value.shape}'
        return super().repr_instance(value, level)

    def repr_int(self, value: int, level: int) -> str:
        if value.bit_length() > _MOST_BITS:
            return f'a whole number of {value.bit_length()} bits'
        return super().repr_int(value, level)


def shown(value: Any) -> str:
    """Write a value of a file into an error, short however large or deep it is.

    Args:
        value (Any): The value.

    Returns:
        str: Its representation, of 80 characters at most.
    """
    short = _Short()
    short.maxother = short.maxstring = 60
    short.maxlevel = 3
    return f'{short.repr(value):.80}'
