"""What hangs on MMEngine's Runner: hooks and schedules."""

from mmpose_ext.engine.hooks import (
    CheckpointFitHook,
    CoordinateWarmupHook,
    CurvesHook,
    EventVisualizationHook,
    HSJPPretrainHook,
    PretrainedFitHook,
    ProgressBarHook,
)
from mmpose_ext.engine.schedulers import SWAHRLR

__all__ = [
    'SWAHRLR',
    'CheckpointFitHook',
    'CoordinateWarmupHook',
    'CurvesHook',
    'EventVisualizationHook',
    'HSJPPretrainHook',
    'PretrainedFitHook',
    'ProgressBarHook',
]
