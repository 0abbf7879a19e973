"""Small HigherHRNet and SWAHR heads, what they read and what they learn from, for tests."""

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import MultilevelPixelData, PoseDataSample

from mmpose_ext.codecs.multi_resolution_ae import MultiResolutionAssociativeEmbedding
from mmpose_ext.models import HigherHRNetHead, SWAHRHead

# Three keypoints, of which the last two are a pair; input 64x64 (w, h), trunk of stride 4.
FLIP = [0, 2, 1]
CODEC = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(64, 64),
    heatmap_sizes=((16, 16), (32, 32)),
)
HEADS = [HigherHRNetHead, SWAHRHead]


def make_head(head_type=HigherHRNetHead, **options):
    """A narrow head, whose layers all make a difference."""
    options = (
        dict(in_channels=8, num_keypoints=3, deconv_out_channels=(8,), num_blocks=1, decoder=CODEC)
        | options
    )
    head = head_type(**options)
    for name, parameter in head.named_parameters():
        if 'conv_scale' in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return head


def features(batch=2, size=(16, 16), channels=8):
    """A trunk's feature map for images of four times the size, (w, h)."""
    return (torch.randn(batch, channels, size[1], size[0]),)


def make_samples(people=(2, 3), size=(64, 64)):
    """Samples with the targets of so many people and a mask that hides the upper left."""
    rng = np.random.default_rng(0)
    codec = MultiResolutionAssociativeEmbedding(**{k: v for k, v in CODEC.items() if k != 'type'})
    samples = []
    for count in people:
        keypoints = rng.uniform(4, 60, (count, 3, 2)).astype(np.float32)
        encoded = codec.encode(keypoints, np.ones((count, 3), dtype=np.float32))
        masks = [np.ones((1, h, w), dtype=np.float32) for w, h in codec.heatmap_sizes]
        for mask in masks:
            mask[:, : mask.shape[1] // 2, : mask.shape[2] // 2] = 0
        sample = PoseDataSample(
            metainfo=dict(
                input_size=size,
                input_center=np.array(size, dtype=np.float32),
                input_scale=2 * np.array(size, dtype=np.float32),
                flip_indices=FLIP,
            )
        )
        fields = MultilevelPixelData(heatmaps=encoded['heatmaps'], heatmap_mask=masks)
        sample.gt_fields = fields.to_tensor()
        sample.gt_instance_labels = InstanceData(
            keypoint_indices=torch.from_numpy(encoded['keypoint_indices'])
        )
        samples.append(sample)
    return samples
