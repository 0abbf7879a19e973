"""Linear blend skinning in numpy, as SMPL defines it."""

import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.skeleton import PARENTS


def rotation_matrices(rotation_vectors: np.ndarray) -> np.ndarray:
    """Turn axis-angle vectors into matrices by Rodrigues' formula.

    Args:
        rotation_vectors (np.ndarray): Vectors (..., 3) in radians.

    Returns:
        np.ndarray: Rotation matrices (..., 3, 3).
    """
    flat = np.asarray(rotation_vectors, dtype=np.float64).reshape(-1, 3)
    return Rotation.from_rotvec(flat).as_matrix().reshape(*np.shape(rotation_vectors), 3)


def chain_transforms(rotations: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compose rotations along the kinematic tree.

    Args:
        rotations (np.ndarray): Rotation of each joint against its parent, (B, 24, 3, 3).
        joints (np.ndarray): Joints of the T-pose, (B, 24, 3), metres.

    Returns:
        tuple[np.ndarray, np.ndarray]: Rotations (B, 24, 3, 3) and positions (B, 24, 3) of
        the joints in the frame of the body.
    """
    world = np.empty_like(rotations)
    places = np.empty_like(joints)
    world[:, 0], places[:, 0] = rotations[:, 0], joints[:, 0]
    # Down the tree, for the whole batch at once.
    for index, parent in enumerate(PARENTS[1:], start=1):
        bone = joints[:, index] - joints[:, parent]
        world[:, index] = world[:, parent] @ rotations[:, index]
        places[:, index] = places[:, parent] + np.einsum('bij,bj->bi', world[:, parent], bone)
    return world, places


def pose_body(
    body: BodyModel, betas: np.ndarray, pose: np.ndarray, transl: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pose bodies: shape blend, pose correctives, linear blend skinning, translation.

    Loper et al., SMPL, SIGGRAPH Asia 2015, equations 2 to 10; equal to the smplx library.

    Args:
        body (BodyModel): The body.
        betas (np.ndarray): Shape coefficients (B, 10).
        pose (np.ndarray): Axis-angle vectors (B, 24, 3) in radians, the root first.
        transl (np.ndarray): Translations (B, 3) in metres.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Vertices (B, V, 3) and joints
        (B, 24, 3) in metres, and unit normals of the vertices (B, V, 3), which are those
        of the T-pose turned by the skinning.

    Raises:
        ValueError: If a shape is wrong.
    """
    betas, pose, transl = (np.asarray(x, dtype=np.float64) for x in (betas, pose, transl))
    B = len(betas)
    if betas.shape != (B, 10) or pose.shape != (B, 24, 3) or transl.shape != (B, 3):
        raise ValueError(
            'need betas (B, 10), pose (B, 24, 3) and transl (B, 3), got '
            f'{betas.shape}, {pose.shape} and {transl.shape}'
        )
    V = body.num_vertices
    shaped = body.v_template + (betas @ body.shapedirs.reshape(-1, 10).T).reshape(B, V, 3)
    joints = body.J_regressor @ shaped
    rotations = rotation_matrices(pose)
    feature = (rotations[:, 1:] - np.eye(3)).reshape(B, 207)
    shaped += (feature @ body.posedirs.reshape(-1, 207).T).reshape(B, V, 3)

    world, places = chain_transforms(rotations, joints)
    shift = places - np.einsum('bkij,bkj->bki', world, joints)
    blended = (body.weights @ world.reshape(B, 24, 9)).reshape(B, V, 3, 3)
    moved = np.einsum('bvij,bvj->bvi', blended, shaped) + body.weights @ shift
    normals = np.einsum('bvij,vj->bvi', blended, body.normals)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    offset = transl[:, None]
    return moved + offset, places + offset, normals
