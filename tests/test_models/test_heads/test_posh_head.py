import copy

import numpy as np
import pytest
import torch
from mmengine.runner import save_checkpoint
from mmpose.registry import MODELS
from posh_heads import BODY, CODEC, POSE_HEAD, REGRESSOR, features, make_head, make_samples
from torch import nn

from mmpose_ext.models import HEMletsHead, PoShHead
from mmpose_ext.models.body_models.cameras import project_weak_perspective
from mmpose_ext.models.body_models.rotations import mirror_smpl_pose

ARRAYS = {
    'smpl_pose': (1, 24, 3, 3),
    'smpl_betas': (1, 10),
    'smpl_camera': (1, 3),
    'smpl_joints': (1, 18, 3),
}
POSE_LOSSES = {'loss_coord', 'loss_heatmap', 'loss_hemlets'}
SMPL_LOSSES = {
    f'loss_smpl_{name}' for name in ('joints3d', 'joints2d', 'vertices', 'pose', 'betas')
}
INPUTS = {
    'both': {},
    'backbone': {'feature_source': 'backbone'},
    'features alone': {'use_joints': False},
    'joints alone': {'feature_source': None},
}
inputs = pytest.mark.parametrize('options', INPUTS.values(), ids=INPUTS)


def total(losses):
    return sum(value for name, value in losses.items() if name.startswith('loss'))


# What it reads.


@inputs
def test_forward(options):
    pred = make_head(**options)(features(3))
    shapes = {name: tuple(value.shape) for name, value in pred.items()}
    assert shapes == {
        'coords': (3, 18, 3),
        'maps': (3, 60, 16, 16),
        'features': (3, 24, 16, 16),
        'pose': (3, 24, 3, 3),
        'betas': (3, 10),
        'camera': (3, 3),
    }


@inputs
def test_the_regressor_reads_what_it_is_told_to(options):
    head = make_head(**options).eval()
    feats = features()
    pred = head(feats)
    source = {'fused': pred['features'], 'backbone': feats[-1], None: None}[head.feature_source]
    expected = head.regressor(source, pred['coords'] if head.use_joints else None)
    for name, value in expected.items():
        torch.testing.assert_close(pred[name], value)


def test_the_pose_is_that_of_hemlets():
    head = make_head().eval()
    plain = HEMletsHead(**{k: v for k, v in POSE_HEAD.items() if k != 'type'}, decoder=CODEC)
    plain.load_state_dict(head.pose_head.state_dict())
    plain.eval()
    torch.testing.assert_close(plain(features())['coords'], head(features())['coords'])
    ours = head.predict(features(), make_samples())
    theirs = plain.predict(features(), make_samples())
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
        np.testing.assert_array_equal(a.keypoint_scores, b.keypoint_scores)


def test_checkpoints_hold_no_body():
    head = make_head()
    assert not [name for name in head.state_dict() if name.startswith('body_model')]
    assert not list(head.body_model.parameters())


def test_a_checkpoint_of_hemlets_enters(tmp_path):
    source = make_head().pose_head
    model = nn.ModuleDict({'head': source})
    save_checkpoint({'state_dict': model.state_dict()}, str(tmp_path / 'hemlets.pth'))
    pretrained = {
        'type': 'Pretrained',
        'checkpoint': str(tmp_path / 'hemlets.pth'),
        'prefix': 'head.',
    }
    torch.manual_seed(1)
    head = PoShHead({**POSE_HEAD, 'init_cfg': pretrained}, BODY, REGRESSOR, decoder=CODEC)
    head.init_weights()
    for name, value in source.state_dict().items():
        torch.testing.assert_close(head.pose_head.state_dict()[name], value)


# Losses.


def test_losses_and_gradients():
    head = make_head(loss={'type': 'PoShLoss', 'consistency_weight': 1})
    losses = head.loss(features(), make_samples())
    assert losses.keys() == (
        POSE_LOSSES | SMPL_LOSSES | {'loss_smpl_consistency', 'acc_pose', 'mpjpe', 'mpjpe_smpl'}
    )
    assert all(value.isfinite() and value > 0 for value in losses.values() if value.requires_grad)
    total(losses).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad.isfinite().all(), name


