"""Formulas of evaluation, on tensors and arrays."""

from mmpose_ext.evaluation.functional.camera_pose_errors import (
    align_hips,
    camera_mesh_errors,
    camera_pose_errors,
)
from mmpose_ext.evaluation.functional.flow_errors import (
    angular_errors,
    endpoint_errors,
    flow_cosines,
)
from mmpose_ext.evaluation.functional.mesh_errors import vertex_errors
from mmpose_ext.evaluation.functional.pose3d_errors import (
    align_procrustes,
    align_scale,
    fit_procrustes,
    joint_errors,
    keypoint_3d_auc,
    keypoint_3d_pck,
    mpjpe,
)
from mmpose_ext.evaluation.functional.restore_3d import (
    back_project,
    scale_to_bone_length,
    search_root_depth,
    total_bone_length,
)
from mmpose_ext.evaluation.functional.simdr_accuracy import simdr_pck_accuracy

__all__ = [
    'align_hips',
    'align_procrustes',
    'align_scale',
    'angular_errors',
    'back_project',
    'camera_mesh_errors',
    'camera_pose_errors',
    'endpoint_errors',
    'fit_procrustes',
    'flow_cosines',
    'joint_errors',
    'keypoint_3d_auc',
    'keypoint_3d_pck',
    'mpjpe',
    'scale_to_bone_length',
    'search_root_depth',
    'simdr_pck_accuracy',
    'total_bone_length',
    'vertex_errors',
]
