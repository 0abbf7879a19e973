"""From image coordinates and root-relative depth back to millimetres in camera space.

A volumetric pose network gives each joint as (x, y) in pixels of the image and a depth d in mm
relative to the root. With the root at the depth Z0, a focal length f and a principal point c, the
joint is at X = (x - c_x) (d + Z0) / f_x, Y = (y - c_y) (d + Z0) / f_y, Z = d + Z0. The ways to
restore a pose differ in where Z0, f and c come from.

Source of the constants and of the search: the inference code that the authors of `HEMlets Pose
<https://arxiv.org/abs/1910.12032>`_ released, which writes Z0 = 1150 s and searches for s.
"""

from collections.abc import Sequence

import numpy as np
from mmpose.codecs.utils import pixel_to_camera

# The one camera that the authors use for every view, in pixels of a 1000 x 1000 image.
GENERIC_FOCAL = 1150.0
GENERIC_CENTER = (500.0, 500.0)

# (child, parent) of the bones whose lengths are compared, among the 17 joints of Human3.6M; the
# bone from the spine to the neck is not among them.
BONES = (
    *((1, 0), (4, 0), (7, 0), (2, 1), (3, 2), (5, 4), (6, 5), (14, 8), (11, 8), (9, 8)),
    *((10, 9), (15, 14), (16, 15), (12, 11), (13, 12)),
)
# Their average lengths in Human3.6M, in mm.
MEAN_BONE_LENGTHS = (
    *(132.94859, 132.94883, 233.47061, 442.89461, 454.20645, 442.89441, 454.20659, 151.03144),
    *(151.03423, 121.13494, 115.00223, 278.89292, 251.72868, 278.88277, 251.73345),
)
# Depths of the root that are tried first, and around the best of them, in mm: s of 2.0 to 8.0 in
# steps of 0.5, then -0.5 to +0.4 in steps of 0.1.
COARSE_DEPTHS = tuple(GENERIC_FOCAL * step / 10 for step in range(20, 81, 5))
FINE_OFFSETS = tuple(GENERIC_FOCAL * step / 10 for step in range(-5, 5))


def back_project(
    points: np.ndarray,
    root_depth: np.ndarray,
    focal: np.ndarray | Sequence[float],
    center: np.ndarray | Sequence[float],
) -> np.ndarray:
    """Place joints in camera space.

    Args:
        points (np.ndarray): x and y in pixels of the image and root-relative depth in mm,
            (N, J, 3).
        root_depth (np.ndarray): Depth of the root in mm, (N,).
        focal (np.ndarray): Focal lengths in pixels, (N, 2) or (2,) for all.
        center (np.ndarray): Principal points in pixels, (N, 2) or (2,) for all.

    Returns:
        np.ndarray: Joints in mm, float64 (N, J, 3).
    """
    absolute = np.array(points, dtype=np.float64)
    absolute[..., 2] += np.asarray(root_depth, np.float64)[:, None]
    shape = (len(absolute), 2)
    fx, fy = np.broadcast_to(np.asarray(focal, np.float64), shape).T[..., None]
    cx, cy = np.broadcast_to(np.asarray(center, np.float64), shape).T[..., None]
    return pixel_to_camera(absolute, fx, fy, cx, cy)