def test_values_of_the_losses():
    """The losses of a sample, written out."""
    head, samples = make_head().eval(), make_samples(1)
    losses, pred = head.loss(features(1), samples), head(features(1))
    labels = samples[0].gt_instance_labels
    output = head.body_model(pred['pose'][:, :1], pred['pose'][:, 1:], pred['betas'])
    truth = head.body_model(labels.smpl_pose[:, :1], labels.smpl_pose[:, 1:], labels.smpl_betas)
    joints = output.joints - output.joints[:, :1]
    projected = project_weak_perspective(joints, pred['camera'])
    shape = (output.vertices - output.joints[:, :1]) - (truth.vertices - truth.joints[:, :1])
    smooth = nn.functional.smooth_l1_loss
    expected = {
        'joints3d': 100 * smooth(joints, labels.joints_3d),
        'joints2d': 10 * smooth(projected, 2 * labels.keypoint_labels[..., :2]),
        'vertices': 2 * shape.abs().mean(),
        'pose': 3 * (pred['pose'] - labels.smpl_pose).square().mean(),
        'betas': 0.02 * (pred['betas'] - labels.smpl_betas).square().mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[f'loss_smpl_{name}'], value)
    error = 1000 * (joints - labels.joints_3d).norm(dim=-1).mean()
    torch.testing.assert_close(losses['mpjpe_smpl'], error)


def test_consistency_pulls_body_and_volume_together():
    head = make_head(loss={'type': 'PoShLoss', 'consistency_weight': 1}).eval()
    samples = make_samples(2)
    samples[0].gt_instance_labels.volume_span[:] = 1.5
    loss = head.loss(features(), samples)['loss_smpl_consistency']
    pred = head(features())
    joints = head.body(pred['pose'], pred['betas'])[1][:, :17]
    volume = (pred['coords'] - pred['coords'][:, :1])[:, :17]
    difference = joints / torch.tensor([1.5, 2.0]).view(2, 1, 1) - volume
    torch.testing.assert_close(loss, difference.abs().mean())


@pytest.mark.parametrize('detach', [False, True])
def test_detached_joints(detach):
    head = make_head(feature_source=None, detach_joints=detach, pose_loss_weight=0)
    losses = head.loss(features(), make_samples())
    assert losses.keys() == {*SMPL_LOSSES, 'mpjpe_smpl'}
    total(losses).backward()
    grad = head.pose_head.volume_layers[-1].weight.grad
    assert (grad is None) == detach


def test_weight_of_the_pose_losses():
    full, half = (
        make_head(pose_loss_weight=weight).eval().loss(features(), make_samples())
        for weight in (1.0, 0.5)
    )
    for name in POSE_LOSSES:
        torch.testing.assert_close(half[name], full[name] / 2)
    torch.testing.assert_close(half['mpjpe'], full['mpjpe'])


@pytest.mark.parametrize('feature_source', ['fused', 'backbone'])
def test_a_frozen_pose_head_does_not_learn(feature_source):
    head = make_head(freeze_pose_head=True, feature_source=feature_source).train()
    before = copy.deepcopy(head.pose_head.state_dict())
    feats = [value.requires_grad_() for value in features()]
    losses = head.loss(feats, make_samples())
    assert losses.keys() == {*SMPL_LOSSES, 'mpjpe_smpl'}
    total(losses).backward()
    assert feats[0].grad is None
    assert not [name for name, p in head.pose_head.named_parameters() if p.grad is not None]
    assert all(p.grad is not None for p in head.regressor.parameters())
    for name, value in head.pose_head.state_dict().items():
        torch.testing.assert_close(value, before[name])
    assert head.regressor.training
    assert not head.pose_head.training


@pytest.mark.parametrize('kind', ['2d', '3d', 'smpl'])
def test_missing_labels_give_exactly_no_loss(kind):
    """Golden case 34 behind the network: only what is labelled counts."""
    head = make_head(pose_loss_weight=0)
    losses = head.loss(features(), make_samples(2, (kind,)))
    labelled = {
        '2d': {'joints2d'},
        '3d': {'joints2d', 'joints3d'},
        'smpl': {'joints2d', 'joints3d', 'vertices', 'pose', 'betas'},
    }[kind]
    found = {name for name in SMPL_LOSSES if losses[name] != 0}
    assert found == {f'loss_smpl_{name}' for name in labelled}
    missing = [losses[name] for name in SMPL_LOSSES - found]
    if missing:
        for grad in torch.autograd.grad(sum(missing), head.regressor.parameters()):
            assert not grad.any()


