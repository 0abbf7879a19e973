import numpy as np
import pytest
import torch
from mmpose.codecs import SimCCLabel
from mmpose.codecs.utils import get_simcc_maximum

from mmpose_ext.codecs import SimDRLabel
from mmpose_ext.codecs.functional import refine_dark

SIZE = (192, 256)
AS_MMPOSE = {
    'round_center': True,
    'score_type': 'raw',
    'score_reduction': 'min',
    'reject_nonpositive': True,
}


def predictions(batch=6, scale=3.0):
    return scale * torch.randn(batch, 17, 384), scale * torch.randn(batch, 17, 512)


def peaks(batch=6):
    """Noisy log-Gaussian peaks above 0, also close to the borders."""
    axes = []
    for bins in (384, 512):
        center = torch.rand(batch, 17, 1) * (bins - 1)
        center[0, :4, 0] = torch.tensor([0.0, 1.2, bins - 1.0, bins - 2.3])
        value = 12 - (torch.arange(bins) - center).square() / 72
        axes.append(value.clamp_min(0.1) + 0.05 * torch.randn(batch, 17, bins))
    return axes


def mmpose_decode(codec, x, y):
    parts = [
        codec.decode(a[None].numpy().copy(), b[None].numpy().copy())
        for a, b in zip(x, y, strict=True)
    ]
    keypoints, scores = zip(*parts, strict=True)
    if codec.decode_visibility:
        scores = [np.concatenate(part) for part in zip(*scores, strict=True)]
        return np.concatenate(keypoints), *scores
    return np.concatenate(keypoints), np.concatenate(scores)


def our_decode(codec, x, y):
    keypoints, scores = codec.batch_decode(x, y)
    scores = scores if isinstance(scores, tuple) else (scores,)
    return np.concatenate(keypoints), *(np.concatenate(score) for score in scores)


# MMPose's numbers.


@pytest.mark.parametrize('make', [predictions, peaks, lambda: [-p.abs() for p in predictions()]])
def test_raw_decode_is_bit_equal_to_mmpose(make):
    x, y = make()
    keypoints, scores = our_decode(SimDRLabel(SIZE, 'gaussian', **AS_MMPOSE), x, y)
    expected = mmpose_decode(SimCCLabel(SIZE), x, y)
    np.testing.assert_array_equal(keypoints, expected[0], strict=True)
    np.testing.assert_array_equal(scores, expected[1], strict=True)


@pytest.mark.parametrize('factor', [1.0, 1e-4])
def test_dark_equals_mmpose(factor):
    """Also near the least value that has a logarithm, 1e-3."""
    x, y = (factor * axis for axis in peaks())
    before = x.clone(), y.clone()
    codec = SimDRLabel(SIZE, 'gaussian', sigma=(6, 4.9), use_dark=True, **AS_MMPOSE)
    keypoints, scores = our_decode(codec, x, y)
    expected = mmpose_decode(SimCCLabel(SIZE, sigma=(6, 4.9), use_dark=True), x, y)
    plain = mmpose_decode(SimCCLabel(SIZE), x, y)
    assert np.abs(expected[0] - plain[0]).max() > 0.2
    np.testing.assert_allclose(keypoints, expected[0], atol=1e-3)
    np.testing.assert_array_equal(scores, expected[1])
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


