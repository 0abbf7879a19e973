import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models import SWAHRHeatmapLoss


def batch(size=2, keypoints=3, dtype=torch.float32):
    """Predictions, targets, a mask that hides the right half, scale maps."""
    shape = (size, keypoints, 6, 8)
    heatmaps = torch.rand(shape, dtype=dtype)
    heatmaps = heatmaps.where(heatmaps > 0.4, 0)
    mask = torch.ones(size, 1, 6, 8, dtype=dtype)
    mask[..., 4:] = 0
    pred = torch.randn(shape, dtype=dtype, requires_grad=True)
    scales = torch.randn(shape, dtype=dtype, requires_grad=True)
    return pred, heatmaps, mask, scales


def published_loss(pred, heatmaps, mask, scales):
    """The spec's formulas pixel by pixel, with the weights of the unscaled target."""
    logs = torch.log(torch.where(heatmaps > 0, heatmaps, heatmaps + 1))
    scales = scales * (heatmaps > 0)
    target = heatmaps + scales * heatmaps * logs + 0.5 * scales**2 * heatmaps * logs**2
    soft = heatmaps**0.01
    weights = (1 - pred).abs() * soft + pred.abs() * (1 - soft)
    per_image = ((pred - target) ** 2 * weights * mask).mean((1, 2, 3))
    penalty = (scales**2 * mask).mean((1, 2, 3))
    return per_image.mean(), penalty.mean()


@pytest.mark.parametrize('size', [1, 2, 5])
def test_published_loss(size):
    args = batch(size)
    for ours, theirs in zip(SWAHRHeatmapLoss()(*args), published_loss(*args), strict=True):
        assert ours.shape == ()
        torch.testing.assert_close(ours, theirs)


def test_gradients_of_the_published_loss():
    args = batch()
    wanted = args[0], args[3]
    ours = torch.autograd.grad(sum(SWAHRHeatmapLoss()(*args)), wanted)
    torch.testing.assert_close(ours, torch.autograd.grad(sum(published_loss(*args)), wanted))


def test_without_weights_and_scales_it_is_the_masked_mse_of_higherhrnet():
    pred, heatmaps, mask, scales = batch()
    plain = SWAHRHeatmapLoss(weight_adaptive=False)
    expected = ((pred - heatmaps) ** 2 * mask).mean()
    assert torch.equal(plain(pred, heatmaps, mask)[0], expected)
    # Scale maps of 0 change nothing.
    loss, penalty = plain(pred, heatmaps, mask, torch.zeros_like(scales))
    assert torch.equal(loss, expected)
    assert penalty.item() == 0
    mmpose = MODELS.build(dict(type='KeypointMSELoss', use_target_weight=False))
    torch.testing.assert_close(plain(pred, heatmaps, mask)[0], mmpose(pred, heatmaps, None, mask))


def test_masked_pixels_pass_no_gradient():
    pred, heatmaps, mask, scales = batch()
    sum(SWAHRHeatmapLoss()(pred, heatmaps, mask, scales)).backward()
    hidden = (mask == 0).expand_as(pred)
    assert (pred.grad[hidden] == 0).all()
    assert (scales.grad[hidden] == 0).all()
    assert (pred.grad[~hidden] != 0).all()
    assert (scales.grad[heatmaps == 0] == 0).all()
    assert (scales.grad[~hidden & (heatmaps > 0)] != 0).all()


def test_mask_of_booleans():
    pred, heatmaps, mask, scales = batch()
    torch.testing.assert_close(
        SWAHRHeatmapLoss()(pred, heatmaps, mask.bool(), scales),
        SWAHRHeatmapLoss()(pred, heatmaps, mask, scales),
    )


def test_penalty_without_mask_and_weights_of_losses():
    pred, heatmaps, mask, scales = batch()
    loss, penalty = SWAHRHeatmapLoss()(pred, heatmaps, mask, scales)
    weighted = SWAHRHeatmapLoss(loss_weight=3.0, scale_penalty_weight=5.0)
    assert weighted(pred, heatmaps, mask, scales)[0].item() == pytest.approx(3 * loss.item())
    assert weighted(pred, heatmaps, mask, scales)[1].item() == pytest.approx(5 * penalty.item())
    unmasked = SWAHRHeatmapLoss(mask_scale_penalty=False)(pred, heatmaps, mask, scales)[1]
    expected = (scales**2 * (heatmaps > 0)).mean()
    assert unmasked.item() == pytest.approx(expected.item())


def test_detached_weights():
    pred, heatmaps, _, _ = batch()
    SWAHRHeatmapLoss(detach_weights=True)(pred, heatmaps)[0].backward()
    soft = heatmaps**0.01
    weights = ((1 - pred).abs() * soft + pred.abs() * (1 - soft)).detach()
    torch.testing.assert_close(pred.grad, 2 * (pred - heatmaps).detach() * weights / pred.numel())


def test_weights_of_the_scaled_target():
    pred, heatmaps, mask, scales = batch()
    logs = heatmaps.where(heatmaps > 0, 1).log()
    target = heatmaps / 2 * (1 + (1 + scales * logs) ** 2)
    soft = target.detach() ** 0.01
    weights = (1 - pred).abs() * soft + pred.abs() * (1 - soft)
    loss, _ = SWAHRHeatmapLoss(weight_target='scaled')(pred, heatmaps, mask, scales)
    torch.testing.assert_close(loss, ((pred - target) ** 2 * weights * mask).mean())
    loss.backward()
    assert scales.grad.isfinite().all()


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(weight_adaptive=False),
        dict(target_form='power'),
        dict(weight_foreground='residual'),
    ],
)
def test_gradcheck(options):
    pred, heatmaps, mask, scales = batch(1, 2, torch.float64)
    loss = SWAHRHeatmapLoss(**options)
    assert torch.autograd.gradcheck(lambda p, a: loss(p, heatmaps, mask, a), (pred, scales))


def test_same_under_autocast_and_of_half_precision():
    pred, heatmaps, mask, scales = batch()
    expected = SWAHRHeatmapLoss()(pred, heatmaps, mask, scales)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(SWAHRHeatmapLoss()(pred, heatmaps, mask, scales), expected)
    half = SWAHRHeatmapLoss()(pred.bfloat16(), heatmaps, mask, scales.bfloat16())
    assert {value.dtype for value in half} == {torch.float32}


@pytest.mark.parametrize(
    'options',
    [
        dict(gamma=-0.1),
        dict(gamma=float('nan')),
        dict(loss_weight=-1.0),
        dict(scale_penalty_weight=-1.0),
        dict(target_form='cubic'),
        dict(weight_target='both'),
        dict(weight_foreground='target'),
    ],
)
def test_refuses_options(options):
    (name,) = options
    with pytest.raises(ValueError, match=name):
        SWAHRHeatmapLoss(**options)


def test_refuses_shapes():
    pred, heatmaps, mask, scales = batch()
    with pytest.raises(ValueError, match='do the levels of the codec and of the head agree'):
        SWAHRHeatmapLoss()(pred, heatmaps[..., 1:])
    with pytest.raises(ValueError, match=r'\(2, 1, 6, 8\), got \(2, 6, 8\)'):
        SWAHRHeatmapLoss()(pred, heatmaps, mask[:, 0])
    with pytest.raises(ValueError, match='heatmaps and scales'):
        SWAHRHeatmapLoss()(pred, heatmaps, mask, scales[:, 1:])
