"""Reading npz files without running what they may hold."""

import zipfile
import zlib
from collections.abc import Sequence

import numpy as np
from mmengine.fileio import exists, get_local_path

# What numpy raises at a file that is no npz of plain arrays.
_DAMAGED = (
    *(AttributeError, EOFError, NotImplementedError, TypeError, ValueError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_npz(
    path: str, required: Sequence[str], optional: Sequence[str] = (), what: str = 'an npz file'
) -> dict[str, np.ndarray]:
    """Read some arrays of an npz file; the others are not looked at.

    Args:
        path (str): The file.
        required (Sequence[str]): Arrays that must be there.
        optional (Sequence[str]): Arrays that are read if they are there.
        what (str): What the file should be, for the errors.

    Returns:
        dict[str, np.ndarray]: The arrays by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no npz of plain arrays (pickled ones are refused), or one is missing.
    """
    if not exists(path):
        raise FileNotFoundError(f'there is no file {path}')
    try:
        with get_local_path(path) as local, np.load(local, allow_pickle=False) as data:
            arrays = {name: data[name] for name in (*required, *optional) if name in data}
    except _DAMAGED as error:
        raise ValueError(
            f'{path} is no npz file of plain arrays ({type(error).__name__}: {error}); '
            f'it should be {what}'
        ) from error
    for name in required:
        if name not in arrays:
            raise ValueError(f'{path} has no {name}; it should be {what}')
    return arrays
