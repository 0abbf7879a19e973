"""3D-PCK and AUC of networks that predict 3D poses in image coordinates."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmpose.registry import METRICS

from mmpose_ext.evaluation.functional.pose3d_errors import (
    AUC_THRESHOLDS,
    PCK_THRESHOLD,
    keypoint_3d_auc,
    keypoint_3d_pck,
)
from mmpose_ext.evaluation.metrics.restored_pose_metric import RestoredPoseMetric


@METRICS.register_module()
class Keypoint3DPCK(RestoredPoseMetric):
    """Share of the joints with an error below 150 mm, and the area under its curve, in per cent.

    Reports ``3DPCK`` and ``3DAUC``, the roots moved onto each other, or by mode ``PA-3DPCK`` and
    ``N-3DPCK`` with their AUC, and all of them for each action. Thresholds and definitions are
    those of MPI-INF-3DHP and MMPose 0.x.

    Args:
        mode (str | Sequence[str]): One or several of ``'3dpck'``, ``'p-3dpck'``, ``'n-3dpck'``.
        threshold (float): Threshold of 3D-PCK in mm.
        auc_thresholds (Sequence[float]): Thresholds over which the AUC averages, in mm.
        **kwargs: See :class:`RestoredPoseMetric`: ``restore``, ``camera``, ``joints``, ...

    Raises:
        ValueError: If an option or, later, a data sample is invalid.
        TypeError: If the restoration has no such argument.
    """

    ALIGNMENT: ClassVar[dict[str, str]] = {
        '3dpck': 'none',
        'p-3dpck': 'procrustes',
        'n-3dpck': 'scale',
    }

    def __init__(
        self,
        mode: str | Sequence[str] = '3dpck',
        threshold: float = PCK_THRESHOLD,
        auc_thresholds: Sequence[float] = AUC_THRESHOLDS,
        **kwargs: Any,
    ) -> None:
        if not threshold > 0:
            raise ValueError(f'threshold must be a positive number of mm, got {threshold!r}.')
        if not len(auc_thresholds) or min(auc_thresholds) < 0:
            raise ValueError(f'auc_thresholds must be numbers of mm, got {auc_thresholds!r}.')
        super().__init__(mode, **kwargs)
        self.threshold = threshold
        self.auc_thresholds = auc_thresholds

    def measure(self, errors: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        """Count errors (N, J) in mm below the thresholds, over the joints of the mask."""
        return {
            '3DPCK': keypoint_3d_pck(errors, mask, self.threshold),
            '3DAUC': keypoint_3d_auc(errors, mask, self.auc_thresholds),
        }
