"""What of a 3D sample reaches the metrics and the pictures."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import DATASETS, TRANSFORMS

from mmpose_ext.datasets.transforms import Pack3DPoseInputs

CAMERA_KEYS = ('target_img_path', 'focal', 'principal_pt', 'mm_per_px', 'gravity')
TRUTH = ('lifting_target', 'lifting_target_visible')


@pytest.fixture
def sample(mannequins):
    """A mannequin, cropped, as it reaches the last step of a pipeline."""
    init_default_scope('mmpose')
    dataset = {
        'type': 'Human36mImageDataset',
        'ann_file': 'annotations/h36m_val.npz',
        'camera_param_file': 'annotations/cameras.pkl',
        'data_root': str(mannequins),
        'data_prefix': {'img': 'images/'},
        'world_up': 'y',
        'weak_labels': 'polarity',
        'pipeline': [
            {'type': 'StrictLoadImage'},
            {'type': 'GetBBoxCenterScale', 'padding': 1.0},
            {'type': 'TopdownAffine', 'input_size': (64, 48)},
        ],
        'test_mode': True,
    }
    return DATASETS.build(dataset)[3]


def test_keeps_the_truth_and_the_camera(sample):
    packed = TRANSFORMS.build({'type': 'Pack3DPoseInputs'})(sample)
    assert packed['inputs'].shape == (3, 48, 64)
    assert packed['inputs'].dtype == torch.uint8
    truth, meta = packed['data_samples'].gt_instances, packed['data_samples'].metainfo
    for key in (*TRUTH, 'part_polarity'):
        np.testing.assert_array_equal(truth[key], sample[key])
    assert truth.lifting_target.shape == (1, 18, 3)
    assert truth.part_polarity.shape == (1, 14)
    for key in CAMERA_KEYS:
        np.testing.assert_array_equal(meta[key], sample[key])


def test_packs_all_else_as_mmpose_does(sample):
    ours, stock = (pack(sample) for pack in (Pack3DPoseInputs(), PackPoseInputs()))
    assert torch.equal(ours['inputs'], stock['inputs'])
    ours, stock = ours['data_samples'], stock['data_samples']
    assert set(ours.gt_instances.keys()) == {*stock.gt_instances.keys(), *TRUTH, 'part_polarity'}
    for key, value in stock.gt_instances.items():
        np.testing.assert_array_equal(ours.gt_instances[key], value)
    assert set(ours.metainfo_keys()) == {*stock.metainfo_keys(), *CAMERA_KEYS}
    for key, value in stock.metainfo.items():
        np.testing.assert_array_equal(ours.metainfo[key], value)


def test_leaves_out_what_a_photograph_lacks(sample):
    """``inference_topdown`` gives an image and a box: no camera, no truth."""
    unknown = (*TRUTH, *CAMERA_KEYS, 'part_polarity', 'keypoints', 'keypoints_visible')
    packed = Pack3DPoseInputs()({k: v for k, v in sample.items() if k not in unknown})
    data_sample = packed['data_samples']
    assert not set(unknown) & {*data_sample.gt_instances.keys(), *data_sample.metainfo_keys()}
    np.testing.assert_array_equal(data_sample.gt_instances.bboxes, sample['bbox'])
    np.testing.assert_array_equal(data_sample.input_scale, sample['input_scale'])


def test_meta_keys_can_be_chosen(sample):
    pack = Pack3DPoseInputs(meta_keys=['id', 'gravity'], pack_transformed=True)
    data_sample = pack(sample)['data_samples']
    assert set(data_sample.metainfo_keys()) == {'id', 'gravity'}
    np.testing.assert_array_equal(
        data_sample.gt_instances.transformed_keypoints, sample['transformed_keypoints']
    )
