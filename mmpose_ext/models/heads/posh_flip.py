"""SMPL's parameters of an image and of its mirror image, averaged."""

import torch
from torch import Tensor

from mmpose_ext.models.body_models.rotations import mirror_smpl_pose


def mean_rotation(first: Tensor, second: Tensor) -> Tensor:
    """Mean of two rotations: the rotation next to the mean of their matrices.

    Args:
        first (Tensor): Rotation matrices (..., 3, 3).
        second (Tensor): Rotation matrices (..., 3, 3).

    Returns:
        Tensor: Rotation matrices (..., 3, 3), half way between the two.
    """
    # Half precision would not give rotations.
    with torch.autocast(first.device.type, enabled=False):
        u, _, vh = torch.linalg.svd(first + second)
        # Of a half turn between the two, where there is no mean, a reflection might come.
        sign = torch.ones_like(u[..., 0, :])
        sign[..., 2] = torch.linalg.det(u @ vh).sign()
        return (u * sign[..., None, :]) @ vh


def unmirror_smpl(mirrored: dict[str, Tensor], width: int) -> dict[str, Tensor]:
    """Turn the parameters of a mirrored image back.

    Args:
        mirrored (dict): ``pose`` (B, 24, 3, 3), ``betas`` (B, 10) and ``camera`` (B, 3) of
            mirrored images, see ``SMPLRegressor``.
        width (int): Width of the input in pixels: its last pixel, not its edge, becomes the first.

    Returns:
        dict: The same of the images.
    """
    scale, x, y = mirrored['camera'].unbind(-1)
    return dict(
        pose=mirror_smpl_pose(mirrored['pose']),
        betas=mirrored['betas'],
        # An untrained scale may be anything; a trained one is about 1.
        camera=torch.stack([scale, -x - 2 / (width * scale.clamp(min=0.1)), y], dim=-1),
    )


def average_smpl(first: dict[str, Tensor], second: dict[str, Tensor]) -> dict[str, Tensor]:
    """Average two estimates of the same bodies.

    Args:
        first (dict): ``pose`` (B, 24, 3, 3), ``betas`` (B, 10), ``camera`` (B, 3).
        second (dict): The same.

    Returns:
        dict: The same.
    """
    return dict(
        pose=mean_rotation(first['pose'], second['pose']),
        betas=(first['betas'] + second['betas']) / 2,
        camera=(first['camera'] + second['camera']) / 2,
    )
