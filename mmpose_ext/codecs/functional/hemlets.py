"""HEMlets: part-centric heatmap triplets, as plain functions.

Source: `HEMlets Pose: Learning Part-Centric Heatmap Triplets for Accurate 3D Human Pose Estimation
<https://arxiv.org/abs/1910.12032>`_ (ICCV 2019). A part is a bone of a parent and a child joint.
Its triplet are three heatmaps, one for each polarity -1, 0, +1: the parent's Gaussian always lies
in map 0, the child's in the map of the part's polarity, which says whether the child is farther
from the camera than the parent, level with it, or closer.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Parts = Sequence[tuple[int, int]] | np.ndarray

# The polarities, in the order of their maps, and that of a part of which nothing is known.
POLARITIES = np.array([-1, 0, 1])
UNKNOWN = -2


def check_parts(parts: Parts, num_joints: int) -> np.ndarray:
    """Check a list of parts.

    Args:
        parts (Sequence[tuple[int, int]]): (parent, child) of each part.
        num_joints (int): Number of joints.

    Returns:
        np.ndarray: The parts, int64 (P, 2).

    Raises:
        ValueError: If a part is no pair, names an unknown joint, or the same joint twice.
    """
    array = np.asarray(parts)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array) or array.dtype.kind not in 'iu':
        raise ValueError(f'parts must be pairs (parent, child) of joint indices, got {parts!r}.')
    for number, (parent, child) in enumerate(array.tolist()):
        if not (0 <= parent < num_joints and 0 <= child < num_joints):
            raise ValueError(
                f'part {number} is ({parent}, {child}), but the joints are 0 to {num_joints - 1}.'
            )
        if parent == child:
            raise ValueError(f'part {number} is ({parent}, {child}): a part needs two joints.')
    return array.astype(np.int64)


def flip_parts(parts: Parts, flip_indices: Sequence[int]) -> tuple[int, ...]:
    """Find the part that each part becomes in a mirrored image.

    Args:
        parts (Sequence[tuple[int, int]]): (parent, child) of each part.
        flip_indices (Sequence[int]): The joint that each joint becomes.

    Returns:
        tuple[int]: An index for each part.

    Raises:
        ValueError: If the mirror image of a part is not among the parts.
    """
    index = {(int(parent), int(child)): i for i, (parent, child) in enumerate(parts)}
    mirrored = [(flip_indices[parent], flip_indices[child]) for parent, child in index]
    missing = [pair for pair in mirrored if pair not in index]
    if missing:
        raise ValueError(
            f'the mirror images {missing} of some parts are no parts themselves. Add them, or '
            'pass part_flip.'
        )
    return tuple(index[pair] for pair in mirrored)


def polarity_from_depth(
    depth: np.ndarray,
    parts: Parts,
    eps: float = 100.0,
    closer_is: int = 1,
    bone_lengths: np.ndarray | None = None,
) -> np.ndarray:
    """Tell for each part whether its child is closer to the camera than its parent.

    The polarity is ``closer_is`` if ``z_parent - z_child > eps``, ``-closer_is`` if it is
    ``< -eps``, and 0 else, at equality too (our choice; the paper leaves it open).

    Args:
        depth (np.ndarray): Depth of the joints, (..., J) in mm, growing away from the camera.
        parts (Sequence[tuple[int, int]]): (parent, child) of each of P parts.
        eps (float): Threshold: mm, or with ``bone_lengths`` a share of the bone's length. The
            paper's value is not known; 100 mm and 0.25 are our choice.
        closer_is (int): Polarity of a child closer than its parent, 1 or -1.
        bone_lengths (np.ndarray, optional): Lengths of the parts in mm, (..., P).

    Returns:
        np.ndarray: Polarities -1, 0 or 1, int64 (..., P).
    """
    parent, child = np.asarray(parts).T
    depth = np.asarray(depth, dtype=np.float64)
    nearer = depth[..., parent] - depth[..., child]
    threshold = eps if bone_lengths is None else eps * np.asarray(bone_lengths, np.float64)
    closer, farther = nearer > threshold, nearer < -threshold
    if closer_is == -1:
        closer, farther = farther, closer
    return np.subtract(closer, farther, dtype=np.int64)


def gaussian_heatmaps(points: np.ndarray, size: tuple[int, int], sigma: float) -> np.ndarray:
    """Draw a Gaussian of height 1 around each point's nearest pixel, cut off at 3 sigma.

    The values are those of MMPose's ``generate_gaussian_heatmaps`` (to 1e-6; where 3 sigma is no
    whole number, MMPose's Gaussians lie off their centre, these do not).

    Args:
        points (np.ndarray): Points in pixels of the map, (J, 2).
        size (tuple[int, int]): Size of the maps, (w, h).
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: Heatmaps, float32 (J, h, w).
    """
    width, height = size
    margin = int(3 * sigma) + 1
    limits = -margin, (width + margin - 1, height + margin - 1)
    x, y = (nearest_pixels(points, *limits) + margin).T
    return _gaussian_windows((width, height), float(sigma))[y, x]


@lru_cache(maxsize=8)
def _gaussian_windows(size: tuple[int, int], sigma: float) -> np.ndarray:
    """All heatmaps that a Gaussian can make: windows of one picture, which slide over it.

    Args:
        size (tuple[int, int]): Size of the maps, (w, h).
        sigma (float): Standard deviation in pixels.

    Returns:
        np.ndarray: With the margin ``m = int(3 * sigma) + 1``, a read-only view of float32
        (h + 2m, w + 2m, h, w): ``[y + m, x + m]`` is the map of a Gaussian at pixel (x, y), and
        the outermost ones are empty.
    """
    radius = int(3 * sigma)
    x, y = (np.arange(-length - radius, length + radius + 1) for length in size)
    gaussian = np.exp(-(y[:, None] ** 2 + x**2) / (2 * sigma**2)).astype(np.float32)
    gaussian[np.abs(y) > radius] = 0
    gaussian[:, np.abs(x) > radius] = 0
    # The later a window starts, the nearer to the map's corner the Gaussian lies.
    return sliding_window_view(gaussian, (size[1], size[0]))[::-1, ::-1]


def nearest_pixels(points: np.ndarray, first: int, last: tuple[int, int]) -> np.ndarray:
    """Round points to pixels as MMPose does: halves up, towards 0 below 0.

    Args:
        points (np.ndarray): Points in pixels, (..., 2).
        first (int): Smallest x and y, 0 or less; smaller ones are moved there.
        last (tuple[int, int]): Largest x and y.

    Returns:
        np.ndarray: Pixels, int64 of the same shape.
    """
    # np.clip takes twice as long.
    points = np.minimum(np.maximum(points, first - 0.5), last)
    return (points + 0.5).astype(np.int64)


def inside(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Tell which points have their pixel inside a map.

    Args:
        points (np.ndarray): Points in pixels of the map, (..., 2).
        size (tuple[int, int]): Size of the map, (w, h).

    Returns:
        np.ndarray: bool (...).
    """
    points = np.asarray(points)
    is_inside = (points >= -0.5) & (points < (size[0] - 0.5, size[1] - 0.5))
    return is_inside[..., 0] & is_inside[..., 1]


