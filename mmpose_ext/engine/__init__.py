"""What hangs on MMEngine's Runner: hooks and schedules."""

from mmpose_ext.engine.hooks import (
    AtomicCheckpointHook,
    CheckpointFitHook,
    CoordinateWarmupHook,
    CurvesHook,
    EventVisualizationHook,
    ExactResumeHook,
    HSJPPretrainHook,
    NaNGuardHook,
    PretrainedFitHook,
    ProgressBarHook,
)
from mmpose_ext.engine.schedulers import SWAHRLR

__all__ = [
    'SWAHRLR',
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'CoordinateWarmupHook',
    'CurvesHook',
    'EventVisualizationHook',
    'ExactResumeHook',
    'HSJPPretrainHook',
    'NaNGuardHook',
    'PretrainedFitHook',
    'ProgressBarHook',
]
