"""Poses, cameras, flow and losses agree: what the mannequins' simulator and EventHPE must share."""

import pytest
import torch
from event_clips import BODY
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from mmpose_ext.models.heads.event_batch import EventBatch, gather_start
from mmpose_ext.models.heads.shape_variation_head import project_steps
from mmpose_ext.models.losses import FlowCoherenceLoss
from mmpose_ext.synthetic.event_dataset import EventRequest, write_event_dataset

STEPS = 8


@pytest.fixture(scope='module')
def truth(tmp_path_factory):
    """Of two test clips: labels, true flow, the true bodies' vertices in px and their depth."""
    init_default_scope('mmpose')
    root = tmp_path_factory.mktemp('event_mannequins') / 'data'
    write_event_dataset(root, EventRequest(num_train=1, num_test=2))
    pipeline = [
        dict(type='SampleClipSteps'),
        dict(type='LoadEventFrames', channels=8),
        dict(type='LoadEventFlow', source='true'),
        dict(type='LoadClipPoses'),
        dict(type='PackEventInputs'),
    ]
    settings = dict(type='MMHPSDataset', data_root=str(root), ann_file='test.json', mode='shape')
    dataset = DATASETS.build(dict(settings, pipeline=pipeline, test_mode=True))
    items = [dataset[index] for index in range(len(dataset))]
    samples = [item['data_samples'] for item in items]
    flow = torch.stack([item['inputs']['flow'] for item in items])

    head = MODELS.build(dict(type='ShapeVariationHead', in_channels=4, body_model=BODY))
    labels = EventBatch.gather(samples, STEPS, flow.device)
    start = gather_start(samples, flow.device)
    rotmats = torch.cat([start['rotmats'][:, None], labels.rotmats], 1)
    transl = torch.cat([start['transl'][:, None], labels.transl], 1)
    body = head.pose_body(rotmats, start['betas'], transl)
    pixels = project_steps(body.vertices, labels.focal, labels.principal_pt)
    return labels, body.joints[:, 1:], pixels, body.vertices[..., 2], flow


def test_labels_are_those_of_our_body(truth):
    """Joints to 0.01 mm, keypoints to 0.001 px."""
    labels, joints, *_ = truth
    torch.testing.assert_close(joints, labels.joints_cam, atol=1e-5, rtol=0)
    keypoints = project_steps(joints, labels.focal, labels.principal_pt)
    torch.testing.assert_close(keypoints, labels.keypoints, atol=1e-3, rtol=0)


def test_true_motion_is_coherent_with_true_flow(truth):
    """What is seen moves as the flow says; what is hidden spoils it; to go back is the worst."""
    *_, pixels, depth, flow = truth
    options = dict(threshold=1.0, reduction='valid', sample='exact')
    seen = FlowCoherenceLoss(visible_only=True, **options)
    assert seen(pixels, depth, flow) < 0.03
    assert seen(pixels, depth, flow) < 0.5 * FlowCoherenceLoss(**options)(pixels, depth, flow)
    assert FlowCoherenceLoss(**options)(pixels, depth, flow) < 0.3
    still = pixels[:, :1].expand_as(pixels)
    assert seen(still, depth, flow).item() == pytest.approx(1, abs=1e-6)
    back = 2 * pixels[:, :1] - pixels  # of the first step only: later ones are read elsewhere
    assert seen(back[:, :2], depth[:, :2], flow[:, :1]) > 1.9


def test_descent_on_the_coherence_finds_the_way(truth):
    """The gradient moves a body that stands still the way that the true one went."""
    _, _, pixels, depth, flow = truth
    moving = pixels[:, :1].expand_as(pixels).clone().requires_grad_()
    options = dict(threshold=1.0, sample='exact', visible_only=True)
    loss = FlowCoherenceLoss(detach_previous=True, **options)
    loss(moving, depth, flow).backward()
    # From the start on the first step is the only one whose flow belongs to where the body is.
    push, motion = -moving.grad[:, 1], pixels[:, 1] - pixels[:, 0]
    counted = push.norm(dim=-1) > 0
    cosine = torch.cosine_similarity(push[counted], motion[counted], dim=-1)
    assert counted.sum() > 50
    assert cosine.mean() > 0.95
