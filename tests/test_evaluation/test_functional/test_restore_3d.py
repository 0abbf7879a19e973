import numpy as np
import pytest
from mmpose.codecs.utils import camera_to_pixel

from mmpose_ext.evaluation.functional import restore_3d
from mmpose_ext.evaluation.functional.restore_3d import (
    BONES,
    MEAN_BONE_LENGTHS,
    back_project,
    scale_to_bone_length,
    search_root_depth,
    total_bone_length,
)

FOCAL, CENTER = np.array([1145.0, 1143.5]), np.array([512.5, 515.4])


def people(count, seed=0, noise=0.3):
    """Joints (N, 17, 3) in mm: average bones in random directions, and roots 3 to 6 m away."""
    rng = np.random.default_rng(seed)
    joints = np.zeros((count, 17, 3))
    # The neck hangs on the spine, which no bone of the search says.
    lengths = dict(zip((bone[0] for bone in BONES), MEAN_BONE_LENGTHS, strict=True)) | {8: 257.0}
    parents = dict(BONES) | {8: 7}
    for child in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16):
        step = rng.normal(size=(count, 3))
        step *= lengths[child] / np.linalg.norm(step, axis=1, keepdims=True)
        joints[:, child] = joints[:, parents[child]] + step
    joints *= 1 + noise * (rng.random((count, 1, 1)) - 0.5)
    root = rng.uniform((-600, -300, 3000), (600, 300, 6000), (count, 3))
    return joints + root[:, None], root[:, 2]


def image_of(joints, root_depth, focal=FOCAL, center=CENTER):
    """What a perfect network predicts: pixels and root-relative depth."""
    pixels = camera_to_pixel(joints, *focal, *center)
    return np.concatenate([pixels, joints[..., 2:] - root_depth[:, None, None]], axis=-1)


def searched_by_loop(points):
    """The authors' search as they write it, one pose and one scale at a time."""
    found = []
    for pose in points:

        def deviation(s, pose=pose):
            x = (pose[:, 0] - 500) * (pose[:, 2] / 1150 + s)
            y = (pose[:, 1] - 500) * (pose[:, 2] / 1150 + s)
            z = pose[:, 2] + 1150 * s
            joints = np.stack([x, y, z], axis=1)
            total = 0.0
            for (child, parent), average in zip(BONES, MEAN_BONE_LENGTHS, strict=True):
                total += abs(np.linalg.norm(joints[child] - joints[parent]) - average)
            return total / len(BONES)

        best, least = None, np.inf
        for step in range(13):
            if deviation(2.0 + 0.5 * step) < least:
                best, least = 2.0 + 0.5 * step, deviation(2.0 + 0.5 * step)
        coarse = best
        for step in range(-5, 5):
            if deviation(coarse + 0.1 * step) < least:
                best, least = coarse + 0.1 * step, deviation(coarse + 0.1 * step)
        found.append(1150 * best)
    return np.array(found)


def test_the_search_equals_a_plain_loop():
    joints, depth = people(60)
    points = image_of(joints, depth)
    found = search_root_depth(points)
    np.testing.assert_allclose(found, searched_by_loop(points), rtol=1e-9)
    assert len(np.unique(found.round(3))) > 20


def test_the_grids_are_the_authors():
    scales = np.array(restore_3d.COARSE_DEPTHS) / 1150
    np.testing.assert_allclose(scales, np.linspace(2, 8, 13))
    offsets = np.array(restore_3d.FINE_OFFSETS) / 1150
    np.testing.assert_allclose(offsets, [-0.5, -0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4])
    assert len(BONES) == len(MEAN_BONE_LENGTHS) == 15
    assert (8, 7) not in BONES


def test_average_bones_are_the_authors():
    """Their sum, and left and right bones of a kind, which are 0.01 mm apart."""
    lengths = dict(zip(BONES, MEAN_BONE_LENGTHS, strict=True))
    assert sum(MEAN_BONE_LENGTHS) == pytest.approx(3893.01075, abs=1e-5)
    pairs = [((1, 0), (4, 0)), ((2, 1), (5, 4)), ((3, 2), (6, 5))]
    pairs += [((14, 8), (11, 8)), ((15, 14), (12, 11)), ((16, 15), (13, 12))]
    for one, other in pairs:
        assert lengths[one] == pytest.approx(lengths[other], abs=0.02)


def test_the_search_finds_a_person_of_average_bones():
    joints, depth = people(20, noise=0.0)
    points = image_of(joints, depth)
    found = search_root_depth(points, FOCAL, CENTER)
    # Within a step of the finer grid.
    assert np.abs(found - depth).max() <= 115 / 2 + 1e-6


def test_the_best_coarse_depth_is_kept_where_no_finer_one_beats_it():
    joints, _ = people(1, noise=0.0)
    joints += (0, 0, 4600 - joints[0, 0, 2])
    points = image_of(joints, np.array([4600.0]))
    options = dict(focal=FOCAL, center=CENTER, coarse_depths=(3450.0, 4600.0))
    worse = search_root_depth(points, **options, fine_offsets=(-300.0, 300.0))
    assert worse == pytest.approx(4600.0, abs=0)


def test_each_sample_has_its_camera():
    joints, depth = people(2)
    focals, centers = np.array([[1145.0, 1143], [300, 310]]), np.array([[512.0, 515], [64, 60]])
    points = np.concatenate(
        [image_of(joints[i, None], depth[i, None], focals[i], centers[i]) for i in (0, 1)]
    )
    np.testing.assert_allclose(back_project(points, depth, focals, centers), joints, atol=1e-8)
    both = search_root_depth(points, focals, centers)
    each = [search_root_depth(points[i, None], focals[i], centers[i])[0] for i in (0, 1)]
    np.testing.assert_array_equal(both, each)


def test_back_projection_of_a_known_point():
    # 100 px right of the centre at 2 m, f 1000 px: 200 mm; 50 px up: -100 mm.
    points = np.array([[[600, 450, -300]]])
    restored = back_project(points, np.array([2300.0]), (1000, 1000), (500, 500))
    np.testing.assert_allclose(restored, [[[200, -100, 2000]]])
    np.testing.assert_array_equal(points, [[[600, 450, -300]]])


def test_total_bone_length_counts_whole_bones():
    joints = np.zeros((1, 3, 3))
    joints[0, 1], joints[0, 2] = (3, 4, 0), (3, 4, 12)
    bones = ((1, 0), (2, 1))
    assert total_bone_length(joints, bones) == pytest.approx(17)
    assert total_bone_length(joints, bones, np.array([[1, 1, 0]], bool)) == pytest.approx(5)


def test_scaling_to_a_bone_length_restores_an_orthographic_view():
    joints, _ = people(3)
    joints -= joints[:, :1]
    points = joints.copy()
    # Whatever the box says, the bones decide.
    mm_per_px = np.array([5.0, 8.0, 11.0])
    points[..., :2] = joints[..., :2] / 1.25 / mm_per_px[:, None, None] + 400
    points[..., 2] /= 1.25
    restored = scale_to_bone_length(points, mm_per_px, total_bone_length(joints))
    np.testing.assert_allclose(restored - restored[:, :1], joints, atol=1e-8)


def test_a_pose_without_extent_stays_a_point():
    restored = scale_to_bone_length(np.zeros((1, 17, 3)), np.ones(1), np.array([4000.0]))
    np.testing.assert_array_equal(restored, 0)
