"""A small EventHPE and clips for it: random event frames with the labels of the mannequin."""

from typing import ClassVar

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.body_models import SMPLBody
from mmpose_ext.models.body_models.cameras import project_perspective
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix

BODY = dict(type='SMPLBody', model_path='mannequin-coarse')
FLOW_NET = dict(type='EventFlowNet', in_channels=8, base_channels=4, max_flow=8.0)
LOSS = dict(type='EventPoseLoss', coherence_loss=dict(scale_threshold=True, min_motion=0.1))
SIZE, CHANNELS, WIDTH = 32, 8, 16
STEPS = 3
FOCAL, CENTER = 1679.3 * SIZE / 1280, 641 * SIZE / 1280
_FACING = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


def small_event_hpe(head=None, **options):
    """Config of an EventHPE with a narrow backbone; ``head`` and the rest override."""
    options = dict(flow_net=FLOW_NET, state_from='start') | options
    inputs = CHANNELS + 2 * options.get('flow_input', True)
    backbone = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, norm_eval=True)
    features = 8 * 8
    head = dict(loss=LOSS) | (head or {})
    return dict(
        type='EventHPE',
        backbone=dict(backbone, in_channels=inputs, style='pytorch'),
        neck=dict(type='TemporalGRU', in_channels=features, hidden_channels=WIDTH),
        head=dict(type='ShapeVariationHead', in_channels=WIDTH, body_model=BODY, **head),
        data_preprocessor=dict(type='mmpose.EventDataPreprocessor'),
        **options,
    )


def flowing(model):
    """Draw a flow network whose flow is long enough to count."""
    torch.manual_seed(3)
    if model.flow_net is not None:
        torch.nn.init.normal_(model.flow_net.flows[-1].conv_block[0].weight, std=1e3)
    return model


def lively(model, std=0.05):
    """Draw the head's layers such that bodies move."""
    torch.manual_seed(3)
    for name, weight in model.head.named_parameters():
        if name.endswith('weight'):
            torch.nn.init.normal_(weight, std=std)
    return model


def lively_event_hpe(**options):
    """An EventHPE that can be asked for predictions, and whose bodies move."""
    torch.manual_seed(0)
    model = MODELS.build(small_event_hpe(**dict(state_from='zeros') | options))
    return lively(model.eval(), std=0.2)


def clip_inputs(batch=2, steps=4, seed=0):
    """Event frames (B, T, 8, H, W) of 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(batch, steps, CHANNELS, SIZE, SIZE, generator=generator)
    return dict(events=(frames < 0.1).float())


def clip_poses(steps, seed=0):
    """Poses of ``steps`` successive times: rotmats, transl, betas, joints_cam, keypoints."""
    generator = torch.Generator().manual_seed(seed)
    turns = (
        torch.randn(1, 24, 3, generator=generator) * torch.linspace(0, 0.2, steps)[:, None, None]
    )
    rotmats = axis_angle_to_matrix(turns)
    rotmats[:, 0] = rotmats[:, 0] @ _FACING
    transl = torch.tensor([0.0, 0.2, 3.0]) + torch.linspace(0, 0.1, steps)[:, None]
    betas = torch.randn(10, generator=generator).expand(steps, 10).clone()
    body = SMPLBody('mannequin-coarse', joints='smpl24')
    joints = body(rotmats[:, :1], rotmats[:, 1:], betas, transl).joints
    keypoints = project_perspective(joints, FOCAL, torch.full((steps, 2), CENTER))
    return dict(rotmats=rotmats, transl=transl, betas=betas, joints_cam=joints, keypoints=keypoints)


def clip_samples(batch=2, steps=4, labelled=True, recordings=None, first=0):
    """Samples as ``PackEventInputs`` gives them."""
    samples = []
    for index in range(batch):
        poses = clip_poses(steps + 1, seed=index)
        sample = PoseDataSample()
        truth = {name: value[1:] for name, value in poses.items()}
        flags = torch.full((steps,), float(labelled))
        sample.gt_instances = InstanceData(**truth, has_smpl=flags, has_joints=flags.clone())
        names = ('rotmats', 'transl', 'betas')
        sample.start = InstanceData(**{name: poses[name][:1] for name in names})
        sample.set_metainfo(
            dict(
                id=index,
                recording=recordings[index] if recordings else f'walk{index}',
                frame_ids=[first + 2 * step for step in range(steps + 1)],
                img_shape=(SIZE, SIZE),
                focal=np.array([FOCAL, FOCAL], dtype=np.float32),
                principal_pt=np.array([CENTER, CENTER], dtype=np.float32),
                fps=15.0,
            )
        )
        samples.append(sample)
    return samples


def standing():
    """A start: a person who stands 3 m ahead and faces the camera."""
    rotmats = torch.eye(3).repeat(1, 24, 1, 1)
    rotmats[:, 0] = _FACING
    return dict(rotmats=rotmats, transl=torch.tensor([[0.0, 0.0, 3.0]]), betas=torch.zeros(1, 10))


def clip(seed=0, recording='walk', labelled=True):
    """What a dataset gives of a clip of 3 steps: inputs and a sample."""
    (sample,) = clip_samples(1, STEPS, labelled, [recording])
    sample.set_metainfo(dict(id=seed))
    events = clip_inputs(1, STEPS, seed)['events'][0]
    return dict(inputs=dict(events=events.to(torch.uint8)), data_samples=sample)


class Clips:
    """A dataset of such clips."""

    metainfo: ClassVar = dict(dataset_name='noise')

    def __init__(self, count=2):
        self.items = [clip(seed) for seed in range(count)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]
