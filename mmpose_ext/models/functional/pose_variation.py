"""Poses as a first pose and the variation of each step: EventHPE's composition."""

import torch
from torch import Tensor


def compose_rotations(start: Tensor, deltas: Tensor) -> Tensor:
    """Turn rotations step by step: ``R_t = dR_t R_(t-1)``, from the left, as in EventHPE's code.

    Args:
        start (Tensor): Rotations R_0, (B, K, 3, 3).
        deltas (Tensor): Rotations dR_t of the T steps, (B, T, K, 3, 3).

    Returns:
        Tensor: Rotations R_1 to R_T, (B, T, K, 3, 3).

    Raises:
        ValueError: If the shapes do not belong together or there is no step.
    """
    batch, *joint = start.shape
    is_fitting = deltas.ndim == 5 and deltas.shape == (batch, deltas.shape[1], *joint)
    if not is_fitting or not deltas.shape[1] or start.shape[-2:] != (3, 3):
        raise ValueError(
            'start and deltas must have the shapes (B, K, 3, 3) and (B, T, K, 3, 3), T at least '
            f'1, got {tuple(start.shape)} and {tuple(deltas.shape)}.'
        )
    rotations, current = [], start
    for delta in deltas.unbind(1):
        current = delta @ current
        rotations.append(current)
    return torch.stack(rotations, 1)


def accumulate_translation(start: Tensor, deltas: Tensor) -> Tensor:
    """Move step by step: ``t_T = t_0 + sum of the steps so far``, as in EventHPE's code.

    Args:
        start (Tensor): Translations (B, 3) in metres.
        deltas (Tensor): Translations of the T steps, (B, T, 3).

    Returns:
        Tensor: Translations after each step, (B, T, 3).

    Raises:
        ValueError: If the shapes do not belong together.
    """
    if deltas.ndim != 3 or start.shape != (len(deltas), 3) or deltas.shape[2] != 3:
        raise ValueError(
            'start and deltas must have the shapes (B, 3) and (B, T, 3), got '
            f'{tuple(start.shape)} and {tuple(deltas.shape)}.'
        )
    return start[:, None] + deltas.cumsum(1)
