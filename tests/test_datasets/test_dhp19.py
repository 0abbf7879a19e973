"""DHP19Dataset: the authors' HDF5 files, their cameras, their 13 joints."""

import h5py
import numpy as np
import pytest
import torch

from mmpose_ext.datasets import DHP19Dataset
from mmpose_ext.datasets.datasets.dhp19 import CAMERA_FILES
from mmpose_ext.datasets.datasets.dhp19_camera import camera_of_projection
from mmpose_ext.skeletons import dhp19
from mmpose_ext.synthetic.skeleton import JOINT_NAMES

HEIGHT, WIDTH = 24, 40
FOCAL, CENTER = 30.0, (20.0, 11.0)
# World: x right, y ahead, z up, in mm; camera 3 m before its origin and 1 m high.
TURN = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
PLACE = np.array([100.0, -3000, 1000])
ONE = {'pipeline': [dict(type='PackEventInputs')]}


def projection(scale=1.0):
    """The matrix as DHP19 has it: v points up."""
    intrinsics = np.array([[FOCAL, 0, CENTER[0]], [0, FOCAL, CENTER[1]], [0, 0, 1]])
    down = intrinsics @ np.column_stack([TURN, -TURN @ PLACE])
    up = np.array([[1.0, 0, 0], [0, -1, HEIGHT], [0, 0, 1]])
    return scale * up @ down


def write(root, names=('S1_session1_mov1',), frames=10, seed=0):
    random = np.random.default_rng(seed)
    written = {}
    for name in names:
        dvs = random.integers(0, 256, (frames, HEIGHT, WIDTH, 4), dtype=np.uint8)
        xyz = random.normal(0, 300, (frames, 3, 13)) + np.array([0, 0, 900])[:, None]
        with h5py.File(root / f'{name}_7500events.h5', 'w') as file:
            file['DVS'] = dvs
        with h5py.File(root / f'{name}_7500events_label.h5', 'w') as file:
            file['XYZ'] = xyz
        written[name] = dvs, xyz
    for file in CAMERA_FILES:
        np.save(root / file, projection())
    return written


def load(root, **options):
    return DHP19Dataset(data_root=str(root), **{'num_steps': 3, **ONE, **options})


def test_sample(tmp_path):
    dvs, xyz = write(tmp_path)['S1_session1_mov1']
    dataset = load(tmp_path, camera=1)
    assert len(dataset) == 3  # 10 frames, clips of 3
    assert dataset.recording_numbers().tolist() == [0, 0, 0]
    inputs, sample = dataset[1].values()
    assert inputs['events'].dtype == torch.uint8
    np.testing.assert_array_equal(inputs['events'], dvs[3:6, None, :, :, 1])
    assert (sample.recording, sample.subject) == ('S1_session1_mov1_7500events', 'S1')
    assert (sample.action, sample.frame_ids) == ('session1_mov1', [3, 4, 5, 6])
    assert sample.img_shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(sample.focal, FOCAL, rtol=1e-5)
    np.testing.assert_allclose(sample.principal_pt, CENTER, rtol=1e-5)
    labels = sample.gt_instances
    assert labels.has_smpl.tolist() == [0, 0, 0]
    assert labels.has_joints.tolist() == [1, 1, 1]
    assert labels.rotmats.shape == (3, 24, 3, 3)
    world = xyz[3:6].transpose(0, 2, 1)
    np.testing.assert_allclose(labels.joints_cam, (world - PLACE) @ TURN.T / 1000, atol=1e-5)
    # The authors project with the matrix and turn v round.
    pixels = np.concatenate([world, np.ones((3, 13, 1))], axis=-1) @ projection().T
    pixels = pixels[..., :2] / pixels[..., 2:]
    pixels[..., 1] = HEIGHT - pixels[..., 1]
    np.testing.assert_allclose(labels.keypoints, pixels, atol=1e-3)
    np.testing.assert_allclose(sample.start.rotmats[0, 0], np.diag([1, -1, -1]), atol=1e-6)


def test_several_frames_a_step(tmp_path):
    dvs, xyz = write(tmp_path)['S1_session1_mov1']
    dataset = load(tmp_path, num_steps=2, channels=4, clip_stride=1)
    assert len(dataset) == 3
    inputs, sample = dataset[2].values()
    np.testing.assert_array_equal(inputs['events'], dvs[2:, :, :, 3].reshape(2, 4, HEIGHT, WIDTH))
    world = xyz[[5, 9]].transpose(0, 2, 1)
    expected = (world - PLACE) @ TURN.T / 1000
    np.testing.assert_allclose(sample.gt_instances.joints_cam, expected, atol=1e-5)


