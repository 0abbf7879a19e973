"""The plain npz of people with SMPL parameters."""

import pickle

import numpy as np
import pytest
from mmpose.registry import DATASETS, TRANSFORMS

from mmpose_ext.datasets import SMPLImageDataset

CAMERA = np.array([[1000.0, 0, 500], [0, 1100, 400], [0, 0, 1]])
NAMES = np.array([f'a/{number}.jpg' for number in range(4)])


def arrays(count=4):
    """Labels of all kinds: people 4 m away, their pelvis at x 0.1 m and y 0.2 m."""
    rng = np.random.default_rng(0)
    joints = rng.normal(0, 0.3, (count, 18, 4))
    joints[:, 0] = 0
    joints[..., :3] += (0.1, 0.2, 4.0)
    joints[..., 3] = 1
    pixels = joints[..., :3] @ CAMERA.T
    points = np.concatenate([pixels[..., :2] / pixels[..., 2:], joints[..., 3:]], axis=-1)
    return {
        'imgname': NAMES[:count],
        'bbox': np.tile([300.0, 200, 800, 700], (count, 1)),
        'global_orient': rng.normal(size=(count, 3)),
        'body_pose': rng.normal(size=(count, 69)),
        'betas': rng.normal(size=(count, 10)),
        'keypoints_2d': points,
        'joints_3d': joints,
        'K': np.tile(CAMERA, (count, 1, 1)),
        'gravity': np.tile([0.0, 0.8, 0.6], (count, 1)),
    }


def load(folder, options=None, **changes):
    content = {key: value for key, value in {**arrays(), **changes}.items() if value is not None}
    np.savez(folder / 'people.npz', **content)
    config = {
        'type': 'SMPLImageDataset',
        'ann_file': 'people.npz',
        'data_root': str(folder),
        'data_prefix': {'img': 'images/'},
        **(options or {}),
    }
    return DATASETS.build(config)


def flagged(value, rows=(1,), count=4):
    flags = np.ones(count)
    flags[list(rows)] = value
    return flags


def test_known_numbers(tmp_path):
    truth, dataset = arrays(), load(tmp_path)
    assert isinstance(dataset, SMPLImageDataset)
    assert len(dataset) == 4
    sample = dataset[2]
    np.testing.assert_allclose(sample['keypoints'][0, 0], (525, 455, 0), rtol=1e-6)
    depth = (truth['joints_3d'][2, :, 2] - 4) * 1000
    np.testing.assert_allclose(sample['keypoints'][0, :, 2], depth, atol=1e-3)
    np.testing.assert_allclose(sample['lifting_target'][0], truth['joints_3d'][2, :, :3], rtol=1e-6)
    np.testing.assert_allclose(sample['smpl_pose'][0, 0], truth['global_orient'][2], rtol=1e-6)
    np.testing.assert_allclose(sample['smpl_betas'][0], truth['betas'][2], rtol=1e-6)
    assert sample['mm_per_px'] == pytest.approx(4000 / 1100)
    assert sample['bbox'].tolist() == [[300, 200, 800, 700]]
    assert sample['focal'].tolist() == [1000, 1100]
    assert sample['principal_pt'].tolist() == [500, 400]
    np.testing.assert_allclose(sample['gravity'], (0, 0.8, 0.6), rtol=1e-6)
    assert sample['has_smpl'].tolist() == [1]
    assert (sample['id'], sample['img_id'], sample['depth_valid']) == (2, 2, 1.0)
    assert sample['img_path'] == f'{tmp_path}/images/a/2.jpg'
    assert sample['target_img_path'] == ['a/2.jpg']
    for name, value in sample.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == np.float32, name


def test_projects_what_is_not_labelled_in_2d(tmp_path):
    points = arrays()['keypoints_2d']
    points[2, 5] = (np.nan, np.nan, 0)
    points[2, 6, :2] += 3  # where the lens bends, labels differ from the pinhole
    sample = load(tmp_path, keypoints_2d=points)[2]
    whole = arrays()['keypoints_2d']
    np.testing.assert_allclose(sample['keypoints'][0, 5, :2], whole[2, 5, :2], rtol=1e-5)
    np.testing.assert_allclose(sample['keypoints'][0, 6, :2], whole[2, 6, :2] + 3, rtol=1e-5)
    np.testing.assert_allclose(
        load(tmp_path, keypoints_2d=None)[2]['keypoints'][0, :, :2], whole[2, :, :2], rtol=1e-5
    )


