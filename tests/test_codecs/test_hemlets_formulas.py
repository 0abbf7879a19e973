"""HEMlets' formulas, and the codec against loops over them."""

import itertools
import math

import numpy as np
import pytest
from mmpose.codecs.utils import generate_gaussian_heatmaps

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.codecs.functional.hemlets import (
    decode_polarity,
    gaussian_heatmaps,
    hemlets_from_heatmaps,
    inside,
    polarity_from_depth,
)
from mmpose_ext.skeletons.human36m18 import PARTS

# Polarities.


@pytest.mark.parametrize('shift', [0, -350.5, 4000])
@pytest.mark.parametrize(
    ('z_child', 'polarity'),
    [(-200, 1), (-100.001, 1), (-100, 0), (60, 0), (100, 0), (100.001, -1), (200, -1)],
)
def test_polarity_of_a_depth_difference(z_child, polarity, shift):
    depth = np.array([0.0, z_child]) + shift
    assert polarity_from_depth(depth, [(0, 1)]).tolist() == [polarity]
    assert polarity_from_depth(depth, [(0, 1)], closer_is=-1).tolist() == [-polarity]


@pytest.mark.parametrize(
    ('z_child', 'polarity'), [(-76, 1), (-75, 0), (0, 0), (75, 0), (76, -1), (400, -1)]
)
def test_polarity_relative_to_the_length_of_the_bone(z_child, polarity):
    lengths = np.array([300.0])
    assert polarity_from_depth(np.array([0, z_child]), [(0, 1)], 0.25, 1, lengths) == [polarity]


@pytest.mark.parametrize('shape', [(14, 3), (14,), (13, 2), (1, 14, 2)])
def test_decode_polarity_refuses_wrong_shapes(shape):
    with pytest.raises(ValueError, match='child_points'):
        decode_polarity(np.zeros((42, 8, 8)), np.zeros(shape))


# All of it against loops over the formula.


def reference(codec, keypoints, visible, lengths=None, annotated=None):
    """The spec, joint by joint, part by part and pixel by pixel."""
    (W, H), (in_w, in_h) = codec.heatmap_size, codec.input_size
    centers = []
    for (x, y, *_z), v in zip(keypoints[0].tolist(), visible[0].tolist(), strict=True):
        x, y = x * W / in_w, y * H / in_h
        pixel = math.floor(x + 0.5), math.floor(y + 0.5)
        is_inside = 0 <= pixel[0] < W and 0 <= pixel[1] < H
        # Towards 0, as MMPose rounds, which only matters for Gaussians that are half outside.
        centers.append(((int(x + 0.5), int(y + 0.5)), v >= 0.5, is_inside))

    def gaussian(joint):
        (cx, cy), is_visible, _ = centers[joint]
        heatmap = np.zeros((H, W))
        for y, x in itertools.product(range(H), range(W)):
            if is_visible and max(abs(x - cx), abs(y - cy)) <= int(3 * codec.sigma):
                heatmap[y, x] = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 2 / codec.sigma**2)
        return heatmap

    heatmaps = [gaussian(joint) for joint in range(codec.num_joints)]
    hemlets, polarities = [], []
    for k, (parent, child) in enumerate(codec.parts):
        if annotated is not None:
            r = annotated[0, k]
        else:
            nearer = float(keypoints[0, parent, 2]) - float(keypoints[0, child, 2])
            eps = codec.eps * (1 if lengths is None else lengths[k])
            r = codec.closer_is * (1 if nearer > eps else -1 if nearer < -eps else 0)
        if not all(centers[j][1] and centers[j][2] for j in (parent, child)):
            r = -2
        maps = {i: np.zeros((H, W)) for i in (-1, 0, 1)}
        if r != -2:
            maps[0] = heatmaps[parent].copy()
            both = maps[r], heatmaps[child]
            maps[r] = np.maximum(*both) if codec.combine == 'max' else both[0] + both[1]
        hemlets += [maps[-1], maps[0], maps[1]]
        polarities.append(int(r))
    return np.stack(heatmaps), np.stack(hemlets), polarities


SMALL = {'input_size': (96, 64), 'heatmap_size': (24, 16)}


