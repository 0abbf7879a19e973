"""Hooks."""

from mmpose_ext.engine.hooks.checkpoint_fit_hook import CheckpointFitHook

__all__ = ['CheckpointFitHook']
