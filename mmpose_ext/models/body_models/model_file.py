"""Reading the files of SMPL, SMPL-H and SMPL-X, whatever wrote them, as numpy arrays."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.npz import array_names, declared_dtype, open_npz, read_members
from mmpose_ext.pickles import Stateless, restricted_load
from mmpose_ext.refusals import shown
from mmpose_ext.synthetic.body import build_body
from mmpose_ext.synthetic.smpl_file import smpl_arrays

# Bodies that need no file, and the level of detail each is built with.
MANNEQUINS = {'mannequin': 'full', 'mannequin-coarse': 'coarse'}

_WHERE = (
    'SMPL is to be had at https://smpl.is.tue.mpg.de after registration ("SMPL for Python", '
    'version 1.1.0: basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl or its kin), SMPL-H at '
    "https://mano.is.tue.mpg.de, SMPL-X at https://smpl-x.is.tue.mpg.de; 'mannequin' needs no file"
)
# SMPL-X's largest sparse matrix has some 0.6 million entries, all its arrays some 30 million.
_MAX_DENSE, _MAX_NUMBERS = 2**24, 2**28
# Sizes by letter: vertices, faces, joints, shape coefficients, pose correctives.
_SHAPES = {
    'v_template': 'V3',
    'f': 'F3',
    'weights': 'VJ',
    'J_regressor': 'JV',
    'shapedirs': 'V3S',
    'posedirs': 'V3P',
    'kintree_table': '2J',
}


class _Stored:
    """Stands in for an object of a library that is not to run: keeps what is said of it."""

    state: dict[str, Any]

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise ValueError(f'it holds a {type(self).__name__} without a dict of its state')
        self.state = state


class _Chumpy(_Stored):
    """``chumpy.ch.Ch``: an array."""

    def to_numpy(self) -> np.ndarray:
        return _to_numpy(self.state['x'])


class _ChumpySelect(_Stored):
    """``chumpy.reordering.Select``: a slice of another."""

    def to_numpy(self) -> np.ndarray:
        chosen = _to_numpy(self.state['a']).ravel()[_array_of(self.state['idxs'])]
        return chosen.reshape(self.state.get('preferred_shape', chosen.shape))


class _Csc(_Stored):
    """``scipy.sparse.csc_matrix``."""

    def to_numpy(self) -> np.ndarray:
        return self._dense(*self.state['_shape'])

    def _dense(self, rows: int, columns: int) -> np.ndarray:
        data, indices, starts = (
            _array_of(self.state[key]) for key in ('data', 'indices', 'indptr')
        )
        if rows * columns > _MAX_DENSE:
            raise ValueError(f'it holds a sparse matrix of {rows} x {columns}: too large')
        is_whole = len(starts) == columns + 1 and (np.diff(starts) >= 0).all()
        is_whole &= starts[0] == 0 and starts[-1] == len(indices) == len(data)
        if not is_whole or (indices.size and indices.min() < 0):
            raise ValueError('it holds a sparse matrix that is not whole')
        dense = np.zeros((rows, columns), dtype=data.dtype)
        np.add.at(dense, (indices, np.repeat(np.arange(columns), np.diff(starts))), data)
        return dense


class _Csr(_Csc):
    """``scipy.sparse.csr_matrix``."""

    def to_numpy(self) -> np.ndarray:
        return self._dense(*self.state['_shape'][::-1]).T


def _reconstructor(stand_in: Any, base: Any, state: Any) -> Any:
    """Stand in for ``copy_reg._reconstructor``, which protocols 0 and 1 make objects with."""
    if stand_in not in (_Chumpy, _ChumpySelect, _Csc, _Csr):
        raise ValueError(f'it makes an object of {shown(stand_in)}')
    return stand_in()


class _Object(Stateless):
    """Stands in for ``object``."""


_CLASSES: dict[tuple[str, str], Any] = {
    ('chumpy.ch', 'Ch'): _Chumpy,
    ('chumpy', 'Ch'): _Chumpy,
    ('chumpy.reordering', 'Select'): _ChumpySelect,
    ('scipy.sparse.csc', 'csc_matrix'): _Csc,
    ('scipy.sparse._csc', 'csc_matrix'): _Csc,
    ('scipy.sparse.csr', 'csr_matrix'): _Csr,
    ('scipy.sparse._csr', 'csr_matrix'): _Csr,
    ('copy_reg', '_reconstructor'): _reconstructor,
    ('copyreg', '_reconstructor'): _reconstructor,
    ('__builtin__', 'object'): _Object,
    ('builtins', 'object'): _Object,
}


def read_model_file(path: str | Path) -> dict[str, np.ndarray]:
    """Read a body model.

    Reads ``.npz`` files, ``.pkl`` files of numpy and scipy, and SMPL's official ``.pkl``, a pickle
    of Python 2 with arrays of chumpy. Neither chumpy nor scipy is needed, and nothing that a
    pickle may hold is run.

    Args:
        path (str | Path): The file.

    Returns:
        dict[str, np.ndarray]: Its numeric arrays by SMPL's names, sparse ones as dense: at least
        v_template (V, 3) in metres, f (F, 3), weights (V, J), J_regressor (J, V), shapedirs
        (V, 3, S), posedirs (V, 3, 9 (J - 1)) and kintree_table (2, J).

    Raises:
        FileNotFoundError: If there is no such file; the message says where to get one.
        ValueError: If it is no body model, is damaged, or holds anything that is not harmless
            data; the message names it.
        MemoryError: If the memory did not suffice.

    Example:
        >>> read_model_file('basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl')['weights'].shape
        (6890, 24)
    """
    path = Path(path)
    if path.suffix not in ('.npz', '.pkl'):
        raise ValueError(f'a body model is a .npz or a .pkl, got {path}. {_WHERE}')
    if not path.is_file():
        raise FileNotFoundError(f'there is no body model {path}. {_WHERE}')
    try:
        arrays = _read_npz(path) if path.suffix == '.npz' else _read_pickle(path)
        _check(arrays)
    except MemoryError as error:
        raise MemoryError(f'{path} needs more memory than there is: {error}') from error
    except Exception as error:  # a broken file may raise anything
        reason = str(error) if isinstance(error, ValueError) else f'{type(error).__name__}: {error}'
        raise ValueError(
            f'{path} is no body model that can be read ({reason}); nothing of it was run. {_WHERE}'
        ) from error
    return arrays


def body_arrays(source: str | Path) -> dict[str, np.ndarray]:
    """Give a body model, read or built once.

    Args:
        source (str | Path): A file, or ``'mannequin'`` (6890 vertices) or ``'mannequin-coarse'``
            (1600), which need none.

    Returns:
        dict[str, np.ndarray]: See :func:`read_model_file`. They are shared: read-only.

    Raises:
        FileNotFoundError: See :func:`read_model_file`.
        ValueError: See :func:`read_model_file`.
    """
    if source in MANNEQUINS:
        return _mannequin_arrays(str(source))
    path = Path(source).resolve()
    if not path.is_file():
        return read_model_file(source)  # says what is wrong
    return _cached_file(path, path.stat().st_mtime_ns)


def find_model_file(folder: str | Path, model_type: str, gender: str) -> Path:
    """Find a model in a folder by smplx's names, such as ``SMPL_NEUTRAL.pkl``.

    Args:
        folder (str | Path): The folder, or one that has it in a folder named after the type.
        model_type (str): ``'smpl'``, ``'smplh'`` or ``'smplx'``.
        gender (str): ``'neutral'``, ``'female'`` or ``'male'``.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: If there is none.
    """
    stem = f'{model_type}_{gender}'.upper()
    for place in (Path(folder), Path(folder) / model_type):
        for suffix in ('.npz', '.pkl'):
            if (place / f'{stem}{suffix}').is_file():
                return place / f'{stem}{suffix}'
    raise FileNotFoundError(f'{folder} has no {stem}.npz or {stem}.pkl. {_WHERE}')


@lru_cache(maxsize=2)
def _mannequin_arrays(name: str) -> dict[str, np.ndarray]:
    return _frozen(smpl_arrays(build_body(MANNEQUINS[name])))


@lru_cache(maxsize=4)
def _cached_file(path: Path, modified: int) -> dict[str, np.ndarray]:
    return _frozen(read_model_file(path))


def _frozen(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as archive:
        # SMPL-X also has tables of names as pickled objects, which nobody needs here.
        kinds = {key: declared_dtype(archive, key).kind for key in array_names(archive)}
        wanted = [key for key in kinds if key in _SHAPES or kinds[key] in 'fiub']
        return read_members(archive, wanted)


def _read_pickle(path: Path) -> dict[str, np.ndarray]:
    content = restricted_load(path.read_bytes(), _CLASSES, encoding='latin1')
    if not isinstance(content, dict):
        raise ValueError(f'it holds a {type(content).__name__}, not a dict of arrays')
    arrays: dict[str, np.ndarray] = {}
    total = 0
    for key, value in content.items():
        if isinstance(key, str) and isinstance(value, np.ndarray | _Stored):
            array = _to_numpy(value)
            # Counted one by one: many keys may hold one matrix, which is small while it is sparse.
            total += array.size
            if total > _MAX_NUMBERS:
                raise ValueError(f'its arrays have more than {_MAX_NUMBERS} numbers')
            if array.dtype.kind in 'fiub':
                arrays[key] = array
    return arrays


def _to_numpy(value: Any) -> np.ndarray:
    if isinstance(value, _Chumpy | _ChumpySelect | _Csc):
        return value.to_numpy()
    return _array_of(value)


def _array_of(value: Any) -> np.ndarray:
    # No list: numpy would write out one that holds the same list again and again.
    if not isinstance(value, np.ndarray | np.generic):
        raise ValueError(f'it holds {shown(value)} where an array should be')
    return np.array(value)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays that are no body model or do not belong together."""
    missing = [key for key in _SHAPES if key not in arrays]
    if missing:
        raise ValueError(f'it has no {", ".join(missing)}, only {sorted(arrays)}')
    sizes = {'2': 2, '3': 3}
    for key, letters in _SHAPES.items():
        shape = arrays[key].shape
        if len(shape) != len(letters) or any(
            sizes.setdefault(letter, size) != size
            for letter, size in zip(letters, shape, strict=True)
        ):
            expected = ', '.join(str(sizes.get(letter, letter)) for letter in letters)
            raise ValueError(f'its {key} should have the shape ({expected}), got {shape}')
    if sizes['P'] != 9 * (sizes['J'] - 1):
        raise ValueError(
            f'its posedirs should have {9 * (sizes["J"] - 1)} columns for '
            f'{sizes["J"]} joints, got {sizes["P"]}'
        )
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f'its {key} is not finite')
    faces = arrays['f']
    if faces.size == 0 or faces.min() < 0 or faces.max() >= sizes['V']:
        raise ValueError(f'its faces f name vertices that are not among its {sizes["V"]}')
    parents = arrays['kintree_table'][0, 1:].astype(np.int64)
    if (parents < 0).any() or (parents > np.arange(len(parents))).any():
        raise ValueError('its kintree_table has joints before their parents')
