"""What hangs on MMEngine's Runner: hooks."""

from mmpose_ext.engine.hooks import CheckpointFitHook

__all__ = ['CheckpointFitHook']
