"""Hooks."""

from mmpose_ext.engine.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from mmpose_ext.engine.hooks.checkpoint_fit_hook import CheckpointFitHook
from mmpose_ext.engine.hooks.compile_hook import CompileHook
from mmpose_ext.engine.hooks.coordinate_warmup_hook import CoordinateWarmupHook
from mmpose_ext.engine.hooks.curves_hook import CurvesHook
from mmpose_ext.engine.hooks.event_visualization_hook import EventVisualizationHook
from mmpose_ext.engine.hooks.exact_resume_hook import ExactResumeHook
from mmpose_ext.engine.hooks.hsjp_pretrain_hook import HSJPPretrainHook
from mmpose_ext.engine.hooks.nan_guard_hook import NaNGuardHook
from mmpose_ext.engine.hooks.pretrained_fit_hook import PretrainedFitHook
from mmpose_ext.engine.hooks.progress_bar_hook import ProgressBarHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'CompileHook',
    'CoordinateWarmupHook',
    'CurvesHook',
    'EventVisualizationHook',
    'ExactResumeHook',
    'HSJPPretrainHook',
    'NaNGuardHook',
    'PretrainedFitHook',
    'ProgressBarHook',
]
