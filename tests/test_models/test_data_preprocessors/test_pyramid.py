import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.structures import PoseDataSample

from mmpose_ext.models import PyramidDataPreprocessor

COLOURS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
SIZES = [(16, 24), (8, 12), (32, 48)]


def images(size):
    return torch.randint(0, 256, (3, *size), dtype=torch.uint8)


def packed(*inputs):
    return pseudo_collate([dict(inputs=each, data_samples=PoseDataSample()) for each in inputs])


@pytest.mark.parametrize('batch', [1, 3])
def test_one_batch_for_each_scale(batch):
    pyramids = [[images(size) for size in SIZES] for _ in range(batch)]
    data = PyramidDataPreprocessor(**COLOURS)(packed(*pyramids))
    assert [scale.shape for scale in data['inputs']] == [(batch, 3, h, w) for h, w in SIZES]
    plain = PoseDataPreprocessor(**COLOURS)
    for scale, own in zip(data['inputs'], zip(*pyramids, strict=True), strict=True):
        assert torch.equal(scale, plain(packed(*own))['inputs'])
    assert len(data['data_samples']) == batch
    for sample in data['data_samples']:
        assert sample.batch_input_shape == sample.pad_shape == SIZES[0]


def test_single_images_as_in_mmpose():
    single = [images(SIZES[0]) for _ in range(2)]
    ours = PyramidDataPreprocessor(**COLOURS)(packed(*single), training=True)
    theirs = PoseDataPreprocessor(**COLOURS)(packed(*single), training=True)
    assert torch.equal(ours['inputs'], theirs['inputs'])
    assert ours['data_samples'][0].pad_shape == theirs['data_samples'][0].pad_shape


def test_mmposes_takes_no_pyramid():
    """Part of the third fault."""
    with pytest.raises(TypeError):
        PoseDataPreprocessor(**COLOURS)(packed([images(size) for size in SIZES]))
