"""Flip test of SimDR: predictions of a mirrored image, aligned and averaged.

Source: ``flip_back_simdr``, ``validate_simdr`` and ``validate_sa_simdr`` of the public code of
`SimCC <https://arxiv.org/abs/2107.03332>`_; the exact shift is ours.
"""

import math
from collections.abc import Sequence

import torch
from mmpose.models.utils.tta import flip_vectors
from torch import Tensor


def shift_left(logits: Tensor, shift_bins: float) -> Tensor:
    """Shift predictions to lower bins; bins that nothing is shifted to keep their values.

    A fraction of a bin interpolates linearly between the two neighbouring whole shifts. For a
    Gaussian distribution, whose logits are a parabola, that is exact after the softmax.

    Args:
        logits: Values per bin, (B, K, bins).
        shift_bins: Shift in bins; negative to shift to higher bins.

    Returns:
        Shifted values, (B, K, bins).
    """
    whole = math.floor(shift_bins)
    fraction = shift_bins - whole
    shifted = _shift_whole(logits, whole)
    if fraction:
        shifted = torch.lerp(shifted, _shift_whole(logits, whole + 1), fraction)
    return shifted


def _shift_whole(logits: Tensor, shift_bins: int) -> Tensor:
    if shift_bins == 0:
        return logits
    bins = torch.arange(logits.shape[-1], device=logits.device)
    source = bins + shift_bins
    inside = (source >= 0) & (source < logits.shape[-1])
    return logits.index_select(-1, torch.where(inside, source, bins))


def flip_back(
    pred_x: Tensor, pred_y: Tensor, flip_indices: Sequence[int], shift_bins: float
) -> tuple[Tensor, Tensor]:
    """Bring the predictions of a mirrored image back onto the image.

    x is reversed along the bins, and the keypoints of a left-right pair are exchanged in both. A
    peak at ``x * k`` comes back at ``x * k + (k - 1)`` with k bins per pixel, as the mirror maps
    pixel x to ``w - 1 - x`` but bin i to ``w * k - 1 - i``. A shift by k - 1 undoes that.

    Args:
        pred_x: Logits of the x axis, (B, K, Wx).
        pred_y: Logits of the y axis, (B, K, Wy).
        flip_indices: Index of each keypoint's mirror image, K of them.
        shift_bins: Shift of x to lower bins. k - 1 is exact, 1 is the authors' for all k (exact
            for k = 2), 0 is MMPose's.

    Returns:
        The two aligned predictions.

    Raises:
        ValueError: If there is not one flip index per keypoint.
    """
    if len(flip_indices) != pred_x.shape[1]:
        raise ValueError(
            f'got {len(flip_indices)} flip_indices for {pred_x.shape[1]} keypoints; the '
            "dataset's metainfo must name the mirror image of every keypoint the head predicts."
        )
    pred_x, pred_y = flip_vectors(pred_x, pred_y, flip_indices=flip_indices)
    return shift_left(pred_x, shift_bins), pred_y


def average_flipped(logits: Tensor, logits_flip: Tensor, average: str) -> Tensor:
    """Average two aligned predictions.

    Args:
        logits: Prediction of the image, (B, K, bins).
        logits_flip: Prediction of the mirrored image, aligned, (B, K, bins).
        average: ``'logit'``: mean of the logits (SA-SimDR, and MMPose). ``'probability'``: mean of
            the softmax probabilities (SimDR).

    Returns:
        Logits, (B, K, bins); with ``'probability'`` the logarithm of the mean probability, which
        a softmax turns into the mean probability again.

    Raises:
        ValueError: If ``average`` is unknown.
    """
    if average == 'logit':
        return (logits + logits_flip) * 0.5
    if average == 'probability':
        log_p, log_p_flip = logits.log_softmax(dim=-1), logits_flip.log_softmax(dim=-1)
        return torch.logaddexp(log_p, log_p_flip) - math.log(2.0)
    raise ValueError(f"flip_average must be 'probability' or 'logit', got {average!r}.")
