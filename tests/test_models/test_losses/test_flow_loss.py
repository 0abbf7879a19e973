import pytest
import torch
from mmpose.registry import MODELS
from torch.nn.functional import interpolate

from mmpose_ext.models.functional import charbonnier, flow_smoothness, photometric_error
from mmpose_ext.models.losses import FlowPhotometricLoss, FlowSmoothnessLoss

NOTHING = charbonnier(torch.zeros(())).item()
FINEST = (0, 0, 0, 1)


def pyramid(batch=2, height=32, width=48, scale=1.0):
    sizes = [(height // k, width // k) for k in (8, 4, 2, 1)]
    return [(scale * torch.randn(batch, 2, *size)).requires_grad_() for size in sizes]


def frames(batch=2, height=32, width=48):
    return 255 * torch.rand(batch, 2, height, width)


def test_photometric_is_the_mean_over_the_scales():
    flows, gray = pyramid(), frames()
    terms = []
    for flow in flows:
        first, second = interpolate(gray, flow.shape[2:], mode='bilinear').split(1, dim=1)
        terms.append(photometric_error(first, second, flow))
    loss = FlowPhotometricLoss()(flows, gray)
    torch.testing.assert_close(loss, sum(terms) / 4)
    weighted = FlowPhotometricLoss(loss_weight=2, scale_weights=(0, 1, 0, 3))(flows, gray)
    torch.testing.assert_close(weighted, 2 * (terms[1] + 3 * terms[3]) / 4)


def test_smoothness_is_the_mean_over_the_scales():
    flows = pyramid()
    terms = [flow_smoothness(flow) for flow in flows]
    torch.testing.assert_close(FlowSmoothnessLoss()(flows), 0.5 * sum(terms) / 4)
    finest = FlowSmoothnessLoss(scale_weights=FINEST)(flows)
    torch.testing.assert_close(finest, 0.5 * terms[3])


def test_eps_and_alpha_are_used():
    still = [torch.zeros_like(flow) for flow in pyramid()]
    gray = torch.ones(2, 2, 32, 48)
    gray[:, 1] = 2
    options = dict(eps=0.5, alpha=1.0, loss_weight=1.0)
    assert FlowPhotometricLoss(**options)(still, gray).item() == pytest.approx(1.25)
    assert FlowSmoothnessLoss(**options)(still).item() == pytest.approx(0.25)


def test_frames_without_motion():
    """Golden case 5 over a pyramid."""
    still = [torch.zeros_like(flow) for flow in pyramid()]
    gray = frames()[:, :1].expand(-1, 2, -1, -1)
    assert FlowPhotometricLoss()(still, gray).item() == pytest.approx(NOTHING, rel=1e-2)
    assert FlowPhotometricLoss(legacy=True)(still, gray).item() > 100 * NOTHING
    assert FlowSmoothnessLoss()(still).item() == pytest.approx(NOTHING / 2, rel=1e-5)


def test_gray_range_scales_the_difference():
    flows, gray = pyramid(), frames()
    small = FlowPhotometricLoss(gray_range=1)(flows, gray)
    torch.testing.assert_close(small, FlowPhotometricLoss()(flows, gray / 255))
    assert small < FlowPhotometricLoss()(flows, gray) / 50


def test_valid_only_leaves_out_what_points_outside():
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0, :, 4:] = 100
    gray = torch.zeros(1, 2, 8, 8)
    gray[:, 1, :, 7] = 255
    options = dict(scale_weights=(1,))
    assert FlowPhotometricLoss(**options)([flow], gray).item() > 10
    valid = FlowPhotometricLoss(**options, valid_only=True)([flow], gray)
    assert valid.item() == pytest.approx(NOTHING, rel=1e-4)


def test_gradients_reach_every_scale_with_a_weight():
    flows, gray = pyramid(), frames()
    weights = (0, 1, 1, 1)
    loss = FlowPhotometricLoss(scale_weights=weights)(flows, gray)
    (loss + FlowSmoothnessLoss(scale_weights=weights)(flows)).backward()
    assert flows[0].grad is None
    assert all(flow.grad.isfinite().all() and flow.grad.any() for flow in flows[1:])


def test_half_precision_flow_counts_in_float32():
    flows = [flow.detach().to(torch.bfloat16) for flow in pyramid()]
    gray = frames()
    for loss, inputs in ((FlowPhotometricLoss(), [gray]), (FlowSmoothnessLoss(), [])):
        expected = loss([flow.float() for flow in flows], *inputs)
        assert loss(flows, *inputs).dtype == torch.float32
        assert torch.equal(loss(flows, *inputs), expected)


def test_refusals():
    flows, gray = pyramid(), frames()
    with pytest.raises(ValueError, match=r'3 flows need as many scale_weights, got \(1, 1, 1, 1\)'):
        FlowPhotometricLoss()(flows[:3], gray)
    with pytest.raises(ValueError, match=r'gray must be two frames .* got \(2, 1, 32, 48\)'):
        FlowPhotometricLoss()(flows, gray[:, :1])


@pytest.mark.parametrize('name', ['FlowPhotometricLoss', 'FlowSmoothnessLoss'])
@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(loss_weight=-1), 'loss_weight must not be negative, got -1'),
        (dict(scale_weights=(1, -1)), 'scale_weights must not be negative, got -1'),
        (dict(scale_weights=(0, 0)), r'above 0, got \(0, 0\)'),
        (dict(eps=0), 'eps and alpha must be above 0, got 0'),
        (dict(alpha=-1), 'eps and alpha must be above 0'),
    ],
)
def test_refuses_options(name, options, match):
    with pytest.raises(ValueError, match=match):
        MODELS.build({'type': name, **options})


def test_refuses_a_gray_range_of_0():
    with pytest.raises(ValueError, match='gray_range must be above 0, got 0'):
        MODELS.build(dict(type='FlowPhotometricLoss', gray_range=0))
