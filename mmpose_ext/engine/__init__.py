"""What hangs on MMEngine's Runner: hooks."""

from mmpose_ext.engine.hooks import CheckpointFitHook, CoordinateWarmupHook

__all__ = ['CheckpointFitHook', 'CoordinateWarmupHook']