def test_subjects(tmp_path):
    write(tmp_path, ('S1_session1_mov1', 'S13_session2_mov4'), frames=3)
    assert load(tmp_path)[0]['data_samples'].subject == 'S1'
    assert load(tmp_path, subjects=['S13'])[0]['data_samples'].subject == 'S13'
    assert len(load(tmp_path, subjects=['S1', 'S13'])) == 2
    with pytest.raises(FileNotFoundError, match=r'has no files .* of S2'):
        load(tmp_path, subjects=['S2'])


def test_frames_without_all_joints_are_no_labels(tmp_path):
    write(tmp_path)
    with h5py.File(tmp_path / 'S1_session1_mov1_7500events_label.h5', 'a') as file:
        file['XYZ'][1, :, 4] = np.nan
    labels = load(tmp_path)[0]['data_samples'].gt_instances
    assert labels.has_joints.tolist() == [1, 0, 1]
    assert torch.isfinite(labels.joints_cam).all()
    assert torch.isfinite(labels.keypoints).all()


@pytest.mark.parametrize('scale', [1.0, -2.5, 1e-3])
def test_camera_is_taken_out_of_any_multiple_of_its_matrix(scale):
    camera = camera_of_projection(projection(scale), HEIGHT)
    np.testing.assert_allclose(camera.rotation, TURN, atol=1e-9)
    np.testing.assert_allclose(camera.position, PLACE, atol=1e-6)
    np.testing.assert_allclose(np.diag(camera.intrinsics), [FOCAL, FOCAL, 1], atol=1e-9)


def test_wrong_side_of_the_camera_is_found(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match=r'joints are behind the camera .* Give flip_v=True'):
        load(tmp_path, flip_v=False)


def test_joints_of_smpl():
    pairs = {
        name: JOINT_NAMES[joint] for name, joint in zip(dhp19.NAMES, dhp19.FROM_SMPL24, strict=True)
    }
    assert pairs.pop('head') == 'head'
    smpl = {'hand': 'wrist', 'foot': 'ankle'}
    for name, joint in pairs.items():
        side, part = name.split('_')
        assert joint == f'{side}_{smpl.get(part, part)}'
    assert [dhp19.NAMES[k] for k in dhp19.FLIP_INDICES[:3]] == [
        *('head', 'left_shoulder', 'right_shoulder')
    ]


def rewrite(root, name, values, suffix=''):
    path = root / f'S1_session1_mov1_7500events{suffix}.h5'
    path.unlink()
    with h5py.File(path, 'w') as file:
        file[name] = values


@pytest.mark.parametrize(
    ('spoil', 'error', 'message'),
    [
        (lambda r: rewrite(r, 'XYZ', np.zeros((10, 13, 3)), '_label'), ValueError, r'\(N, 3, 13\)'),
        (lambda r: rewrite(r, 'joints', np.zeros(3), '_label'), ValueError, 'has no XYZ'),
        (
            lambda r: rewrite(r, 'DVS', np.zeros((9, 8, 8, 4), np.uint8)),
            ValueError,
            'DVS should be uint8 .* of the 10 frames',
        ),
        (
            lambda r: (r / 'S1_session1_mov1_7500events_label.h5').unlink(),
            FileNotFoundError,
            r'events_label\.h5',
        ),
        (lambda r: (r / 'P2.npy').unlink(), FileNotFoundError, r'P2\.npy'),
        (lambda r: np.save(r / 'P2.npy', np.eye(3)), ValueError, r'P2\.npy is no projection'),
        (
            lambda r: (r / 'S1_session1_mov1_7500events.h5').write_bytes(b'\x89HDF'),
            ValueError,
            'is no HDF5 file or damaged',
        ),
    ],
)
def test_refuses_bad_files(tmp_path, spoil, error, message):
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=message):
        load(tmp_path)


@pytest.mark.parametrize('options', [dict(camera=4), dict(channels=0), dict(clip_stride=0)])
def test_refuses_bad_options(tmp_path, options):
    with pytest.raises(ValueError, match=f'{next(iter(options))} should be'):
        load(tmp_path, **options)