@pytest.mark.parametrize('parts', [PARTS, ((0, 7), (7, 17), (17, 8), (8, 9), (9, 10))])
@pytest.mark.parametrize('combine', ['max', 'sum'])
@pytest.mark.parametrize(
    'options',
    [
        {'sigma': 2.0},
        {'sigma': 1.414, 'closer_is': -1},
        {'sigma': 1.0, 'eps_mode': 'bone_ratio', 'eps': 0.25},
        {'sigma': 0.7, 'eps': 0.0},
    ],
)
def test_encode_equals_loops_over_the_formula(options, combine, parts):
    rng = np.random.default_rng(0)
    codec = HEMletsLabel(**SMALL, **options, combine=combine, parts=parts)
    codes = set()
    for _ in range(8):
        keypoints = rng.uniform((-15, -15, -400), (110, 80, 400), (1, 18, 3)).astype(np.float32)
        visible = rng.choice([0, 0.3, 0.5, 1], (1, 18), p=[0.1, 0.1, 0.1, 0.7])
        visible[0, 0] = 1
        lifting = rng.uniform(-0.5, 0.5, (1, 18, 3))
        lengths = None
        if codec.eps_mode == 'bone_ratio':
            lengths = [1000 * math.dist(lifting[0, p], lifting[0, c]) for p, c in codec.parts]
        encoded = codec.encode(keypoints, visible, lifting_target=lifting)
        heatmaps, hemlets, polarities = reference(codec, keypoints, visible, lengths)
        np.testing.assert_allclose(encoded['heatmaps'], heatmaps, atol=1e-6)
        np.testing.assert_allclose(encoded['hemlets'], hemlets, atol=1e-6)
        assert encoded['part_polarity'].tolist() == [polarities]
        codes.update(polarities)

        annotated = rng.integers(-2, 2, (1, len(parts)))
        encoded = codec.encode(keypoints[..., :2], visible, part_polarity=annotated)
        _, hemlets, polarities = reference(codec, keypoints, visible, annotated=annotated)
        np.testing.assert_allclose(encoded['hemlets'], hemlets, atol=1e-6)
        assert encoded['part_polarity'].tolist() == [polarities]
    assert codes >= {-2, -1, 1}


@pytest.mark.parametrize('sigma', [1, 2, 3.0, 2 / 3, 5.0])
def test_gaussians_are_mmposes(sigma):
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 84, (60, 2))
    points[:4] = [(0.5, 0.5), (-0.6, 5), (63.5, 63.5), (-0.4, -0.4)]
    expected, _ = generate_gaussian_heatmaps((64, 48), points[None], np.ones((1, 60)), sigma)
    heatmaps = gaussian_heatmaps(points, (64, 48), sigma)
    np.testing.assert_allclose(heatmaps, expected, atol=1e-6)
    assert (heatmaps.dtype, heatmaps.shape) == (np.float32, (60, 48, 64))


def test_gaussians_outside_the_map_are_empty():
    """However far; and the cached Gaussian is not what callers get."""
    far = [-np.inf, np.inf, -1e30, 1e30, -8, 70]
    points = np.array([*((x, 20) for x in far), *((20, y) for y in far)])
    heatmaps = gaussian_heatmaps(points, (64, 64), 2.0)
    assert not heatmaps.any()
    # One pixel nearer, the Gaussian's outermost column shows.
    edge = gaussian_heatmaps(np.array([(-7, 20), (69, 20.0)]), (64, 64), 2.0)
    assert (edge > 0).sum() == 2 * 13
    heatmaps[:] = 7
    assert not gaussian_heatmaps(points, (64, 64), 2.0).any()


@pytest.mark.parametrize('size', [(64, 48), (5, 7)])
def test_inside_is_having_the_nearest_pixel_in_the_map(size):
    points = np.random.default_rng(0).uniform(-3, 70, (500, 2))
    points[:4] = [(-0.5, 0), (-0.51, 0), (size[0] - 0.51, 0), (size[0] - 0.5, 0)]
    pixels = [(math.floor(x + 0.5), math.floor(y + 0.5)) for x, y in points.tolist()]
    expected = [0 <= x < size[0] and 0 <= y < size[1] for x, y in pixels]
    assert expected[:4] == [True, False, True, False]
    np.testing.assert_array_equal(inside(points, size), expected)
    np.testing.assert_array_equal(inside(points.reshape(2, 250, 2), size).ravel(), expected)


@pytest.mark.parametrize('combine', ['max', 'sum'])
def test_an_empty_heatmap_only_saves_time(combine):
    rng = np.random.default_rng(0)
    heatmaps = rng.random((18, 6, 8), dtype=np.float32)
    padded = np.concatenate([heatmaps, np.zeros((1, 6, 8), np.float32)])
    before = padded.copy()
    for _ in range(5):
        polarity = rng.integers(-2, 2, 14)
        maps = hemlets_from_heatmaps(padded, polarity, PARTS, combine, empty=18)
        plain = hemlets_from_heatmaps(heatmaps, polarity, PARTS, combine)
        np.testing.assert_array_equal(maps, plain, strict=True)
        maps[:] = 7
    np.testing.assert_array_equal(padded, before)