def test_mixed_batches_learn_from_what_each_sample_has():
    head, samples = make_head().eval(), make_samples(3)
    losses = head.loss(features(3), samples)
    feats = features(3)
    alone = head.loss((feats[0][:1],), samples[:1])
    for name in ('vertices', 'pose', 'betas'):
        torch.testing.assert_close(losses[f'loss_smpl_{name}'], alone[f'loss_smpl_{name}'])
    pairs = head.loss((feats[0][:2],), samples[:2])
    torch.testing.assert_close(losses['loss_smpl_joints3d'], pairs['loss_smpl_joints3d'])


def test_joints_of_the_body_instead_of_measured_ones():
    samples = make_samples(2, ('smpl', '3d'))
    head = make_head(joints_from_smpl=True).eval()
    with torch.no_grad():
        labels = samples[0].gt_instance_labels
        joints = head.body(labels.smpl_pose, labels.smpl_betas)[1]
    expected = copy.deepcopy(samples)
    expected[0].gt_instance_labels.joints_3d = joints
    losses = head.loss(features(), samples)
    truth = make_head().eval().loss(features(), expected)
    torch.testing.assert_close(losses['loss_smpl_joints3d'], truth['loss_smpl_joints3d'])
    torch.testing.assert_close(losses['mpjpe_smpl'], truth['mpjpe_smpl'])


def test_learns_a_body():
    """The joints' error of two samples falls to a tenth."""
    head = make_head(pose_loss_weight=0, joints_from_smpl=True)
    samples = make_samples(2, ('smpl',))
    optimizer = torch.optim.Adam(head.regressor.parameters(), lr=3e-3)
    errors = []
    for _ in range(80):
        losses = head.loss(features(), samples)
        optimizer.zero_grad()
        total(losses).backward()
        optimizer.step()
        errors.append(losses['mpjpe_smpl'].item())
    assert errors[-1] < 0.1 * errors[0], errors[::20]


# Predictions.


@pytest.mark.parametrize('flip_test', [False, True])
@pytest.mark.parametrize('output_heatmaps', [False, True])
def test_predictions(flip_test, output_heatmaps):
    head = make_head().eval()
    feats = [features(), features(seed=1)] if flip_test else features()
    test_cfg = {'flip_test': flip_test, 'output_heatmaps': output_heatmaps}
    with torch.no_grad():
        preds = head.predict(feats, make_samples(), test_cfg)
    if output_heatmaps:
        preds, fields = preds
        assert fields[0].heatmaps.shape == (18, 16, 16)
    assert len(preds) == 2
    for pred in preds:
        assert pred.keypoints.shape == (1, 18, 3)
        shapes = {**ARRAYS, 'smpl_vertices': (1, head.body_model.num_vertices, 3)}
        for name, shape in shapes.items():
            value = pred.get(name)
            assert isinstance(value, np.ndarray)
            assert value.dtype == np.float32
            assert value.shape == shape
        np.testing.assert_allclose(pred.smpl_joints[0, 0], 0, atol=1e-6)


def test_vertices_and_joints_are_those_of_the_parameters():
    head = make_head().eval()
    pred = head.predict(features(), make_samples())[1]
    pose, betas = torch.tensor(pred.smpl_pose), torch.tensor(pred.smpl_betas)
    output = head.body_model(pose[:, :1], pose[:, 1:], betas)
    joints = head.body_model.regress(output.vertices, output.smpl_joints)
    np.testing.assert_allclose(pred.smpl_joints, joints - joints[:, :1], atol=1e-5)
    np.testing.assert_allclose(pred.smpl_vertices, output.vertices - joints[:, :1], atol=1e-5)


