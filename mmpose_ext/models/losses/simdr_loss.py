"""Losses of SimDR, in closed form.

Source: `SimCC <https://arxiv.org/abs/2107.03332>`_ (first published as "SimDR") and its public
code, whose three criteria are, with ``KL = sum over the bins of q (ln q - ln p)``:

* ``NMTCritierion``: :class:`SimDRSmoothingLoss`, ``reduction='sum'``;
* ``NMTNORMCritierion``: :class:`SimDRSmoothingLoss`, ``reduction='mean'``;
* ``KLDiscretLoss``: :class:`SimDRKLLoss`, ``reduction='mean'``.
"""

import math
from typing import Any

import numpy as np
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

REDUCTIONS = ('sum', 'mean', 'batch_sum')


# A divergence's gradient is softmax(z) * sum(q) - q, times the gradient that comes in. Forward has
# it at hand, and the first backward scales that very buffer: fresh memory costs a CPU more time
# than the arithmetic. A second backward, or one that is differentiated again, computes it anew.


class _SmoothedKL(torch.autograd.Function):
    """KL from equally smoothed integer labels; the labels never become dense."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
        others, margin = _smoothing(logits.shape[-1], label_smoothing)
        labels = labels[..., None]
        # As sum(q) = 1, -sum(q ln p) is ln(sum(exp(z))) - margin * z_label - others * sum(z).
        probabilities, log_sum = _softmax(logits)
        divergence = log_sum - margin * logits.gather(-1, labels)
        if others > 0:
            divergence -= others * logits.sum(dim=-1, keepdim=True)
            divergence += label_smoothing * math.log(others)
        if label_smoothing < 1:
            divergence += (1.0 - label_smoothing) * math.log(1.0 - label_smoothing)
        ctx.save_for_backward(logits, labels)
        ctx.label_smoothing = label_smoothing
        ctx.difference = _minus_smoothed_(probabilities, labels, others, margin)
        return divergence[..., 0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        difference = _take_difference(ctx)
        if difference is None:
            logits, labels = ctx.saved_tensors
            smoothing = _smoothing(logits.shape[-1], ctx.label_smoothing)
            # A clone, as the history of softmax needs its result unchanged.
            probabilities = logits.softmax(dim=-1).clone()
            difference = _minus_smoothed_(probabilities, labels, *smoothing)
        return _scale_(difference, grad[..., None]), None, None


class _DenseKL(torch.autograd.Function):
    """KL from dense labels, which need not sum to 1."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        mass = target.sum(dim=-1, keepdim=True)
        # The limit only keeps ln(0) * 0 from being NaN.
        work = _log_(target.clamp_min(torch.finfo(target.dtype).tiny))
        divergence = work.sub_(logits).mul_(target).sum(dim=-1, keepdim=True)
        probabilities, log_sum = _softmax(logits, out=work)
        ctx.save_for_backward(logits, target)
        ctx.difference = probabilities.mul_(mass).sub_(target)
        return (divergence + mass * log_sum)[..., 0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        difference = _take_difference(ctx)
        if difference is None:
            logits, target = ctx.saved_tensors
            difference = logits.softmax(dim=-1) * target.sum(dim=-1, keepdim=True) - target
        return _scale_(difference, grad[..., None]), None


def _smoothing(bins: int, label_smoothing: float) -> tuple[float, float]:
    """The smoothed label: its value at the other bins, and what the label's own bin has more."""
    others = label_smoothing / (bins - 1)
    return others, 1.0 - label_smoothing - others


def _minus_smoothed_(probabilities: Tensor, labels: Tensor, others: float, margin: float) -> Tensor:
    """Subtract the smoothed label in place."""
    at_label = torch.full_like(labels, -margin, dtype=probabilities.dtype)
    return probabilities.sub_(others).scatter_add_(-1, labels, at_label)


def _take_difference(ctx: Any) -> Tensor | None:
    """Forward's buffer, once, unless its history is wanted (``create_graph=True``)."""
    if torch.is_grad_enabled():
        return None
    difference, ctx.difference = ctx.difference, None
    return difference


def _scale_(difference: Tensor, grad: Tensor) -> Tensor:
    """Multiply in place, where 0 * NaN is 0: a weight of 0 takes broken logits back."""
    finite = 1.0 + 0.0 * difference.sum(dim=-1, keepdim=True)  # NaN where the row has one
    return difference.nan_to_num_().mul_(torch.where(grad == 0, grad, grad * finite))


def _log_(values: Tensor) -> Tensor:
    """Logarithm in place."""
    if values.device.type == 'cpu' and not torch.compiler.is_compiling():
        # numpy shares the memory; torch's logarithm was over three times slower on a CPU.
        np.log(values.numpy(), out=values.numpy())
        return values
    return values.log_()


def _softmax(logits: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Softmax, and ln(sum(exp(logits))) of shape (..., 1)."""
    probabilities = torch.softmax(logits, dim=-1, out=out)
    # The highest probability is exp(highest logit) / sum(exp(logits)).
    top = logits.amax(dim=-1, keepdim=True)
    return probabilities, top - probabilities.amax(dim=-1, keepdim=True).log()


def smoothed_kl(logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
    r"""KL divergence from integer labels with equal smoothing, summed over the bins.

    .. math:: \sum_i q_i (\ln q_i - \ln p_i),\quad p = softmax(z),\quad
        q_i = 1 - e \text{ at the label and } e / (bins - 1) \text{ elsewhere}

    Computed in float32 or better, also under autocast.

    Args:
        logits: z, (B, K, bins).
        labels: Bins, int64 (B, K), each in [0, bins).
        label_smoothing: e in [0, 1]. With 0 this is the cross-entropy.

    Returns:
        Divergences, (B, K). A gradient of 0 stays exactly 0 through logits that are infinite or
        NaN.

    Raises:
        ValueError: If the shapes do not fit, there is only one bin, or a label on the CPU is
            outside the bins (on a GPU that is CUDA's device-side assertion).
        TypeError: If the labels are not integers.
    """
    if labels.dtype.is_floating_point or labels.dtype.is_complex or labels.dtype == torch.bool:
        raise TypeError(
            f'index labels must be integers, got {labels.dtype}. For dense labels use SimDRKLLoss; '
            "for integer labels encode with SimDRLabel(smoothing_type='index')."
        )
    if logits.ndim != 3 or labels.shape != logits.shape[:2] or logits.shape[2] < 2:
        raise ValueError(
            f'logits {tuple(logits.shape)} and index labels {tuple(labels.shape)} do not fit: '
            'expected (B, K, bins) with at least 2 bins and (B, K).'
        )
    _check_labels(labels, logits.shape[2])
    return _SmoothedKL.apply(_wide(logits), labels.long(), label_smoothing)


def _check_labels(labels: Tensor, bins: int) -> None:
    """Refuse labels outside the bins, where looking at them does not stop a GPU."""
    if labels.device.type != 'cpu' or torch.compiler.is_compiling() or labels.numel() == 0:
        return
    lowest, highest = (int(label) for label in labels.aminmax())
    if lowest < 0 or highest >= bins:
        raise ValueError(
            f'index labels must be in [0, {bins}), got {lowest if lowest < 0 else highest}. '
            'Give codec and head the same input_size and simcc_split_ratio.'
        )


def dense_kl(logits: Tensor, target: Tensor) -> Tensor:
    r"""KL divergence from dense labels, summed over the bins.

    .. math:: \sum_i q_i (\ln q_i - \ln p_i),\quad p = softmax(z)

    The labels q need not sum to 1 (a Gaussian cut by the border); no gradient goes to them.
    Computed in float32 or better, also under autocast.

    Args:
        logits: z, (B, K, bins).
        target: q >= 0, (B, K, bins).

    Returns:
        Divergences, (B, K). A gradient of 0 stays exactly 0 through logits that are infinite or
        NaN.

    Raises:
        ValueError: If the shapes do not fit.
        TypeError: If the labels are integers.
    """
    if not target.dtype.is_floating_point:
        raise TypeError(
            f'dense labels must be floating-point numbers, got {target.dtype}. For index labels '
            "use SimDRSmoothingLoss; for dense ones encode with smoothing_type='gaussian'."
        )
    if logits.ndim != 3 or target.shape != logits.shape:
        raise ValueError(
            f'logits {tuple(logits.shape)} and dense labels {tuple(target.shape)} do not fit: '
            'expected the same shape (B, K, bins).'
        )
    logits = _wide(logits)
    return _DenseKL.apply(logits, target.detach().to(logits.dtype))


def _wide(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def reduce_simdr_loss(
    divergences: tuple[Tensor, Tensor],
    bins: tuple[int, int],
    target_weight: Tensor | None,
    reduction: str,
) -> Tensor:
    """Sum of the two axes' weighted divergences, reduced over keypoints and batch.

    =============== ============================================== ==========================
    reduction       an axis's term                                 whose
    =============== ============================================== ==========================
    ``'sum'``       sum over bins and keypoints, mean over batch   authors' NMT
    ``'mean'``      mean over bins, keypoints and batch            authors' NORM, KLDiscret
    ``'batch_sum'`` mean over bins and keypoints, sum over batch   MMPose's ``KLDiscretLoss``
    =============== ============================================== ==========================

    None is divided by the weights. A keypoint with weight 0 adds exactly 0 to loss and gradient.

    Args:
        divergences: Sums over the bins of the x and the y axis, (B, K) each.
        bins: Numbers of bins (Wx, Wy).
        target_weight: Weights, (B, K); None means all ones.
        reduction: See above.

    Returns:
        The loss, a scalar.

    Raises:
        ValueError: If the weights' shape is wrong or the reduction unknown.
    """
    B, K = divergences[0].shape
    if target_weight is not None and target_weight.shape != (B, K):
        raise ValueError(
            f'target_weight must have the shape {(B, K)} (B, K), got {tuple(target_weight.shape)}.'
        )
    if reduction == 'sum':
        total, divisor = divergences[0] + divergences[1], B
    elif reduction in REDUCTIONS:
        total = divergences[0] / bins[0] + divergences[1] / bins[1]
        divisor = B * K if reduction == 'mean' else K
    else:
        raise ValueError(f'reduction must be one of {REDUCTIONS}, got {reduction!r}.')
    if target_weight is not None:
        # Not only multiplied: 0 times an overflowed divergence would be NaN.
        total = torch.where(target_weight == 0, 0.0, total * target_weight)
    return total.sum() / divisor


class _SimDRLoss(nn.Module):
    """What the two losses share: reduction, weights, both axes."""

    def __init__(self, reduction: str, use_target_weight: bool, loss_weight: float) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f'reduction must be one of {REDUCTIONS}, got {reduction!r}.')
        self.reduction = reduction
        self.use_target_weight = use_target_weight
        self.loss_weight = loss_weight

    def divergence(self, logits: Tensor, labels: Tensor) -> Tensor:
        """One axis's divergences, (B, K)."""
        raise NotImplementedError

    def forward(
        self,
        pred_simcc: tuple[Tensor, Tensor],
        gt_simcc: tuple[Tensor, Tensor],
        target_weight: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            pred_simcc: Logits of the x axis (B, K, Wx) and the y axis (B, K, Wy).
            gt_simcc: Labels of the x axis and the y axis, of the shape that the class names.
            target_weight: Weights, (B, K).

        Returns:
            The loss, a scalar.

        Raises:
            TypeError: If the labels are of the other loss's kind.
            ValueError: If a shape is wrong or the weights are missing.
        """
        if self.use_target_weight and target_weight is None:
            raise ValueError('target_weight is missing; pass it or set use_target_weight=False.')
        x, y = (self.divergence(*axis) for axis in zip(pred_simcc, gt_simcc, strict=True))
        loss = reduce_simdr_loss(
            (x, y),
            (pred_simcc[0].shape[-1], pred_simcc[1].shape[-1]),
            target_weight if self.use_target_weight else None,
            self.reduction,
        )
        return loss * self.loss_weight


@MODELS.register_module()
class SimDRSmoothingLoss(_SimDRLoss):
    """SimDR's loss: KL divergence from integer labels with equal smoothing.

    The labels are those of ``SimDRLabel(smoothing_type='index')``, int64 (B, K) per axis. The
    formula is in :func:`smoothed_kl`; the reductions are in :func:`reduce_simdr_loss`. With
    ``reduction='sum'`` the constant entropy of the labels stays in, as published: the lowest
    possible value is 0.

    Args:
        label_smoothing (float): Share e of the label that goes to the other bins, in [0, 1].
            Published: 0.1, 0.2 or 0.4. With 0 the loss is the cross-entropy.
        reduction (str): ``'sum'`` (the published COCO configs), ``'mean'`` (the published MPII
            ones and large ResNets) or ``'batch_sum'``.
        use_target_weight (bool): Weigh the keypoints.
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: If an option is invalid.

    Examples:
        >>> loss = SimDRSmoothingLoss(label_smoothing=0.1)
        >>> logits = torch.zeros(1, 1, 384), torch.zeros(1, 1, 512)
        >>> labels = torch.tensor([[21]]), torch.tensor([[41]])
        >>> loss(logits, labels, torch.ones(1, 1))
        tensor(10.3204)
    """

    def __init__(
        self,
        label_smoothing: float = 0.1,
        reduction: str = 'sum',
        use_target_weight: bool = True,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, use_target_weight, loss_weight)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f'label_smoothing must be in [0, 1], got {label_smoothing}.')
        self.label_smoothing = label_smoothing

    def divergence(self, logits: Tensor, labels: Tensor) -> Tensor:
        """One axis's divergences, (B, K)."""
        return smoothed_kl(logits, labels, self.label_smoothing)


@MODELS.register_module()
class SimDRKLLoss(_SimDRLoss):
    """SA-SimDR's loss: KL divergence from dense labels, such as Gaussians.

    The labels are those of ``SimDRLabel(smoothing_type='gaussian')`` or ``'standard'``,
    (B, K, Wx) and (B, K, Wy). The formula is in :func:`dense_kl`; the reductions are in
    :func:`reduce_simdr_loss`. ``reduction='batch_sum'`` gives the number of MMPose's
    ``KLDiscretLoss``, B times the published ``'mean'``.

    Args:
        reduction (str): ``'mean'`` (published), ``'sum'`` or ``'batch_sum'`` (MMPose).
        use_target_weight (bool): Weigh the keypoints.
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: If an option is invalid.
    """

    def __init__(
        self, reduction: str = 'mean', use_target_weight: bool = True, loss_weight: float = 1.0
    ) -> None:
        super().__init__(reduction, use_target_weight, loss_weight)

    def divergence(self, logits: Tensor, labels: Tensor) -> Tensor:
        """One axis's divergences, (B, K)."""
        return dense_kl(logits, labels)
