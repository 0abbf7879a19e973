"""Events in HDF5, in the layouts of several cameras and data sets, read in slices."""

import contextlib
import math
import re
from importlib import import_module
from typing import Any

import h5py
import numpy as np

from mmpose_ext.events.opened import Opened, check_columns, size_of_file
from mmpose_ext.refusals import check_growth, refusing

# Names of times, columns, rows and polarities.
LAYOUTS = (
    ('events/t', 'events/x', 'events/y', 'events/p'),  # ours, DSEC
    ('t', 'x', 'y', 'p'),
    ('events/ts', 'events/xs', 'events/ys', 'events/ps'),  # rpg_e2vid and its kin
)
# Data sets with a field for each of t, x, y, p.
TABLES = ('CD/events', 'events')


def open_hdf5(path: str) -> Opened:
    """Open an HDF5 file of events.

    Args:
        path (str): The file.

    Returns:
        Opened: Its events; those that ``hdf5plugin`` unpacks need that library.

    Raises:
        ValueError: If it is damaged, or of no layout of :data:`LAYOUTS` and :data:`TABLES`.
    """
    with contextlib.suppress(ImportError):
        import_module('hdf5plugin')  # makes blosc and zstd known to h5py
    with refusing(path, 'whole HDF5 file of events'):
        return _open(path, h5py.File(path, 'r'))


def check_dataset(file: h5py.File, dataset: h5py.Dataset) -> None:
    """Refuse a data set that is not in its file, or holds nothing.

    Args:
        file (h5py.File): The file.
        dataset (h5py.Dataset): The data set that was found in it.

    Raises:
        ValueError: If it has no shape, takes its data from other files, or says so much more than
            the file holds that it would fill the memory, or take for ever to read.
    """
    if dataset.is_virtual or dataset.external or dataset.file.filename != file.filename:
        raise ValueError(f'its {dataset.name} takes its data from other files')
    if dataset.shape is None:
        raise ValueError(f'its {dataset.name} is empty')
    # Whoever reads one value unpacks a chunk, which may be larger than the whole.
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    check_growth(max(dataset.nbytes, chunk), dataset.id.get_storage_size())


def _open(path: str, file: h5py.File) -> Opened:
    try:
        source = _find_events(path, file)
        for column in source.columns.values():
            check_dataset(file, column)
        offset = file.get('t_offset')
        return Opened(
            source,
            _find_size(file),
            time_offset=int(_one(file, offset)) if isinstance(offset, h5py.Dataset) else 0,
            close=file.close,
        )
    except Exception:
        file.close()
        raise


class _HDF5Source:
    """Slices of data sets, or of the fields of one."""

    def __init__(self, path: str, columns: dict[str, h5py.Dataset], is_table: bool) -> None:
        self.path, self.columns, self.is_table = path, columns, is_table

    def __len__(self) -> int:
        return len(self.columns['t'])

    def times(self, start: int, stop: int) -> np.ndarray:
        return self._read('t', start, stop)

    def places(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = self._read('x', start, stop), self._read('y', start, stop)
        if 'p' not in self.columns:
            return x, y, np.ones(len(x), np.uint8)
        return x, y, self._read('p', start, stop)

    def _read(self, name: str, start: int, stop: int) -> np.ndarray:
        dataset = self.columns[name]
        try:
            return dataset[name, start:stop] if self.is_table else dataset[start:stop]
        except Exception as error:  # the filters of libraries may raise anything
            raise ValueError(
                f'{self.path}: events {start} to {stop} cannot be read ({error}); the file is '
                'damaged, or packed in a way that needs pip install mmpose_ext[events]'
            ) from error


def _find_events(path: str, file: h5py.File) -> _HDF5Source:
    for name in TABLES:
        table = file.get(name)
        if isinstance(table, h5py.Dataset) and table.dtype.names:
            fields = {field: table.dtype[field] for field in 'txyp' if field in table.dtype.names}
            if {'t', 'x', 'y'} <= fields.keys():
                check_columns(
                    path, {name: table.shape}, {key: kind.kind for key, kind in fields.items()}
                )
                return _HDF5Source(path, dict.fromkeys(fields, table), is_table=True)
    for names in LAYOUTS:
        found = {key: file.get(name) for key, name in zip('txyp', names, strict=True)}
        columns = {key: one for key, one in found.items() if isinstance(one, h5py.Dataset)}
        if {'t', 'x', 'y'} <= columns.keys():
            check_columns(
                path,
                {key: column.shape for key, column in columns.items()},
                {key: column.dtype.kind for key, column in columns.items()},
            )
            return _HDF5Source(path, columns, is_table=False)
    known = [names[0][:-1] + '{t,x,y,p}' for names in LAYOUTS[:2]] + list(TABLES)
    raise ValueError(f'{path} has {sorted(file)[:10]} but no events under any of {known}')


def _find_size(file: h5py.File) -> tuple[int, int] | None:
    """Width and height where the file says them: attributes or numbers, or 'geometry'."""
    groups = [file, *(file[name] for name in ('events', 'CD') if name in file)]
    for group in groups:
        attributes = dict(group.attrs)
        for place in (attributes, group if isinstance(group, h5py.Group) else {}):
            if 'width' in place and 'height' in place:
                sides = (_one(file, place[side]) for side in ('width', 'height'))
                return size_of_file(file.filename, *sides)
        geometry = re.fullmatch(r'(\d+)x(\d+)', _text(attributes.get('geometry', '')))
        if geometry:
            return int(geometry[1]), int(geometry[2])
    return None


def _one(file: h5py.File, value: Any) -> Any:
    """Read a data set of one value; anything else is given back."""
    if not isinstance(value, h5py.Dataset):
        return value
    check_dataset(file, value)
    if value.size != 1:
        raise ValueError(f'its {value.name} should be one number, got the shape {value.shape}')
    return value[()].item()


def _text(value: object) -> str:
    return value.decode('ascii', 'replace') if isinstance(value, bytes) else str(value)
