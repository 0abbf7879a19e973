"""SMPL's equations (Loper et al., SIGGRAPH Asia 2015), faster than the smplx library's.

The results are those of ``smplx.lbs.lbs``, which also moves the joints here. Saved are: joints of
the rest pose by a regression from all vertices (they are linear in the betas: eq. 10), one of two
passes over the blend shapes (eq. 8 and 9 are one matrix product), a quarter of the skinning
(eq. 2 needs no fourth row), and a loop over the joints, which no compiler follows.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


def blend_vertices(template: Tensor, directions: Tensor, betas: Tensor, pose: Tensor) -> Tensor:
    """Add to the template what shape and pose change of it, eq. 6.

    Args:
        template (Tensor): Vertices (V, 3) in metres.
        directions (Tensor): Shape directions and below them pose correctives,
            (S + 9 (J - 1), 3 V) in metres.
        betas (Tensor): Shape coefficients (B, S).
        pose (Tensor): Rotations (B, J, 3, 3), the first one without effect.

    Returns:
        Tensor: Vertices (B, V, 3) in metres, not posed yet.
    """
    bend = pose[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)
    coefficients = torch.cat([betas, bend.flatten(1)], 1)
    return torch.addmm(template.reshape(-1), coefficients, directions).unflatten(1, (-1, 3))


def ancestors(parents: np.ndarray) -> np.ndarray:
    """Tell who moves each joint: its parent, then the parent's parent, then the fourth above, ...

    Args:
        parents (np.ndarray): Parent (J,) of each joint, -1 of the root.

    Returns:
        np.ndarray: (R, J + 1). Row r has the ancestor 2**r steps above each joint, J where there
        is none. With R rows it goes up 2**R - 1 steps, to the root from everywhere.
    """
    count = len(parents)
    above = np.append(np.where(parents < 0, count, parents), count)
    table = [above]
    while (table[-1] < count).any():
        table.append(table[-1][table[-1]])
    return np.stack(table[:-1] or table)


def pose_joints(
    rest: Tensor, directions: Tensor, ancestors: Tensor, betas: Tensor, pose: Tensor
) -> tuple[Tensor, Tensor]:
    """Place the joints of a shape and turn each by its rotation, eq. 3, 4 and 10.

    Args:
        rest (Tensor): Joints (J, 3) of the mean shape in metres.
        directions (Tensor): How each beta moves them, (S, 3 J) in metres.
        ancestors (Tensor): (R, J + 1) of :func:`ancestors`.
        betas (Tensor): Shape coefficients (B, S).
        pose (Tensor): Rotations (B, J, 3, 3).

    Returns:
        tuple[Tensor, Tensor]: Posed joints (B, J, 3) in metres and the rigid motions from the
        rest pose, (B, J, 3, 4).
    """
    joints = torch.addmm(rest.reshape(-1), betas, directions).unflatten(1, (-1, 3))
    # One joint more that never moves: what is above the root.
    still = torch.eye(3, dtype=pose.dtype, device=pose.device).expand(len(pose), 1, 3, 3)
    points = pad(joints, (0, 0, 0, 1))
    bones = points - points[:, ancestors[0]]
    motions = torch.cat([torch.cat([pose, still], 1), bones[..., None]], -1)
    # Each holds the motions of twice as many joints after each turn.
    for above in ancestors:
        upper = motions[:, above]
        motions = upper[..., :3] @ motions + pad(upper[..., 3:], (3, 0))
    motions = motions[:, :-1]
    posed = motions[..., 3]
    moved = motions[..., :3] @ joints[..., None]
    return posed, motions - pad(moved, (3, 0))


def skin(vertices: Tensor, motions: Tensor, weights: Tensor) -> Tensor:
    """Move each vertex by the weighted mean of the joints' motions, eq. 2.

    Args:
        vertices (Tensor): (B, V, 3) in metres.
        motions (Tensor): Rigid motions (B, J, 3, 4).
        weights (Tensor): Skinning weights (V, J).

    Returns:
        Tensor: Posed vertices (B, V, 3) in metres.
    """
    blended = (weights @ motions.flatten(2)).unflatten(-1, (3, 4))
    return (blended[..., :3] @ vertices[..., None]).squeeze(-1) + blended[..., 3]
