"""Scale-adaptive targets and weight-adaptive weights of SWAHR.

Source: `Rethinking the Heatmap Regression for Bottom-up Human Pose Estimation
<https://arxiv.org/abs/2012.15175>`_ (CVPR 2021) and its public code. h is the Gaussian heatmap
made with one sigma for everybody, a the predicted scale map: a = 0 keeps the Gaussian, a < 0
widens and a > 0 narrows it. The support of h never changes.
"""

import torch
from torch import Tensor

from mmpose_ext.models.options import check_option

FORMS = ('taylor', 'power')
FOREGROUNDS = ('prediction', 'residual')


def scale_adaptive_heatmaps(heatmaps: Tensor, scales: Tensor, form: str = 'taylor') -> Tensor:
    """Scale-adaptive heatmap regression (SAHR): the target that a scale map asks for.

    ``'power'`` is ``h ** (1 + a)``, a Gaussian of the standard deviation ``sigma / sqrt(1 + a)``;
    ``'taylor'`` (published) its expansion to the second order about a = 0,
    ``h / 2 * (1 + (1 + a * ln h) ** 2)``, which is at least h / 2 for every a. A peak (h = 1)
    stays 1, and what is 0 stays 0 and passes no gradient to a.

    Args:
        heatmaps (Tensor): Heatmaps h, (B, K, h, w), not negative.
        scales (Tensor): Scale maps a, (B, K, h, w).
        form (str): ``'taylor'`` or ``'power'``.

    Returns:
        Tensor: Targets h', (B, K, h, w).

    Raises:
        ValueError: If the form is unknown or the shapes differ.
    """
    check_option('form', form, FORMS)
    if heatmaps.shape != scales.shape:
        raise ValueError(
            'heatmaps and scales must have one shape (B, K, h, w), got '
            f'{tuple(heatmaps.shape)} and {tuple(scales.shape)}.'
        )
    foreground = heatmaps > 0
    slope = scales * heatmaps.where(foreground, 1).log()
    if form == 'power':
        return (heatmaps * slope.exp()).where(foreground, 0)
    return heatmaps / 2 * (1 + (1 + slope).square())


def weight_adaptive_weights(
    pred: Tensor, heatmaps: Tensor, gamma: float = 0.01, foreground: str = 'prediction'
) -> Tensor:
    """Weight-adaptive heatmap regression (WAHR): weights of the squared error.

    ``W = |1 - p| * h ** gamma + |p| * (1 - h ** gamma)``: in the background (h = 0) the weight is
    ``|p|``, so that easy background counts little. Gradients flow through p.

    Args:
        pred (Tensor): Predicted heatmaps p, (B, K, h, w).
        heatmaps (Tensor): Heatmaps h, (B, K, h, w), not negative.
        gamma (float): How fast a pixel becomes foreground. Published: 0.01.
        foreground (str): ``'prediction'`` (published) or ``'residual'``: ``|h - p|`` in place of
            ``|1 - p|``, which leaves no weight on pixels of the foreground that are right.

    Returns:
        Tensor: Weights W, (B, K, h, w).

    Raises:
        ValueError: If the foreground is unknown.
    """
    check_option('foreground', foreground, FOREGROUNDS)
    soft_mask = heatmaps.pow(gamma)
    peak = 1 if foreground == 'prediction' else heatmaps
    return torch.lerp(pred.abs(), (peak - pred).abs(), soft_mask)


def scale_penalty(scales: Tensor, heatmaps: Tensor, mask: Tensor | None = None) -> Tensor:
    """Regulariser of the scale maps: the mean over all pixels of ``a ** 2 * 1[h > 0] * m``.

    Args:
        scales (Tensor): Scale maps a, (B, K, h, w).
        heatmaps (Tensor): Heatmaps h, (B, K, h, w).
        mask (Tensor, optional): 1 where pixels count, else 0, (B, 1, h, w).

    Returns:
        Tensor: Scalar.
    """
    squares = scales.square() * (heatmaps > 0)
    return (squares if mask is None else squares * mask).mean()
