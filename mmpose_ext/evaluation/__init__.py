"""Evaluation: formulas on predictions and labels, and the metrics built of them."""

from mmpose_ext.evaluation.functional import simdr_pck_accuracy
from mmpose_ext.evaluation.metrics import HSJPAccuracy, Keypoint3DPCK, SMPLMetric, VolumetricMPJPE

__all__ = ['HSJPAccuracy', 'Keypoint3DPCK', 'SMPLMetric', 'VolumetricMPJPE', 'simdr_pck_accuracy']
