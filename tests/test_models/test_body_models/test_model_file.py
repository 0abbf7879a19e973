import os
import pickle
import sys
import types

import numpy as np
import pytest
from scipy import sparse

from mmpose_ext.models.body_models.model_file import (
    body_arrays,
    find_model_file,
    read_model_file,
)
from mmpose_ext.synthetic.body import build_body
from mmpose_ext.synthetic.smpl_file import write_smpl_file

KEYS = ('v_template', 'f', 'weights', 'J_regressor', 'shapedirs', 'posedirs', 'kintree_table')


@pytest.fixture(scope='module')
def arrays():
    return body_arrays('mannequin-coarse')


class FakeCh:
    """Pickles as chumpy's arrays do: everything of the object but its caches."""

    __module__, __qualname__ = 'chumpy.ch', 'Ch'

    def __init__(self, x):
        self.x = np.asarray(x, dtype=np.float64)
        self._dirty_vars, self._itr, self._depends_on_deps = {'x'}, None, {}


class FakeSelect:
    """Pickles as a slice of one of chumpy's arrays does."""

    __module__, __qualname__ = 'chumpy.reordering', 'Select'

    def __init__(self, a, idxs, shape):
        self.a, self.idxs, self.preferred_shape = a, idxs, shape
        self._dirty_vars, self._itr, self._depends_on_deps = {'a', 'idxs'}, None, {}


def official(arrays, monkeypatch, extra=None, protocol=2):
    """Pickle a body as SMPL's official files are: chumpy and scipy objects."""
    modules = {
        name: types.ModuleType(name) for name in ('chumpy', 'chumpy.ch', 'chumpy.reordering')
    }
    modules['chumpy.ch'].Ch = FakeCh
    modules['chumpy.reordering'].Select = FakeSelect
    shapedirs = arrays['shapedirs']
    wide = np.concatenate([shapedirs, np.full_like(shapedirs, 9)], 2)  # of 20, 10 are selected
    index = np.arange(wide.size).reshape(wide.shape)[..., :10].ravel()
    content = {
        **{key: np.array(arrays[key]) for key in ('f', 'kintree_table')},
        **{key: FakeCh(arrays[key]) for key in ('v_template', 'weights', 'posedirs')},
        'shapedirs': FakeSelect(FakeCh(wide), index, shapedirs.shape),
        'J_regressor': sparse.csc_matrix(arrays['J_regressor']),
        'J_regressor_prior': sparse.csr_matrix(arrays['J_regressor']),
        'bs_type': 'lrotmin',
        **(extra or {}),
    }
    with monkeypatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        return pickle.dumps(content, protocol)


@pytest.mark.parametrize('protocol', [0, 1, 2, 4])
def test_reads_official_files_without_chumpy(arrays, tmp_path, monkeypatch, protocol):
    path = tmp_path / 'basicmodel.pkl'
    path.write_bytes(official(arrays, monkeypatch, protocol=protocol))
    with pytest.raises(ModuleNotFoundError, match='chumpy'):
        pickle.loads(path.read_bytes())
    found = read_model_file(path)
    for key in KEYS:
        np.testing.assert_array_equal(found[key], arrays[key], err_msg=key)
    np.testing.assert_array_equal(found['J_regressor_prior'], arrays['J_regressor'])
    assert all(type(array) is np.ndarray for array in found.values())


@pytest.mark.parametrize('suffix', ['.npz', '.pkl'])
def test_reads_what_the_package_writes(arrays, tmp_path, suffix):
    path = tmp_path / f'SMPL_NEUTRAL{suffix}'
    write_smpl_file(path, build_body('coarse'))
    found = read_model_file(path)
    assert set(found) == set(arrays)
    for key in arrays:
        np.testing.assert_array_equal(found[key], arrays[key], err_msg=key)


@pytest.mark.parametrize('place', ['top', 'in an array', 'as a state', 'as a sparse matrix'])
def test_runs_no_code(arrays, tmp_path, monkeypatch, place):
    target = tmp_path / 'written'

    class Attack:
        def __reduce__(self):
            return os.system, (f'{sys.executable} -c "open({str(target)!r}, chr(119))"',)

    hidden = {
        'top': Attack(),
        'in an array': np.array([Attack()], dtype=object),
        'as a state': FakeCh(0),
        'as a sparse matrix': sparse.csc_matrix((1, 1)),
    }[place]
    if place == 'as a state':
        hidden.x = Attack()
    elif place == 'as a sparse matrix':
        hidden.data = Attack()
    path = tmp_path / 'basicmodel.pkl'
    path.write_bytes(official(arrays, monkeypatch, {'evil': hidden}))
    with pytest.raises(ValueError, match=r'asks for (posix|nt)\.system.*nothing of it was run'):
        read_model_file(path)
    assert not target.exists()
    if place == 'top':  # which an ordinary reader would have run
        os.system(Attack().__reduce__()[1][0])
        assert target.exists()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(indptr=np.arange(3)), 'sparse matrix that is not whole'),
        (dict(indices=np.full(24, -1)), 'sparse matrix that is not whole'),
        (dict(indices=np.full(24, 10**6)), 'IndexError'),
        (dict(_shape=(10**12, 24)), 'too large'),
        (dict(data=np.ones(3)), 'sparse matrix that is not whole'),
    ],
)
def test_refuses_sparse_matrices_that_lie(arrays, tmp_path, monkeypatch, change, message):
    matrix = sparse.csc_matrix(np.eye(24))
    matrix.__dict__.update(change)
    path = tmp_path / 'basicmodel.pkl'
    path.write_bytes(official(arrays, monkeypatch, {'J_regressor_prior': matrix}))
    with pytest.raises(ValueError, match=message):
        read_model_file(path)


