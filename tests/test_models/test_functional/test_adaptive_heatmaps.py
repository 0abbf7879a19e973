import math

import pytest
import torch

from mmpose_ext.models.functional import (
    scale_adaptive_heatmaps,
    scale_penalty,
    weight_adaptive_weights,
)

# h, a, Taylor expansion, power: from the authors' code.
GOLDEN = [
    (0.5, 0.3, 0.40683812, 0.40612620),
    (0.5, -0.3, 0.61478227, 0.61557221),
    (0.1, 0.5, 0.05114447, 0.03162278),
    (0.01, -0.5, 0.05953534, 0.1),
    (1.0, 0.7, 1.0, 1.0),
    (1.0, -3.0, 1.0, 1.0),
    (math.exp(-12.25), 1.0, 3.0520e-4, 2.2897e-11),
]


def pixel(value, **options):
    return torch.tensor([[[[value]]]], **options)


def gaussians(batch=2, keypoints=3, dtype=torch.float32):
    maps = torch.rand(batch, keypoints, 5, 4, dtype=dtype)
    return maps.where(maps > 0.3, 0)


@pytest.mark.parametrize(('h', 'a', 'taylor', 'power'), GOLDEN)
def test_published_numbers(h, a, taylor, power):
    target = scale_adaptive_heatmaps(pixel(h), pixel(a))
    assert target.item() == pytest.approx(taylor, rel=1e-4 if taylor < 1e-3 else 1e-6)
    target = scale_adaptive_heatmaps(pixel(h), pixel(a), form='power')
    assert target.item() == pytest.approx(power, rel=1e-4 if power < 1e-3 else 1e-6)


@pytest.mark.parametrize('form', ['taylor', 'power'])
def test_no_scale_keeps_the_target_and_no_scale_moves_the_support(form):
    heatmaps = gaussians()
    assert torch.equal(
        scale_adaptive_heatmaps(heatmaps, torch.zeros_like(heatmaps), form), heatmaps
    )
    target = scale_adaptive_heatmaps(heatmaps, torch.randn_like(heatmaps), form)
    assert torch.equal(target > 0, heatmaps > 0)


def test_taylor_is_never_below_half_of_the_heatmap():
    heatmaps = gaussians()
    target = scale_adaptive_heatmaps(heatmaps, 20 * torch.randn_like(heatmaps))
    assert (target >= heatmaps / 2).all()
    lowest = scale_adaptive_heatmaps(pixel(0.2), pixel(-1 / math.log(0.2)))
    assert lowest.item() == pytest.approx(0.1)


def test_taylor_expands_power():
    heatmaps = gaussians(dtype=torch.float64)
    scales = 1e-3 * torch.randn_like(heatmaps)
    taylor, power = (scale_adaptive_heatmaps(heatmaps, scales, f) for f in ('taylor', 'power'))
    assert (taylor - power).abs().max() < 1e-8
    assert (taylor - power).abs().max() > 0


def test_power_is_a_gaussian_of_the_effective_sigma():
    x = torch.arange(-7.0, 8.0, dtype=torch.float64).view(1, 1, 1, 15)
    heatmaps = (-x.square() / (2 * 2.0**2)).exp()
    sigma = 2.0 / math.sqrt(1 + 0.6)
    target = scale_adaptive_heatmaps(heatmaps, torch.full_like(x, 0.6), form='power')
    torch.testing.assert_close(target, (-x.square() / (2 * sigma**2)).exp())


@pytest.mark.parametrize('form', ['taylor', 'power'])
def test_gradients_of_scales(form):
    heatmaps = gaussians(1, 2, torch.float64)
    scales = torch.randn_like(heatmaps, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: scale_adaptive_heatmaps(heatmaps, a, form), (scales,))
    scale_adaptive_heatmaps(heatmaps, scales, form).sum().backward()
    assert (scales.grad[heatmaps == 0] == 0).all()
    assert (scales.grad[heatmaps > 0] != 0).all()


def test_weights_of_the_formula():
    pred, heatmaps = torch.randn(2, 3, 5, 4), gaussians()
    mask = heatmaps**0.01
    published = (1 - pred).abs() * mask + pred.abs() * (1 - mask)
    torch.testing.assert_close(weight_adaptive_weights(pred, heatmaps), published)
    residual = (heatmaps - pred).abs() * mask + pred.abs() * (1 - mask)
    torch.testing.assert_close(
        weight_adaptive_weights(pred, heatmaps, foreground='residual'), residual
    )


def test_weight_of_the_background_is_the_prediction():
    pred = torch.randn(2, 3, 5, 4)
    weights = weight_adaptive_weights(pred, torch.zeros_like(pred))
    assert torch.equal(weights, pred.abs())


@pytest.mark.parametrize('foreground', ['prediction', 'residual'])
def test_gradients_of_weights(foreground):
    heatmaps = gaussians(1, 2, torch.float64)
    pred = torch.randn_like(heatmaps, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda p: weight_adaptive_weights(p, heatmaps, foreground=foreground), (pred,)
    )


def test_penalty_counts_the_masked_foreground_over_all_pixels():
    heatmaps = torch.zeros(1, 1, 2, 2)
    heatmaps[0, 0, 0] = 0.5
    scales = torch.tensor([[[[2.0, 3.0], [9.0, 9.0]]]])
    assert scale_penalty(scales, heatmaps).item() == (4 + 9) / 4
    mask = torch.tensor([[[[True, False], [True, True]]]])
    assert scale_penalty(scales, heatmaps, mask).item() == 4 / 4


def test_refusals():
    maps = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"form must be one of .*'cubic'"):
        scale_adaptive_heatmaps(maps, maps, form='cubic')
    with pytest.raises(ValueError, match=r'\(1, 1, 2, 2\) and \(1, 1, 4, 4\)'):
        scale_adaptive_heatmaps(maps, torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match=r"foreground must be one of .*'target'"):
        weight_adaptive_weights(maps, maps, foreground='target')
