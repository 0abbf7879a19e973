import itertools

import numpy as np
import pytest
from mmpose.datasets.transforms import (
    GenerateTarget,
    KeypointConverter,
    PackPoseInputs,
    RandomFlip,
)
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.codecs.functional.hemlets import decode_polarity
from mmpose_ext.skeletons import human36m18 as h36m

PARTS = h36m.PARTS
PART_FLIP = [3, 4, 5, 0, 1, 2, 6, 7, 11, 12, 13, 8, 9, 10]
FLIP = list(h36m.FLIP_INDICES)
# A part of which both joints are clearly inside the image.
PARENT, CHILD = (80.0, 80.0), (160.0, 180.0)


def one_part(z_parent, z_child, visible=(1, 1), **options):
    """Encode a skeleton of a single part; its maps by polarity -1, 0, 1."""
    codec = HEMletsLabel(num_joints=2, parts=[(0, 1)], flip_indices=(0, 1), **options)
    keypoints = np.array([[(*PARENT, z_parent), (*CHILD, z_child)]], dtype=np.float32)
    encoded = codec.encode(keypoints, np.array([visible], dtype=np.float32))
    return encoded, dict(zip((-1, 0, 1), encoded['hemlets'], strict=True))


def person(seed=0, dims=3, margin=20):
    """A person with all joints inside the 256x256 input, no two on the same map pixel."""
    rng = np.random.default_rng(seed)
    keypoints = np.zeros((1, 18, 3), dtype=np.float32)
    keypoints[0, :, :2] = rng.choice(256 - 2 * margin, (18, 2), replace=False) + margin
    keypoints[0, :, 2] = rng.uniform(-400, 400, 18)
    keypoints[0, 0, 2] = 0
    return keypoints[..., :dims]


# The published numbers, and the spec's golden cases.


def test_the_child_lies_in_the_map_of_its_polarity():
    encoded, maps = one_part(0, -200)
    assert encoded['part_polarity'].tolist() == [[1]]
    assert (maps[1][45, 40], maps[1].max(), maps[1].argmax()) == (1, 1, 45 * 64 + 40)
    assert (maps[0][20, 20], maps[0].max(), maps[0][45, 40]) == (1, 1, 0)
    assert not maps[-1].any()

    encoded, maps = one_part(0, 200)
    assert encoded['part_polarity'].tolist() == [[-1]]
    assert maps[-1][45, 40] == 1
    assert not maps[1].any()

    encoded, maps = one_part(0, 60)
    assert encoded['part_polarity'].tolist() == [[0]]
    assert maps[0][45, 40] == maps[0][20, 20] == 1
    assert not maps[-1].any()
    assert not maps[1].any()


def test_a_constant_depth_never_changes_the_maps():
    codec, keypoints = HEMletsLabel(), person()
    moved = keypoints + np.array([0, 0, 137.0], dtype=np.float32)
    first, second = codec.encode(keypoints), codec.encode(moved)
    np.testing.assert_array_equal(first['hemlets'], second['hemlets'])
    np.testing.assert_allclose(
        second['keypoint_labels'] - first['keypoint_labels'], [[[0, 0, 0.0685]] * 18], atol=1e-6
    )


@pytest.mark.parametrize(('x', 'column'), [(66, 17), (65.9, 16), (64, 16), (0, 0), (253, 63)])
def test_gaussians_lie_on_the_nearest_pixel(x, column):
    keypoints = np.array([[(x, 100, 0), (200, 200, 0)]], dtype=np.float32)
    codec = HEMletsLabel(num_joints=2, parts=[(0, 1)], flip_indices=(0, 1))
    heatmap = codec.encode(keypoints)['heatmaps'][0]
    assert heatmap.argmax() == 25 * 64 + column
    assert heatmap.max() == 1


