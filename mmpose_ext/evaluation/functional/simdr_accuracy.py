"""Training accuracy of SimDR, computed where the predictions are."""

import torch
from torch import Tensor

from mmpose_ext.codecs.functional import argmax_bins


def simdr_pck_accuracy(
    pred_simcc: tuple[Tensor, Tensor],
    gt_simcc: tuple[Tensor, Tensor],
    split_ratio: float,
    target_weight: Tensor,
    threshold: float = 0.05,
    reject_nonpositive: bool = False,
) -> Tensor:
    """PCK averaged over the keypoints, without a copy to the CPU.

    The number of MMPose's ``simcc_pck_accuracy``, its normalisation of x by the height and of y
    by the width included: the share of labelled keypoints whose normalised distance is below the
    threshold, averaged over the keypoints that are labelled at least once.

    Args:
        pred_simcc: Predictions of the x axis (B, K, Wx) and of the y axis (B, K, Wy).
        gt_simcc: Labels of the two axes: bins (B, K), or dense like the predictions.
        split_ratio: Bins per pixel.
        target_weight: Weights, (B, K); a keypoint counts as labelled if its weight is > 0.
        threshold: Threshold of the normalised distance.
        reject_nonpositive: Put predictions whose lower peak is <= 0 at bin -1, as MMPose does.

    Returns:
        The accuracy in [0, 1], a scalar on the predictions' device; 0 if nothing is labelled.
    """
    preds = [pred.detach().float() for pred in pred_simcc]
    x, y = (argmax_bins(pred).float() for pred in preds)
    if reject_nonpositive:
        rejected = torch.minimum(preds[0].amax(dim=-1), preds[1].amax(dim=-1)) <= 0
        x, y = torch.where(rejected, -1.0, x), torch.where(rejected, -1.0, y)
    label_x, label_y = (gt if gt.ndim == 2 else argmax_bins(gt.detach()) for gt in gt_simcc)
    width, height = (int(pred.shape[-1] / split_ratio) for pred in preds)
    distance = torch.hypot(
        (x - label_x) / split_ratio / height, (y - label_y) / split_ratio / width
    )
    labelled = target_weight > 0
    hits = ((distance < threshold) & labelled).sum(dim=0)
    counts = labelled.sum(dim=0)
    accuracy = hits / counts.clamp_min(1)
    return accuracy.sum() / (counts > 0).sum().clamp_min(1)
