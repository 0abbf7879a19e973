"""Losses of HEMlets Pose."""

from mmpose.registry import MODELS
from torch import Tensor, nn

REDUCTIONS = ('sum', 'mean')


def map_error(pred: Tensor, target: Tensor, weights: Tensor, reduction: str = 'sum') -> Tensor:
    """Squared error of maps: ``sum(Lambda * (T - T_hat)^2)``, L_HEM and L_2D of the paper.

    Args:
        pred (Tensor): Predicted maps, (B, C, h, w).
        target (Tensor): Target maps, (B, C, h, w).
        weights (Tensor): Weight Lambda of each map, (B, C).
        reduction (str): ``'sum'``: sum over a sample, mean over the batch (as published);
            ``'mean'``: mean over all values, as MMPose's losses.

    Returns:
        Tensor: Scalar.
    """
    squares = (pred - target).square().sum((2, 3)) * weights
    return squares.sum() / (len(pred) if reduction == 'sum' else pred.numel())


def coordinate_error(
    pred: Tensor,
    target: Tensor,
    weights: Tensor,
    depth_weights: Tensor,
    depth_weight: float = 1.0,
    reduction: str = 'sum',
) -> Tensor:
    """Absolute error of coordinates: ``sum(|dx| + |dy| + lambda * |dz|)``, L_3D of the paper.

    Args:
        pred (Tensor): Predicted x, y, z, (B, J, 3).
        target (Tensor): True x, y, z, (B, J, 3).
        weights (Tensor): Weights of x and y, (B, J).
        depth_weights (Tensor): Weights of z, (B, J): 0 without 3D annotation, which makes the
            gradient of the depth exactly 0.
        depth_weight (float): lambda.
        reduction (str): As in :func:`map_error`.

    Returns:
        Tensor: Scalar.
    """
    error = (pred - target).abs()
    total = (error[..., :2].sum(-1) * weights + depth_weight * error[..., 2] * depth_weights).sum()
    return total / (len(pred) if reduction == 'sum' else pred.numel())


@MODELS.register_module()
class HEMletsLoss(nn.Module):
    """``L_3D + alpha * (L_HEM + L_2D)``, the loss of HEMlets Pose.

    Source: `HEMlets Pose <https://arxiv.org/abs/1910.12032>`_. With MMPose's own losses, which
    average over all values, the same objective would need the weights ``alpha * 42 * 64 * 64`` for
    the HEMlets, ``alpha * 18 * 64 * 64`` for the heatmaps and 54 for the coordinates.

    Args:
        alpha (float): Weight of the maps. Published: 0.05.
        depth_weight (float): Weight lambda of the depth in 3D samples. Published: 1.
        coordinate_weight (float): Weight of L_3D. Published: 1.
        reduction (str): ``'sum'`` (published) or ``'mean'``, see :func:`map_error`.

    Raises:
        ValueError: If a weight is negative or the reduction unknown.
    """

    def __init__(
        self,
        alpha: float = 0.05,
        depth_weight: float = 1.0,
        coordinate_weight: float = 1.0,
        reduction: str = 'sum',
    ) -> None:
        super().__init__()
        for name, weight in dict(
            alpha=alpha, depth_weight=depth_weight, coordinate_weight=coordinate_weight
        ).items():
            if not weight >= 0:
                raise ValueError(f'{name} must not be negative, got {weight}.')
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction must be one of {REDUCTIONS}, got {reduction!r}.')
        self.alpha = alpha
        self.depth_weight = depth_weight
        self.coordinate_weight = coordinate_weight
        self.reduction = reduction

    def forward_maps(self, pred: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Compute ``alpha * L_HEM`` or ``alpha * L_2D``; see :func:`map_error`."""
        return self.alpha * map_error(pred, target, weights, self.reduction)

    def forward(
        self, pred: Tensor, target: Tensor, weights: Tensor, depth_weights: Tensor
    ) -> Tensor:
        """Compute L_3D; see :func:`coordinate_error`."""
        error = coordinate_error(
            pred, target, weights, depth_weights, self.depth_weight, self.reduction
        )
        return self.coordinate_weight * error