def test_an_npz_with_pickled_objects_is_read_without_them(arrays, tmp_path):
    path = tmp_path / 'SMPLX_NEUTRAL.npz'
    np.savez(path, **arrays, joint2num=np.array({'pelvis': 0}, dtype=object))
    assert 'joint2num' not in read_model_file(path)
    np.savez(path, **{**arrays, 'weights': np.array({}, dtype=object)})
    with pytest.raises(ValueError, match='allow_pickle'):
        read_model_file(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(posedirs=None), 'it has no posedirs, only '),
        (dict(v_template=np.zeros((5, 3))), r'its f|its weights should have the shape \(5, J\)'),
        (dict(weights=np.zeros((5, 24))), r'its weights should have the shape \(\d+, J\), got'),
        (dict(J_regressor=np.zeros((23, 5))), r'its J_regressor should have the shape \(24, \d+\)'),
        (dict(f=np.full((9, 3), 10**6)), 'faces f name vertices that are not among'),
        (dict(kintree_table=np.zeros((2, 24)) + 23), 'joints before their parents'),
    ],
)
def test_refuses_what_is_no_body(arrays, tmp_path, change, message):
    path = tmp_path / 'body.npz'
    changed = {**arrays, **change}
    np.savez(path, **{key: array for key, array in changed.items() if array is not None})
    with pytest.raises(ValueError, match=message) as caught:
        read_model_file(path)
    assert "'mannequin' needs no file" in str(caught.value)


@pytest.mark.parametrize('key', ['v_template', 'posedirs', 'weights'])
def test_refuses_values_that_are_not_finite(arrays, tmp_path, key):
    broken = arrays[key].copy()
    broken.flat[3] = np.nan
    np.savez(tmp_path / 'body.npz', **{**arrays, key: broken})
    with pytest.raises(ValueError, match=f'its {key} is not finite'):
        read_model_file(tmp_path / 'body.npz')


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('body.npz', b'', 'is no body model'),
        ('body.npz', b'PK no zip', 'is no body model'),
        ('body.npz', 'half', 'is no body model'),
        ('body.pkl', b'no pickle', 'is no body model'),
        ('body.pkl', pickle.dumps([1, 2]), 'holds a list, not a dict'),
        ('body.pkl', pickle.dumps({'betas': np.zeros(10)}), r"only \['betas'\]"),
        ('body.mat', b'', r'\.npz or a \.pkl, got .*body\.mat'),
    ],
)
def test_refuses_other_files(arrays, tmp_path, name, content, message):
    path = tmp_path / name
    if content == 'half':
        np.savez(path, **arrays)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_model_file(path)


@pytest.mark.parametrize('read', [read_model_file, body_arrays])
def test_says_where_a_missing_file_is_to_be_had(tmp_path, read):
    with pytest.raises(FileNotFoundError, match=r"SMPL\.pkl.*smpl\.is\.tue\.mpg\.de.*'mannequin'"):
        read(tmp_path / 'SMPL.pkl')


def test_body_arrays_are_read_once_and_read_only(tmp_path):
    path = tmp_path / 'body.npz'
    write_smpl_file(path, build_body('coarse'))
    arrays = body_arrays(path)
    assert body_arrays(str(path))['v_template'] is arrays['v_template']
    with pytest.raises(ValueError, match='read-only'):
        arrays['v_template'][0] = 0
    changed = {**arrays, 'v_template': 2 * arrays['v_template']}
    np.savez(path, **changed)
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(body_arrays(path)['v_template'], changed['v_template'])


def test_finds_files_by_smplx_names(tmp_path):
    (tmp_path / 'smpl').mkdir()
    (tmp_path / 'smpl/SMPL_FEMALE.pkl').touch()
    (tmp_path / 'SMPLX_NEUTRAL.npz').touch()
    assert find_model_file(tmp_path, 'smpl', 'female').name == 'SMPL_FEMALE.pkl'
    assert find_model_file(tmp_path, 'smplx', 'neutral').name == 'SMPLX_NEUTRAL.npz'
    with pytest.raises(FileNotFoundError, match=r'has no SMPL_MALE\.npz or SMPL_MALE\.pkl'):
        find_model_file(tmp_path, 'smpl', 'male')
