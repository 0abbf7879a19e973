"""One set of heatmaps and tags of several resolutions, of mirrored and of resized images.

Source: the test of `HigherHRNet <https://arxiv.org/abs/1908.10357>`_'s public code.
"""

from collections.abc import Sequence

import torch
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn.functional import interpolate


def aggregate_maps(
    pyramid: Sequence[Sequence[Tensor]],
    num_keypoints: int,
    flip_indices: Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Aggregate the maps of all scales of an image, as HigherHRNet's code does.

    Heatmaps: the mean of the levels at the size of the last level, of the image and the mirrored
    image, and of the scales. Tags: those of level 0 at scale 1, resized with the heatmaps, those
    of the mirrored image as a second set. B images, K keypoints, L = 2 sets of tags with mirrored
    images, else 1.

    The mean of image and mirrored image is taken before the last resizing, which is linear: the
    same but for rounding, with half of the maps to resize. The mirrored maps are not shifted.

    Args:
        pyramid (Sequence[Sequence[Tensor]]): For each scale, scale 1 first, the outputs of all
            levels, (B, C, h, w), where C = 2 * K in level 0 and K in the others. With
            ``flip_indices`` the mirrored images follow in the batch, (2 * B, C, h, w).
        num_keypoints (int): K.
        flip_indices (Sequence[int], optional): Index of the mirrored keypoint of each keypoint.
            None: no mirrored images.
        size (tuple[int, int], optional): Size (w, h) of the result. None: that of the last level
            at scale 1.

    Returns:
        tuple[Tensor, Tensor]: Heatmaps (B, K, h, w) and tags (B, L * K, h, w), float32.

    Raises:
        ValueError: If there are not K flip indices.
    """
    if flip_indices is not None and len(flip_indices) != num_keypoints:
        raise ValueError(
            f'{num_keypoints} keypoints need as many flip_indices, got {len(flip_indices)}: '
            f'{list(flip_indices)}.'
        )
    heatmaps, tags = _fuse_levels(pyramid[0], num_keypoints)
    shape = heatmaps.shape[2:] if size is None else torch.Size((size[1], size[0]))
    tags = _resize(torch.cat(_unflip(tags, flip_indices), dim=1), shape)
    total = _resize(_mean_view(heatmaps, flip_indices), shape)
    for levels in pyramid[1:]:
        heatmaps, _ = _fuse_levels(levels, num_keypoints)
        total = total + _resize(_mean_view(heatmaps, flip_indices), shape)
    return total / len(pyramid), tags


def check_input_sizes(samples: Sequence[PoseDataSample]) -> tuple[int, int]:
    """The size of the images of a batch, which must be one and not be padded.

    Args:
        samples (Sequence[PoseDataSample]): The batch's samples.

    Returns:
        tuple[int, int]: The network's input, (w, h) in px.

    Raises:
        ValueError: If the sizes differ, or the images were padded.
    """
    # Paddings are told as (h, w).
    sizes = {
        tuple(int(length) for length in size)
        for sample in samples
        for size in (
            sample.metainfo['input_size'],
            sample.metainfo.get('batch_input_shape', sample.metainfo['input_size'][::-1])[::-1],
        )
    }
    if len(sizes) > 1:
        raise ValueError(
            f'images of several sizes are in one batch, or padded: {sorted(sizes)} (w, h). Test '
            'with batch_size=1 and without pad_size_divisor.'
        )
    width, height = sizes.pop()
    return width, height


def _fuse_levels(levels: Sequence[Tensor], num_keypoints: int) -> tuple[Tensor, Tensor]:
    """Mean heatmaps (B, K, h, w) and tags (B, K, h, w) at the size of the last level."""
    shape = levels[-1].shape[2:]
    heatmaps, tags = _resize(levels[0].float(), shape).split(num_keypoints, dim=1)
    for level in levels[1:]:
        heatmaps = heatmaps + _resize(level.float(), shape)
    return heatmaps / len(levels), tags


def _unflip(maps: Tensor, flip_indices: Sequence[int] | None) -> list[Tensor]:
    """The maps (B, K, h, w) of the images, and those of the mirrored images mirrored back."""
    if flip_indices is None:
        return [maps]
    upright, mirrored = maps.chunk(2)
    return [upright, flip_heatmaps(mirrored, list(flip_indices), shift_heatmap=False)]


def _mean_view(heatmaps: Tensor, flip_indices: Sequence[int] | None) -> Tensor:
    views = _unflip(heatmaps, flip_indices)
    return views[0] if len(views) == 1 else (views[0] + views[1]) / 2


def _resize(maps: Tensor, shape: torch.Size) -> Tensor:
    if maps.shape[2:] == shape:
        return maps
    return interpolate(maps, size=shape, mode='bilinear', align_corners=False)
