import pytest
import torch
from mmpose.registry import MODELS
from torch.nn.functional import l1_loss, mse_loss, smooth_l1_loss

from mmpose_ext.models.losses import PoShLoss
from mmpose_ext.models.losses.posh_loss import labelled_mean

WEIGHTS = {
    'joints3d': 100,
    'joints2d': 10,
    'vertices': 2,
    'pose': 3,
    'betas': 0.02,
    'consistency': 1,
}
OF_SMPL = ('vertices', 'pose', 'betas')


def tensors(batch=2, seed=0):
    """Predictions, labels 0.5 beside them, and weights of 1."""
    torch.manual_seed(seed)
    shapes = {
        'joints3d': (batch, 18, 3),
        'joints2d': (batch, 18, 2),
        'vertices': (batch, 50, 3),
        'pose': (batch, 24, 3, 3),
        'betas': (batch, 10),
        'consistency': (batch, 17, 3),
    }
    pred = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
    target = {name: value.detach() + 0.5 for name, value in pred.items()}
    weights = {
        name: torch.ones(batch, 18) if name.startswith('joints') else torch.ones(batch)
        for name in shapes
    }
    return pred, target, weights


def test_known_values():
    """Errors of 0.5: smooth L1 has 0.125, L1 0.5 and the square 0.25."""
    losses = PoShLoss(consistency_weight=1)(*tensors())
    errors = {'joints3d': 0.125, 'joints2d': 0.125, 'pose': 0.25, 'betas': 0.25}
    assert losses.keys() == {f'loss_smpl_{name}' for name in WEIGHTS}
    for name, weight in WEIGHTS.items():
        expected = weight * errors.get(name, 0.5)
        assert losses[f'loss_smpl_{name}'].item() == pytest.approx(expected, rel=1e-5), name


def test_beta():
    losses = PoShLoss(beta=0.1)(*tensors())
    assert losses['loss_smpl_joints3d'].item() == pytest.approx(100 * 0.45, rel=1e-5)
    assert losses['loss_smpl_joints2d'].item() == pytest.approx(10 * 0.45, rel=1e-5)


def test_losses_without_a_weight_are_left_out():
    pred, target, weights = tensors()
    del target['vertices']
    losses = PoShLoss(vertices_weight=0)(pred, target, weights)
    assert 'loss_smpl_vertices' not in losses
    assert 'loss_smpl_consistency' not in losses


@pytest.mark.parametrize('label', [0.0, float('nan'), float('inf')])
@pytest.mark.parametrize('names', [OF_SMPL, ('joints3d',), ('joints2d',)])
def test_without_labels_there_is_no_loss_and_no_gradient(names, label):
    """Golden case 34, also where what is not labelled is no number."""
    pred, target, weights = tensors()
    for name in names:
        target[name][:] = label
        weights[name][:] = 0
    losses = PoShLoss()(pred, target, weights)
    sum(losses.values()).backward()
    for name in names:
        assert losses[f'loss_smpl_{name}'].item() == 0
        assert not pred[name].grad.any()
    for name in set(WEIGHTS) - set(names) - {'consistency'}:
        assert losses[f'loss_smpl_{name}'].item() > 0
        assert pred[name].grad.any()


def test_samples_without_labels_do_not_weaken_the_others():
    pred, target, weights = tensors(batch=4)
    expected = PoShLoss()(*[{k: v[:1] for k, v in d.items()} for d in (pred, target, weights)])
    for name in WEIGHTS:
        target[name][1:] = float('nan')
        weights[name][1:] = 0
    losses = PoShLoss()(pred, target, weights)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    sum(losses.values()).backward()
    for name in set(WEIGHTS) - {'consistency'}:
        assert pred[name].grad[0].any()
        assert not pred[name].grad[1:].any()


def test_single_joints_may_be_unlabelled():
    pred, target, weights = tensors()
    target['joints3d'][0, 3] += 100
    weights['joints3d'][0, 3] = 0
    loss = PoShLoss()(pred, target, weights)['loss_smpl_joints3d']
    assert loss.item() == pytest.approx(12.5, rel=1e-5)


def test_labelled_mean_is_the_mean():
    pred, target = torch.randn(2, 3, 5, 7)
    full = labelled_mean(l1_loss, pred, target, torch.ones(3))
    torch.testing.assert_close(full, l1_loss(pred, target))
    weights = torch.tensor([1.0, 0.0, 1.0])
    some = labelled_mean(l1_loss, pred, target, weights)
    torch.testing.assert_close(some, l1_loss(pred[::2], target[::2]))


def test_labels_count_by_their_weight():
    """(2 * 1 + 0.5 * 3) / (2 + 0.5): errors of 1 and 3."""
    pred, target = torch.zeros(2, 4), torch.tensor([[1.0], [3.0]]).expand(2, 4)
    found = labelled_mean(l1_loss, pred, target, torch.tensor([2.0, 0.5]))
    assert found.item() == pytest.approx(1.4)


def test_gradients():
    pred = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    target = torch.randn(3, 4, 2, dtype=torch.float64)
    weights = torch.tensor([[1.0, 0, 0.5, 1]]).expand(3, 4)
    for criterion in (l1_loss, mse_loss, smooth_l1_loss):
        assert torch.autograd.gradcheck(
            lambda x, criterion=criterion: labelled_mean(criterion, x, target, weights), pred
        )


@pytest.mark.parametrize('name', [f'{name}_weight' for name in WEIGHTS] + ['beta'])
def test_refuses_negative_weights(name):
    with pytest.raises(ValueError, match=f'{name.removesuffix("_weight")}.* -1'):
        MODELS.build({'type': 'PoShLoss', name: -1})
