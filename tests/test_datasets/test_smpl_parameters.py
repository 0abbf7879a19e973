"""SMPL parameters beside Human3.6M's and mannequins' labels."""

import numpy as np
import pytest
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.smpl_parameters import read_parameters

NAMES = [f'val/{number}.jpg' for number in range(6)]


def arrays(count=6, seed=0):
    rng = np.random.default_rng(seed)
    return {
        'imgname': np.array(NAMES[:count]),
        'global_orient': rng.normal(size=(count, 3)),
        'body_pose': rng.normal(size=(count, 69)),
        'betas': rng.normal(size=(count, 10)),
    }


def write(folder, **changes):
    content = {key: value for key, value in {**arrays(), **changes}.items() if value is not None}
    np.savez(folder / 'smpl.npz', **content)
    return str(folder / 'smpl.npz')


def config(mannequins, **options):
    return {
        'type': 'Human36mImageDataset',
        'ann_file': 'annotations/h36m_val.npz',
        'camera_param_file': 'annotations/cameras.pkl',
        'smpl_file': 'annotations/smpl_val.npz',
        'data_root': str(mannequins),
        'data_prefix': {'img': 'images/'},
        **options,
    }


def test_follows_the_order_of_the_images(tmp_path):
    path, truth = write(tmp_path), arrays()
    read = read_parameters(path, [NAMES[4], NAMES[0]])
    np.testing.assert_array_equal(read.pose[:, 0], np.float32(truth['global_orient'][[4, 0]]))
    rest = truth['body_pose'][[4, 0]].reshape(2, 23, 3)
    np.testing.assert_array_equal(read.pose[:, 1:], np.float32(rest))
    np.testing.assert_array_equal(read.betas, np.float32(truth['betas'][[4, 0]]))
    assert read.labelled.tolist() == [1, 1]
    assert {array.dtype for array in (read.pose, read.betas, read.labelled)} == {
        np.dtype(np.float32)
    }


def test_rows_that_are_not_labelled_may_hold_anything(tmp_path):
    betas = arrays()['betas']
    betas[2] = np.nan
    read = read_parameters(write(tmp_path, betas=betas, has_smpl=np.array([1, 1, 0] * 2)), NAMES)
    assert read.labelled.tolist() == [1, 1, 0] * 2
    assert not read.pose[2].any()
    assert not read.betas[[2, 5]].any()


def test_mannequins_get_their_parameters(mannequins):
    with np.load(mannequins / 'annotations/smpl_val.npz') as data:
        truth = {name: data[name] for name in data.files}
    dataset = DATASETS.build(config(mannequins, frame_stride=2))
    plain = DATASETS.build(config(mannequins, frame_stride=2, smpl_file=None))
    assert 0 < len(dataset) <= 8
    for sample, bare in zip(dataset, plain, strict=True):
        row = truth['imgname'].tolist().index(sample['target_img_path'][0])
        assert sample['smpl_pose'].shape == (1, 24, 3)
        np.testing.assert_allclose(sample['smpl_pose'][0, 0], truth['global_orient'][row])
        np.testing.assert_allclose(
            sample['smpl_pose'][0, 1:].ravel(), truth['body_pose'][row], rtol=1e-6
        )
        np.testing.assert_allclose(sample['smpl_betas'], truth['betas'][row, None], rtol=1e-6)
        assert sample['has_smpl'].tolist() == [1]
        assert set(sample) - set(bare) == {'smpl_pose', 'smpl_betas', 'has_smpl'}


def test_reach_the_metrics(mannequins):
    pipeline = [
        {'type': 'StrictLoadImage'},
        {'type': 'GetBBoxCenterScale', 'padding': 1.0},
        {'type': 'TopdownAffine', 'input_size': (64, 64)},
        {'type': 'Pack3DPoseInputs'},
    ]
    dataset = DATASETS.build(config(mannequins, pipeline=pipeline, test_mode=True))
    truth = dataset[3]['data_samples'].gt_instances
    sample = dataset.get_data_info(3)
    for field in ('smpl_pose', 'smpl_betas', 'has_smpl'):
        np.testing.assert_array_equal(truth[field], sample[field])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'betas': None}, 'has no betas; it should be a file of SMPL parameters'),
        ({'betas': np.zeros((6, 16))}, r'betas should be numbers \(6, 10\), got float64 \(6, 16\)'),
        ({'body_pose': np.zeros((6, 72))}, r'body_pose should be numbers \(6, 69\)'),
        ({'global_orient': np.zeros((5, 3))}, r'got float64 \(5, 3\)'),
        ({'has_smpl': np.full(6, 2)}, r'has_smpl should be 0 or 1 .* values \[2\]'),
        ({'body_pose': np.full((6, 69), np.inf)}, r'row 0 \(val/0\.jpg\): body_pose should be fin'),
        ({'betas': np.full((6, 10), 1e4)}, r'row 0 .* betas should be finite and within 100'),
        ({'imgname': np.array([*NAMES[:5], NAMES[0]])}, r'val/0\.jpg is there 2 times'),
        ({'imgname': np.array([*NAMES[:5], '9.jpg'])}, r'lacks 1 of 6 images, such as val/5\.jpg'),
        ({'imgname': np.array(NAMES, dtype=object)}, 'no npz file of plain arrays'),
    ],
)
def test_refuses_a_broken_file(tmp_path, changes, message):
    path = write(tmp_path, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        read_parameters(path, NAMES)
    assert 'smpl.npz' in str(caught.value)


def test_refuses_several_people_of_an_image(tmp_path):
    with pytest.raises(ValueError, match=r'the annotations: the image val/1\.jpg is there 2'):
        read_parameters(write(tmp_path), [NAMES[1], NAMES[1]])


def test_refuses_a_missing_file(mannequins):
    with pytest.raises(FileNotFoundError, match=r'annotations/none\.npz'):
        DATASETS.build(config(mannequins, smpl_file='annotations/none.npz'))
