"""HEMlets' head taken apart: what the benchmark times of it on its own."""

import copy

import numpy as np
import torch
from hemlets_loops import person
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.models import HEMletsHead


def head_samples(batch: int, device: str) -> list[PoseDataSample]:
    """A batch of people with the codec's labels."""
    rng, codec, samples = np.random.default_rng(0), HEMletsLabel(), []
    for _ in range(batch):
        encoded = codec.encode(**person(rng))
        sample = PoseDataSample()
        labels = {name: encoded[name] for name in codec.label_mapping_table}
        sample.gt_instance_labels = InstanceData(**labels).to_tensor()
        fields = {name: encoded[name] for name in codec.field_mapping_table}
        sample.gt_fields = PixelData(**fields).to_tensor()
        samples.append(sample.to(device))
    return samples


def layers_forward(head: HEMletsHead, feats: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """The volume, as channels, and the maps."""
    maps = head.hemlets_branch(feats)
    fused = torch.cat([head.feature_branch(feats), head.hemlets_encoder(maps)], dim=1)
    return head.volume_layers(fused), maps


def without_norms(head: HEMletsHead) -> HEMletsHead:
    """A copy that has the convolutions only."""
    head = copy.deepcopy(head)
    for parent in list(head.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d | nn.ReLU):
                setattr(parent, name, nn.Identity())
    return head
