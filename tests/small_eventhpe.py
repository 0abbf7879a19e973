"""EventHPE's second stage, small enough for tests, on the coarse mannequin, and clips of noise."""

from typing import ClassVar

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

BODY = dict(type='SMPLBody', model_path='mannequin-coarse')
STEPS, CHANNELS, SIDE = 3, 8, 32


def small_eventhpe(**options):
    """Its config."""
    model = dict(
        type='EventHPE',
        data_preprocessor=dict(type='EventDataPreprocessor'),
        flow_net=dict(type='EventFlowNet', base_channels=4, max_flow=8.0),
        backbone=dict(type='ResNet', depth=18, base_channels=8, in_channels=10, style='pytorch'),
        neck=dict(type='TemporalGRU', in_channels=64, hidden_channels=64),
        head=dict(
            type='ShapeVariationHead', in_channels=64, body_model=BODY, output_scale=0.1, loss=None
        ),
    )
    return model | options


def lively(config):
    """The model, its head drawn at random such that bodies move."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    for layer in (model.head.decpose, model.head.dectrans):
        torch.nn.init.normal_(layer.weight, std=0.5)
    return model.eval()


def standing():
    """A person who stands 3 m ahead and faces the camera."""
    rotmats = torch.eye(3).repeat(1, 24, 1, 1)
    rotmats[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    return dict(rotmats=rotmats, transl=torch.tensor([[0.0, 0.0, 3.0]]), betas=torch.zeros(1, 10))


def clip(seed=0, recording='walk', labelled=True):
    """What a dataset gives: inputs and a sample; the true body stands still."""
    rng = np.random.default_rng(seed)
    events = rng.random((STEPS, CHANNELS, SIDE, SIDE)) < 0.05
    start = standing()
    truth = {name: value.expand(STEPS, *value.shape[1:]) for name, value in start.items()}
    truth |= dict(joints_cam=torch.zeros(STEPS, 24, 3), keypoints=torch.zeros(STEPS, 24, 2))
    weights = torch.full((STEPS,), float(labelled))
    sample = PoseDataSample(
        gt_instances=InstanceData(**truth, has_smpl=weights, has_joints=weights),
        metainfo=dict(
            recording=recording,
            frame_ids=list(range(0, 2 * STEPS + 1, 2)),
            img_shape=(SIDE, SIDE),
            focal=np.array([42.0, 42.0], np.float32),
            principal_pt=np.array([15.5, 15.5], np.float32),
            id=seed,
            fps=15.0,
        ),
    )
    sample.set_field(InstanceData(**start), 'start', dtype=InstanceData)
    inputs = dict(events=torch.from_numpy(events.astype(np.uint8)))
    return dict(inputs=inputs, data_samples=sample)


class Clips:
    """A dataset of clips of noise."""

    metainfo: ClassVar = dict(dataset_name='noise')

    def __init__(self, count=2):
        self.items = [clip(seed) for seed in range(count)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]