def test_2d_labels_alone(tmp_path):
    dataset = load(tmp_path, joints_3d=None, K=None, global_orient=None, body_pose=None, betas=None)
    sample = dataset[0]
    np.testing.assert_allclose(
        sample['keypoints'][0], arrays()['keypoints_2d'][0, :, :2], rtol=1e-6
    )
    assert sample['depth_valid'] == 0
    assert sample['has_smpl'].tolist() == [0]
    assert not sample['lifting_target_visible'].any()
    assert not {'focal', 'principal_pt', 'mm_per_px'} & set(sample)


def test_gravity_need_not_be_known(tmp_path):
    assert not any('gravity' in sample for sample in load(tmp_path, gravity=None))


def test_smpl_labels_alone(tmp_path):
    sample = load(tmp_path, joints_3d=None, keypoints_2d=None, K=None)[0]
    assert sample['keypoints'].shape == (1, 18, 2)
    assert not sample['keypoints_visible'].any()
    assert sample['has_smpl'].tolist() == [1]


def test_3d_labels_without_a_camera(tmp_path):
    """About the pelvis, as SPIN's files have them: 2D joints tell the scale."""
    truth = arrays()
    joints = truth['joints_3d']
    joints[..., :3] -= joints[:, :1, :3].copy()
    points = truth['keypoints_2d']
    points[..., :2] = joints[..., :2] * 250 + (525, 455)
    sample = load(tmp_path, joints_3d=joints, keypoints_2d=points, K=None)[1]
    assert sample['mm_per_px'] == pytest.approx(4)
    assert sample['depth_valid'] == 1
    np.testing.assert_allclose(
        sample['keypoints'][0, :, 2], joints[1, :, 2] * 1000, rtol=1e-5, atol=1e-3
    )
    # Where the pelvis is not in the picture, depth has no joint to count from.
    hidden = points.copy()
    hidden[1, 0, 2] = 0
    rootless = load(tmp_path, joints_3d=joints, keypoints_2d=hidden, K=None)[1]
    assert rootless['depth_valid'] == 0
    assert rootless['keypoints_visible'].sum() == 17
    # Without 2D labels either, the depth has no scale.
    bare = load(tmp_path, joints_3d=joints, keypoints_2d=None, K=None)[1]
    assert bare['depth_valid'] == 0
    assert 'mm_per_px' not in bare
    np.testing.assert_allclose(bare['lifting_target'][0], joints[1, :, :3], rtol=1e-6)


def test_each_sample_has_its_own_labels(tmp_path):
    truth = arrays()
    truth['joints_3d'][1, :, 3] = 0
    truth['joints_3d'][1, :, :3] = np.nan
    truth['joints_3d'][2, 9, 3] = 0
    truth['K'][3] = np.nan
    truth['gravity'][0] = np.nan
    changes = {key: truth[key] for key in ('joints_3d', 'K', 'gravity')}
    changes['has_camera'] = flagged(0, (3,))
    dataset = load(tmp_path, has_smpl=flagged(0, (0, 2)), **changes)
    samples = [dataset[row] for row in range(4)]
    assert [float(sample['has_smpl'][0]) for sample in samples] == [0, 1, 0, 1]
    assert [sample['depth_valid'] for sample in samples] == [1, 0, 1, 1]
    assert [sample['keypoints'].shape[2] for sample in samples] == [3, 2, 3, 3]
    assert ['focal' in sample for sample in samples] == [True, True, True, False]
    assert ['gravity' in sample for sample in samples] == [False, True, True, True]
    # Labelled in 2D only, a joint of a 3D sample has no depth to learn.
    assert np.flatnonzero(samples[2]['keypoints_visible'] == 0).tolist() == [9]
    assert samples[1]['keypoints_visible'].all()
    assert all(np.isfinite(sample['keypoints']).all() for sample in samples)


@pytest.mark.parametrize('codec', ['HEMletsLabel', 'PoShLabel'])
def test_the_codecs_take_all_kinds(tmp_path, codec):
    truth = arrays()
    truth['joints_3d'][1, :, 3] = 0
    truth['keypoints_2d'][3, :, 2] = 0
    truth['joints_3d'][3, :, 3] = 0
    pipeline = [
        {'type': 'GetBBoxCenterScale', 'padding': 1.0},
        {'type': 'TopdownAffine', 'input_size': (64, 64)},
        {
            'type': 'GenerateTarget',
            'encoder': {'type': codec, 'input_size': (64, 64), 'heatmap_size': (16, 16)},
        },
    ]
    changes = {key: truth[key] for key in ('joints_3d', 'keypoints_2d')}
    dataset = load(tmp_path, {'pipeline': pipeline}, **changes)
    for row, (weight, depth) in enumerate([(18, 18), (18, 0), (18, 18), (0, 0)]):
        sample = dataset.get_data_info(row)
        sample['img'] = np.zeros((900, 1000, 3), np.uint8)
        for transform in dataset.pipeline.transforms:
            sample = transform(sample)
        assert sample['keypoint_weights'].sum() == weight
        assert sample['keypoint_depth_weights'].sum() == depth


