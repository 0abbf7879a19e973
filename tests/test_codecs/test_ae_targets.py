"""Targets of crowds against the authors' numbers and MMPose's generators."""

import numpy as np
import pytest
from mmpose.codecs import AssociativeEmbedding
from mmpose.codecs.utils import generate_gaussian_heatmaps

from mmpose_ext.codecs.functional.ae_targets import (
    center_pixels,
    crowd_heatmaps,
    gaussian_window,
    keypoint_indices,
)


def crowd(num_people, low=-15, high=150, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(low, high, (num_people, 17, 2)).astype(np.float32)
    return points, rng.integers(0, 2, (num_people, 17)).astype(np.float32)


def plain_heatmaps(points, visible, size, sigma):
    """The published drawing, one joint after the other."""
    width, height = size
    maps = np.zeros((points.shape[1], height, width))
    y, x = np.mgrid[:height, :width]
    for person in range(len(points)):
        for joint in np.flatnonzero(visible[person] > 0):
            cx, cy = map(int, points[person, joint])
            if not (0 <= cx < width and 0 <= cy < height):
                continue
            value = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
            near = (abs(x - cx) <= 3 * sigma + 1) & (abs(y - cy) <= 3 * sigma + 1)
            maps[joint] = np.maximum(maps[joint], np.where(near, value, 0))
    return maps.astype(np.float32)


def test_known_numbers_of_the_published_generator():
    points = np.array([[(10.7, 5.2), (31.99, 31)], [(12.99, 5.99), (32.0, 3)]])
    maps = crowd_heatmaps(points, np.ones((2, 2)), (32, 32), sigma=2.0)
    np.testing.assert_allclose(maps.sum((1, 2)), [34.469463, 9.037532], rtol=1e-6)
    assert (maps > 0).sum((1, 2)).tolist() == [221, 64]
    np.testing.assert_allclose(maps[0, 5, 10:13], [1, 0.8824969, 1], rtol=1e-6)
    assert maps[0, 5, 3] == pytest.approx(0.00218749, abs=1e-8)
    assert maps[maps > 0].min() == pytest.approx(4.785117e-6, abs=1e-12)
    assert maps.dtype == np.float32


@pytest.mark.parametrize('num_people', [0, 1, 2, 40])
@pytest.mark.parametrize('sigma', [1, 2.0, 3])
def test_equals_the_published_drawing_to_the_bit(num_people, sigma):
    points, visible = crowd(num_people)
    maps = crowd_heatmaps(points, visible, (128, 112), sigma)
    np.testing.assert_array_equal(maps, plain_heatmaps(points, visible, (128, 112), sigma))
    assert maps.shape == (17, 112, 128)
    assert maps.flags.c_contiguous


@pytest.mark.parametrize('num_people', [0, 1, 2, 40])
@pytest.mark.parametrize('sigma', [1, 2.0, 3])
def test_round_equals_mmpose_to_the_bit(num_people, sigma):
    points, visible = crowd(num_people)
    maps = crowd_heatmaps(points, visible, (128, 112), sigma, center='round')
    expected, _ = generate_gaussian_heatmaps((128, 112), points, visible, sigma)
    np.testing.assert_array_equal(maps, expected)
    # What hangs over from centres outside is drawn as well.
    inside = ((points >= -0.5) & (points + 0.5 < (128, 112))).all(-1)
    cut = crowd_heatmaps(points, visible * inside, (128, 112), sigma, center='round')
    assert num_people < 40 or (cut != maps).any()


def test_round_indices_equal_mmpose():
    points, visible = crowd(40)
    codec = AssociativeEmbedding(input_size=(128, 112), heatmap_size=(128, 112), sigma=2)
    expected = codec.encode(points, visible)['keypoint_indices']
    ours = keypoint_indices(points, visible, (128, 112), center='round')
    valid = expected[..., 1] > 0
    assert valid.any()
    assert not valid.all()
    np.testing.assert_array_equal(ours[valid], expected[valid])
    assert (ours[~valid] == 0).all()


@pytest.mark.parametrize(
    ('point', 'pixel', 'rounded'),
    [
        ((0, 0), (0, 0), (0, 0)),
        ((31.99, 15.5), (31, 15), None),
        ((32, 3), None, None),
        ((3, 16), None, None),
        ((-0.9, 3), (0, 3), (0, 3)),
        ((-1, 3), None, (0, 3)),
        ((-1.6, 3), None, None),
        ((3, -1.01), None, (3, 0)),
        ((1e30, -1e30), None, None),
    ],
)
def test_border(point, pixel, rounded):
    points, visible = np.array([[point]], dtype=float), np.ones((1, 1))
    for center, expected in (('truncate', pixel), ('round', rounded)):
        index = keypoint_indices(points, visible, (32, 16), center)[0, 0].tolist()
        assert index == ([0, 0] if expected is None else [expected[1] * 32 + expected[0], 1])
        maps = crowd_heatmaps(points, visible, (32, 16), 2.0, center)[0]
        assert (maps.max() == 1) == (expected is not None)
        if expected:
            assert maps[expected[::-1]] == 1
        elif center == 'truncate':
            assert (maps == 0).all()


def test_people_without_keypoints_leave_no_trace():
    points, visible = crowd(3)
    visible[1] = 0
    both = crowd_heatmaps(points, visible, (64, 64))
    without = crowd_heatmaps(points[[0, 2]], visible[[0, 2]], (64, 64))
    np.testing.assert_array_equal(both, without)
    indices = keypoint_indices(points, visible, (64, 64))
    assert indices.shape == (3, 17, 2)
    assert (indices[1] == 0).all()


def test_order_of_people_changes_no_heatmap():
    points, visible = crowd(20)
    maps = crowd_heatmaps(points, visible, (64, 64))
    np.testing.assert_array_equal(maps, crowd_heatmaps(points[::-1], visible[::-1], (64, 64)))


def test_no_more_than_max_people_and_those_with_most_keypoints():
    points = np.full((5, 3, 2), 4.0)
    points[..., 0] = np.arange(5)[:, None]
    visible = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]], dtype=float)
    kept = keypoint_indices(points, visible, (8, 8), max_people=2)
    assert kept[:, 0].tolist() == [[32, 1], [34, 1]]
    kept = keypoint_indices(points, visible, (8, 8), max_people=4)
    assert kept[:, 0].tolist() == [[32, 1], [34, 1], [35, 1], [36, 1]]
    assert len(keypoint_indices(points, visible, (8, 8), max_people=5)) == 5


@pytest.mark.parametrize(('center', 'side'), [('truncate', 15), ('round', 13)])
def test_window(center, side):
    window = gaussian_window(2.0, center)
    assert window.shape == (side, side)
    assert window[side // 2, side // 2] == 1
    np.testing.assert_array_equal(window, window.T)
    np.testing.assert_array_equal(window, window[::-1, ::-1])


def test_broken_sigma_keeps_its_peak_on_the_pixel():
    maps = crowd_heatmaps(np.array([[[9.0, 6.0]]]), np.ones((1, 1)), (20, 20), sigma=1.5)
    assert np.unravel_index(maps[0].argmax(), (20, 20)) == (6, 9)
    assert maps[0, 6, 10] == maps[0, 6, 8] == pytest.approx(np.exp(-1 / 4.5))


def test_pixels():
    points = np.array([-1.5, -0.5, 0.49, 0.5, 1.99])
    assert center_pixels(points).tolist() == [-1, 0, 0, 0, 1]
    assert center_pixels(points, 'round').tolist() == [-1, 0, 0, 1, 2]
