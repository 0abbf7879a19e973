"""Models: heads, losses, pose estimators and data preprocessors."""

from mmpose_ext.models.data_preprocessors import PyramidDataPreprocessor
from mmpose_ext.models.heads import (
    HEMletsHead,
    HigherHRNetHead,
    PoShHead,
    SimDRHead,
    SWAHRHead,
)
from mmpose_ext.models.losses import (
    BatchedAssociativeEmbeddingLoss,
    HEMletsLoss,
    PoShLoss,
    SimDRKLLoss,
    SimDRSmoothingLoss,
    SWAHRHeatmapLoss,
)
from mmpose_ext.models.pose_estimators import MultiScaleBottomupPoseEstimator

__all__ = [
    'BatchedAssociativeEmbeddingLoss',
    'HEMletsHead',
    'HEMletsLoss',
    'HigherHRNetHead',
    'MultiScaleBottomupPoseEstimator',
    'PoShHead',
    'PoShLoss',
    'PyramidDataPreprocessor',
    'SWAHRHead',
    'SWAHRHeatmapLoss',
    'SimDRHead',
    'SimDRKLLoss',
    'SimDRSmoothingLoss',
]