def search_root_depth(
    points: np.ndarray,
    focal: np.ndarray | Sequence[float] = (GENERIC_FOCAL, GENERIC_FOCAL),
    center: np.ndarray | Sequence[float] = GENERIC_CENTER,
    bones: Sequence[tuple[int, int]] = BONES,
    bone_lengths: Sequence[float] = MEAN_BONE_LENGTHS,
    coarse_depths: Sequence[float] = COARSE_DEPTHS,
    fine_offsets: Sequence[float] = FINE_OFFSETS,
) -> np.ndarray:
    """Find the depth of the root at which the bones are about as long as people's are.

    What is minimised is the mean over the bones of ``|length - average length|``; first over a
    coarse grid, then around its best value, which is kept where no other beats it.

    Args:
        points (np.ndarray): x and y in pixels of the image and root-relative depth in mm,
            (N, J, 3).
        focal (np.ndarray): Focal lengths in pixels, (N, 2) or (2,) for all.
        center (np.ndarray): Principal points in pixels, (N, 2) or (2,) for all.
        bones (Sequence[tuple[int, int]]): The two joints of each of B bones.
        bone_lengths (Sequence[float]): Average lengths of the bones in mm, (B,).
        coarse_depths (Sequence[float]): Depths in mm to try first.
        fine_offsets (Sequence[float]): Offsets in mm to try from the best of them.

    Returns:
        np.ndarray: Depth of the root in mm, float64 (N,).
    """
    points = np.asarray(points, dtype=np.float64)
    count = len(points)
    ends = np.asarray(bones).T
    # A joint lies on its ray: its place is linear in the depth of the root.
    rays = back_project(points * (1, 1, 0), np.ones(count), focal, center)
    start = _bone_vectors(back_project(points, np.zeros(count), focal, center), ends)[:, None]
    slope = _bone_vectors(rays, ends)[:, None]
    average = np.asarray(bone_lengths, dtype=np.float64)

    def best_of(depths: np.ndarray) -> np.ndarray:
        """Pick from (N, S) depths; the first of equals."""
        lengths = np.linalg.norm(start + depths[..., None, None] * slope, axis=-1)
        index = np.abs(lengths - average).mean(-1).argmin(1)
        return depths[np.arange(count), index]

    coarse = np.asarray(coarse_depths, dtype=np.float64)
    best = best_of(np.broadcast_to(coarse, (count, len(coarse))))[:, None]
    return best_of(np.concatenate([best, best + np.asarray(fine_offsets, np.float64)], axis=1))


def total_bone_length(
    joints: np.ndarray, bones: Sequence[tuple[int, int]] = BONES, valid: np.ndarray | None = None
) -> np.ndarray:
    """Add up the lengths of the bones.

    Args:
        joints (np.ndarray): Joints, (N, J, 3).
        bones (Sequence[tuple[int, int]]): The two joints of each bone.
        valid (np.ndarray, optional): Which joints count, bool (N, J); a bone counts if both of
            its joints do. None: all.

    Returns:
        np.ndarray: Totals in the unit of the joints, float64 (N,).
    """
    joints, ends = np.asarray(joints, dtype=np.float64), np.asarray(bones).T
    lengths = np.linalg.norm(_bone_vectors(joints, ends), axis=-1)
    if valid is not None:
        lengths = np.where(valid[:, ends[0]] & valid[:, ends[1]], lengths, 0.0)
    return lengths.sum(-1)


def scale_to_bone_length(
    points: np.ndarray,
    mm_per_px: np.ndarray,
    target: np.ndarray,
    bones: Sequence[tuple[int, int]] = BONES,
    valid: np.ndarray | None = None,
) -> np.ndarray:
    """Take the image for an orthographic view and give the pose a total bone length.

    Source of the idea: `Integral Human Pose Regression <https://arxiv.org/abs/1711.08229>`_. No
    camera is needed; perspective within the body is not undone.

    Args:
        points (np.ndarray): x and y in pixels of the image and root-relative depth in mm,
            (N, J, 3).
        mm_per_px (np.ndarray): mm that a pixel spans at the root, (N,).
        target (np.ndarray): Total lengths of the bones in mm, (N,).
        bones (Sequence[tuple[int, int]]): The two joints of each bone.
        valid (np.ndarray, optional): Joints whose bones count, bool (N, J). None: all.

    Returns:
        np.ndarray: Joints in mm up to a translation, float64 (N, J, 3). A pose without extent
        stays a point.
    """
    metric = np.array(points, dtype=np.float64)
    metric[..., :2] *= np.asarray(mm_per_px, np.float64)[:, None, None]
    total = total_bone_length(metric, bones, valid)
    scale = np.divide(target, total, out=np.ones_like(total), where=total > 0)
    return metric * scale[:, None, None]


def _bone_vectors(joints: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Subtract the joints at the ends (2, B) of bones, (N, J, 3) to (N, B, 3)."""
    return joints[:, ends[0]] - joints[:, ends[1]]
