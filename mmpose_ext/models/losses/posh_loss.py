"""Losses of HEMlets PoSh: an SMPL body against what a sample has of labels.

HEMlets PoSh (`TPAMI 2021 <https://arxiv.org/abs/2003.04894>`_) does not publish its losses. These
are the usual ones, with the weights of MMHuman3D's HMR. Each is the mean over what is labelled, so
that samples with few labels do not weaken those of the others.
"""

from collections.abc import Callable

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional

from mmpose_ext.models.options import check_not_negative

Criterion = Callable[..., Tensor]
CRITERIA: dict[str, Criterion] = dict(
    joints3d=functional.smooth_l1_loss,
    joints2d=functional.smooth_l1_loss,
    vertices=functional.l1_loss,
    pose=functional.mse_loss,
    betas=functional.mse_loss,
    consistency=functional.l1_loss,
)


def labelled_mean(
    criterion: Criterion, pred: Tensor, target: Tensor, weights: Tensor, **options: float
) -> Tensor:
    """Mean error over the labelled numbers.

    Args:
        criterion (Callable): Error of each number, such as ``torch.nn.functional.l1_loss``.
        pred (Tensor): Prediction, (B, ...).
        target (Tensor): Labels of the same shape. Where the weight is 0 they are not read and may
            be NaN.
        weights (Tensor): Weight of each label, at least 0, of the first dimensions of ``pred``:
            (B,) or (B, K).
        options (float): For the criterion.

    Returns:
        Tensor: Weighted sum over the sum of the weights, which counts as at least 1; without
        labels exactly 0, with a gradient of exactly 0.
    """
    weights = weights.to(pred.dtype).view(*weights.shape, *[1] * (pred.ndim - weights.ndim))
    weights = weights.expand_as(pred)
    # An error of 0 where there is no label: a NaN would survive a multiplication with 0.
    target = torch.where(weights > 0, target.to(pred.dtype), pred.detach())
    error = criterion(pred, target, reduction='none', **options) * weights
    return error.sum() / weights.sum().clamp(min=1)


@MODELS.register_module()
class PoShLoss(nn.Module):
    """The losses of an SMPL body.

    Args:
        joints3d_weight (float): Of the smooth L1 distance of the joints relative to the pelvis, in
            metres.
        joints2d_weight (float): Of the smooth L1 distance of the projected joints, where -1 to 1
            spans the crop.
        vertices_weight (float): Of the L1 distance of the vertices relative to the pelvis, in
            metres.
        pose_weight (float): Of the squared difference of the 24 rotation matrices.
        betas_weight (float): Of the squared difference of the shape coefficients.
        consistency_weight (float): Of the L1 distance between the body's joints and the volume's,
            both relative to the pelvis, in units of the volume (ours). 0: left out.
        beta (float): Where smooth L1 turns from squares to absolute values; 1 as in MMHuman3D.

    Raises:
        ValueError: If a weight is negative, or ``beta`` is.
    """

    def __init__(
        self,
        joints3d_weight: float = 100.0,
        joints2d_weight: float = 10.0,
        vertices_weight: float = 2.0,
        pose_weight: float = 3.0,
        betas_weight: float = 0.02,
        consistency_weight: float = 0.0,
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.weights = dict(
            joints3d=joints3d_weight,
            joints2d=joints2d_weight,
            vertices=vertices_weight,
            pose=pose_weight,
            betas=betas_weight,
            consistency=consistency_weight,
        )
        check_not_negative(**self.weights, beta=beta)
        self.beta = beta

    def forward(
        self,
        pred: dict[str, Tensor],
        target: dict[str, Tensor],
        label_weights: dict[str, Tensor],
    ) -> dict[str, Tensor]:
        """Compute the losses; those of weight 0 are left out, and so need not be given.

        Args:
            pred: ``joints3d`` (B, J, 3) and ``vertices`` (B, V, 3) relative to the pelvis in
                metres, ``joints2d`` (B, J, 2), ``pose`` (B, 24, 3, 3), ``betas`` (B, 10), and for
                the ``consistency`` the body's joints (B, J', 3) relative to the pelvis in units of
                the volume.
            target: The same of the labels, and for the ``consistency`` of the volume.
            label_weights: Weights of the labels by the same names, see :func:`labelled_mean`.

        Returns:
            ``loss_smpl_joints3d``, ``loss_smpl_joints2d``, ``loss_smpl_vertices``,
            ``loss_smpl_pose``, ``loss_smpl_betas``, ``loss_smpl_consistency``.
        """
        losses = {}
        for name, weight in self.weights.items():
            if weight:
                options = dict(beta=self.beta) if name in ('joints3d', 'joints2d') else {}
                error = labelled_mean(
                    CRITERIA[name], pred[name], target[name], label_weights[name], **options
                )
                losses[f'loss_smpl_{name}'] = weight * error
        return losses
