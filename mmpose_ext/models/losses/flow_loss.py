"""Losses of unsupervised optical flow, EventHPE's stage 1, over a pyramid of flows."""

from collections.abc import Callable, Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmpose_ext.models.functional.flow import (
    ALPHA,
    EPS,
    flow_smoothness,
    photometric_error,
)
from mmpose_ext.models.options import check_not_negative

# What the gray frames' pixels go up to.
_STORED_RANGE = 255.0


class _PyramidLoss(nn.Module):
    """A loss of each scale of a pyramid, and their weighted mean."""

    def __init__(
        self, loss_weight: float, scale_weights: Sequence[float], eps: float, alpha: float
    ) -> None:
        super().__init__()
        check_not_negative(loss_weight=loss_weight)
        for weight in scale_weights:
            check_not_negative(scale_weights=weight)
        if not sum(scale_weights) > 0:
            raise ValueError(f'one of scale_weights must be above 0, got {tuple(scale_weights)}')
        if not (eps > 0 and alpha > 0):
            raise ValueError(f'eps and alpha must be above 0, got {eps} and {alpha}')
        self.loss_weight = loss_weight
        self.scale_weights = tuple(scale_weights)
        self.eps, self.alpha = eps, alpha

    def mean_over_scales(self, flows: Sequence[Tensor], term: Callable[[Tensor], Tensor]) -> Tensor:
        """Average a term of each scale; scales of weight 0 are not computed."""
        if len(flows) != len(self.scale_weights):
            raise ValueError(
                f'{len(flows)} flows need as many scale_weights, got {self.scale_weights}'
            )
        terms = [
            # Half precision cannot tell squares of small differences from 0.
            weight * term(flow.to(torch.promote_types(flow.dtype, torch.float32)))
            for weight, flow in zip(self.scale_weights, flows, strict=True)
            if weight
        ]
        return self.loss_weight * torch.stack(terms).sum() / sum(self.scale_weights)


@MODELS.register_module()
class FlowPhotometricLoss(_PyramidLoss):
    """Difference between a gray frame and the next one, warped back by the flow.

    At each scale both frames are resized to the flow's size, and the flow counts in pixels of
    that size, as in EventHPE's release. See
    :func:`~mmpose_ext.models.functional.flow.photometric_error`.

    Args:
        loss_weight (float): Weight of the loss.
        scale_weights (Sequence[float]): Weight of each scale, coarse to fine, of which the mean
            is taken. Small images, whose coarse scales show nothing, learn from
            ``(0, 0, 0, 1)`` (ours).
        eps (float): Of the Charbonnier penalty.
        alpha (float): Of the Charbonnier penalty.
        legacy (bool): Warp as the authors' release, half a pixel off.
        gray_range (float): What white is for the loss; the stored 255 becomes it.
        valid_only (bool): Leave out pixels whose flow points out of the image (ours).

    Raises:
        ValueError: If a weight is negative, all ``scale_weights`` are 0 or their number is not
            that of the flows, or ``eps``, ``alpha`` or ``gray_range`` is not above 0.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        scale_weights: Sequence[float] = (1, 1, 1, 1),
        eps: float = EPS,
        alpha: float = ALPHA,
        legacy: bool = False,
        gray_range: float = _STORED_RANGE,
        valid_only: bool = False,
    ) -> None:
        super().__init__(loss_weight, scale_weights, eps, alpha)
        if not gray_range > 0:
            raise ValueError(f'gray_range must be above 0, got {gray_range}')
        self.gray_range = gray_range
        self.legacy = legacy
        self.valid_only = valid_only

    def forward(self, flows: Sequence[Tensor], gray: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            flows (Sequence[Tensor]): Flows (B, 2, h, w) in px, coarse to fine.
            gray (Tensor): First and second frame, (B, 2, H, W), 0 to 255.

        Returns:
            Tensor: The loss, ().

        Raises:
            ValueError: If the frames are not two, or there are not as many flows as scales.
        """
        if gray.ndim != 4 or gray.shape[1] != 2:
            raise ValueError(f'gray must be two frames (B, 2, H, W), got {tuple(gray.shape)}')
        return self.mean_over_scales(flows, lambda flow: self.error(flow, gray))

    def error(self, flow: Tensor, gray: Tensor) -> Tensor:
        """Photometric error of one flow, not weighted.

        Args:
            flow (Tensor): Flow (B, 2, h, w) in px.
            gray (Tensor): First and second frame, (B, 2, H, W), 0 to 255.

        Returns:
            Tensor: The mean over all pixels, ().
        """
        frames = gray.to(flow.dtype) * (self.gray_range / _STORED_RANGE)
        if frames.shape[2:] != flow.shape[2:]:
            frames = interpolate(frames, flow.shape[2:], mode='bilinear', align_corners=False)
        first, second = frames.split(1, dim=1)
        return photometric_error(
            *(first, second, flow, self.eps, self.alpha, self.legacy, self.valid_only)
        )


@MODELS.register_module()
class FlowSmoothnessLoss(_PyramidLoss):
    """Differences between neighbouring pixels' flow.

    See :func:`~mmpose_ext.models.functional.flow.flow_smoothness`.

    Args:
        loss_weight (float): Weight of the loss.
        scale_weights (Sequence[float]): Weight of each scale, coarse to fine, of which the mean
            is taken.
        eps (float): Of the Charbonnier penalty.
        alpha (float): Of the Charbonnier penalty.

    Raises:
        ValueError: If a weight is negative, all ``scale_weights`` are 0 or their number is not
            that of the flows, or ``eps`` or ``alpha`` is not above 0.
    """

    def __init__(
        self,
        loss_weight: float = 0.5,
        scale_weights: Sequence[float] = (1, 1, 1, 1),
        eps: float = EPS,
        alpha: float = ALPHA,
    ) -> None:
        super().__init__(loss_weight, scale_weights, eps, alpha)

    def forward(self, flows: Sequence[Tensor]) -> Tensor:
        """Compute the loss.

        Args:
            flows (Sequence[Tensor]): Flows (B, 2, h, w) in px, coarse to fine.

        Returns:
            Tensor: The loss, ().

        Raises:
            ValueError: If there are not as many flows as scales.
        """
        return self.mean_over_scales(
            flows, lambda flow: flow_smoothness(flow, self.eps, self.alpha)
        )
