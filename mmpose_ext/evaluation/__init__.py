"""Evaluation: formulas on predictions and labels, and the metrics built of them."""

from mmpose_ext.evaluation.functional import simdr_pck_accuracy
from mmpose_ext.evaluation.metrics import (
    FlowEPE,
    FlowPhotometricMetric,
    HSJPAccuracy,
    Keypoint3DPCK,
    MeshPoseMetric,
    SMPLMetric,
    VolumetricMPJPE,
)

__all__ = [
    'FlowEPE',
    'FlowPhotometricMetric',
    'HSJPAccuracy',
    'Keypoint3DPCK',
    'MeshPoseMetric',
    'SMPLMetric',
    'VolumetricMPJPE',
    'simdr_pck_accuracy',
]
