import pytest
import torch

from mmpose_ext.models.heads.simdr_flip import average_flipped, flip_back, shift_left

FLIP = [0, 2, 1, 4, 3]


@pytest.mark.parametrize(('ratio', 'back'), [(1, 20), (1.5, 30.5), (2, 41), (3, 62)])
def test_flip_back_and_the_exact_shift(ratio, back):
    """The geometry of the published code: a peak at pixel 20 comes back at 20 k + (k - 1)."""
    bins = int(96 * ratio)
    mirrored = (95 - 20) * ratio  # the peak in the mirrored image
    logits = -((torch.arange(bins) - mirrored) ** 2)[None, None] / 8
    x, _ = flip_back(logits, logits, [0], shift_bins=0)
    x, shifted = (x - x.amax(), flip_back(logits, logits, [0], shift_bins=ratio - 1)[0])

    def center(values):
        return (values.softmax(-1) * torch.arange(bins)).sum().item()

    assert center(x) == pytest.approx(back, abs=1e-3)
    assert center(shifted) == pytest.approx(20 * ratio, abs=1e-3)


def test_half_a_bin_is_exact_for_a_gaussian():
    bins = torch.arange(100)
    logits = -((bins - 50.0) ** 2)[None, None] / 32
    expected = -((bins - 49.5) ** 2)[None, None] / 32
    shifted = shift_left(logits, 0.5)
    torch.testing.assert_close(
        shifted.softmax(-1)[..., 20:80], expected.softmax(-1)[..., 20:80], rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize('shift', [1, 2, -1, 0])
def test_whole_shifts_keep_the_bins_at_the_end(shift):
    values = torch.randn(2, 3, 10)
    expected = values.clone()
    if shift > 0:
        expected[..., :-shift] = values[..., shift:]
    elif shift < 0:
        expected[..., -shift:] = values[..., :shift]
    assert torch.equal(shift_left(values, shift), expected)


def test_flip_back_exchanges_left_and_right():
    x, y = torch.randn(2, 5, 6), torch.randn(2, 5, 8)
    back_x, back_y = flip_back(x, y, FLIP, 1)
    for k, mirror in enumerate(FLIP):
        assert torch.equal(back_y[:, k], y[:, mirror])
        reversed_x = x[:, mirror].flip(-1)
        assert torch.equal(back_x[:, k, :-1], reversed_x[:, 1:])
        assert torch.equal(back_x[:, k, -1], reversed_x[:, -1])


def test_averages():
    a, b = 5 * torch.randn(2, 3, 10), 5 * torch.randn(2, 3, 10)
    mean = (a.softmax(-1) + b.softmax(-1)) / 2
    torch.testing.assert_close(average_flipped(a, b, 'probability').exp(), mean)
    assert torch.equal(average_flipped(a, b, 'logit'), (a + b) * 0.5)
