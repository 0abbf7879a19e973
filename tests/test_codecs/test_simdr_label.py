import math

import numpy as np
import pytest
from mmpose.codecs import SimCCLabel
from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.codecs import SimDRLabel

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
    ('rule', 'weights'),
    [('pixels', [1, 1, 0, 1, 1, 0, 1, 1, 1]), ('bins', [0, 0, 0, 1, 0, 0, 1, 0, 0])],
)
def test_weights_of_gaussians_outside_the_image(rule, weights):
    codec = SimDRLabel(SIZE, 'gaussian', sigma=4, weight_rule=rule)
    keypoints = np.array(
        [[(x, 50.0) for x in (-11.9, -13.9, -14, 197.9, 203, 205, -6.5, -6.6, 198)]]
    )
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
    # By its rules of promotion (NEP 50) numpy 2 lets MMPose compute Gaussians in float64.
    in_float32 = (np.zeros(1, np.float32) - np.int64(1)).dtype == np.float32
    rounding = {} if in_float32 or 'sigma' not in options else dict(rtol=1e-5, atol=1e-9)
    compare = np.testing.assert_allclose if rounding else np.testing.assert_array_equal
    for key, value in expected.items():
        compare(encoded[key], value, strict=True, **rounding)


def test_index_and_dense_labels_say_the_same(samples):
    index = SimDRLabel(SIZE).encode(*samples)
    dense = SimDRLabel(SIZE, 'standard').encode(*samples)
    used = index['keypoint_weights'] > 0
    assert used.any()
    np.testing.assert_array_equal(used, dense['keypoint_x_labels'].any(-1))
    for axis in 'xy':
        key = f'keypoint_{axis}_labels'
        np.testing.assert_array_equal(dense[key].argmax(-1)[used], index[key][used])


# There and back.


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
