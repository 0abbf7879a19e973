"""Masks that keep unlabelled people out of the loss, crowds included."""

from typing import Any

import cv2
import mmcv
import numpy as np
from mmpose.datasets.transforms import BottomupGetHeatmapMask
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms.segmentation import segmentation_mask


def warp_mask(
    mask: np.ndarray, warp_mat: np.ndarray, input_size: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Warp a mask straight to the size of a heatmap.

    Source: the public code of `SWAHR <https://arxiv.org/abs/2012.15175>`_, which has an affine
    transform per level and takes what is above one half of a linearly interpolated mask.

    Args:
        mask: Mask of the picture, bool (H, W).
        warp_mat: Affine transform from the picture to the input, (2, 3) or (3, 3), in pixels.
        input_size: Size of the input, (w, h) in pixels.
        size: Size of the heatmap, (w, h) in pixels.

    Returns:
        Mask of the heatmap, bool (h, w), False outside the picture.
    """
    scale = np.divide(size, input_size)
    level_mat = np.asarray(warp_mat, dtype=np.float64)[:2] * scale[:, None]
    warped = cv2.warpAffine(mask.astype(np.uint8) * 255, level_mat, size, flags=cv2.INTER_LINEAR)
    return np.asarray(warped / 255 > 0.5)


@TRANSFORMS.register_module()
class CrowdHeatmapMask(BottomupGetHeatmapMask):
    """:class:`mmpose.datasets.transforms.BottomupGetHeatmapMask` that masks crowds.

    MMPose's leaves crowds, whose segmentations are run-length encodings, unmasked, so that the
    network is trained to see nobody in them. This one masks them, and warps the mask straight to
    each heatmap's size as the authors of HigherHRNet and SWAHR do. It goes behind
    ``GenerateTarget``.

    Keys: ``ori_shape`` (or ``img_shape``) of the picture before it was warped, ``invalid_segs``,
    ``warp_mat``, ``input_size``, ``flip``, ``flip_direction`` and ``heatmaps``; it adds
    ``heatmap_mask``, float32 (1, h, w) for each level (a list if ``heatmaps`` is one; of the
    input's size without ``heatmaps``): 1 where the loss counts, 0 in crowds, on people without
    keypoints and outside the picture.

    Args:
        get_invalid (bool): Put 1 on the masked people and 0 elsewhere instead.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the masks to a sample.

        Args:
            results: The sample, see the class.

        Returns:
            The sample with ``heatmap_mask``.

        Raises:
            ValueError: If a segmentation is broken or of a picture of another size; names the
                picture.
        """
        height, width = results.get('ori_shape', results['img_shape'])[:2]
        mask = self._people_mask(results, (height, width))
        if not self.get_invalid:
            mask = ~mask
        input_width, input_height = map(int, results.get('input_size', (width, height)))
        warp_mat = results.get('warp_mat')
        if warp_mat is None:
            warp_mat = np.diag([input_width / width, input_height / height, 1])
        direction = results.get('flip_direction') if results.get('flip') else None

        heatmaps = results.get('heatmaps')
        levels = heatmaps if isinstance(heatmaps, list) else [heatmaps]
        input_size = input_width, input_height
        shapes = [input_size[::-1] if level is None else level.shape[-2:] for level in levels]
        masks = [warp_mask(mask, warp_mat, input_size, (w, h)) for h, w in shapes]
        if direction:
            masks = [mmcv.imflip(level, direction) for level in masks]
        packed = [np.ascontiguousarray(level, dtype=np.float32)[None] for level in masks]
        results['heatmap_mask'] = packed if isinstance(heatmaps, list) else packed[0]
        return results

    def _people_mask(self, results: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
        """Mask of the people to leave out, bool (H, W) of the picture."""
        mask = np.zeros(shape, dtype=bool)
        for segmentation in results.get('invalid_segs', []):
            try:
                mask |= segmentation_mask(segmentation, shape)
            except ValueError as error:
                raise ValueError(
                    f'{results.get("img_path", "a picture")}: the segmentation of an unlabelled '
                    f'person or crowd cannot be used: {error}. Correct the annotation file.'
                ) from error
        return mask
