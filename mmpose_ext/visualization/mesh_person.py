"""The body of one person of a data sample, put before the camera of the photograph."""

from dataclasses import dataclass

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from mmpose_ext.models.body_models.cameras import crop_camera_to_image
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.person3d import as_array, crop_of


@dataclass(frozen=True)
class MeshPerson:
    """A body before a camera.

    Attributes:
        vertices (np.ndarray): Vertices (V, 3) in metres, camera space.
        joints (np.ndarray): Joints (J, 3) in metres, camera space.
        transl (np.ndarray): Translation (3,) in metres of the body model, as ``smplx`` takes it.
        placed (bool): Whether the place is known; if not, the body's origin is in the camera.
    """

    vertices: np.ndarray
    joints: np.ndarray
    transl: np.ndarray
    placed: bool = True


def default_camera(size: tuple[int, int]) -> np.ndarray:
    """Make up the camera of a photograph of which nothing is known.

    Ours: a focal length of the longer side in pixels, about 53 degrees across it, which suits
    phones; the principal point in the middle.

    Args:
        size (tuple[int, int]): Width and height in pixels.

    Returns:
        np.ndarray: Intrinsics (3, 3) in pixels; pixel centres at integers.
    """
    W, H = size
    focal = float(max(W, H))
    return np.array([[focal, 0, (W - 1) / 2], [0, focal, (H - 1) / 2], [0, 0, 1]])


def camera_of(sample: PoseDataSample, size: tuple[int, int]) -> np.ndarray:
    """Give the camera of a photograph, made up if it is not known.

    Args:
        sample (PoseDataSample): ``focal`` (2,) and ``principal_pt`` (2,) px in its meta
            information, or not.
        size (tuple[int, int]): Width and height of the photograph in pixels.

    Returns:
        np.ndarray: Intrinsics (3, 3) in pixels.
    """
    K = default_camera(size)
    if 'focal' in sample and 'principal_pt' in sample:
        K[(0, 1), (0, 1)] = np.ravel(sample.focal)
        K[:2, 2] = np.ravel(sample.principal_pt)
    return K


def predicted_mesh(
    sample: PoseDataSample, body: SMPLBody, K: np.ndarray, index: int = 0
) -> MeshPerson:
    """Put a predicted body where its picture falls on the person.

    Args:
        sample (PoseDataSample): A prediction of ``PoShHead``: ``pred_instances`` hold
            ``smpl_pose`` (N, 24, 3, 3), ``smpl_betas`` (N, 10) and ``smpl_camera`` (N, 3).
        body (SMPLBody): The body model.
        K (np.ndarray): Intrinsics (3, 3) of the photograph in pixels.
        index (int): Which of its people. Defaults to 0.

    Returns:
        MeshPerson: The body.

    Raises:
        ValueError: If there is no body in the prediction, or it is not finite.
    """
    found = _parameters(sample.get('pred_instances', None), index)
    if found is None or 'smpl_camera' not in sample.pred_instances:
        raise ValueError(
            'the prediction has no body: smpl_pose, smpl_betas and smpl_camera in pred_instances; '
            'a model with PoShHead gives them'
        )
    camera = as_array(sample.pred_instances.smpl_camera)[index]
    names = ('smpl_pose', 'smpl_betas', 'smpl_camera')
    for name, values in zip(names, (*found, camera), strict=True):
        if not np.isfinite(values).all():
            raise ValueError(f'{name} is NaN or infinite: the model has diverged')
    crop = crop_of(sample, index)
    arrays = camera, crop.center, crop.scale, np.diag(K)[:2], K[:2, 2]
    pelvis = crop_camera_to_image(*(torch.from_numpy(_row(array)) for array in arrays))
    return _moved(_pose(body, *found), pelvis[0].numpy())


def true_mesh(sample: PoseDataSample, body: SMPLBody, index: int = 0) -> MeshPerson | None:
    """Put the labelled body where its pelvis is labelled.

    Args:
        sample (PoseDataSample): ``gt_instances`` hold ``smpl_pose`` (N, 24, 3), axis-angle in
            camera space, or matrices, ``smpl_betas`` (N, 10), and perhaps ``has_smpl`` (N,) and
            ``lifting_target`` (N, J, 3) in metres, camera space, pelvis first.
        body (SMPLBody): The body model.
        index (int): Which of the people. Defaults to 0.

    Returns:
        MeshPerson | None: The body; None where it is not labelled.
    """
    instances = sample.get('gt_instances', None)
    found = _parameters(instances, index)
    if found is None:
        return None
    if 'has_smpl' in instances and not np.ravel(as_array(instances.has_smpl))[index] > 0:
        return None
    pose, betas = found
    if pose.shape[-2:] != (3, 3):
        pose = axis_angle_to_matrix(torch.from_numpy(pose)).numpy()
    person = _pose(body, pose, betas)
    if 'lifting_target' not in instances:
        return MeshPerson(person.vertices, person.joints, person.transl, placed=False)
    visible = instances.get('lifting_target_visible', None)
    pelvis_known = visible is None or np.ravel(as_array(visible)[index])[0] > 0
    pelvis = as_array(instances.lifting_target)[index, 0]
    if not pelvis_known or not np.isfinite(pelvis).all():
        return MeshPerson(person.vertices, person.joints, person.transl, placed=False)
    return _moved(person, pelvis)


def _parameters(instances: InstanceData | None, index: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Give pose and betas of a person, float32, if there are any."""
    if instances is None or 'smpl_pose' not in instances or 'smpl_betas' not in instances:
        return None
    pose, betas = (
        as_array(instances.get(name))[index].astype(np.float32)
        for name in ('smpl_pose', 'smpl_betas')
    )
    return pose, betas


def _row(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32).reshape(1, -1)


@torch.no_grad()
def _pose(body: SMPLBody, pose: np.ndarray, betas: np.ndarray) -> MeshPerson:
    """Pose a body by rotation matrices (24, 3, 3), where its model has it."""
    device = next(body.buffers()).device
    matrices, shape = (torch.from_numpy(values)[None].to(device) for values in (pose, betas))
    output = body(matrices[:, :1], matrices[:, 1:], shape)
    return MeshPerson(output.vertices[0].cpu().numpy(), output.joints[0].cpu().numpy(), np.zeros(3))


def _moved(person: MeshPerson, pelvis: np.ndarray) -> MeshPerson:
    """Put the pelvis, joint 0, of a body that was not moved yet at a place (3,)."""
    # Not the origin of the body model: in SMPL's files the pelvis lies some 0.2 m below that.
    shift = np.asarray(pelvis, np.float64) - person.joints[0]
    return MeshPerson(person.vertices + shift, person.joints + shift, shift)
