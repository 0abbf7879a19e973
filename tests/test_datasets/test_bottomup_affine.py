"""The published random affine transform of whole pictures."""

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import HigherHRNetRandomAffine


def build(**options):
    return TRANSFORMS.build(
        dict(type='HigherHRNetRandomAffine', **dict(input_size=(64, 64)) | options)
    )


def sample(width=100, height=80, num_people=2):
    points = np.random.default_rng(0).uniform(10, 70, (num_people, 5, 2)).astype(np.float32)
    return dict(
        img=np.full((height, width, 3), 255, np.uint8),
        img_shape=(height, width),
        keypoints=points,
        keypoints_visible=np.ones((num_people, 5), np.float32),
        bbox=np.tile(np.array([[10, 10, 60, 60]], np.float32), (num_people, 1)),
        area=np.full(num_people, 100, np.float32),
    )


def draw(seed, **size):
    np.random.seed(seed)  # noqa: NPY002  MMEngine seeds this one
    return build()(sample(**size))


def decompose(warp_mat, width, height):
    """Scale of the square, angle in degrees and shift in pixels of the picture."""
    linear, offset = warp_mat[:, :2], warp_mat[:, 2]
    zoom = np.sqrt(np.linalg.det(linear))
    center = np.linalg.solve(linear, np.array([32, 32]) - offset)
    angle = np.degrees(np.arctan2(linear[0, 1], linear[0, 0]))
    return 64 / zoom / min(width, height), angle, center - (width / 2, height / 2)


@pytest.mark.parametrize(('width', 'height'), [(100, 80), (80, 100), (333, 500)])
def test_draws_from_the_published_distributions(width, height):
    draws = []
    for seed in range(300):
        drawn = draw(seed, width=width, height=height)
        scale, angle, shift = decompose(drawn['warp_mat'].astype(float), width, height)
        most = int(0.2 * scale * min(width, height) + 1e-3)
        np.testing.assert_allclose(shift, shift.round(), atol=1e-3)
        assert (shift.round() >= -most).all()
        assert (shift.round() < most).all()
        draws.append([(scale - 0.75) / 0.75, (angle + 30) / 60, *(shift / (2 * most) + 0.5)])
    draws = np.array(draws)
    assert (draws >= -1e-5).all()
    assert (draws <= 1 + 1e-5).all()
    # Of uniform numbers: mean 1/2, standard deviation 1/sqrt(12), no correlation.
    np.testing.assert_allclose(draws.mean(0), 0.5, atol=0.07)
    np.testing.assert_allclose(draws.std(0), 12**-0.5, atol=0.04)
    assert (draws.min(0) < 0.03).all()
    assert (draws.max(0) > 0.96).all()
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.2


def test_moves_keypoints_boxes_and_areas_with_the_picture():
    before, after = sample(), draw(3)
    points = cv2.transform(before['keypoints'], after['warp_mat'])
    np.testing.assert_array_equal(after['keypoints'], points)
    assert after['bbox'].shape == (2, 4, 2)
    assert after['img'].shape == (64, 64, 3)
    assert after['input_size'] == (64, 64)
    assert after['img_shape'] == (80, 100)
    determinant = np.linalg.det(after['warp_mat'][:, :2])
    np.testing.assert_allclose(after['area'], before['area'] * determinant, rtol=1e-5)


def test_is_the_published_matrix_without_chance():
    still = build(scale_factor=(1, 1), shift_factor=0, rotate_factor=0)(sample())
    expected = [[0.8, 0, 32 - 0.8 * 50], [0, 0.8, 32 - 0.8 * 40]]
    np.testing.assert_allclose(still['warp_mat'], expected, atol=1e-5)


def test_the_same_seed_draws_the_same():
    np.testing.assert_array_equal(draw(5)['warp_mat'], draw(5)['warp_mat'])
    assert (draw(5)['warp_mat'] != draw(6)['warp_mat']).any()


def test_nobody_in_the_picture():
    after = draw(0, num_people=0)
    assert after['keypoints'].shape == (0, 5, 2)
    assert after['bbox'].shape == (0, 4, 2)
    bare = {key: value for key, value in sample().items() if key in ('img', 'img_shape')}
    assert 'keypoints' not in build()(bare)


def test_a_tiny_picture_is_not_shifted():
    for seed in range(20):
        scale, _, shift = decompose(draw(seed, width=4, height=3)['warp_mat'].astype(float), 4, 3)
        assert 0.74 < scale < 1.51
        np.testing.assert_allclose(shift, 0, atol=1e-3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'input_size': (64, 48)}, r'input_size .*\(64, 48\)'),
        ({'input_size': (0, 0)}, r'input_size .*\(0, 0\)'),
        ({'scale_factor': (1.5, 0.75)}, r'scale_factor .*\(1\.5, 0\.75\)'),
        ({'scale_factor': (0, 1)}, r'scale_factor .*\(0, 1\)'),
        ({'shift_factor': -0.1}, r'shift_factor .*-0\.1'),
        ({'rotate_factor': float('nan')}, 'rotate_factor .*nan'),
    ],
)
def test_refuses_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        HigherHRNetRandomAffine(**{'input_size': (64, 64), **options})