def test_maps_may_be_coarser_along_one_axis():
    keypoints = np.array([[(120, 200, 0), (60, 40, 0)]], dtype=np.float32)
    codec = HEMletsLabel(
        heatmap_size=(64, 32), num_joints=2, parts=[(0, 1)], flip_indices=(0, 1), sigma=1.0
    )
    heatmaps = codec.encode(keypoints)['heatmaps']
    places = [np.unravel_index(one.argmax(), (32, 64)) for one in heatmaps]
    assert places == [(25, 30), (5, 15)]


@pytest.mark.parametrize('z', [500, -200, 1000, -1000, 0])
def test_labels_and_depth(z):
    encoded, _ = one_part(0, z)
    x, y, depth = encoded['keypoint_labels'][0, 1]
    assert (x, y) == pytest.approx((160 / 256 - 0.5, 180 / 256 - 0.5), abs=1e-7)
    assert depth == pytest.approx({500: 0.25, -200: -0.1, 1000: 0.5, -1000: -0.5, 0: 0}[z])
    # What the authors store, 0 to 255.
    stored = {500: 191.25, -200: 102.0, 1000: 255, -1000: 0, 0: 127.5}[z]
    assert (depth + 0.5) * 255 == pytest.approx(stored, abs=1e-4)
    keypoints, scores = HEMletsLabel().decode(encoded['keypoint_labels'][0])
    np.testing.assert_allclose(keypoints[0, 1], (*CHILD, z), atol=1e-3)
    assert scores.tolist() == [[1, 1]]


def test_label_of_x():
    codec = HEMletsLabel()
    keypoints = person()
    keypoints[0, 4, 0] = 153.6
    assert codec.encode(keypoints)['keypoint_labels'][0, 4, 0] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize('crop', [1, 0.75, 1.25])
def test_depth_scales_with_the_crop(crop):
    """A crop enlarged by s shows 2000 * s mm, in depth too."""
    bbox_w = 500.0
    encoded = HEMletsLabel().encode(
        np.full((1, 18, 3), 100, dtype=np.float32),
        mm_per_px=2000 / bbox_w,
        input_scale=np.array([bbox_w * crop, bbox_w * crop]),
    )
    np.testing.assert_allclose(encoded['keypoint_labels'][0, :, 2], 0.05 / crop, rtol=1e-6)
    # The polarity is that of the true depth.
    far = person()
    far[0, :, 2] = np.where(np.arange(18) % 2, 101, 0)
    plain = HEMletsLabel().encode(far)['part_polarity']
    scaled = HEMletsLabel().encode(far, mm_per_px=4.0, input_scale=np.array([500 * crop] * 2))
    np.testing.assert_array_equal(plain, scaled['part_polarity'])
    assert set(plain.ravel()) == {-1, 0, 1}


# Weak labels and masks: the rules 1 to 6.


def touching(joint):
    """Which parts have a joint."""
    return np.array([joint in part for part in PARTS])


def test_a_3d_sample_is_used_in_full():
    encoded = HEMletsLabel().encode(person(), depth_valid=1.0)
    for name, shape in [
        ('part_weights', (1, 14)),
        ('keypoint_weights', (1, 18)),
        ('keypoint_depth_weights', (1, 18)),
    ]:
        np.testing.assert_array_equal(encoded[name], np.ones(shape, dtype=np.float32), strict=True)


@pytest.mark.parametrize('dims', [2, 3])
def test_annotated_polarities_are_independent_of_the_depth(dims):
    annotated = np.array([[1, 0, -1, -2] * 3 + [1, 1]])
    encoded = HEMletsLabel().encode(person(dims=dims), depth_valid=0.0, part_polarity=annotated)
    np.testing.assert_array_equal(encoded['part_polarity'], annotated)
    np.testing.assert_array_equal(encoded['part_weights'], annotated != -2)
    assert not encoded['keypoint_depth_weights'].any()
    assert encoded['keypoint_weights'].all()
    maps = encoded['hemlets'].reshape(14, 3, 64, 64)
    np.testing.assert_array_equal(maps[annotated[0] == -2], 0)
    np.testing.assert_array_equal(maps[annotated[0] == 1][:, 2].max((1, 2)), 1)


