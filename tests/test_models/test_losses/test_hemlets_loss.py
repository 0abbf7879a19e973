import math

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.models import HEMletsLoss
from mmpose_ext.models.losses.hemlets_loss import coordinate_error, map_error


def maps(batch=3, channels=6, **options):
    return (torch.randn(batch, channels, 5, 4, **options) for _ in range(2))


def weights_of(*shape, dtype=torch.float32):
    return (torch.rand(shape) < 0.6).to(dtype)


# The published numbers.


def test_maps_of_zeros_against_one_part():
    """Two Gaussians with sigma 2: their squares sum up to 25.1326."""
    codec = HEMletsLabel(num_joints=2, parts=[(0, 1)], flip_indices=(0, 1))
    target = codec.encode(np.array([[(80, 80, 0.0), (160, 180, -200)]]))['hemlets']
    target = torch.from_numpy(target)[None]
    loss = HEMletsLoss().forward_maps(torch.zeros_like(target), target, torch.ones(1, 3))
    assert loss.item() == pytest.approx(1.2566301, abs=1e-6)
    # MMPose's loss with the weight that makes it the same, over the maps of 14 parts.
    mmpose = MODELS.build({'type': 'KeypointMSELoss', 'loss_weight': 8601.6})
    padded = torch.cat([target, torch.zeros(1, 39, 64, 64)], dim=1)
    assert mmpose(torch.zeros_like(padded), padded).item() == pytest.approx(1.2566301, abs=1e-5)


@pytest.mark.parametrize(('channels', 'weight'), [(42, 8601.6), (18, 3686.4)])
def test_maps_as_mmposes_loss_with_the_weight_of_the_docstring(channels, weight):
    pred, target = (torch.randn(2, channels, 64, 64) for _ in range(2))
    used = weights_of(2, channels)
    mmpose = MODELS.build(
        {'type': 'KeypointMSELoss', 'use_target_weight': True, 'loss_weight': weight}
    )
    loss = HEMletsLoss().forward_maps(pred, target, used)
    torch.testing.assert_close(loss, mmpose(pred, target, used))


def test_coordinates_as_mmposes_loss_with_the_weight_of_the_docstring():
    pred, target = (torch.randn(2, 18, 3) for _ in range(2))
    ones = torch.ones(2, 18)
    mmpose = MODELS.build({'type': 'L1Loss', 'loss_weight': 54.0, 'reduction': 'mean'})
    torch.testing.assert_close(HEMletsLoss()(pred, target, ones, ones), mmpose(pred, target))


# Loops over the formula.


def test_map_error_equals_loops_over_the_formula():
    pred, target = maps()
    used = weights_of(3, 6)
    total = 0.0
    for b, c, y, x in np.ndindex(3, 6, 5, 4):
        total += used[b, c].item() * (pred[b, c, y, x] - target[b, c, y, x]).item() ** 2
    assert map_error(pred, target, used).item() == pytest.approx(total / 3, rel=1e-5)
    assert map_error(pred, target, used, 'mean').item() == pytest.approx(total / 360, rel=1e-5)


@pytest.mark.parametrize('depth_weight', [1.0, 0.0, 0.5])
def test_coordinate_error_equals_loops_over_the_formula(depth_weight):
    pred, target = torch.randn(3, 5, 3), torch.randn(3, 5, 3)
    used, deep = weights_of(3, 5), weights_of(3, 5)
    total = 0.0
    for b, j in np.ndindex(3, 5):
        dx, dy, dz = (pred[b, j] - target[b, j]).abs().tolist()
        total += used[b, j].item() * (dx + dy) + depth_weight * deep[b, j].item() * dz
    args = pred, target, used, deep, depth_weight
    assert coordinate_error(*args).item() == pytest.approx(total / 3, rel=1e-5)
    assert coordinate_error(*args, 'mean').item() == pytest.approx(total / 45, rel=1e-5)


def test_weights_of_the_module():
    pred, target = maps()
    used = weights_of(3, 6)
    loss = HEMletsLoss(alpha=0.3, depth_weight=0.5, coordinate_weight=2.0, reduction='mean')
    expected = 0.3 * map_error(pred, target, used, 'mean')
    torch.testing.assert_close(loss.forward_maps(pred, target, used), expected)
    coords = torch.randn(3, 5, 3), torch.randn(3, 5, 3), weights_of(3, 5), weights_of(3, 5)
    expected = 2 * coordinate_error(*coords, 0.5, 'mean')
    torch.testing.assert_close(loss(*coords), expected)


# Masks.


def test_masked_maps_have_no_loss_and_no_gradient():
    pred, target = maps()
    pred = (100 * pred).requires_grad_()
    used = weights_of(3, 6)
    used[0, 0], used[0, 1] = 0, 1
    map_error(pred, target, used).backward()
    assert (pred.grad[used == 0] == 0).all()
    assert (pred.grad[used == 1] != 0).all()
    other = torch.where(used[..., None, None] > 0, pred.detach(), 1e3)
    assert map_error(other, target, used) == map_error(pred, target, used)


def test_2d_samples_give_exactly_no_gradient_to_the_depth():
    pred = torch.randn(2, 18, 3, requires_grad=True)
    target = torch.randn(2, 18, 3)
    deep = torch.ones(2, 18)
    deep[0] = 0  # the first sample is a 2D one
    HEMletsLoss()(pred, target, torch.ones(2, 18), deep).backward()
    assert (pred.grad[0, :, 2] == 0).all()
    assert (pred.grad[1, :, 2].abs() == 0.5).all()
    assert (pred.grad[..., :2].abs() == 0.5).all()


def test_lambda_0_gives_exactly_no_gradient_to_the_depth():
    pred = torch.randn(2, 18, 3, requires_grad=True)
    ones = torch.ones(2, 18)
    HEMletsLoss(depth_weight=0.0)(pred, torch.randn(2, 18, 3), ones, ones).backward()
    assert (pred.grad[..., 2] == 0).all()


def test_the_order_of_the_batch_does_not_matter():
    pred, target = maps(4)
    used, order = weights_of(4, 6), torch.tensor([2, 0, 3, 1])
    loss = map_error(pred[order], target[order], used[order])
    torch.testing.assert_close(loss, map_error(pred, target, used))


# Gradients.


@pytest.mark.parametrize('reduction', ['sum', 'mean'])
def test_gradcheck(reduction):
    loss = HEMletsLoss(reduction=reduction)
    pred, target = maps(dtype=torch.float64)
    used = weights_of(3, 6, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: loss.forward_maps(x, target, used), pred.requires_grad_()
    )
    coords, truth = (torch.randn(3, 5, 3, dtype=torch.float64) for _ in range(2))
    used, deep = (weights_of(3, 5, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x: loss(x, truth, used, deep), coords.requires_grad_())


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype):
    pred, target = (torch.randn(2, 6, 64, 64) for _ in range(2))
    pred = pred.to(dtype)
    loss = map_error(pred, target, torch.ones(2, 6))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, map_error(pred.float(), target, torch.ones(2, 6)))


# Bad input.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'alpha': -0.1}, 'alpha.*-0.1'),
        ({'alpha': math.nan}, 'alpha.*nan'),
        ({'depth_weight': -1}, 'depth_weight.*-1'),
        ({'coordinate_weight': -2}, 'coordinate_weight.*-2'),
        ({'reduction': 'none'}, "reduction.*'none'"),
    ],
)
def test_constructor_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        HEMletsLoss(**options)
