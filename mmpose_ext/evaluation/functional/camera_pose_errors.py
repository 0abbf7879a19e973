"""Errors of poses and meshes in camera space, as EventHPE's evaluation has them.

The authors report millimetres over SMPL's 24 joints: MPJPE as the poses lie in camera space,
PEL-MPJPE with the middles of the hips on each other, PA-MPJPE after a similarity transform.
"""

import numpy as np

from mmpose_ext.evaluation.functional.pose3d_errors import fit_procrustes, joint_errors
from mmpose_ext.skeletons import dhp19, smpl24

# Rows of both hips in SMPL's joints and in those of DHP19.
_HIPS = {
    smpl24.NUM_JOINTS: [1, 2],
    dhp19.NUM_JOINTS: [dhp19.FROM_SMPL24.index(hip) for hip in (1, 2)],
}
# SMPL's joints that set the thresholds of PCK.
_PELVIS, _NECK, _HEAD = 0, 12, 15
# PCKh: half the length of the head, which the authors take as twice that from neck to head.
_HEAD_SHARE = 0.5 * 2
_TORSO_SHARE = 0.2


def align_hips(joints: np.ndarray) -> np.ndarray:
    """Move poses such that the middle of the hips is the origin.

    Args:
        joints (np.ndarray): (N, J, 3), SMPL's 24 joints or the 13 of DHP19.

    Returns:
        np.ndarray: Moved joints, (N, J, 3).

    Raises:
        ValueError: If J is neither.
    """
    if joints.ndim != 3 or joints.shape[1] not in _HIPS:
        raise ValueError(f'joints must be (N, J, 3), J in {list(_HIPS)}, got {joints.shape}.')
    return joints - joints[:, _HIPS[joints.shape[1]]].mean(1, keepdims=True)


def camera_pose_errors(
    pred: np.ndarray, gt: np.ndarray, pck_threshold: float = 0.1
) -> dict[str, np.ndarray]:
    """Measure each joint in all ways of EventHPE's evaluation.

    Args:
        pred (np.ndarray): Predicted joints in camera space, (N, J, 3) in metres.
        gt (np.ndarray): True ones. Both are SMPL's 24 joints or the 13 of DHP19.
        pck_threshold (float): Threshold of PCK in metres.

    Returns:
        dict[str, np.ndarray]: ``MPJPE``, ``PEL-MPJPE`` and ``PA-MPJPE``, distances (N, J) in
        metres; shares (N, J), 0 or 1, of what is near enough with the hips aligned: ``PCK``, and
        with 24 joints ``PCKh@0.5`` (nearer than head and neck are) and ``PCK-torso`` (0.2 of the
        distance of neck and pelvis).

    Raises:
        ValueError: If the shapes do not belong together.
    """
    everything = np.ones(pred.shape[:2], dtype=bool)
    aligned = joint_errors(align_hips(pred), align_hips(gt), everything)
    errors = {
        'MPJPE': joint_errors(pred, gt, everything),
        'PEL-MPJPE': aligned,
        'PA-MPJPE': joint_errors(pred, gt, everything, 'procrustes'),
        'PCK': (aligned < pck_threshold).astype(np.float64),
    }
    if gt.shape[1] == smpl24.NUM_JOINTS:
        head = np.linalg.norm(gt[:, _NECK] - gt[:, _HEAD], axis=-1, keepdims=True)
        torso = np.linalg.norm(gt[:, _NECK] - gt[:, _PELVIS], axis=-1, keepdims=True)
        errors['PCKh@0.5'] = (aligned < _HEAD_SHARE * head).astype(np.float64)
        errors['PCK-torso'] = (aligned < _TORSO_SHARE * torso).astype(np.float64)
    return errors


def camera_mesh_errors(
    pred_vertices: np.ndarray,
    gt_vertices: np.ndarray,
    pred_joints: np.ndarray,
    gt_joints: np.ndarray,
) -> dict[str, np.ndarray]:
    """Measure meshes, the alignment being that of their joints, as EventHPE does.

    :func:`.mesh_errors.vertex_errors` aligns by the vertices, as most papers do.

    Args:
        pred_vertices (np.ndarray): (N, V, 3) in metres.
        gt_vertices (np.ndarray): (N, V, 3).
        pred_joints (np.ndarray): SMPL's joints of the same bodies, (N, 24, 3).
        gt_joints (np.ndarray): (N, 24, 3).

    Returns:
        dict[str, np.ndarray]: ``PVE`` as they lie in camera space, ``PEL-PVE`` the middles of the
        hips on each other, ``PA-PVE`` after the similarity transform that fits the joints best
        (what the authors call PVE); distances (N, V) in metres.

    Raises:
        ValueError: If the shapes do not belong together.
    """
    pred, gt = pred_vertices.astype(np.float64), gt_vertices.astype(np.float64)
    vertices, joints = (np.ones(points.shape[:2], dtype=bool) for points in (gt, gt_joints))
    shift = (pred_joints - align_hips(pred_joints)) - (gt_joints - align_hips(gt_joints))
    fit = fit_procrustes(pred_joints, gt_joints, joints)
    return {
        'PVE': joint_errors(pred, gt, vertices),
        'PEL-PVE': joint_errors(pred - shift[:, :1], gt, vertices),
        'PA-PVE': joint_errors(fit.apply(pred), gt, vertices),
    }
