import math

import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, geodesic_angle
from mmpose_ext.models.functional.coherence import flow_coherence
from mmpose_ext.models.losses import EventPoseLoss, FlowCoherenceLoss
from mmpose_ext.models.losses.event_pose_loss import clamped_geodesic_angle

OF_SMPL, OF_JOINTS = ('rotmats', 'transl', 'betas'), ('joints3d', 'joints2d')
LOSS_OF = dict(rotmats='theta', transl='tran', betas='betas', joints3d='joints3d')
LOSS_OF['joints2d'] = 'joints2d'


def z_turn(angle, shape=(2, 3, 24)):
    return axis_angle_to_matrix(torch.tensor([0.0, 0.0, angle]).expand(*shape, 3))


def tensors(angle=0.3, offset=0.5):
    """Predictions, labels ``offset`` beside them, and weights of 1. B 2, T 3."""
    torch.manual_seed(0)
    pred = dict(
        rotmats=z_turn(angle).clone(),
        transl=torch.randn(2, 3, 3),
        delta_transl=torch.full((2, 3, 3), 0.2),
        joints3d=torch.randn(2, 3, 24, 3),
        joints2d=torch.rand(2, 3, 24, 2),
        betas=torch.randn(2, 3, 10),
    )
    target = {name: value + offset for name, value in pred.items() if name != 'delta_transl'}
    target['rotmats'] = z_turn(0.0).clone()
    pred = {name: value.requires_grad_() for name, value in pred.items()}
    pred |= dict(
        verts_px=(torch.rand(2, 4, 50, 2) * 64).requires_grad_(),
        verts_depth=torch.full((2, 4, 50), 3.0),
        flow=torch.randn(2, 3, 2, 64, 64) * 10,
    )
    return pred, target, dict(has_smpl=torch.ones(2, 3), has_joints=torch.ones(2, 3))


@pytest.mark.parametrize('legacy', [False, True])
def test_theta_of_the_authors(legacy):
    """Golden case 23."""
    losses = EventPoseLoss(legacy=legacy)(*tensors())
    assert losses['loss_theta'].item() == pytest.approx(3.000002, rel=1e-5)


def test_theta_of_equal_poses():
    """Golden case 23: the clamp leaves 0.0014 rad, ours nothing."""
    assert EventPoseLoss(legacy=True)(*tensors(angle=0.0))['loss_theta'].item() == (
        pytest.approx(0.014236, abs=2e-4)
    )
    assert EventPoseLoss()(*tensors(angle=0.0))['loss_theta'].item() == 0


@pytest.mark.parametrize('angle', [0.0, 1e-4, 0.3, math.pi - 1e-3])
def test_theta_has_a_finite_gradient(angle):
    pred, target, labels = tensors(angle=angle)
    EventPoseLoss()(pred, target, labels)['loss_theta'].backward()
    gradient = pred['rotmats'].grad
    assert gradient.isfinite().all()
    assert gradient.abs().max() < 1
    assert gradient.any() == (angle > 0)


def test_angles_agree_away_from_the_clamp():
    torch.manual_seed(0)
    first, second = axis_angle_to_matrix(torch.randn(2, 500, 3, dtype=torch.float64))
    ours, authors = geodesic_angle(first, second), clamped_geodesic_angle(first, second)
    away = (ours > 0.01) & (ours < math.pi - 0.01)
    assert away.sum() > 450
    torch.testing.assert_close(ours[away], authors[away], atol=1e-6, rtol=0)


def test_known_values():
    """Squares of 0.5, weights of the authors; coherence see its own tests."""
    losses = EventPoseLoss(delta_tran=3, betas=2)(*tensors(offset=0.5))
    expected = dict(tran=0.25, joints3d=0.25, joints2d=2.5, delta_tran=0.12, betas=0.5)
    for name, value in expected.items():
        assert losses[f'loss_{name}'].item() == pytest.approx(value, rel=1e-5), name
    assert losses.keys() == {f'loss_{name}' for name in (*expected, 'theta', 'coherence')}


def test_default_losses():
    losses = EventPoseLoss()(*tensors())
    names = ('theta', 'tran', 'joints3d', 'joints2d', 'coherence')
    assert losses.keys() == {f'loss_{name}' for name in names}
    pred, target, labels = tensors()
    for name in ('verts_px', 'verts_depth', 'flow'):
        del pred[name]
    loss = EventPoseLoss(coherence=0)
    assert not loss.needs_vertices
    assert 'loss_coherence' not in loss(pred, target, labels)


