"""Hooks."""

from mmpose_ext.engine.hooks.checkpoint_fit_hook import CheckpointFitHook
from mmpose_ext.engine.hooks.coordinate_warmup_hook import CoordinateWarmupHook

__all__ = ['CheckpointFitHook', 'CoordinateWarmupHook']
