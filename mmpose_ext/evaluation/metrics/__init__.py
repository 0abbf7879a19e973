"""Metrics."""

from mmpose_ext.evaluation.metrics.hsjp_accuracy import HSJPAccuracy
from mmpose_ext.evaluation.metrics.keypoint_3d_pck import Keypoint3DPCK
from mmpose_ext.evaluation.metrics.sized_coco_metric import SizedCocoMetric
from mmpose_ext.evaluation.metrics.smpl_metric import SMPLMetric
from mmpose_ext.evaluation.metrics.volumetric_mpjpe import VolumetricMPJPE

__all__ = ['HSJPAccuracy', 'Keypoint3DPCK', 'SMPLMetric', 'SizedCocoMetric', 'VolumetricMPJPE']
