"""Small PoSh heads and what they learn from, for tests."""

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs import PoShLabel
from mmpose_ext.models import PoShHead
from mmpose_ext.skeletons import human36m18 as h36m

SMALL = {'input_size': (64, 64), 'heatmap_size': (16, 16), 'depth_size': 16}
CODEC = {'type': 'PoShLabel', **SMALL}
BODY = {'type': 'SMPLBody', 'model_path': 'mannequin-coarse'}
POSE_HEAD = {
    'type': 'HEMletsHead',
    'in_channels': 8,
    'heatmap_size': (16, 16),
    'depth_size': 16,
    'deconv_out_channels': (8, 8),
    'feature_channels': 16,
    'encoder_channels': 8,
    'tail_channels': 16,
}
REGRESSOR = {'conv_channels': (16,), 'hidden_channels': 32, 'dropout': 0.0}


def make_head(regressor=None, **options):
    """A narrow head for feature maps of 4x4, whose volume and regressor move."""
    torch.manual_seed(0)
    options = {'pose_head': POSE_HEAD, 'body_model': BODY, 'decoder': CODEC, **options}
    head = PoShHead(regressor={**REGRESSOR, **(regressor or {})}, **options)
    head.pose_head.volume_layers[-1].weight.data.mul_(10)
    for decoder in head.regressor.decoders.values():
        decoder.weight.data.mul_(50)
    return head


def make_samples(batch=2, kinds=('smpl', '3d', '2d')):
    """Samples with the labels of the given kinds, in turn: all, no SMPL, 2D joints alone."""
    rng, codec = np.random.default_rng(0), PoShLabel(**SMALL)
    samples = []
    for i in range(batch):
        kind = kinds[i % len(kinds)]
        keypoints = rng.uniform((4, 4, -400), (60, 60, 400), (1, 18, 3)).astype(np.float32)
        labels = {}
        if kind != '2d':
            labels['lifting_target'] = rng.normal(0, 0.3, (1, 18, 3))
        if kind == 'smpl':
            labels['smpl_pose'] = rng.normal(0, 0.3, (1, 24, 3))
            labels['smpl_betas'] = rng.normal(0, 1, (1, 10))
        points = keypoints[..., :2] if kind == '2d' else keypoints
        encoded = codec.encode(points, np.ones((1, 18)), **labels)
        sample = PoseDataSample(
            metainfo={
                'flip_indices': list(h36m.FLIP_INDICES),
                'input_size': (64, 64),
                'input_center': np.array([300.0, 200.0]),
                'input_scale': np.array([128.0, 128.0]),
            }
        )
        names = codec.label_mapping_table
        sample.gt_instance_labels = InstanceData(**{n: encoded[n] for n in names}).to_tensor()
        names = codec.field_mapping_table
        sample.gt_fields = PixelData(**{n: encoded[n] for n in names}).to_tensor()
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4), np.float32), bbox_scores=np.ones(1, np.float32)
        )
        samples.append(sample)
    return samples


def features(batch=2, seed=0):
    return (torch.randn(batch, 8, 4, 4, generator=torch.Generator().manual_seed(seed)),)
