"""The losses of EventHPE's second stage: pose, translation, joints and flow coherence."""

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from mmpose_ext.models.body_models.rotations import geodesic_angle
from mmpose_ext.models.functional.coherence import (
    REDUCTIONS,
    SAMPLINGS,
    flow_coherence,
    visible_vertices,
)
from mmpose_ext.models.losses.posh_loss import labelled_mean
from mmpose_ext.models.options import check_not_negative, check_option

# How near to a half or no turn the authors let the cosine come.
_COSINE_MARGIN = 1e-6
# Cells of the z-buffer across an image.
_CELLS = 64


def clamped_geodesic_angle(first: Tensor, second: Tensor) -> Tensor:
    """Give the angle between rotations as the authors' code does: by a clamped arc cosine.

    It is never below 0.00141, where the gradient is 0. See :func:`.rotations.geodesic_angle` for
    one that is exact.

    Args:
        first (Tensor): Rotation matrices (..., 3, 3).
        second (Tensor): Rotation matrices (..., 3, 3).

    Returns:
        Tensor: Angles (...) in radians.
    """
    cosine = ((first * second).sum((-2, -1)) - 1) / 2
    return cosine.clamp(-1 + _COSINE_MARGIN, 1 - _COSINE_MARGIN).acos()


@MODELS.register_module()
class FlowCoherenceLoss(nn.Module):
    """EventHPE's flow coherence, see :func:`.coherence.flow_coherence`; without a weight.

    Args:
        threshold (float): Flow in px that counts must be longer. The authors' 4.
        scale_threshold (bool): Whether the threshold is meant for images 256 px wide.
        reduction (str): ``'all'`` as the authors, or ``'valid'``.
        sample (str): ``'legacy'`` as the authors, or ``'exact'``.
        detach_previous (bool): Whether the vertices before a step get no gradient.
        visible_only (bool): Whether only vertices count that a z-buffer of points, 64 cells wide,
            finds visible (:func:`.coherence.visible_vertices`). The authors count all.
        min_motion (float): Motion in px below which the cosine fades to 0. The authors' 1e-8 suits
            their random first poses; ours stand still at first and need 0.1.

    Raises:
        ValueError: If an option is none or a number is negative.
    """

    def __init__(
        self,
        threshold: float = 4.0,
        scale_threshold: bool = False,
        reduction: str = 'all',
        sample: str = 'legacy',
        detach_previous: bool = False,
        visible_only: bool = False,
        min_motion: float = 1e-8,
    ) -> None:
        super().__init__()
        check_not_negative(threshold=threshold)
        check_option('reduction', reduction, REDUCTIONS)
        check_option('sample', sample, SAMPLINGS)
        if not min_motion > 0:
            raise ValueError(f'min_motion must be positive, got {min_motion}.')
        self.threshold = threshold
        self.scale_threshold = scale_threshold
        self.reduction = reduction
        self.sample = sample
        self.detach_previous = detach_previous
        self.visible_only = visible_only
        self.min_motion = min_motion

    def forward(self, verts_px: Tensor, verts_depth: Tensor, flow: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            verts_px: Projected vertices (B, T + 1, V, 2) in px, from the beginning pose on.
            verts_depth: Their depths (B, T + 1, V) in metres.
            flow: Flow (B, T, 2, H, W) of the steps in px.

        Returns:
            A scalar from 0 to 2.
        """
        visible = None
        if self.visible_only:
            height, width = flow.shape[-2:]
            points, depth = verts_px[:, :-1], verts_depth[:, :-1]
            found = visible_vertices(
                points.flatten(0, 1), depth.flatten(0, 1), (width, height), width / _CELLS
            )
            visible = found.unflatten(0, depth.shape[:2])
        return flow_coherence(
            verts_px,
            flow,
            threshold=self.threshold,
            reduction=self.reduction,
            sample=self.sample,
            detach_previous=self.detach_previous,
            visible=visible,
            scale_threshold=self.scale_threshold,
            min_motion=self.min_motion,
        )


@MODELS.register_module()
class EventPoseLoss(nn.Module):
    """The losses of EventHPE with the weights of its code.

    Source: `EventHPE <https://arxiv.org/abs/2108.06819>`_ (ICCV 2021) and its ``train.py``. Each
    is the mean over what is labelled; without labels it is exactly 0 and has no gradient. Flow
    coherence needs no labels. Losses of weight 0 are left out.

    Args:
        theta (float): Of the angle in radians between the 24 predicted and true rotations.
        tran (float): Of the squared error of the translation, m^2.
        joints3d (float): Of the squared error of the joints in camera space, m^2.
        joints2d (float): Of the squared error of the projected joints, in widths and heights of
            the image, the prediction clamped to the image.
        coherence (float): Of the flow coherence.
        delta_tran (float): Of the squared translation of each step, m^2.
        betas (float): Of the squared error of the shape coefficients; ours, for a predicted start.
        legacy (bool): Whether angles are those of the authors' clamped arc cosine.
        coherence_loss (dict, optional): Config of the flow coherence, ``FlowCoherenceLoss`` with
            the authors' settings if None.

    Raises:
        ValueError: If a weight is negative.
    """

    def __init__(
        self,
        theta: float = 10.0,
        tran: float = 1.0,
        joints3d: float = 1.0,
        joints2d: float = 10.0,
        coherence: float = 0.1,
        delta_tran: float = 0.0,
        betas: float = 0.0,
        legacy: bool = False,
        coherence_loss: dict | None = None,
    ) -> None:
        super().__init__()
        self.weights = dict(
            theta=theta,
            tran=tran,
            joints3d=joints3d,
            joints2d=joints2d,
            coherence=coherence,
            delta_tran=delta_tran,
            betas=betas,
        )
        check_not_negative(**self.weights)
        self.angle = clamped_geodesic_angle if legacy else geodesic_angle
        self.coherence_loss = MODELS.build({'type': 'FlowCoherenceLoss', **(coherence_loss or {})})

    @property
    def needs_vertices(self) -> bool:
        """Whether the vertices of the body are needed, and the flow."""
        return bool(self.weights['coherence'])

    def forward(
        self, pred: dict[str, Tensor], target: dict[str, Tensor], labels: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            pred: ``rotmats`` (B, T, 24, 3, 3), ``transl`` and ``delta_transl`` (B, T, 3),
                ``joints3d`` (B, T, J, 3) in camera space in metres, ``joints2d`` (B, T, J, 2) in
                widths and heights of the image, ``betas`` (B, T, S); for the coherence
                ``verts_px`` (B, T + 1, V, 2), ``verts_depth`` (B, T + 1, V) and ``flow``
                (B, T, 2, H, W).
            target: ``rotmats``, ``transl``, ``joints3d``, ``joints2d`` and ``betas`` of the same
                shapes. What is not labelled may be NaN.
            labels: Weights ``has_smpl`` and ``has_joints`` (B, T), 0 where there are none.

        Returns:
            ``loss_theta``, ``loss_tran``, ``loss_joints3d``, ``loss_joints2d``,
            ``loss_coherence``, ``loss_delta_tran``, ``loss_betas``, those with a weight.
        """
        has_smpl, has_joints = labels['has_smpl'], labels['has_joints']
        losses = {}
        for name, weight in self.weights.items():
            if not weight:
                continue
            if name == 'theta':
                value = self._theta(pred['rotmats'], target['rotmats'], has_smpl)
            elif name == 'coherence':
                value = self.coherence_loss(pred['verts_px'], pred['verts_depth'], pred['flow'])
            elif name == 'delta_tran':
                value = pred['delta_transl'].square().mean()
            elif name == 'joints2d':
                inside = pred['joints2d'].clamp(0, 1)
                value = labelled_mean(mse_loss, inside, target['joints2d'], has_joints)
            else:
                key = 'transl' if name == 'tran' else name
                labelled = has_joints if name == 'joints3d' else has_smpl
                value = labelled_mean(mse_loss, pred[key], target[key], labelled)
            losses[f'loss_{name}'] = weight * value
        return losses

    def _theta(self, pred: Tensor, target: Tensor, has_smpl: Tensor) -> Tensor:
        is_labelled = has_smpl[..., None, None, None] > 0
        angle = self.angle(pred, torch.where(is_labelled, target.to(pred), pred.detach()))
        return labelled_mean(l1_loss, angle, torch.zeros_like(angle), has_smpl)
