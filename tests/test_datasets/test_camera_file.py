import pickle

import numpy as np
import pytest

from mmpose_ext.datasets.datasets.camera_file import intrinsics_of, load_cameras

CAMERA = {'f': np.array([[1145.0], [1143.5]]), 'c': np.array([[512.5], [515.4]]), 'w': 1000}


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), 'w')


def write(tmp_path, content, protocol=4):
    path = tmp_path / 'cameras.pkl'
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return str(path)


@pytest.mark.parametrize('protocol', [3, 4, 5])
def test_reads_what_mmpose_writes(tmp_path, protocol):
    path = write(tmp_path, {('S1', '54138969'): CAMERA}, protocol)
    cameras = load_cameras(path)
    assert list(cameras) == [('S1', '54138969')]
    focal, principal_pt = intrinsics_of(cameras['S1', '54138969'])
    assert focal.tolist() == [1145.0, 1143.5]
    assert principal_pt.tolist() == [512.5, 515.4]


def test_numpy_scalars_are_plain_values(tmp_path):
    cameras = load_cameras(write(tmp_path, {('S1', '1'): {**CAMERA, 'w': np.float64(1000)}}))
    assert cameras['S1', '1']['w'] == 1000


def test_runs_nothing_of_a_pickle(tmp_path):
    target = tmp_path / 'written'
    path = write(tmp_path, {('S1', '1'): {**CAMERA, 'f': Evil(target)}})
    with pytest.raises(ValueError, match=r'cameras\.pkl is no file .*io\.open'):
        load_cameras(path)
    assert not target.exists()
    pickle.loads(pickle.dumps(Evil(target))).close()  # which an ordinary reader would have run
    assert target.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is no file of cameras'),
        (b'no pickle', 'is no file of cameras'),
        (pickle.dumps({('S1', '1'): CAMERA})[:-20], 'is no file of cameras'),
        ([CAMERA], 'should hold a dict of cameras'),
        ({}, 'should hold a dict of cameras'),
        ({'S1': CAMERA}, "map .subject, camera. to a dict each, got 'S1'"),
        ({('S1', 1): CAMERA}, r"got \('S1', 1\)"),
        ({('S1', '1'): [1, 2]}, r'\[1, 2\]'),
    ],
)
def test_refuses_what_is_no_file_of_cameras(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        load_cameras(write(tmp_path, content))
    assert 'cameras.pkl' in str(caught.value)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'cameras none\.pkl; MMPose makes it'):
        load_cameras('none.pkl')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'f': [0.0, 1.0]}, r'focal length f should be positive, got \[0\.0, 1\.0\]'),
        ({'f': [[1.0], [-2.0]]}, r'focal length f should be positive, got \[1\.0, -2\.0\]'),
        ({'f': [1.0, float('nan')]}, 'f of the camera should be two finite numbers'),
        ({'f': [1.0]}, 'f of the camera should be two finite numbers'),
        ({'c': 'text'}, "c of the camera should be two finite numbers in px, got 'text'"),
        ({'c': np.eye(3)}, 'c of the camera should be two finite numbers'),
    ],
)
def test_refuses_broken_intrinsics(changes, message):
    with pytest.raises(ValueError, match=message):
        intrinsics_of({**CAMERA, **changes})


@pytest.mark.parametrize('name', ['f', 'c'])
def test_refuses_missing_intrinsics(name):
    with pytest.raises(ValueError, match=f'the camera has no {name}, only'):
        intrinsics_of({key: value for key, value in CAMERA.items() if key != name})


def test_a_huge_number_is_refused_by_name(tmp_path):
    """Python does not write out numbers of more than 4300 digits."""
    for content in (10**5000, {('S1', 10**5000): CAMERA}, {('S1', '1'): 10**5000}):
        with pytest.raises(ValueError, match=r'cameras\.pkl'):
            load_cameras(write(tmp_path, content))
