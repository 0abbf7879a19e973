"""Heatmap loss of HigherHRNet and SWAHR."""

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.functional.adaptive_heatmaps import (
    FOREGROUNDS,
    FORMS,
    scale_adaptive_heatmaps,
    scale_penalty,
    weight_adaptive_weights,
)
from mmpose_ext.models.options import check_not_negative, check_option

WEIGHT_TARGETS = ('base', 'scaled')


@MODELS.register_module()
class SWAHRHeatmapLoss(nn.Module):
    """Squared error of heatmaps with adaptive targets (SAHR) and adaptive weights (WAHR).

    ``mean((p - h') ** 2 * W * m)`` over all pixels and images, where p is the prediction, h' the
    target, W the weight and m the mask. Without weights and scale maps it is the masked mean
    squared error of HigherHRNet. Computed in float32 or better.

    Source: `SWAHR <https://arxiv.org/abs/2012.15175>`_ (CVPR 2021), see
    :mod:`mmpose_ext.models.functional.adaptive_heatmaps`; the defaults are its public code's.

    Args:
        weight_adaptive (bool): Whether W is WAHR's, else 1.
        gamma (float): Of W. Published: 0.01.
        target_form (str): Of h', ``'taylor'`` (published) or ``'power'``.
        weight_target (str): What W sees: ``'base'`` (published), h, or ``'scaled'``
            (PaddleDetection), h' as a constant.
        weight_foreground (str): Of W, ``'prediction'`` (published) or ``'residual'``.
        detach_weights (bool): Whether W is a constant. Published: gradients flow through W.
        scale_penalty_weight (float): Weight of the regulariser. Published: 1.
        mask_scale_penalty (bool): Whether the mask holds for the regulariser (published).
        loss_weight (float): Weight of the heatmap loss.

    Raises:
        ValueError: If a weight or gamma is negative, or an option is unknown.
    """

    def __init__(
        self,
        weight_adaptive: bool = True,
        gamma: float = 0.01,
        target_form: str = 'taylor',
        weight_target: str = 'base',
        weight_foreground: str = 'prediction',
        detach_weights: bool = False,
        scale_penalty_weight: float = 1.0,
        mask_scale_penalty: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_option('target_form', target_form, FORMS)
        check_option('weight_target', weight_target, WEIGHT_TARGETS)
        check_option('weight_foreground', weight_foreground, FOREGROUNDS)
        check_not_negative(
            gamma=gamma, scale_penalty_weight=scale_penalty_weight, loss_weight=loss_weight
        )
        self.weight_adaptive = weight_adaptive
        self.gamma = gamma
        self.target_form = target_form
        self.weight_target = weight_target
        self.weight_foreground = weight_foreground
        self.detach_weights = detach_weights
        self.scale_penalty_weight = scale_penalty_weight
        self.mask_scale_penalty = mask_scale_penalty
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        heatmaps: Tensor,
        mask: Tensor | None = None,
        scales: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Compute the losses of one level.

        Args:
            pred: Predicted heatmaps p, (B, K, h, w).
            heatmaps: Heatmaps h with one sigma for everybody, (B, K, h, w).
            mask: 1 where pixels count, 0 in crowds and on people without keypoints, (B, 1, h, w).
                None: all pixels count.
            scales: Scale maps a, (B, K, h, w). None: h' = h.

        Returns:
            The heatmap loss and the regulariser of the scale maps (0 without), scalars.

        Raises:
            ValueError: If shapes do not fit each other.
        """
        _check_shapes(pred, heatmaps, mask)
        pred = pred.to(torch.promote_types(pred.dtype, torch.float32))
        heatmaps = target = heatmaps.to(pred.dtype)
        penalty = pred.new_zeros(())
        if scales is not None:
            scales = scales.to(pred.dtype)
            target = scale_adaptive_heatmaps(heatmaps, scales, self.target_form)
            penalty = scale_penalty(scales, heatmaps, mask if self.mask_scale_penalty else None)
        error = (pred - target).square()
        if self.weight_adaptive:
            error = error * self._weights(pred, heatmaps, target)
        if mask is not None:
            error = error * mask
        return self.loss_weight * error.mean(), self.scale_penalty_weight * penalty

    def _weights(self, pred: Tensor, heatmaps: Tensor, target: Tensor) -> Tensor:
        # The slope of h' ** gamma is infinite at 0, so h' is a constant here.
        seen = heatmaps if self.weight_target == 'base' else target.detach()
        weights = weight_adaptive_weights(pred, seen, self.gamma, self.weight_foreground)
        return weights.detach() if self.detach_weights else weights


def _check_shapes(pred: Tensor, heatmaps: Tensor, mask: Tensor | None) -> None:
    if pred.ndim != 4 or pred.shape != heatmaps.shape:
        raise ValueError(
            'predicted and true heatmaps must have one shape (B, K, h, w), got '
            f'{tuple(pred.shape)} and {tuple(heatmaps.shape)}; do the levels of the codec and of '
            'the head agree?'
        )
    expected = (pred.shape[0], 1, *pred.shape[2:])
    if mask is not None and tuple(mask.shape) != expected:
        raise ValueError(f'the mask must have the shape {expected}, got {tuple(mask.shape)}.')
