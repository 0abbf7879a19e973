import numpy as np
import pytest
import torch
from torch.nn.functional import grid_sample

from mmpose_ext.models.functional import (
    charbonnier,
    flow_smoothness,
    photometric_error,
    warp_by_flow,
)

SIZE = 8
RAMP = torch.arange(SIZE, dtype=torch.float32).expand(1, 1, SIZE, SIZE)


def constant(u, v, height=SIZE, width=SIZE):
    return torch.tensor([u, v], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, height, width)


def test_charbonnier():
    """Golden case 1."""
    x = torch.tensor([0, 0.001, 0.01, 0.1, 1, 10, 255], dtype=torch.float64)
    expected = [
        *(0.0019952623, 0.0027256086, 0.0159200567, 0.1258982062),
        *(1.00000045, 7.9432824, 146.516374),
    ]
    assert charbonnier(x).tolist() == pytest.approx(expected, rel=1e-7)
    assert charbonnier(-x).tolist() == pytest.approx(expected, rel=1e-7)


def test_charbonnier_has_no_gradient_at_0():
    x = torch.zeros(3, requires_grad=True)
    charbonnier(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ('u', 'legacy', 'expected'),
    [
        (0, True, [0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]),
        (1, True, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 3.5]),
        (0, False, [0, 1, 2, 3, 4, 5, 6, 7]),
        (1, False, [1, 2, 3, 4, 5, 6, 7, 7]),
        (-1.5, False, [0, 0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]),
    ],
)
def test_warp(u, legacy, expected):
    """Golden case 4, and a step to the left."""
    row = warp_by_flow(RAMP, constant(u, 0), legacy)[0, 0, 3]
    assert row.tolist() == pytest.approx(expected, abs=1e-5)


def test_warp_of_an_image_that_is_not_square():
    """Golden case 7."""
    image = torch.rand(2, 3, 6, 10)
    warped = warp_by_flow(image, constant(2, 0, 6, 10).expand(2, 2, 6, 10))
    torch.testing.assert_close(warped[..., :8], image[..., 2:])
    torch.testing.assert_close(warped[..., 8:], image[..., 9:].expand(2, 3, 6, 2))
    down = warp_by_flow(image, constant(0, 1, 6, 10).expand(2, 2, 6, 10))
    torch.testing.assert_close(down[..., :5, :], image[..., 1:, :])


def test_warp_is_grid_sample_with_aligned_corners():
    image, flow = torch.rand(2, 1, 6, 10), 3 * torch.randn(2, 2, 6, 10)
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(10.0), indexing='ij')
    ends = torch.stack((2 * (x + flow[:, 0]) / 9 - 1, 2 * (y + flow[:, 1]) / 5 - 1), dim=-1)
    expected = grid_sample(image, ends, padding_mode='border', align_corners=True)
    torch.testing.assert_close(warp_by_flow(image, flow), expected, atol=1e-5, rtol=1e-5)


def test_warp_tells_what_comes_from_inside():
    warped, valid = warp_by_flow(RAMP, constant(2, -1), return_valid=True)
    assert warped.shape == (1, 1, SIZE, SIZE)
    expected = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
    expected[..., 1:, :6] = True
    assert torch.equal(valid, expected)


def test_photometric_error_of_equal_images():
    """Golden case 5."""
    image = torch.arange(64.0).view(1, 1, 8, 8)
    still = constant(0, 0)
    assert photometric_error(image, image, still).item() == pytest.approx(0.0019952623, rel=1e-4)
    legacy = photometric_error(image, image, still, legacy=True)
    assert legacy.item() == pytest.approx(4.6493607, abs=1e-5)


def test_other_penalties():
    """All formulas take eps and alpha: a parabola of the difference 1, or of nothing."""
    options = dict(eps=0.5, alpha=1.0)
    first, second = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    assert photometric_error(first, second, constant(0, 0), **options).item() == 1.25
    assert flow_smoothness(constant(5, -3), **options).item() == 0.25


def test_the_true_flow_has_no_photometric_error():
    image = 255 * torch.rand(1, 1, 12, 20)
    moved = image.roll((1, 3), dims=(2, 3))
    true = constant(3, 1, 12, 20)
    nothing = charbonnier(torch.zeros(())).item()
    inside = photometric_error(image, moved, true, valid_only=True)
    assert inside.item() == pytest.approx(nothing, rel=0.2)
    assert photometric_error(image, moved, true) > 2
    assert photometric_error(image, moved, -true) > 20
    outside = photometric_error(image, moved, constant(99, 0, 12, 20), valid_only=True)
    assert outside.item() == 0


def test_smoothness_by_hand():
    """A step of 1 in u: at every neighbour across it, in half of the channels."""
    flow = torch.zeros(1, 2, 4, 4)
    flow[:, 0, :, 2:] = 1
    still, step = 0.0019952623, 1.00000045
    # Of 12 horizontal differences 4, of 12 vertical none, of 9 diagonal 3 each; v has none.
    shares = np.array([4 / 12, 0, 3 / 9, 3 / 9]) / 2
    expected = np.mean(still + shares * (step - still))
    assert flow_smoothness(flow).item() == pytest.approx(expected, rel=1e-5)
    assert flow_smoothness(constant(5, -3)).item() == pytest.approx(still, rel=1e-5)


def test_smoothness_sees_both_diagonals():
    """u rises along one diagonal and is constant along the other."""
    x, y = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing='xy')
    for ramp in (x - y, x + y):
        flow = torch.stack((ramp, torch.zeros(5, 5)))[None]
        still, one, two = charbonnier(torch.tensor([0.0, 1.0, 2.0])).tolist()
        expected = (2 * (one + still) / 2 + still + (two + still) / 2) / 4
        assert flow_smoothness(flow).item() == pytest.approx(expected, rel=1e-5)


def test_gradients():
    torch.manual_seed(3)
    image, first = torch.rand(2, 2, 1, 5, 7, dtype=torch.float64)
    flow = torch.randn(2, 2, 5, 7, dtype=torch.float64) + 0.3
    flow.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: photometric_error(first, image, f), flow)
    assert torch.autograd.gradcheck(flow_smoothness, flow)


@pytest.mark.parametrize(
    ('image', 'flow'),
    [
        ((1, 1, 8, 8), (1, 3, 8, 8)),
        ((1, 1, 8, 8), (2, 2, 8, 8)),
        ((1, 1, 8, 6), (1, 2, 8, 8)),
        ((1, 1, 6, 8), (1, 2, 8, 8)),
        ((1, 8, 8), (1, 2, 8, 8)),
        ((1, 1, 8, 8), (2, 8, 8)),
    ],
)
def test_warp_refuses_what_does_not_belong_together(image, flow):
    with pytest.raises(ValueError, match=r'expected an image \(B, C, H, W\) and a flow'):
        warp_by_flow(torch.zeros(image), torch.zeros(flow))


def test_refusals():
    with pytest.raises(ValueError, match=r'two images of one shape, got \(1, 1, 8, 8\) and'):
        photometric_error(RAMP, RAMP[..., 1:], constant(0, 0))
    for shape in ((1, 2, 1, 8), (1, 3, 8, 8), (2, 8, 8)):
        with pytest.raises(ValueError, match='at least 2 x 2 px'):
            flow_smoothness(torch.zeros(shape))
