import math

import numpy as np
import pytest
import torch
from mmpose.codecs import SimCCLabel
from mmpose.codecs.utils import get_simcc_maximum
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.codecs import SimDRLabel
from mmpose_ext.codecs.functional import refine_dark

SIZE = (192, 256)
AS_MMPOSE = {
    'round_center': True,
    'score_type': 'raw',
    'score_reduction': 'min',
    'reject_nonpositive': True,
}


@pytest.fixture
def samples():
    """Keypoints inside, around and far outside the image, some of them unlabelled."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-60, 320, (8, 17, 2)).astype(np.float32)
    keypoints[0, :3] = [(1e12, 5), (-1e12, 5), (5, -1e30)]
    visible = rng.choice([0, 0.3, 0.5, 1], (8, 17)).astype(np.float32)
    return keypoints, visible


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


# The published numbers: SimDR's integer labels.


@pytest.mark.parametrize(
    ('point', 'labels', 'weight'),
    [
        ((10.3, 20.7), (21, 41), 1),
        ((10.25, 20.7), (20, 41), 1),
        ((10.75, 20.7), (22, 41), 1),
        ((0.25, 20.7), (0, 41), 1),
        ((191.9, 20.7), (383, 41), 0),
        ((-14, 50), (0, 100), 0),
        ((203, 50), (383, 100), 0),
        ((50, 1e30), (100, 511), 0),
    ],
)
def test_index_labels_are_the_published_ones(point, labels, weight):
    encoded = SimDRLabel(SIZE).encode(np.array([[point]], dtype=np.float64))
    assert (encoded['keypoint_x_labels'].item(), encoded['keypoint_y_labels'].item()) == labels
    assert encoded['keypoint_weights'].item() == weight
    assert encoded['keypoint_x_labels'].dtype == np.int64


def test_index_labels_of_unlabelled_keypoints_have_no_weight():
    keypoints = np.full((1, 3, 2), 50.0)
    visible = np.array([[0, 0.3, 1]])
    weights = SimDRLabel(SIZE).encode(keypoints, visible)['keypoint_weights']
    assert weights.tolist() == [[0, 0, 1]]
    assert visible.tolist() == [[0, 0.3, 1]]


def test_standard_label_is_the_published_one():
    codec = SimDRLabel(SIZE, 'standard', label_smooth_weight=0.1)
    label = codec.encode(np.array([[[10.3, 20.7]]]))['keypoint_x_labels'][0, 0]
    assert label[21] == np.float32(0.9)
    np.testing.assert_allclose(np.delete(label, 21), 0.0002610966, rtol=1e-6)


# The published numbers: SA-SimDR's Gaussian labels.


def test_gaussian_label_is_the_published_one():
    codec = SimDRLabel(SIZE, 'gaussian', sigma=4)
    encoded = codec.encode(np.array([[[10.3, 20.7]]]))
    x, y = encoded['keypoint_x_labels'][0, 0], encoded['keypoint_y_labels'][0, 0]
    assert x.argmax() == 21
    np.testing.assert_allclose(x[20:22], [0.09861983, 0.09923814], rtol=2e-7)
    np.testing.assert_allclose([x.sum(), y.sum()], 1, atol=1e-6)
    assert (x.shape, y.shape, x.dtype) == ((384,), (512,), np.float32)
    rounded = SimDRLabel(SIZE, 'gaussian', sigma=4, round_center=True)
    x = rounded.encode(np.array([[[10.3, 20.7]]]))['keypoint_x_labels'][0, 0]
    np.testing.assert_allclose(x[21], 0.09973557, rtol=2e-7)


@pytest.mark.parametrize(
    ('rule', 'weights'), [('pixels', [1, 1, 0, 1, 1, 0]), ('bins', [0, 0, 0, 1, 0, 0])]
)
def test_weights_of_gaussians_outside_the_image(rule, weights):
    codec = SimDRLabel(SIZE, 'gaussian', sigma=4, weight_rule=rule)
    keypoints = np.array([[(x, 50.0) for x in (-11.9, -13.9, -14, 197.9, 203, 205)]])
    encoded = codec.encode(keypoints)
    assert encoded['keypoint_weights'].tolist() == [weights]
    assert not encoded['keypoint_x_labels'][0, np.array(weights) == 0].any()


def test_the_two_weight_rules_give_almost_equal_labels():
    keypoints = np.array([[[-11.9, 50.0]]])
    label = SimDRLabel(SIZE, 'gaussian', sigma=4, weight_rule='pixels').encode(keypoints)
    assert 0 < label['keypoint_x_labels'].sum() < 3e-9


@pytest.mark.parametrize('normalize', [True, False])
@pytest.mark.parametrize('weight_rule', ['bins', 'pixels'])
def test_gaussian_labels_equal_loops_over_the_formula(samples, normalize, weight_rule):
    keypoints, visible = samples
    codec = SimDRLabel(
        SIZE, 'gaussian', sigma=(4, 5.5), normalize=normalize, weight_rule=weight_rule
    )
    encoded = codec.encode(keypoints, visible)
    for n, k in np.ndindex(*visible.shape):
        (x, y), weight = keypoints[n, k].astype(float), float(visible[n, k])
        if weight_rule == 'pixels':
            boxes = [(int(v - 3 * s), int(v + 3 * s + 1)) for v, s in ((x, 4), (y, 5.5))]
            size = SIZE
        else:
            boxes = [(2 * v - 3 * s, 2 * v + 3 * s + 1) for v, s in ((x, 4), (y, 5.5))]
            size = (384, 512)
        missed = any(box[0] >= n_ or box[1] < 0 for box, n_ in zip(boxes, size, strict=True))
        if weight >= 0.5 and missed:
            weight = 0.0
        assert encoded['keypoint_weights'][n, k] == np.float32(weight)
        for axis, mu, sigma, bins in (('x', 2 * x, 4, 384), ('y', 2 * y, 5.5, 512)):
            norm = sigma * math.sqrt(2 * math.pi) if normalize else 1
            exact = [math.exp(-min((i - mu) ** 2 / 2 / sigma**2, 700)) / norm for i in range(bins)]
            exact = exact if weight >= 0.5 else [0] * bins
            label = encoded[f'keypoint_{axis}_labels'][n, k]
            np.testing.assert_allclose(label, exact, rtol=2e-4, atol=1e-9)


# All of MMPose's SimCCLabel.


@pytest.mark.parametrize(
    'options',
    [
        {'smoothing_type': 'gaussian', 'sigma': 6.0},
        {'smoothing_type': 'gaussian', 'sigma': (4, 5.66), 'normalize': False},
        {'smoothing_type': 'gaussian', 'sigma': 4, 'simcc_split_ratio': 1.5},
        {'smoothing_type': 'standard', 'label_smooth_weight': 0.1},
        {'smoothing_type': 'standard', 'label_smooth_weight': 0.0, 'simcc_split_ratio': 3},
        {'smoothing_type': 'standard', 'label_smooth_weight': 1.0},
    ],
)
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.filterwarnings('ignore:invalid value encountered in cast')
def test_encode_as_mmpose_is_bit_equal(samples, options, dtype):
    keypoints, visible = (array.astype(dtype) for array in samples)
    expected = SimCCLabel(SIZE, **options).encode(keypoints, visible)
    encoded = SimDRLabel(SIZE, **options, **AS_MMPOSE).encode(keypoints, visible)
    assert encoded.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(encoded[key], value, strict=True)


def test_index_and_dense_labels_say_the_same(samples):
    index = SimDRLabel(SIZE).encode(*samples)
    dense = SimDRLabel(SIZE, 'standard').encode(*samples)
    used = index['keypoint_weights'] > 0
    assert used.any()
    np.testing.assert_array_equal(used, dense['keypoint_x_labels'].any(-1))
    for axis in 'xy':
        key = f'keypoint_{axis}_labels'
        np.testing.assert_array_equal(dense[key].argmax(-1)[used], index[key][used])


@pytest.mark.parametrize('make', [predictions, peaks, lambda: [-p.abs() for p in predictions()]])
def test_raw_decode_is_bit_equal_to_mmpose(make):
    x, y = make()
    keypoints, scores = our_decode(SimDRLabel(SIZE, 'gaussian', **AS_MMPOSE), x, y)
    expected = mmpose_decode(SimCCLabel(SIZE), x, y)
    np.testing.assert_array_equal(keypoints, expected[0], strict=True)
    np.testing.assert_array_equal(scores, expected[1], strict=True)


def test_dark_equals_mmpose():
    x, y = peaks()
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


def test_dark_finds_the_centre_between_bins():
    center = torch.linspace(40, 340, 301).reshape(1, -1, 1) + 0.37
    logits = 1 - (torch.arange(384) - center).square() / 32
    probabilities = logits.softmax(-1)
    refined = refine_dark(probabilities, probabilities.argmax(-1), 23)
    assert (refined - center[..., 0]).abs().max() < 0.05


def test_dark_of_flat_values_stays():
    for value in (0.0, 1.0):
        flat = torch.full((1, 1, 384), value)
        refined = refine_dark(flat, torch.tensor([[7]]), 37)
        assert torch.isfinite(refined).all()


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


@pytest.mark.parametrize('smoothing_type', ['index', 'standard', 'gaussian'])
@pytest.mark.parametrize(
    ('size', 'ratio'), [((192, 256), 2), ((64, 64), 3), ((288, 384), 1.5), ((256, 256), 1)]
)
def test_round_trip_is_within_half_a_bin(smoothing_type, size, ratio):
    codec = SimDRLabel(size, smoothing_type, sigma=4, simcc_split_ratio=ratio)
    limit = np.array(size) - 1
    keypoints = np.random.default_rng(0).uniform(0, limit, (4, 17, 2)).astype(np.float32)
    encoded = codec.encode(keypoints)
    assert (encoded['keypoint_weights'] == 1).all()
    x, y = encoded['keypoint_x_labels'], encoded['keypoint_y_labels']
    if smoothing_type == 'index':
        x, y = np.eye(codec.bins[0])[x], np.eye(codec.bins[1])[y]
    decoded, _ = codec.decode(x, y)
    assert np.abs(decoded - keypoints).max() <= 0.5 / ratio + 1e-4
    np.testing.assert_allclose(decoded, np.around(keypoints * ratio) / ratio, atol=1e-4)


def test_softmax_scores_equal_mmposes_function():
    x, y = predictions()
    _, scores = our_decode(SimDRLabel(SIZE, score_reduction='min'), x, y)
    _, expected = get_simcc_maximum(x.numpy(), y.numpy(), apply_softmax=True)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


# The stock pipeline.


@pytest.mark.parametrize('smoothing_type', ['index', 'gaussian'])
def test_labels_pass_the_stock_pipeline(smoothing_type):
    encoder = {'type': 'SimDRLabel', 'input_size': SIZE, 'smoothing_type': smoothing_type}
    results = {
        'img': np.zeros((256, 192, 3), dtype=np.uint8),
        'transformed_keypoints': np.full((1, 17, 2), 60.2, dtype=np.float32),
        'keypoints_visible': np.ones((1, 17), dtype=np.float32),
        'dataset_keypoint_weights': np.full(17, 1.5, dtype=np.float32),
    }
    results = GenerateTarget(encoder, use_dataset_keypoint_weights=True).transform(results)
    labels = PackPoseInputs().transform(results)['data_samples'].gt_instance_labels
    shape = (1, 17) if smoothing_type == 'index' else (1, 17, 384)
    assert labels.keypoint_x_labels.shape == shape
    assert labels.keypoint_weights.tolist() == [[1.5] * 17]
    assert isinstance(KEYPOINT_CODECS.build(encoder), SimDRLabel)


# Bad input.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'input_size': (190, 256), 'simcc_split_ratio': 1.25}, r'\(190, 256\).*1\.25.*237\.5'),
        ({'input_size': (192, 0)}, 'input_size'),
        ({'input_size': (192, 256, 3)}, 'input_size'),
        ({'simcc_split_ratio': 0}, 'simcc_split_ratio'),
        ({'simcc_split_ratio': math.nan}, 'simcc_split_ratio'),
        ({'smoothing_type': 'normal'}, "smoothing_type.*'normal'"),
        ({'weight_rule': 'both'}, 'weight_rule'),
        ({'score_type': 'logit'}, 'score_type'),
        ({'score_reduction': 'mean'}, 'score_reduction'),
        ({'label_smooth_weight': 0.1}, 'SimDRSmoothingLoss'),
        ({'smoothing_type': 'gaussian', 'label_smooth_weight': 0.1}, 'label_smooth_weight'),
        ({'reject_nonpositive': True}, "score_type='raw'"),
        ({'sigma': 0}, 'sigma'),
        ({'sigma': (4, -1)}, 'sigma'),
        ({'sigma': (4, 4, 4)}, 'sigma'),
        ({'sigma': 0.4, 'use_dark': True}, 'use_dark=False'),
    ],
)
def test_constructor_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        SimDRLabel(**{'input_size': SIZE, **options})


@pytest.mark.parametrize('smoothing_type', ['index', 'standard', 'gaussian'])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_encode_names_the_keypoint_that_is_not_finite(smoothing_type, value):
    keypoints = np.zeros((2, 17, 2), dtype=np.float32)
    keypoints[1, 5, 1] = value
    with pytest.raises(ValueError, match=rf'keypoint 5 of instance 1 .*\[0\.0, {value}\]'):
        SimDRLabel(SIZE, smoothing_type).encode(keypoints)
    visible = np.ones((2, 17))
    visible[0, 3] = value
    with pytest.raises(ValueError, match=rf'keypoint 3 of instance 0 .*{value}'):
        SimDRLabel(SIZE, smoothing_type).encode(np.zeros((2, 17, 2)), visible)


@pytest.mark.parametrize('shape', [(17, 2), (1, 17), (1, 17, 3), (1, 1, 17, 2)])
def test_encode_refuses_wrong_shapes(shape):
    with pytest.raises(ValueError, match='keypoints'):
        SimDRLabel(SIZE).encode(np.zeros(shape))


def test_encode_refuses_visibilities_of_another_shape_and_no_arrays():
    with pytest.raises(ValueError, match=r'\(1, 17\).*\(1, 16\)'):
        SimDRLabel(SIZE).encode(np.zeros((1, 17, 2)), np.ones((1, 16)))
    with pytest.raises(TypeError, match='list'):
        SimDRLabel(SIZE).encode([[[1, 2]]])
    with pytest.raises(TypeError, match='keypoints_visible'):
        SimDRLabel(SIZE).encode(np.zeros((1, 1, 2)), np.array([['yes']]))


@pytest.mark.parametrize(
    'shapes',
    [((1, 17, 383), (1, 17, 512)), ((1, 17, 384), (1, 16, 512)), ((17, 384), (17, 512))],
)
def test_batch_decode_refuses_predictions_of_another_size(shapes):
    with pytest.raises(ValueError, match='384'):
        SimDRLabel(SIZE).batch_decode(*(torch.zeros(shape) for shape in shapes))
