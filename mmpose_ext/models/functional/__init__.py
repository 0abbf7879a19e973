"""The models' formulas as plain functions on tensors."""

from mmpose_ext.models.functional.adaptive_heatmaps import (
    scale_adaptive_heatmaps,
    scale_penalty,
    weight_adaptive_weights,
)
from mmpose_ext.models.functional.soft_argmax import soft_argmax_3d, volume_grid

__all__ = [
    'scale_adaptive_heatmaps',
    'scale_penalty',
    'soft_argmax_3d',
    'volume_grid',
    'weight_adaptive_weights',
]
