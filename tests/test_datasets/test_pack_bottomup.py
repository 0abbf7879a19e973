import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.registry import TRANSFORMS


def picture(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


def sample(**changes):
    return (
        dict(
            img=picture(16, 24),
            img_id=7,
            ori_shape=(32, 48),
            input_size=(24, 16),
            flip_indices=[0, 2, 1],
            keypoints=np.zeros((2, 3, 2), dtype=np.float32),
        )
        | changes
    )


def test_packs_a_pyramid():
    pyramid = [picture(16, 24), picture(8, 12), picture(32, 48)]
    # MMPose's stacks the images.
    with pytest.raises(RuntimeError, match='equal size'):
        PackPoseInputs()(sample(img=pyramid))
    transform = TRANSFORMS.build(dict(type='PackBottomupInputs'))
    packed = transform(sample(img=pyramid, aug_scales=[0.5, 2]))
    for tensor, image in zip(packed['inputs'], pyramid, strict=True):
        assert torch.equal(tensor, torch.from_numpy(image).permute(2, 0, 1))
    metainfo = packed['data_samples'].metainfo
    assert metainfo['aug_scales'] == [0.5, 2]
    assert metainfo['input_size'] == (24, 16)
    assert metainfo['flip_indices'] == [0, 2, 1]
    assert packed['data_samples'].gt_instances.keypoints.shape == (2, 3, 2)


def test_packs_one_image_as_mmpose():
    ours = TRANSFORMS.build(dict(type='PackBottomupInputs'))(sample())
    theirs = PackPoseInputs()(sample())
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert ours['data_samples'].metainfo == theirs['data_samples'].metainfo
