"""Small HEMlets heads, what they read and what they learn from, for tests."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.models import HEMletsHead
from mmpose_ext.skeletons import human36m18 as h36m

FLIP = list(h36m.FLIP_INDICES)
SMALL = {'input_size': (64, 64), 'heatmap_size': (16, 16), 'depth_size': 16}
CODEC = {'type': 'HEMletsLabel', **SMALL}
# Which maps there are; the channels of the branch that makes them.
ABLATIONS = {
    'full': ({}, 60),
    'HEMlets only': ({'use_heatmap2d': False}, 42),
    '2D only': ({'use_hemlets': False}, 18),
    'integral': ({'use_hemlets': False, 'use_heatmap2d': False}, 0),
}
ablations = pytest.mark.parametrize('ablation', ABLATIONS)


def make_head(**options):
    """A narrow head for feature maps of 4x4, with weights that move the coordinates."""
    options = {
        'in_channels': 8,
        'heatmap_size': (16, 16),
        'depth_size': 16,
        'deconv_out_channels': (8, 8),
        'feature_channels': 16,
        'encoder_channels': 8,
        'tail_channels': 16,
        'decoder': CODEC,
        **options,
    }
    head = HEMletsHead(**options)
    head.volume_layers[-1].weight.data.mul_(10)
    return head


def features(batch=3):
    return (torch.randn(batch, 8, 4, 4),)


def make_samples(batch=3, kinds=('3d', 'polarity', '2d')):
    """Samples of the given kinds, in turn."""
    rng, codec = np.random.default_rng(0), HEMletsLabel(**SMALL)
    samples = []
    for i in range(batch):
        keypoints = rng.uniform((4, 4, -400), (60, 60, 400), (1, 18, 3)).astype(np.float32)
        polarity = rng.integers(-1, 2, (1, 14)) if kinds[i % len(kinds)] == 'polarity' else None
        visible = (rng.random((1, 18)) < 0.8).astype(np.float32)
        visible[0, 0] = 1
        dims = 3 if kinds[i % len(kinds)] == '3d' else 2
        encoded = codec.encode(keypoints[..., :dims], visible, part_polarity=polarity)
        sample = PoseDataSample(
            metainfo={
                'flip_indices': FLIP,
                'input_size': (64, 64),
                'input_center': np.array([300.0, 200.0]),
                'input_scale': np.array([128.0, 128.0]),
            }
        )
        labels = {name: encoded[name] for name in codec.label_mapping_table}
        sample.gt_instance_labels = InstanceData(**labels).to_tensor()
        fields = {name: encoded[name] for name in codec.field_mapping_table}
        sample.gt_fields = PixelData(**fields).to_tensor()
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4), np.float32), bbox_scores=np.ones(1, np.float32)
        )
        samples.append(sample)
    return samples
