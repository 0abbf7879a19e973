"""Metrics."""

from mmpose_ext.evaluation.metrics.flow_metrics import FlowEPE, FlowPhotometricMetric
from mmpose_ext.evaluation.metrics.hsjp_accuracy import HSJPAccuracy
from mmpose_ext.evaluation.metrics.keypoint_3d_pck import Keypoint3DPCK
from mmpose_ext.evaluation.metrics.mesh_pose_metric import MeshPoseMetric
from mmpose_ext.evaluation.metrics.sized_coco_metric import SizedCocoMetric
from mmpose_ext.evaluation.metrics.smpl_metric import SMPLMetric
from mmpose_ext.evaluation.metrics.volumetric_mpjpe import VolumetricMPJPE

__all__ = [
    'FlowEPE',
    'FlowPhotometricMetric',
    'HSJPAccuracy',
    'Keypoint3DPCK',
    'MeshPoseMetric',
    'SMPLMetric',
    'SizedCocoMetric',
    'VolumetricMPJPE',
]
