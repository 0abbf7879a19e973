"""Models: heads, losses, pose estimators and data preprocessors."""

from mmpose_ext.models.backbones import EventFlowNet
from mmpose_ext.models.data_preprocessors import EventDataPreprocessor, PyramidDataPreprocessor
from mmpose_ext.models.heads import (
    HEMletsHead,
    HigherHRNetHead,
    PoShHead,
    ShapeVariationHead,
    SimDRHead,
    SWAHRHead,
)
from mmpose_ext.models.losses import (
    BatchedAssociativeEmbeddingLoss,
    EventPoseLoss,
    FlowCoherenceLoss,
    FlowPhotometricLoss,
    FlowSmoothnessLoss,
    HEMletsLoss,
    PoShLoss,
    SimDRKLLoss,
    SimDRSmoothingLoss,
    SWAHRHeatmapLoss,
)
from mmpose_ext.models.necks import TemporalGRU
from mmpose_ext.models.pose_estimators import (
    EventFlowEstimator,
    EventHPE,
    MultiScaleBottomupPoseEstimator,
)

__all__ = [
    'BatchedAssociativeEmbeddingLoss',
    'EventDataPreprocessor',
    'EventFlowEstimator',
    'EventFlowNet',
    'EventHPE',
    'EventPoseLoss',
    'FlowCoherenceLoss',
    'FlowPhotometricLoss',
    'FlowSmoothnessLoss',
    'HEMletsHead',
    'HEMletsLoss',
    'HigherHRNetHead',
    'MultiScaleBottomupPoseEstimator',
    'PoShHead',
    'PoShLoss',
    'PyramidDataPreprocessor',
    'SWAHRHead',
    'SWAHRHeatmapLoss',
    'ShapeVariationHead',
    'SimDRHead',
    'SimDRKLLoss',
    'SimDRSmoothingLoss',
    'TemporalGRU',
]
