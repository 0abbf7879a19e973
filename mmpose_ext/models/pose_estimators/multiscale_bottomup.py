"""Bottom-up pose estimator that takes image pyramids."""

from typing import Any

import torch
from mmengine.utils import is_list_of
from mmpose.models.pose_estimators import BottomupPoseEstimator
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

Inputs = Tensor | list[Tensor]


@MODELS.register_module()
class MultiScaleBottomupPoseEstimator(BottomupPoseEstimator):
    """:class:`mmpose.models.BottomupPoseEstimator` with a multi-scale test that runs.

    MMPose's stacks the images of a pyramid, whose sizes differ. With ``PyramidDataPreprocessor``
    and ``PackBottomupInputs`` this one takes a pyramid as a list of batches, scale 1 first. The
    flip test runs the images and the mirrored images through the trunk as one batch.

    The arguments are those of ``BottomupPoseEstimator``; ``test_cfg`` has ``flip_test`` and
    ``multiscale_test``.
    """

    def forward(
        self,
        inputs: Inputs,
        data_samples: list[PoseDataSample] | None,
        mode: str = 'tensor',
    ) -> Any:
        """Run the network, with the losses or the predictions.

        Args:
            inputs: Images (B, 3, H, W), or to predict from a pyramid such a batch for each scale.
            data_samples: The batch's samples.
            mode: ``'tensor'``, ``'loss'`` or ``'predict'``.

        Returns:
            As MMPose's pose estimators: maps, a dict of losses, or the samples with predictions.

        Raises:
            ValueError: If losses or maps of a pyramid are wanted.
        """
        if not _is_pyramid(inputs):
            return super().forward(inputs, data_samples, mode)
        if mode != 'predict':
            raise ValueError(
                f"an image pyramid, {len(inputs)} scales, is for mode='predict', got mode={mode!r}."
            )
        return self.predict(inputs, data_samples)

    def predict(self, inputs: Inputs, data_samples: Any) -> list[PoseDataSample]:
        """Predict people.

        Args:
            inputs: Images (B, 3, H, W), or with ``multiscale_test`` such a batch for each scale,
                scale 1 first.
            data_samples: The batch's B samples.

        Returns:
            The samples with ``pred_instances``, whose keypoints are in px of the original images,
            and with ``output_heatmaps`` also ``pred_fields``.

        Raises:
            ValueError: If the number of scales does not fit ``test_cfg`` and the samples.
        """
        self._check_scales(inputs, data_samples[0].metainfo.get('aug_scales'))
        if isinstance(inputs, list):
            feats = [self._extract_views(images) for images in inputs]
        else:
            feats = self._extract_views(inputs)
        preds = self.head.predict(feats, data_samples, test_cfg=self.test_cfg)
        instances, fields = preds if isinstance(preds, tuple) else (preds, None)
        samples: list[PoseDataSample] = self.add_pred_to_datasample(instances, fields, data_samples)
        return samples

    def _extract_views(self, images: Tensor) -> Any:
        """Features of the images; with the flip test a list of those and the mirrored images'."""
        if not self.test_cfg.get('flip_test', False):
            return self.extract_feat(images)
        feats = self.extract_feat(torch.cat([images, images.flip(-1)]))
        upright, mirrored = zip(*(level.chunk(2) for level in feats), strict=True)
        return [upright, mirrored]

    def _check_scales(self, inputs: Inputs, aug_scales: list[float] | None) -> None:
        multiscale = self.test_cfg.get('multiscale_test', False)
        if multiscale != _is_pyramid(inputs):
            raise ValueError(
                f'test_cfg has multiscale_test={multiscale}, but the inputs are of '
                f'{len(inputs) if _is_pyramid(inputs) else "one"} scale(s); make the pipeline '
                '(aug_scales of BottomupResize, scales of HigherHRNetResize) and test_cfg agree.'
            )
        if multiscale and len(inputs) != len(aug_scales or []) + 1:
            raise ValueError(
                f'a pyramid of {len(inputs)} scales needs {len(inputs) - 1} aug_scales in the '
                f"samples' metainfo, got {aug_scales}; pack them with PackBottomupInputs."
            )


def _is_pyramid(inputs: Inputs) -> bool:
    """Whether there is a batch (B, 3, H, W) for each scale, rather than one or a list of images."""
    return is_list_of(inputs, Tensor) and inputs[0].ndim == 4
