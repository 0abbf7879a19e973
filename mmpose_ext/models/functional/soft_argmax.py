"""Soft-argmax over a volume: the expectation of each coordinate under the softmax.

Source: `Integral Human Pose Regression <https://arxiv.org/abs/1711.08229>`_ (ECCV 2018), which
HEMlets Pose uses with another grid.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ALIGNMENTS = ('corner', 'left')


def volume_grid(size: int, align: str = 'corner', **kwargs: Any) -> Tensor:
    """Coordinates of the voxels along an axis.

    Args:
        size (int): Number of voxels D.
        align (str): ``'corner'``: ``i / (D - 1) - 0.5`` from -0.5 to 0.5, as in HEMlets Pose;
            ``'left'``: ``i / D - 0.5``, as in Integral Human Pose.
        kwargs (Any): Device and dtype.

    Returns:
        Tensor: Coordinates (D,).

    Raises:
        ValueError: If ``align`` is neither, or the size does not suffice.
    """
    if align not in ALIGNMENTS:
        raise ValueError(f'align must be one of {ALIGNMENTS}, got {align!r}.')
    if size < 2:
        raise ValueError(f'an axis of a volume needs at least 2 voxels, got {size}.')
    steps = size - 1 if align == 'corner' else size
    return torch.arange(size, **kwargs) / steps - 0.5


def soft_argmax_3d(logits: Tensor, align: str = 'corner') -> Tensor:
    """Expected position of each joint under the softmax of its volume.

    Computed in float32 or better. Where gradients are wanted, the probabilities are all that is
    kept for the backward pass, and the gradient is the one other volume that is made.

    Args:
        logits (Tensor): Volumes, (B, J, D, H, W), indexed z, y, x.
        align (str): See :func:`volume_grid`.

    Returns:
        Tensor: x, y, z of each joint, (B, J, 3), where -0.5 to 0.5 spans the volume.

    Raises:
        ValueError: If the shape is wrong.
    """
    if logits.ndim != 5:
        raise ValueError(f'volumes must have the shape (B, J, D, H, W), got {tuple(logits.shape)}.')
    dtype = torch.promote_types(logits.dtype, torch.float32)
    z, y, x = (
        volume_grid(size, align, device=logits.device, dtype=dtype) for size in logits.shape[2:]
    )
    if torch.is_grad_enabled() and logits.requires_grad:
        coords: Tensor = _SoftArgmax3D.apply(logits, x, y, z)
        return coords
    return _expectation(_softmax(logits), x, y, z)


def _softmax(logits: Tensor) -> Tensor:
    dtype = torch.promote_types(logits.dtype, torch.float32)
    return logits.flatten(2).softmax(-1, dtype=dtype).view(logits.shape)


def _expectation(volume: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Expectation (B, J, 3) of x, y, z; the volume is read once, the rest is a W-th of it."""
    # matmul would go back to half precision under autocast
    with torch.autocast(volume.device.type, enabled=False):
        # (B, J, D, H, 2): the sums along x of p * x and of p.
        along_x = volume @ torch.stack([x, torch.ones_like(x)], dim=-1)
        mass = along_x[..., 1]
        return torch.stack(
            [along_x[..., 0].sum((2, 3)), mass.sum(2) @ y, mass.sum(3) @ z],
            dim=-1,
        )


class _SoftArgmax3D(torch.autograd.Function):
    """d coord / d logit = p * (grid - coord), written out to save memory."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        volume = _softmax(logits)
        coords = _expectation(volume, x, y, z)
        ctx.save_for_backward(volume, coords, x, y, z)
        ctx.dtype = logits.dtype
        return coords

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        volume, coords, x, y, z = ctx.saved_tensors
        shift = (grad * coords).sum(-1, keepdim=True)
        along_x = grad[..., 0:1] * x
        along_y = grad[..., 1:2] * y
        along_z = grad[..., 2:3] * z - shift
        plane = along_z[..., :, None] + along_y[..., None, :]
        slope = plane[..., None] + along_x[..., None, None, :]
        return slope.mul_(volume).to(ctx.dtype), None, None, None