def test_flip_test_of_mirrored_predictions(monkeypatch):
    """What is predicted for the mirrored images is turned back before it is averaged."""
    head, samples = make_head().eval(), make_samples()
    with torch.no_grad():
        pred = head(features())
        plain = head.predict(features(), samples)
    x, y, z = pred['coords'][:, samples[0].flip_indices].unbind(-1)
    scale, tx, ty = pred['camera'].unbind(-1)
    mirrored = {
        **pred,
        # Pixel x of 64 becomes 63 - x.
        'coords': torch.stack([-x - 1 / 64, y, z], -1),
        'pose': mirror_smpl_pose(pred['pose']),
        'camera': torch.stack([scale, -tx - 2 / 64 / scale, ty], -1),
    }
    both = iter([pred, mirrored])
    monkeypatch.setattr(head, 'forward', lambda _: next(both))
    flipped = head.predict([features(), features()], samples, {'flip_test': True})
    for a, b in zip(plain, flipped, strict=True):
        np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-4)
        for name in ARRAYS:
            np.testing.assert_allclose(a.get(name), b.get(name), atol=1e-5, err_msg=name)


def test_through_the_estimator():
    """MMPose's estimator trains it and passes on what it predicts."""
    model = {
        'type': 'TopdownPoseEstimator',
        'backbone': {'type': 'ResNet', 'depth': 18, 'stem_channels': 8, 'base_channels': 8},
        'head': {
            'type': 'PoShHead',
            'pose_head': {**POSE_HEAD, 'in_channels': 64, 'deconv_out_channels': (8, 8, 8)},
            'body_model': BODY,
            'regressor': REGRESSOR,
            'decoder': CODEC,
        },
        'test_cfg': {'flip_test': True},
    }
    model, samples = MODELS.build(model), make_samples()
    losses = model(torch.randn(2, 3, 64, 64), samples, mode='loss')
    total(losses).backward()
    assert all(p.grad is not None for p in model.backbone.parameters())
    results = model.eval()(torch.randn(2, 3, 64, 64), samples, mode='predict')
    assert {*ARRAYS, 'smpl_vertices', 'keypoints', 'bboxes'} <= set(
        results[1].pred_instances.keys()
    )


# Refusals.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'feature_source': 'heatmaps'}, "feature_source must be one of .*'heatmaps'"),
        ({'pose_loss_weight': -1}, 'pose_loss_weight .*-1'),
        ({'feature_source': None, 'use_joints': False}, 'nothing to read'),
        ({'body_model': {**BODY, 'joints': 'h36m17'}}, 'body_model .*18 joints .*17'),
        (
            {
                'pose_head': {**POSE_HEAD, 'num_joints': 17, 'num_parts': 1},
                'decoder': {
                    'type': 'HEMletsLabel',
                    **{k: v for k, v in CODEC.items() if k != 'type'},
                    'num_joints': 17,
                    'parts': [(0, 1)],
                    'part_flip': [0],
                },
            },
            'pose_head .*18 joints .*17',
        ),
    ],
)
def test_refuses_invalid_options(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_refuses_features_that_are_no_pair():
    with pytest.raises(ValueError, match='flip_test needs'):
        make_head().predict(features(), make_samples(), {'flip_test': True})


@pytest.mark.parametrize('refine', ['dict(steps=100)', True, 100])
def test_refuses_refinement_without_arguments(refine):
    """The first is what --cfg-options makes of ``model.test_cfg.refine=dict(steps=100)``."""
    with pytest.raises(ValueError, match=r'--cfg-options model\.test_cfg\.refine\.steps=100'):
        make_head().predict(features(), make_samples(), {'refine': refine})


def test_refuses_labels_of_another_codec():
    samples = make_samples()
    del samples[1].gt_instance_labels.has_smpl
    with pytest.raises(ValueError, match=r"lack the labels \['has_smpl'\].*PoShLabel"):
        make_head().loss(features(), samples)


def test_refuses_to_predict_without_a_decoder():
    with pytest.raises(ValueError, match='needs a decoder'):
        make_head(decoder=None).predict(features(), make_samples())


def test_is_registered():
    config = {'type': 'PoShHead', 'pose_head': POSE_HEAD, 'body_model': BODY, 'decoder': CODEC}
    assert isinstance(MODELS.build(config), PoShHead)
