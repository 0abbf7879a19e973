"""Reading npz and npy files without running what they may hold, or filling the memory."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from mmengine.fileio import exists, get_local_path

from mmpose_ext.refusals import check_growth, refusing

# How npy and npz files begin.
_MAGIC, _ZIP = np.lib.format.MAGIC_PREFIX, b'PK\x03\x04'


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
        open_npz(local) as archive,
    ):
        present = set(array_names(archive))
        arrays = read_members(archive, [n for n in (*required, *optional) if n in present])
    for name in required:
        if name not in arrays:
            raise ValueError(f'{path} has no {name}; it should be {what}')
    return arrays


def open_npz(path: str | Path) -> zipfile.ZipFile:
    """Open an npz file, which is a zip archive of npy files, without reading its arrays.

    Args:
        path (str | Path): The file.

    Returns:
        zipfile.ZipFile: The archive, to be closed.

    Raises:
        OSError: If it is missing (a FileNotFoundError) or cannot be opened.
        ValueError: If it is another file; if it would unpack to gigabytes, or to nobody knows how
            much, as its members are compressed in a way that numpy does not write.
    """
    with open(path, 'rb') as file:
        if file.read(len(_MAGIC)) == _MAGIC:
            raise ValueError('it is a npy file: give it the suffix .npy')
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    members = archive.infolist()
    try:
        # zipfile unpacks other compressions without a bound, however few bytes are asked for.
        if any(m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members):
            raise ValueError('its members are compressed by another method than deflate')
        check_growth(sum(m.file_size for m in members), sum(m.compress_size for m in members))
    except ValueError:
        archive.close()
        raise
    return archive


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """List the arrays of an open npz file.

    Args:
        archive (zipfile.ZipFile): What :func:`open_npz` gave.

    Returns:
        list[str]: Their names.
    """
    return [name.removesuffix('.npy') for name in archive.namelist() if name.endswith('.npy')]


def read_members(archive: zipfile.ZipFile, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of an open npz file.

    Args:
        archive (zipfile.ZipFile): What :func:`open_npz` gave.
        names (Sequence[str]): Arrays that it has.

    Returns:
        dict[str, np.ndarray]: The arrays by name.

    Raises:
        ValueError: If one is damaged or pickled.
    """
    arrays = {}
    for name in names:
        declared_dtype(archive, name)
        with archive.open(f'{name}.npy') as file:
            arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


def declared_dtype(archive: zipfile.ZipFile, name: str) -> np.dtype:
    """Tell the type of an array of an open npz file without reading it.

    Args:
        archive (zipfile.ZipFile): What :func:`open_npz` gave.
        name (str): An array that it has.

    Returns:
        np.dtype: Its type.

    Raises:
        ValueError: If the array is not as large as it says.
    """
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
            if file.read(len(_ZIP)) == _ZIP:
                raise ValueError('it is an npz file: give it the suffix .npz')
            file.seek(0)
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
    # numpy's size of an item overflows in types such as '<U1000000000'.
    is_too_large = dtype.itemsize < 0 or math.prod(shape) * dtype.itemsize > held
    if is_too_large and not dtype.hasobject:
        raise ValueError(f'it declares an array {dtype} {shape}, but has {held} bytes')
    return dtype
