"""Reading npz and npy files without running what they may hold, or filling the memory."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from mmengine.fileio import exists, get_local_path

from mmpose_ext.refusals import check_growth, refusing


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
        ValueError: If it is no npz of plain arrays (pickled ones are refused), one is missing or
            cut off, or it is small and would unpack to gigabytes.
    """
    if not exists(path):
        raise FileNotFoundError(f'there is no file {path}')
    with (
        refusing(path, 'npz file of plain arrays', f'it should be {what}'),
        get_local_path(path) as local,
        np.load(local, allow_pickle=False) as data,
    ):
        if not isinstance(data, np.lib.npyio.NpzFile):
            raise ValueError(f'{path} is no npz file of plain arrays, but a npy file')
        arrays = read_members(data, [n for n in (*required, *optional) if n in data.files])
    for name in required:
        if name not in arrays:
            raise ValueError(f'{path} has no {name}; it should be {what}')
    return arrays


def read_members(data: np.lib.npyio.NpzFile, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of an open npz file.

    Args:
        data (numpy.lib.npyio.NpzFile): The file.
        names (Sequence[str]): Arrays that it has.

    Returns:
        dict[str, np.ndarray]: The arrays by name.

    Raises:
        ValueError: If one is damaged or pickled, or the file would unpack to gigabytes.
    """
    for name in names:
        declared_dtype(data, name)
    return {name: data[name] for name in names}


def declared_dtype(data: np.lib.npyio.NpzFile, name: str) -> np.dtype:
    """Tell the type of an array of an open npz file without reading it.

    Args:
        data (numpy.lib.npyio.NpzFile): The file.
        name (str): An array that it has.

    Returns:
        np.dtype: Its type.

    Raises:
        ValueError: If the array is not as large as it says, or the file would unpack to gigabytes.
    """
    archive: zipfile.ZipFile = data.zip
    members = archive.infolist()
    check_growth(sum(m.file_size for m in members), sum(m.compress_size for m in members))
    member = archive.getinfo(f'{name}.npy')
    with archive.open(member) as file:
        return _declared(file, member.file_size)


def read_npy(path: str | Path, what: str) -> np.ndarray:
    """Read a npy file.

    Args:
        path (str | Path): The file.
        what (str): What it should be, without an article, for the errors.

    Returns:
        np.ndarray: The array.

    Raises:
        OSError: If it is missing (a FileNotFoundError) or cannot be opened.
        ValueError: If it is no npy file of a plain array (a pickled one is refused), or cut off.
    """
    with refusing(path, what):
        with open(path, 'rb') as file:
            _declared(file, Path(path).stat().st_size)
        array: np.ndarray = np.load(path, allow_pickle=False)
        return array


def _declared(file: IO[bytes], held: int) -> np.dtype:
    """Read a header of numpy; refuse one that asks for more memory than the file has bytes."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if math.prod(shape) * dtype.itemsize > held and not dtype.hasobject:
        raise ValueError(f'it declares an array {dtype} {shape}, but has {held} bytes')
    return dtype