def test_genders_reach_the_metric(tmp_path):
    """By name, whether a file has names or the letters of 3DPW; absent where not known."""
    assert 'gender' not in load(tmp_path)[0]
    dataset = load(tmp_path, gender=np.array(['f', 'male', '', 'neutral']))
    pack = TRANSFORMS.build({'type': 'Pack3DPoseInputs'})
    found = []
    for sample in dataset:
        sample['img'] = np.zeros((900, 1000, 3), np.uint8)
        found.append(pack(sample)['data_samples'].get('gender'))
    assert found == ['female', 'male', None, 'neutral']


def test_survives_workers_and_subsets(tmp_path):
    dataset = load(tmp_path, {'indices': [3, 1]})
    assert [sample['id'] for sample in dataset] == [3, 1]
    again = pickle.loads(pickle.dumps(dataset))
    again[0]['keypoints'][:] = 0
    np.testing.assert_array_equal(again[0]['keypoints'], dataset[0]['keypoints'])
    with pytest.raises(ValueError, match=r'ask for 5 frames of .*people\.npz, which has 4'):
        load(tmp_path, {'indices': 5})


def _joints(row, joint, values):
    joints = arrays()['joints_3d']
    joints[row, joint] = values
    return joints


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'bbox': None}, "has no bbox; it should be SMPLImageDataset's npz"),
        ({'bbox': np.zeros((4, 5))}, r'bbox should be numbers \(4, 4\), got float64 \(4, 5\)'),
        ({'bbox': np.tile([9, 9, 5, 20], (4, 1))}, r'row 0 \(a/0\.jpg\): bbox should be x1, y1'),
        ({'bbox': np.full((4, 4), np.nan)}, 'bbox should be finite'),
        ({'betas': None}, r"has \['global_orient', 'body_pose'\] but not all of"),
        ({'keypoints_2d': np.zeros((4, 17, 3))}, r'keypoints_2d should be numbers \(4, 18, 3\)'),
        ({'keypoints_2d': np.full((4, 18, 3), 0.5)}, 'keypoints_2d should be flagged by 0 or 1'),
        ({'joints_3d': _joints(2, 5, (0, np.inf, 1, 1))}, r'row 2 .*joints_3d should be finite'),
        ({'joints_3d': _joints(2, 5, (0, 0, -1, 1))}, r'row 2 .*in front of the camera'),
        ({'joints_3d': _joints(2, 5, (0, 0, 4000, 1))}, r'row 2 .*in metres, not millimetres'),
        ({'K': np.zeros((4, 3, 3))}, r'row 0 .*K should be \[\[fx, 0, cx\]'),
        ({'gravity': np.eye(4)}, r'gravity should be numbers \(4, 3\), got float64 \(4, 4\)'),
        ({'gravity': np.zeros((4, 3))}, r'row 0 \(a/0\.jpg\): gravity should be a unit vector'),
        ({'gravity': np.array([[0, 1.0, np.nan]] * 4)}, 'gravity should be a unit vector, or NaN'),
        ({'gender': np.array(['m', 'f', 'x', ''])}, r"row 2 .*gender should be 'male', 'fem"),
        ({'gender': np.zeros(4)}, r'gender should be text \(4,\), got float64 \(4,\)'),
        ({'has_camera': np.ones(3)}, 'has_camera should be 0 or 1 of each of the 4 rows'),
        ({'imgname': np.arange(4)}, r'imgname should be names of images \(N,\)'),
        ({'imgname': NAMES.astype(object)}, 'is no npz file of plain arrays'),
    ],
)
def test_refuses_a_broken_file(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, **changes)
    assert 'people.npz' in str(caught.value)


def test_refuses_to_train_without_labels(tmp_path):
    bare = dict.fromkeys(('keypoints_2d', 'joints_3d', 'K'))
    changes = {**bare, 'has_smpl': flagged(0)}
    with pytest.raises(ValueError, match=r'1 rows have no label, such as row 1 \(a/1\.jpg\)'):
        load(tmp_path, **changes)
    assert len(load(tmp_path, {'test_mode': True}, **changes)) == 4


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'bbox_file': 'boxes.json'}, 'SMPLImageDataset has no bbox_file'),
        ({'data_mode': 'bottomup'}, "data_mode should be 'topdown', got 'bottomup'"),
    ],
)
def test_refuses_bad_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, options)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.npz'):
        load(tmp_path, {'ann_file': 'none.npz'})
