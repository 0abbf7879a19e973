"""Data preprocessor for image pyramids."""

from typing import Any

from mmengine.model import ImgDataPreprocessor
from mmengine.utils import is_seq_of
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class PyramidDataPreprocessor(PoseDataPreprocessor):
    """:class:`mmpose.models.PoseDataPreprocessor` that takes image pyramids too.

    Samples that ``PackBottomupInputs`` packed with several scales are collated to one sequence of
    images per scale; each becomes a batch. Of the meta information that padding adds, it is that of
    the first scale. Batches of single images pass as in ``PoseDataPreprocessor``.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalise and batch the images.

        Args:
            data: ``inputs``: images (3, H, W) of the samples, or such a sequence for each scale;
                ``data_samples``: the samples.
            training: Whether batch augmentations apply.

        Returns:
            ``inputs``: a batch (B, 3, H, W), or a list of one for each scale; ``data_samples``.
        """
        scales = data['inputs']
        if isinstance(scales, Tensor) or is_seq_of(scales, Tensor):
            first: dict[str, Any] = super().forward(data, training)
            return first
        first = super().forward({**data, 'inputs': list(scales[0])}, training)
        others = [
            ImgDataPreprocessor.forward(self, {'inputs': list(images)})['inputs']
            for images in scales[1:]
        ]
        return {**first, 'inputs': [first['inputs'], *others]}