def test_visibility_equals_mmpose():
    x, y = peaks()
    codec = SimDRLabel(SIZE, 'gaussian', decode_visibility=True, decode_beta=0.5, **AS_MMPOSE)
    decoded = our_decode(codec, x, y)
    expected = mmpose_decode(SimCCLabel(SIZE, decode_visibility=True, decode_beta=0.5), x, y)
    assert len(decoded) == 3
    assert expected[2].std() > 0.01
    for ours, theirs in zip(decoded, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_visibility_does_not_depend_on_dark():
    x, y = peaks()
    options = {'decode_visibility': True, 'decode_beta': 0.5}
    plain = our_decode(SimDRLabel(SIZE, **options), x, y)
    dark = our_decode(SimDRLabel(SIZE, **options, use_dark=True), x, y)
    np.testing.assert_array_equal(plain[2], dark[2])


# Decoding as published, and what is ours.


@pytest.mark.parametrize(
    ('options', 'reduction'),
    [
        ({}, max),
        ({'smoothing_type': 'standard'}, max),
        ({'smoothing_type': 'gaussian'}, min),
        ({'score_reduction': 'min'}, min),
        ({'smoothing_type': 'gaussian', 'score_reduction': 'max'}, max),
    ],
)
def test_scores_are_the_published_probabilities(options, reduction):
    x, y = predictions(2)
    keypoints, scores = our_decode(SimDRLabel(SIZE, **options), x, y)
    for b, k in np.ndindex(2, 17):
        probabilities = [
            np.exp(a - a.max()) / np.exp(a - a.max()).sum()
            for a in (x[b, k].double().numpy(), y[b, k].double().numpy())
        ]
        assert scores[b, k] == pytest.approx(reduction(p.max() for p in probabilities), rel=1e-5)
        assert keypoints[b, k].tolist() == [p.argmax() / 2 for p in probabilities]


@pytest.mark.parametrize('offset', [-1000.0, 0.0, 50.0])
def test_scores_and_dark_do_not_depend_on_an_offset_of_the_logits(offset):
    x, y = (axis.double() for axis in peaks())
    codec = SimDRLabel(SIZE, use_dark=True)
    decoded, moved = our_decode(codec, x, y), our_decode(codec, x + offset, y + offset)
    np.testing.assert_allclose(decoded[0], moved[0], atol=1e-4)
    np.testing.assert_allclose(decoded[1], moved[1], rtol=1e-5)
    assert (moved[1] > 0).all()
    assert (moved[1] <= 1).all()


def test_keypoints_with_negative_raw_scores_are_kept_unless_rejected():
    x, y = (-axis.abs() - 1 for axis in predictions())
    keep = our_decode(SimDRLabel(SIZE, score_type='raw'), x, y)[0]
    np.testing.assert_array_equal(keep[..., 0], x.argmax(-1) / 2)
    reject = our_decode(SimDRLabel(SIZE, score_type='raw', reject_nonpositive=True), x, y)[0]
    assert (reject == -0.5).all()


def test_a_raw_score_of_exactly_0_is_rejected():
    """As in MMPose; what is above 0 by the least stays."""
    x, y = (-axis.abs() - 1 for axis in predictions())
    x[..., 7] = y[..., 9] = 0
    x[0, 0, 7] = y[0, 0, 9] = 1e-30
    codec = SimDRLabel(SIZE, score_type='raw', score_reduction='min', reject_nonpositive=True)
    keypoints = our_decode(codec, x, y)[0]
    assert keypoints[0, 0].tolist() == [3.5, 4.5]
    keypoints[0, 0] = -0.5
    assert (keypoints == -0.5).all()


def test_dark_finds_the_centre_between_bins():
    center = torch.linspace(40, 340, 301).reshape(1, -1, 1) + 0.37
    logits = 1 - (torch.arange(384) - center).square() / 32
    probabilities = logits.softmax(-1)
    refined = refine_dark(probabilities, probabilities.argmax(-1), 23)
    assert (refined - center[..., 0]).abs().max() < 0.05


@pytest.mark.parametrize('value', [0.0, 1e-9, 1 / 384, 1.0])
def test_dark_of_flat_values_stays(value):
    flat = torch.full((1, 384, 384), value)
    bins = torch.arange(384)[None]
    inner = bins[:, 40:-40]  # the zeros beyond the borders are no peak, but they do bend the rest
    refined = refine_dark(flat, bins, 37, max_step=2.0)
    assert torch.equal(refined[:, 40:-40], inner.float())
    assert (refined - bins).abs().max() <= 2
    assert torch.equal(refine_dark(torch.zeros_like(flat), bins, 37), bins.float())


def test_dark_of_noise_makes_no_long_steps():
    x, y = torch.randn(40, 17, 384), torch.randn(40, 17, 512)
    plain, dark = (our_decode(SimDRLabel(SIZE, use_dark=use), x, y)[0] for use in (False, True))
    assert np.abs(dark - plain).max() <= 1  # 2 bins are 1 px
    assert (dark >= 0).all()
    assert (dark[..., 0] <= 383 / 2).all()
    assert (dark[..., 1] <= 511 / 2).all()
    probabilities = x.softmax(-1)
    unlimited = refine_dark(probabilities, x.argmax(-1), 37)
    assert (unlimited - x.argmax(-1)).abs().max() > 10  # the noise does ask for them


def test_dark_limits_no_step_of_a_clear_peak():
    center = torch.linspace(40, 340, 301).reshape(1, -1, 1) + 0.37
    probabilities = (1 - (torch.arange(384) - center).square() / 72).softmax(-1)
    bins = probabilities.argmax(-1)
    limited = refine_dark(probabilities, bins, 37, max_step=2.0)
    assert torch.equal(limited, refine_dark(probabilities, bins, 37))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_decode_keeps_positions_in_any_precision(dtype):
    x, y = torch.zeros(1, 1, 864, dtype=dtype), torch.zeros(1, 1, 1152, dtype=dtype)
    x[..., 857], y[..., 1151] = 5, 5
    keypoints, scores = SimDRLabel((288, 384), simcc_split_ratio=3).batch_decode(x, y)
    np.testing.assert_allclose(keypoints[0], [[[857 / 3, 1151 / 3]]], rtol=1e-6)
    assert keypoints[0].dtype == np.float32
    assert scores[0].dtype == (np.float64 if dtype == torch.float64 else np.float32)


@pytest.mark.parametrize('batch', [0, 1, 3])
def test_shapes_of_batch_decode(batch):
    codec = SimDRLabel(SIZE, decode_visibility=True)
    keypoints, (scores, visibilities) = codec.batch_decode(*predictions(batch))
    assert codec.support_batch_decoding
    assert [k.shape for k in keypoints] == [(1, 17, 2)] * batch
    assert [s.shape for s in scores] == [s.shape for s in visibilities] == [(1, 17)] * batch


def test_decode_of_arrays_equals_batch_decode():
    x, y = predictions(3)
    codec = SimDRLabel(SIZE, use_dark=True)
    expected = our_decode(codec, x, y)
    for ours, theirs in zip(codec.decode(x.numpy(), y.numpy()), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    single = codec.decode(x[0].numpy(), y[0].numpy())
    assert (single[0].shape, single[1].shape) == ((1, 17, 2), (1, 17))


def test_decode_does_not_need_gradients_switched_off():
    x, y = predictions(1)
    keypoints, _ = SimDRLabel(SIZE).batch_decode(x.requires_grad_(), y.requires_grad_())
    assert keypoints[0].shape == (1, 17, 2)


def test_softmax_scores_equal_mmposes_function():
    x, y = predictions()
    _, scores = our_decode(SimDRLabel(SIZE, score_reduction='min'), x, y)
    _, expected = get_simcc_maximum(x.numpy(), y.numpy(), apply_softmax=True)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


# Bad input.


@pytest.mark.parametrize(
    'shapes',
    [((1, 17, 383), (1, 17, 512)), ((1, 17, 384), (1, 16, 512)), ((17, 384), (17, 512))],
)
def test_batch_decode_refuses_predictions_of_another_size(shapes):
    with pytest.raises(ValueError, match='384'):
        SimDRLabel(SIZE).batch_decode(*(torch.zeros(shape) for shape in shapes))
