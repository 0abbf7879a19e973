"""Heatmaps and tags of a crowd to people, as HigherHRNet and SWAHR publish it."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmpose_ext.codecs.functional.tag_grouping import Candidates, match_by_tag
from mmpose_ext.codecs.functional.tag_refinement import best_pixels

People = tuple[np.ndarray, np.ndarray, np.ndarray]

# Tags beyond have squares, and sums over people, that float32 cannot hold: as good as infinite.
MAX_TAG = 1e18


def find_peaks(heatmaps: Tensor, threshold: float, kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels above a threshold that no other in the square window around them exceeds.

    These are the pixels that non-maximum suppression by max pooling leaves; equal neighbours all
    stay. The first comparisons are with the pixels beside, for whole maps; what is left of a blob
    is a line, and only that is compared with the rest of the window.

    Args:
        heatmaps: (K, H, W), no NaN.
        threshold: Lowest value, exclusive.
        kernel: Side of the window in pixels, odd.

    Returns:
        Map, y and x of each peak, (P,) int64 each, in the order of memory.
    """
    is_peak = heatmaps > threshold
    if kernel > 1:
        left, right = heatmaps[..., :-1], heatmaps[..., 1:]
        is_peak[..., 1:] &= right >= left
        is_peak[..., :-1] &= left >= right
    joints, y, x = is_peak.nonzero(as_tuple=True)
    reach = range(-(kernel // 2), kernel // 2 + 1)
    window = [(dy, dx) for dy in reach for dx in reach if (dy, dx) != (0, 0)]
    # A loop over the window; its nearest pixels come first, as they thin the peaks out most.
    for dy, dx in sorted(window, key=lambda offset: math.hypot(*offset)):
        stays = heatmaps[joints, y, x] >= _at(heatmaps, joints, y + dy, x + dx)
        joints, y, x = joints[stays], y[stays], x[stays]
    return joints, y, x


def _at(heatmaps: Tensor, joints: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Values at pixels, of the nearest one where a pixel is outside; (P,)."""
    H, W = heatmaps.shape[1:]
    return heatmaps[joints, y.clamp(0, H - 1), x.clamp(0, W - 1)]


def top_candidates(
    heatmaps: Tensor, tags: Tensor, keypoint_thr: float, nms_kernel: int, max_people: int
) -> Candidates:
    """The ``max_people`` highest peaks of each heatmap; of equal ones the first in memory.

    Args:
        heatmaps: (K, H, W), no NaN.
        tags: (L, K, H, W).
        keypoint_thr: Lowest value of a peak, exclusive.
        nms_kernel: Side in pixels of the window in which a peak is the highest, odd.
        max_people: Most peaks per heatmap.

    Returns:
        The candidates. Peaks with tags that are NaN, infinite or beyond :data:`MAX_TAG` are
        dropped.
    """
    joints, y, x = find_peaks(heatmaps, keypoint_thr, nms_kernel)
    values, peak_tags = heatmaps[joints, y, x], tags[:, joints, y, x].T
    pixels = torch.stack((joints, x, y)).cpu().numpy()
    numbers = torch.cat((values[:, None], peak_tags), dim=1).cpu().numpy()
    finite = (np.abs(numbers) < MAX_TAG).all(axis=1)
    pixels, numbers = pixels[:, finite], numbers[finite]
    order = np.lexsort((-numbers[:, 0], pixels[0]))
    pixels, numbers = pixels[:, order], numbers[order]
    rank = np.arange(len(order)) - np.searchsorted(pixels[0], pixels[0])
    top = rank < max_people
    return Candidates(pixels[0, top], pixels[1:, top].T, numbers[top, 0], numbers[top, 1:])


def adjust_keypoints(heatmaps: Tensor, joints: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Move keypoints from a pixel's corner to its centre and a quarter towards the higher side.

    Equal sides move a keypoint to the left or up. At a border the pixel itself stands for the one
    outside.

    Args:
        heatmaps: (K, H, W).
        joints: Which keypoint each is, (P,).
        pixels: x and y, (P, 2) int64.

    Returns:
        x and y in pixels, (P, 2) float32.
    """
    k, x, y = torch.as_tensor(np.stack((joints, *pixels.T)), device=heatmaps.device)
    higher = [
        _at(heatmaps, k, y + dy, x + dx) > _at(heatmaps, k, y - dy, x - dx)
        for dy, dx in ((0, 1), (1, 0))
    ]
    is_higher = torch.stack(higher, dim=1).cpu().numpy()
    return (pixels + np.where(is_higher, 0.75, 0.25)).astype(np.float32)


def fill_missing(
    heatmaps: Tensor, tags: Tensor, keypoints: np.ndarray, scores: np.ndarray, centers: np.ndarray
) -> None:
    """Fill in the keypoints that people lack, in place.

    A keypoint goes to the pixel where ``heatmap - round(|tag - center|)`` is highest, if the
    heatmap is positive there, and is adjusted by :func:`adjust_keypoints`.

    Args:
        heatmaps: (K, H, W), no NaN.
        tags: (L, K, H, W).
        keypoints: x and y in pixels, (N, K, 2) float32.
        scores: (N, K) float32, 0 where a keypoint is missing.
        centers: Mean tags of the people, (N, L) float32.
    """
    # By joint, so that one after the other needs the same maps.
    joints, people = np.nonzero(scores.T == 0)
    if not len(people):
        return
    where = torch.as_tensor(joints, device=heatmaps.device)
    wanted = torch.as_tensor(centers[people], device=heatmaps.device)
    found = best_pixels(heatmaps, tags, where, wanted)
    values = heatmaps[where, found[:, 1], found[:, 0]].cpu().numpy()
    is_filled = values > 0
    people, joints, pixels = people[is_filled], joints[is_filled], found.cpu().numpy()[is_filled]
    keypoints[people, joints] = adjust_keypoints(heatmaps, joints, pixels)
    scores[people, joints] = values[is_filled]


def mean_tags(candidates: Candidates, members: np.ndarray) -> np.ndarray:
    """Mean tags (N, L) of people, given which candidates they have, (N, K) with -1 for none."""
    has = members >= 0
    tags = np.where(has[..., None], candidates.tags[members], np.float32(0))
    # Sums one keypoint after the other, as the published code does, to the last digit.
    return tags.cumsum(axis=1)[:, -1] / has.sum(axis=1, keepdims=True).astype(np.float32)


def decode_crowd(
    heatmaps: Tensor,
    tags: Tensor,
    order: Sequence[int],
    keypoint_thr: float = 0.1,
    tag_thr: float = 1.0,
    nms_kernel: int = 5,
    max_people: int = 30,
    adjust: bool = True,
    refine: bool = True,
) -> People:
    """Decode the heatmaps and tags of one image into N people.

    The ``max_people`` highest peaks of each heatmap are grouped by their tags
    (:func:`match_by_tag`), moved within their pixels (:func:`adjust_keypoints`), and the keypoints
    that are then missing are filled in (:func:`fill_missing`). N may exceed ``max_people``.

    Source: the published code of HigherHRNet and `SWAHR <https://arxiv.org/abs/2012.15175>`_.
    Ours: peaks with equal values come in the order of memory, and of assignments of equal cost
    the closest is taken, see :func:`assign_by_tag`.

    Args:
        heatmaps: (K, H, W) on any device. Values that are NaN or infinite count as none.
        tags: (L, K, H, W), L sets of tags (2 with a flip test). Peaks with tags that are NaN or
            infinite are dropped.
        order: The K keypoints in the order in which they are grouped.
        keypoint_thr: Lowest value of a peak, exclusive.
        tag_thr: Largest distance of a tag to the mean of its person's, exclusive.
        nms_kernel: Side in pixels of the window in which a peak is the highest, odd.
        max_people: Most peaks per heatmap; most people among whom peaks are divided.
        adjust: Move keypoints within their pixels; if not, they stay at the pixels' corners.
        refine: Fill in missing keypoints.

    Returns:
        Keypoints (N, K, 2) as x and y in pixels of the maps, their scores (N, K), which are the
        heatmaps' values, and the people's scores (N,), the mean of the keypoints' with 0 for
        missing ones, before any is filled in; float32. Missing keypoints are 0 throughout.

    Raises:
        TypeError: If the maps are not tensors of floating point.
        ValueError: If shapes do not fit or an argument is invalid.
    """
    _check_maps(heatmaps, tags)
    _check_options(order, len(heatmaps), keypoint_thr, tag_thr, nms_kernel, max_people)
    heatmaps, tags = _finite(heatmaps.detach().float()), tags.detach().float()
    candidates = top_candidates(heatmaps, tags, keypoint_thr, nms_kernel, max_people)
    members = match_by_tag(candidates, np.asarray(order), tag_thr, max_people)
    people, joints = np.nonzero(members >= 0)
    chosen = members[people, joints]
    keypoints = np.zeros((*members.shape, 2), np.float32)
    scores = np.zeros(members.shape, np.float32)
    pixels = candidates.pixels[chosen]
    keypoints[people, joints] = adjust_keypoints(heatmaps, joints, pixels) if adjust else pixels
    scores[people, joints] = candidates.values[chosen]
    person_scores = scores.mean(axis=1)
    if refine and len(members):
        fill_missing(heatmaps, tags, keypoints, scores, mean_tags(candidates, members))
    return keypoints, scores, person_scores


def _finite(heatmaps: Tensor) -> Tensor:
    """The heatmaps, with -inf in place of NaN and infinity."""
    if torch.stack(heatmaps.aminmax()).isfinite().all():
        return heatmaps
    return heatmaps.where(heatmaps.isfinite(), -torch.inf)


def _check_maps(heatmaps: Tensor, tags: Tensor) -> None:
    for name, maps in (('heatmaps', heatmaps), ('tags', tags)):
        if not (isinstance(maps, Tensor) and maps.is_floating_point()):
            kind = maps.dtype if isinstance(maps, Tensor) else type(maps).__name__
            raise TypeError(f'{name} must be a tensor of floating point, got {kind}.')
    shape, tag_shape = tuple(heatmaps.shape), tuple(tags.shape)
    if len(shape) != 3 or 0 in shape or 0 in tag_shape or tag_shape[1:] != shape:
        raise ValueError(
            f'heatmaps and tags have the shapes {shape} and {tag_shape}, expected (K, H, W) and '
            '(L, K, H, W) with the same K, H and W, none of them 0. View the L * K channels of a '
            'network as (L, K), and resize tags to the size of the heatmaps.'
        )
    if heatmaps.device != tags.device:
        raise ValueError(
            f'heatmaps are on {heatmaps.device} and tags on {tags.device}. Move them together.'
        )


def _check_options(
    order: Sequence[int],
    num_keypoints: int,
    keypoint_thr: float,
    tag_thr: float,
    nms_kernel: int,
    max_people: int,
) -> None:
    if sorted(order) != list(range(num_keypoints)):
        raise ValueError(
            f'order must name each of the {num_keypoints} keypoints of the heatmaps once, got '
            f'{list(order)}.'
        )
    # Below 0 all that non-maximum suppression has set to 0 would be a candidate.
    if not 0 <= keypoint_thr < math.inf:
        raise ValueError(f'keypoint_thr must be a number of at least 0, got {keypoint_thr}.')
    if not tag_thr > 0:
        raise ValueError(f'tag_thr must be positive, got {tag_thr}.')
    if nms_kernel < 1 or nms_kernel % 2 != 1:
        raise ValueError(f'nms_kernel must be a positive odd number of pixels, got {nms_kernel}.')
    if max_people < 1:
        raise ValueError(f'max_people must be at least 1, got {max_people}.')
