"""Packing images of many people, as a pyramid of sizes where the test has several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.datasets.transforms.formatting import image_to_tensor
from mmpose.registry import TRANSFORMS

# What MMPose's bottom-up configs pack, and the scales of the pyramid.
META_KEYS = (
    *('id', 'img_id', 'img_path', 'crowd_index', 'ori_shape', 'img_shape', 'input_size'),
    *('input_center', 'input_scale', 'aug_scales', 'flip', 'flip_direction', 'flip_indices'),
    *('raw_ann_info', 'skeleton_links', 'dataset_name'),
)


@TRANSFORMS.register_module()
class PackBottomupInputs(PackPoseInputs):
    """:class:`mmpose.datasets.transforms.PackPoseInputs` that packs image pyramids.

    MMPose's stacks the images of a pyramid, whose sizes differ. This one makes a list of them;
    ``PyramidDataPreprocessor`` batches it.

    Args:
        meta_keys (Sequence[str]): What becomes meta information. Defaults to what MMPose's
            bottom-up configs ask for and ``aug_scales``.
        pack_transformed (bool): As in ``PackPoseInputs``.
    """

    def __init__(
        self, meta_keys: Sequence[str] = META_KEYS, pack_transformed: bool = False
    ) -> None:
        super().__init__(meta_keys=tuple(meta_keys), pack_transformed=pack_transformed)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample.

        Args:
            results: Sample with ``img``, an image (H, W, 3) or a list of such.

        Returns:
            ``inputs``: a tensor (3, H, W) or a list of such; ``data_samples``.
        """
        image = results['img']
        if isinstance(image, np.ndarray):
            packed: dict[str, Any] = super().transform(results)
            return packed
        packed = super().transform({**results, 'img': image[0]})
        packed['inputs'] = [image_to_tensor(scaled) for scaled in image]
        return packed
