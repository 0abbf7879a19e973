"""The models' formulas as plain functions on tensors."""

from mmpose_ext.models.functional.soft_argmax import soft_argmax_3d, volume_grid

__all__ = ['soft_argmax_3d', 'volume_grid']
