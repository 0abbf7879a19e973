"""Hooks."""

from mmpose_ext.engine.hooks.checkpoint_fit_hook import CheckpointFitHook
from mmpose_ext.engine.hooks.coordinate_warmup_hook import CoordinateWarmupHook
from mmpose_ext.engine.hooks.event_visualization_hook import EventVisualizationHook
from mmpose_ext.engine.hooks.hsjp_pretrain_hook import HSJPPretrainHook
from mmpose_ext.engine.hooks.pretrained_fit_hook import PretrainedFitHook

__all__ = [
    'CheckpointFitHook',
    'CoordinateWarmupHook',
    'EventVisualizationHook',
    'HSJPPretrainHook',
    'PretrainedFitHook',
]