@pytest.mark.parametrize('options', [{}, {'depth_valid': 0.0}])
def test_a_2d_sample_without_polarities_trains_no_part(options):
    encoded = HEMletsLabel().encode(person(dims=2), **options)
    assert not encoded['part_weights'].any()
    assert not encoded['keypoint_depth_weights'].any()
    assert (encoded['part_polarity'] == -2).all()
    assert encoded['keypoint_weights'].all()
    assert (encoded['heatmaps'].max((1, 2)) == 1).all()


@pytest.mark.parametrize('joint', [3, 10, 17])
def test_a_joint_that_is_not_annotated_masks_its_parts_only(joint):
    visible = np.ones((1, 18), dtype=np.float32)
    visible[0, joint] = 0
    codec = HEMletsLabel()
    whole, encoded = codec.encode(person()), codec.encode(person(), visible)
    np.testing.assert_array_equal(encoded['part_weights'][0], ~touching(joint))
    np.testing.assert_array_equal(encoded['keypoint_weights'], visible)
    np.testing.assert_array_equal(encoded['keypoint_depth_weights'], visible)
    assert not encoded['heatmaps'][joint].any()
    others = np.repeat(~touching(joint), 3)
    np.testing.assert_array_equal(encoded['hemlets'][others], whole['hemlets'][others])


@pytest.mark.parametrize(
    ('x', 'y', 'is_inside'),
    [
        *((0, 0, True), (-1.9, 9, True), (-2.1, 9, False), (253.9, 9, True), (254.1, 9, False)),
        *((9, -2.1, False), (9, 255.9, False), (1e6, 9, False), (-1e6, 1e6, False)),
    ],
)
def test_a_joint_outside_the_map_masks_its_parts(x, y, is_inside):
    keypoints = person()
    keypoints[0, 6, :2] = x, y
    encoded = HEMletsLabel().encode(keypoints)
    np.testing.assert_array_equal(encoded['part_weights'][0], is_inside | ~touching(6))
    # x and y stay supervised where they are annotated.
    assert encoded['keypoint_weights'][0, 6] == 1


@pytest.mark.parametrize('value', [1e12, -1e12, 1e30, -1e30])
def test_a_joint_far_away_draws_nothing(value):
    keypoints = person()
    keypoints[0, 6, 0] = value
    encoded = HEMletsLabel().encode(keypoints)
    assert not encoded['heatmaps'][6].any()
    np.testing.assert_array_equal(encoded['part_weights'][0], ~touching(6))


def test_a_visibility_below_a_half_has_no_weight():
    visible = np.full((1, 18), 0.3, dtype=np.float32)
    visible[0, 0] = 1
    encoded = HEMletsLabel().encode(person(), visible)
    np.testing.assert_array_equal(encoded['keypoint_weights'], visible >= 0.5)
    np.testing.assert_array_equal(encoded['keypoint_depth_weights'], visible >= 0.5)


def test_an_mpii_sample():
    """The joints that MPII lacks have no weight; its head top becomes joint 10."""
    rng = np.random.default_rng(0)
    mpii = rng.uniform(20, 230, (1, 16, 2)).astype(np.float32)
    visible = np.ones((1, 16), dtype=np.float32)
    visible[0, 2] = 0  # right hip
    results = {'keypoints': mpii, 'keypoints_visible': visible}
    convert = KeypointConverter(18, h36m.keypoint_mapping(h36m.FROM_MPII))
    results = convert.transform(results)
    encoded = HEMletsLabel().encode(results['keypoints'], results['keypoints_visible'][..., 0])
    weights = np.ones(18)
    weights[[7, 9, 1]] = 0
    np.testing.assert_array_equal(encoded['keypoint_weights'][0], weights)
    label = encoded['keypoint_labels'][0, 10, :2]
    np.testing.assert_allclose(label, mpii[0, 9] / 256 - 0.5, atol=1e-6)


# Mirroring.