def hemlets_from_heatmaps(
    heatmaps: np.ndarray,
    polarity: np.ndarray,
    parts: Parts,
    combine: str = 'max',
    empty: int | None = None,
) -> np.ndarray:
    """Build the triplets of the parts out of the heatmaps of the joints.

    Args:
        heatmaps (np.ndarray): Heatmap of each joint, float32 (J, h, w).
        polarity (np.ndarray): Polarity of each part, (P,): -1, 0, 1, or -2 where it is unknown,
            for which the three maps stay empty.
        parts (Sequence[tuple[int, int]]): (parent, child) of each part.
        combine (str): How parent and child share map 0 at polarity 0: ``'max'`` or ``'sum'``.
        empty (int, optional): Index of a heatmap known to be empty, if there is one: saves time.

    Returns:
        np.ndarray: HEMlets, float32 (3P, h, w): three consecutive maps for each part, of
        polarity -1, 0, +1.
    """
    parent, child = np.asarray(parts).T
    polarity = np.asarray(polarity)
    none = -1 if empty is None else empty
    # The heatmap that each map shows: the child's, and the parent's in the middle.
    has_child = polarity[:, None] == POLARITIES
    shown = np.where(has_child, child[:, None], none)
    shown[:, 1] = np.where(polarity == UNKNOWN, none, parent)
    maps = heatmaps.take(shown.ravel(), axis=0)
    if empty is None:
        maps[shown.ravel() == none] = 0
    # There it may have to share.
    (level,) = has_child[:, 1].nonzero()
    join = np.maximum if combine == 'max' else np.add
    both = heatmaps.take(parent[level], axis=0)
    maps[3 * level + 1] = join(both, heatmaps.take(child[level], axis=0), out=both)
    return maps


def decode_polarity(hemlets: np.ndarray, child_points: np.ndarray) -> np.ndarray:
    """Read the polarity of each part back: the map that is highest at the child.

    Args:
        hemlets (np.ndarray): HEMlets, (..., 3P, h, w), in the order of
            :func:`hemlets_from_heatmaps`.
        child_points (np.ndarray): Where the child joint of each part is, (..., P, 2) in pixels of
            the map; points outside are moved to the border.

    Returns:
        np.ndarray: Polarities -1, 0 or 1, int64 (..., P).

    Raises:
        ValueError: If there are not three maps for each child.
    """
    hemlets, child_points = np.asarray(hemlets), np.asarray(child_points)
    *batch, channels, height, width = hemlets.shape
    if child_points.shape != (*batch, channels // 3, 2) or channels % 3:
        raise ValueError(
            f'hemlets of the shape {hemlets.shape} need child_points of the shape '
            f'{(*batch, channels // 3, 2)}, got {child_points.shape}.'
        )
    pixels = nearest_pixels(child_points, 0, (width - 1, height - 1))
    flat = hemlets.reshape(*batch, channels // 3, 3, height * width)
    index = pixels[..., 1] * width + pixels[..., 0]
    at_child = np.take_along_axis(flat, index[..., None, None], axis=-1)[..., 0]
    return at_child.argmax(-1) - 1