@pytest.mark.parametrize('place', [7.0, -0.5])
def test_joints2d_are_clamped_to_the_image(place):
    pred, target, labels = tensors()
    pred['joints2d'] = torch.full((2, 3, 24, 2), place, requires_grad=True)
    target['joints2d'] = torch.full((2, 3, 24, 2), 0.5)
    loss = EventPoseLoss()(pred, target, labels)['loss_joints2d']
    assert loss.item() == pytest.approx(2.5)
    loss.backward()
    assert not pred['joints2d'].grad.any()


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('label', [0.0, float('nan'), float('inf')])
@pytest.mark.parametrize(('flag', 'names'), [('has_smpl', OF_SMPL), ('has_joints', OF_JOINTS)])
def test_without_labels_there_is_no_loss_and_no_gradient(flag, names, label, legacy):
    pred, target, labels = tensors()
    labels[flag][:] = 0
    for name in names:
        target[name] = torch.full_like(target[name], label)
    losses = EventPoseLoss(betas=1, legacy=legacy)(pred, target, labels)
    sum(losses.values()).backward()
    for name, of in LOSS_OF.items():
        if name in names:
            assert losses[f'loss_{of}'].item() == 0
            assert not pred[name].grad.any()
        else:
            assert losses[f'loss_{of}'].item() > 0
            assert pred[name].grad.any()
    assert pred['verts_px'].grad.any()


def test_unlabelled_steps_do_not_weaken_the_others():
    pred, target, labels = tensors()
    expected = EventPoseLoss()(pred, target, labels)
    for name in target:
        target[name] = target[name].clone()
        target[name][1] = float('nan')
    labels = {name: torch.tensor([[1.0, 1, 1], [0, 0, 0]]) for name in labels}
    losses = EventPoseLoss()(pred, target, labels)
    for name in ('theta', 'tran', 'joints3d', 'joints2d'):
        torch.testing.assert_close(losses[f'loss_{name}'], expected[f'loss_{name}'])


def test_coherence_of_the_authors():
    """A tenth of it, for flow longer than 4 px."""
    pred, target, labels = tensors()
    coherence = flow_coherence(
        pred['verts_px'], pred['flow'], threshold=4.0, reduction='all', sample='legacy'
    )
    loss = EventPoseLoss()(pred, target, labels)['loss_coherence']
    torch.testing.assert_close(loss, 0.1 * coherence)


def test_coherence_is_configured():
    pred, target, labels = tensors()
    options = dict(threshold=2.0, reduction='valid', sample='exact', scale_threshold=True)
    loss = EventPoseLoss(coherence=15, coherence_loss=options)
    expected = 15 * FlowCoherenceLoss(**options)(
        *(pred[name] for name in ('verts_px', 'verts_depth', 'flow'))
    )
    torch.testing.assert_close(loss(pred, target, labels)['loss_coherence'], expected)


@pytest.mark.parametrize('detach', [False, True])
def test_coherence_may_leave_the_vertices_before_a_step_alone(detach):
    pred = tensors()[0]
    verts_px = pred['verts_px']
    loss = FlowCoherenceLoss(detach_previous=detach)(verts_px, pred['verts_depth'], pred['flow'])
    loss.backward()
    assert verts_px.grad[:, 0].any() != detach
    assert verts_px.grad[:, 1:].any()


def test_coherence_of_visible_vertices_only():
    """Of two vertices on one ray only the nearer one counts."""
    verts_px = torch.tensor([[10.0, 10], [10, 10]]).expand(1, 2, 2, 2).clone()
    verts_px[0, 1] += torch.tensor([[3.0, 0], [-3, 0]])
    depth = torch.tensor([2.0, 3.0]).expand(1, 2, 2)
    flow = torch.tensor([8.0, 0])[:, None, None].expand(1, 1, 2, 64, 64)
    assert FlowCoherenceLoss()(verts_px, depth, flow).item() == pytest.approx(1)
    assert FlowCoherenceLoss(visible_only=True)(verts_px, depth, flow).item() == 0
    hidden_first = depth.flip(-1)
    assert FlowCoherenceLoss(visible_only=True)(verts_px, hidden_first, flow).item() == 1


@pytest.mark.parametrize('name', ['theta', 'coherence', 'betas'])
def test_refuses_negative_weights(name):
    with pytest.raises(ValueError, match=f'{name} .* -1'):
        MODELS.build({'type': 'EventPoseLoss', name: -1})


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(threshold=-1), 'threshold .* -1'),
        (dict(min_motion=0), 'min_motion .* 0'),
        (dict(reduction='mean'), "'mean'"),
        (dict(sample='mean'), "'mean'"),
    ],
)
def test_coherence_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='FlowCoherenceLoss', **options))
