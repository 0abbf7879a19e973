"""The models' formulas as plain functions on tensors."""

from mmpose_ext.models.functional.adaptive_heatmaps import (
    scale_adaptive_heatmaps,
    scale_penalty,
    weight_adaptive_weights,
)
from mmpose_ext.models.functional.coherence import flow_coherence, visible_vertices
from mmpose_ext.models.functional.flow import (
    charbonnier,
    flow_smoothness,
    photometric_error,
    warp_by_flow,
)
from mmpose_ext.models.functional.pose_variation import accumulate_translation, compose_rotations
from mmpose_ext.models.functional.soft_argmax import soft_argmax_3d, volume_grid

__all__ = [
    'accumulate_translation',
    'charbonnier',
    'compose_rotations',
    'flow_coherence',
    'flow_smoothness',
    'photometric_error',
    'scale_adaptive_heatmaps',
    'scale_penalty',
    'soft_argmax_3d',
    'visible_vertices',
    'volume_grid',
    'warp_by_flow',
    'weight_adaptive_weights',
]
