"""PoSh heads whose body is not the mannequin as it is, or of which only the body is labelled."""

import numpy as np
import pytest
import torch
from posh_heads import BODY, CODEC, features, make_head, make_samples

from mmpose_ext.models.heads import posh_head

SMPL_LOSSES = ['joints3d', 'joints2d', 'vertices', 'pose', 'betas']


def test_bodies_are_relative_to_the_pelvis(displaced_body):
    head = make_head(body_model={'type': 'SMPLBody', 'model_path': displaced_body}).eval()
    same = make_head().eval()
    pose, betas = make_samples(1)[0].gt_instance_labels.smpl_pose, torch.zeros(1, 10)
    assert head.body_model(pose[:, :1], pose[:, 1:], betas).joints[0, 0].norm() > 0.2
    for moved, here in zip(head.body(pose, betas), same.body(pose, betas), strict=True):
        torch.testing.assert_close(moved, here, rtol=0, atol=1e-5)
    losses, expected = (each.loss(features(), make_samples()) for each in (head, same))
    for name in [f'loss_smpl_{name}' for name in SMPL_LOSSES]:
        torch.testing.assert_close(losses[name], expected[name], rtol=1e-4, atol=1e-6)


def test_fewer_betas():
    fewer = {'body_model': {**BODY, 'num_betas': 4}, 'decoder': {**CODEC, 'num_betas': 4}}
    head, samples = make_head(**fewer).eval(), make_samples()
    for sample in samples:
        labels = sample.gt_instance_labels
        labels.smpl_betas = labels.smpl_betas[:, :4]
    assert head.loss(features(), samples)['loss_smpl_betas'] > 0
    with torch.no_grad():
        assert head.predict(features(), samples)[0].smpl_betas.shape == (1, 4)
    with pytest.raises(ValueError, match='decoder is 10, that of the body_model 4'):
        make_head(body_model=fewer['body_model'])


def test_a_body_alone_is_learnt():
    """Without keypoints and 3D joints, of parameters alone."""
    samples = make_samples(2, ('smpl',))
    for sample in samples:
        labels = sample.gt_instance_labels
        for name in ('keypoint_weights', 'keypoint_depth_weights', 'part_weights'):
            labels.get(name)[:] = 0
        labels.joints_3d_weights[:] = 0
        labels.joints_3d[:] = np.nan
    head = make_head(joints_from_smpl=True)
    losses = head.loss(features(), samples)
    learnt = {name for name in SMPL_LOSSES if losses[f'loss_smpl_{name}'] > 0}
    assert learnt == {'joints3d', 'vertices', 'pose', 'betas'}
    for name in ('loss_smpl_joints2d', 'loss_coord', 'loss_heatmap', 'loss_hemlets'):
        assert losses[name] == 0, name
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    assert head.regressor.decoders['pose'].weight.grad.any()


def test_bodies_are_refined_to_the_volume_in_metres(monkeypatch):
    targets = []

    def fit(body, pose, betas, joints, *args, **options):
        targets.extend(joints.numpy())
        return pose, betas

    monkeypatch.setattr(posh_head, 'refine_smpl', fit)
    with torch.no_grad():
        found = make_head().eval().predict(features(), make_samples(), {'refine': {'steps': 1}})
    for joints, instances in zip(targets, found, strict=True):
        # Of a crop of 64 px and 2 m; depths are in mm.
        keypoints = instances.keypoints[0]
        expected = (keypoints - keypoints[0]) * (2 / 64, 2 / 64, 1e-3)
        np.testing.assert_allclose(joints, expected, atol=1e-5)


def test_agreement_moves_body_and_volume():
    loss = {'type': 'PoShLoss', 'consistency_weight': 1}
    head = make_head(feature_source='backbone', use_joints=False, loss=loss)
    head.loss(features(), make_samples())['loss_smpl_consistency'].backward()
    assert head.pose_head.volume_layers[-1].weight.grad.any()
    assert head.regressor.decoders['pose'].weight.grad.any()
