"""MPJPE of networks that predict 3D poses in image coordinates."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from mmpose_ext.evaluation.functional.pose3d_errors import mpjpe
from mmpose_ext.evaluation.metrics.restored_pose_metric import RestoredPoseMetric


@METRICS.register_module()
class VolumetricMPJPE(RestoredPoseMetric):
    """Mean per-joint position error in mm, after restoring the predictions to camera space.

    Reports, by mode, ``MPJPE`` (HEMlets' P1: roots on each other), ``PA-MPJPE`` (P2: similarity
    transform of the valid joints) and ``N-MPJPE`` (scaled about the root), each over all valid
    joints, for each action as ``MPJPE_Directions``, and as ``MPJPE_action_avg``, the unweighted
    mean over the actions. MMPose's ``MPJPE`` moves no roots, lets invalid joints take part in the
    Procrustes alignment and reports metres.

    Args:
        mode (str | Sequence[str]): One or several of ``'mpjpe'``, ``'p-mpjpe'``, ``'n-mpjpe'``.
        **kwargs: See :class:`RestoredPoseMetric`: ``restore``, ``camera``, ``joints``, ...

    Raises:
        ValueError: If an option or, later, a data sample is invalid.
        TypeError: If the restoration has no such argument.
    """

    def __init__(self, mode: str | Sequence[str] = ('mpjpe', 'p-mpjpe'), **kwargs: Any) -> None:
        super().__init__(mode, **kwargs)

    def measure(self, errors: np.ndarray, mask: np.ndarray) -> dict[str, float]:
        """Average errors (N, J) in mm over the joints of the mask."""
        return {'MPJPE': mpjpe(errors, mask)}