def mirror(keypoints):
    mirrored = keypoints[:, FLIP].copy()
    mirrored[..., 0] = 255 - mirrored[..., 0]
    return mirrored


@pytest.mark.parametrize('annotated', [False, True])
def test_encoding_a_mirrored_person_mirrors_the_code(annotated):
    codec, keypoints = HEMletsLabel(), person()
    # Positions whose mirror images round to the mirrored pixels.
    keypoints[..., 0] = keypoints[..., 0] // 4 * 4 + 1.5
    visible = np.ones((1, 18), dtype=np.float32)
    visible[0, 12] = 0
    kwargs = {}
    if annotated:
        keypoints = keypoints[..., :2]
        kwargs['part_polarity'] = np.random.default_rng(1).integers(-2, 2, (1, 14))
    plain = codec.encode(keypoints, visible, **kwargs)
    flipped = codec.encode(
        mirror(keypoints), visible[:, FLIP], flip=True, flip_direction='horizontal', **kwargs
    )
    assert list(codec.part_flip) == PART_FLIP
    np.testing.assert_array_equal(flipped['heatmaps'], plain['heatmaps'][FLIP][..., ::-1])
    maps = plain['hemlets'].reshape(14, 3, 64, 64)[PART_FLIP][..., ::-1]
    np.testing.assert_array_equal(flipped['hemlets'].reshape(14, 3, 64, 64), maps)
    for name, order in [
        ('part_weights', PART_FLIP),
        ('part_polarity', PART_FLIP),
        ('keypoint_weights', FLIP),
        ('keypoint_depth_weights', FLIP),
    ]:
        np.testing.assert_array_equal(flipped[name], plain[name][:, order])
    labels = plain['keypoint_labels'][:, FLIP].copy()
    labels[..., 0] = -labels[..., 0] - 1 / 256
    np.testing.assert_allclose(flipped['keypoint_labels'], labels, atol=1e-6)


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_a_diagonal_flip_is_half_a_turn(direction):
    """It exchanges no left and right; the parts keep their polarities."""
    annotated = np.random.default_rng(1).integers(-2, 2, (1, 14))
    encoded = HEMletsLabel().encode(
        person(dims=2), part_polarity=annotated, flip=True, flip_direction=direction
    )
    expected = annotated if direction == 'diagonal' else annotated[:, PART_FLIP]
    assert (expected != annotated).any() == (direction != 'diagonal')
    np.testing.assert_array_equal(encoded['part_polarity'], expected)


def test_bone_lengths_follow_a_flip():
    """The joints in camera space stay as they were, so the parts' lengths have to move."""
    codec = HEMletsLabel(eps_mode='bone_ratio', eps=0.5)
    rng = np.random.default_rng(0)
    keypoints, lifting = person(), rng.uniform(-0.8, 0.8, (1, 18, 3))
    plain = codec.encode(keypoints, lifting_target=lifting)['part_polarity']
    flipped = codec.encode(
        mirror(keypoints), lifting_target=lifting, flip=True, flip_direction='horizontal'
    )
    np.testing.assert_array_equal(flipped['part_polarity'], plain[:, PART_FLIP])
    assert len(set(plain.ravel())) == 3


@pytest.mark.parametrize('flip', [0, 1])
def test_labels_pass_the_stock_pipeline(flip):
    keypoints = person(dims=2)
    annotated = np.random.default_rng(1).integers(-2, 2, (1, 14))
    results = {
        'img': np.zeros((256, 256, 3), dtype=np.uint8),
        'img_shape': (256, 256),
        'keypoints': keypoints.copy(),
        'keypoints_visible': np.ones((1, 18), dtype=np.float32),
        'flip_indices': FLIP,
        'part_polarity': annotated,
        'bbox': np.array([[0, 0, 256, 256]], dtype=np.float32),
    }
    results = RandomFlip(prob=float(flip)).transform(results)
    results['transformed_keypoints'] = results['keypoints']
    results = GenerateTarget({'type': 'HEMletsLabel'}).transform(results)
    sample = PackPoseInputs().transform(results)['data_samples']
    labels, fields = sample.gt_instance_labels, sample.gt_fields
    expected = annotated[:, PART_FLIP] if flip else annotated
    np.testing.assert_array_equal(labels.part_polarity, expected)
    assert labels.keypoint_labels.shape == (1, 18, 3)
    assert (fields.heatmaps.shape, fields.hemlets.shape) == ((18, 64, 64), (42, 64, 64))
    assert sample.gt_instances.bboxes.shape == (1, 4)
    assert isinstance(KEYPOINT_CODECS.build({'type': 'HEMletsLabel'}), HEMletsLabel)


# There and back.


@pytest.mark.parametrize(
    'options', [{}, {'input_size': (128, 192), 'heatmap_size': (32, 48), 'depth_bound': 1500.0}]
)
def test_round_trip(options):
    codec, keypoints = HEMletsLabel(**options), person() / 2
    decoded, scores = codec.decode(codec.encode(keypoints)['keypoint_labels'])
    np.testing.assert_allclose(decoded, keypoints, atol=1e-3)
    assert (decoded.shape, scores.shape) == ((1, 18, 3), (1, 18))


def test_batch_decode_equals_decode():
    coords = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 18, 3)).astype(np.float32)
    keypoints, scores = HEMletsLabel().batch_decode(coords)
    assert len(keypoints) == len(scores) == 4
    for array, points in zip(coords, keypoints, strict=True):
        np.testing.assert_array_equal(points, HEMletsLabel().decode(array)[0], strict=True)


@pytest.mark.parametrize('width', [64, 80])
@pytest.mark.parametrize('closer_is', [1, -1])
@pytest.mark.parametrize('combine', ['max', 'sum'])
def test_the_polarity_is_read_back(combine, closer_is, width):
    sizes = dict(input_size=(4 * width, 256), heatmap_size=(width, 64))
    codec = HEMletsLabel(**sizes, combine=combine, closer_is=closer_is)
    keypoints = np.concatenate([person(seed) for seed in range(5)])
    encoded = [codec.encode(one[None]) for one in keypoints]
    children = keypoints[:, [child for _, child in PARTS], :2] / 4
    polarity = np.concatenate([one['part_polarity'] for one in encoded])
    assert set(polarity.ravel()) == {-1, 0, 1}
    hemlets = np.stack([one['hemlets'] for one in encoded])
    np.testing.assert_array_equal(decode_polarity(hemlets, children), polarity)
    np.testing.assert_array_equal(decode_polarity(hemlets[0], children[0]), polarity[0])


@pytest.mark.parametrize('dims', [2, 3])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_encode_leaves_its_input_alone(dtype, dims):
    keypoints, visible = person(dims=dims).astype(dtype), np.ones((1, 18), dtype=dtype)
    visible[0, 3] = 0
    annotated = np.zeros((1, 14), dtype=np.int64)
    inputs = keypoints, visible, annotated
    before = [array.copy() for array in inputs]
    codec = HEMletsLabel()
    encoded = codec.encode(keypoints, visible, part_polarity=annotated)
    first = {name: array.copy() for name, array in encoded.items()}
    for array in encoded.values():
        array[:] = 7
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    # Nor is anything of a result kept for the next one.
    for name, array in codec.encode(keypoints, visible, part_polarity=annotated).items():
        np.testing.assert_array_equal(array, first[name], strict=True)


def test_results_share_no_memory():
    encoded = list(HEMletsLabel().encode(person()).values())
    assert all(array.flags.c_contiguous and array.flags.writeable for array in encoded)
    for one, other in itertools.combinations(encoded, 2):
        assert not np.shares_memory(one, other)


def test_dtypes():
    encoded = HEMletsLabel().encode(person().astype(np.float64), np.ones((1, 18), np.float64))
    assert encoded.pop('part_polarity').dtype == np.int64
    assert {array.dtype for array in encoded.values()} == {np.dtype(np.float32)}
