"""EventHPE's head: the variation of pose and translation in each step, and the posed body."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.models.body_models.cameras import project_perspective
from mmpose_ext.models.body_models.rotations import rotation_6d_to_matrix
from mmpose_ext.models.body_models.smpl_body import BodyOutput
from mmpose_ext.models.functional.pose_variation import accumulate_translation, compose_rotations
from mmpose_ext.models.heads.event_batch import EventBatch
from mmpose_ext.models.options import check_option
from mmpose_ext.skeletons import smpl24

STARTS = ('given', 'predicted')
# The identity in the first two columns of a rotation matrix.
_IDENTITY_6D = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# A person upright before the camera: y up becomes y down, the face to the camera.
_FACING_CAMERA = (1.0, -1.0, -1.0)


@MODELS.register_module()
class ShapeVariationHead(BaseHead):
    """Features of steps to SMPL's pose after each of them.

    Source: `EventHPE <https://arxiv.org/abs/2108.06819>`_ (ICCV 2021), the linear layers of its
    ``EventTrackNet``: ``decpose`` gives the rotations by which each of SMPL's 24 local rotations
    turns in a step, as 6D vectors, ``dectrans`` the translation of the step. Shape coefficients
    are those of the start. Ours: layers that begin as "nothing moves" (the default initialisation
    turns a pose by 1.6 rad in 8 steps), the output scale and a predicted start.

    B clips, T steps, C channels, V vertices, S shape coefficients.

    Args:
        in_channels (int): C.
        body_model (dict): Config of the body; ``joints='smpl24'``, which is the default here.
        output_scale (float): Factor of what the layers add to "nothing moves". The authors' 1;
            0.1 lets small networks learn at a learning rate of 1e-3 (ours).
        start (str): ``'given'``: the pose before the first step is known. ``'predicted'``: it is
            read off the first step's features, as a residual to a person in the rest pose facing
            the camera (ours).
        mean_transl (Sequence[float]): Translation in metres from which a predicted start begins.
        detach_transl (bool): Whether joints and vertices give the translation no gradient, as in
            the authors' code. False where there are no labels of the translation, as on DHP19.
        loss (dict, optional): Config of the loss, ``EventPoseLoss`` if None.
        init_cfg (dict | list, optional): Config of the initialisation.

    Raises:
        ValueError: If an option is invalid or the body has other joints.
    """

    _identity: Tensor
    _mean_rotmats: Tensor
    _mean_transl: Tensor

    def __init__(
        self,
        in_channels: int,
        body_model: dict,
        output_scale: float = 1.0,
        start: str = 'given',
        mean_transl: Sequence[float] = (0.0, 0.0, 3.0),
        detach_transl: bool = True,
        loss: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_option('start', start, STARTS)
        if not output_scale > 0:
            raise ValueError(f'output_scale must be positive, got {output_scale}.')
        if len(mean_transl) != 3:
            raise ValueError(f'mean_transl must be three metres, got {mean_transl!r}.')
        self.in_channels = in_channels
        self.body_model: Any = MODELS.build({'joints': 'smpl24', **body_model})
        if self.body_model.num_joints != smpl24.NUM_JOINTS:
            raise ValueError(
                f"the body_model of ShapeVariationHead must give SMPL's {smpl24.NUM_JOINTS} joints "
                f"(joints='smpl24'), got {self.body_model.num_joints}."
            )
        self.output_scale = output_scale
        self.start = start
        self.detach_transl = detach_transl
        self.loss_module: Any = MODELS.build(dict(type='EventPoseLoss') if loss is None else loss)
        identity = torch.tensor(_IDENTITY_6D).repeat(smpl24.NUM_JOINTS)
        mean_rotmats = torch.eye(3).repeat(smpl24.NUM_JOINTS, 1, 1)
        mean_rotmats[0] = torch.diag(torch.tensor(_FACING_CAMERA))
        buffers = dict(identity=identity, mean_rotmats=mean_rotmats)
        buffers['mean_transl'] = torch.tensor([float(metres) for metres in mean_transl])
        for name, value in buffers.items():
            # A checkpoint holds what was learnt.
            self.register_buffer(f'_{name}', value, persistent=False)
        self.decpose = _still_layer(in_channels, identity)
        self.dectrans = _still_layer(in_channels, torch.zeros(3))
        if start == 'predicted':
            self.start_pose = _still_layer(in_channels, identity)
            self.start_transl = _still_layer(in_channels, torch.zeros(3))
            self.start_betas = _still_layer(in_channels, torch.zeros(self.body_model.num_betas))

    def forward(self, feats: Tensor, start: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Predict the pose after each step, in full precision under autocast too.

        Args:
            feats: Features (B, T, C).
            start: The pose before the first step: ``rotmats`` (B, 24, 3, 3), ``transl`` (B, 3) in
                metres and ``betas`` (B, S). None: it is predicted.

        Returns:
            ``rotmats`` (B, T, 24, 3, 3), ``transl`` and ``delta_transl`` (B, T, 3), ``betas``
            (B, S), and of the start ``start_rotmats`` (B, 24, 3, 3) and ``start_transl`` (B, 3).

        Raises:
            ValueError: If there is no start and the head does not predict it.
        """
        with torch.autocast(feats.device.type, enabled=False):
            feats = feats.to(self.decpose.weight.dtype)
            if start is None:
                start = self._predict_start(feats[:, 0])
            start = {name: start[name].to(feats) for name in ('rotmats', 'transl', 'betas')}
            deltas = self._rotations(self.decpose(feats))
            delta_transl = self.output_scale * self.dectrans(feats)
            return dict(
                rotmats=compose_rotations(start['rotmats'], deltas),
                transl=accumulate_translation(start['transl'], delta_transl),
                delta_transl=delta_transl,
                betas=start['betas'],
                start_rotmats=start['rotmats'],
                start_transl=start['transl'],
            )

    def pose_body(
        self, rotmats: Tensor, betas: Tensor, transl: Tensor, vertices: bool = True
    ) -> BodyOutput:
        """Pose the body.

        Args:
            rotmats: Rotations (B, T, 24, 3, 3).
            betas: Shape coefficients (B, S); the body takes the first that it has.
            transl: Translations (B, T, 3) in metres.
            vertices: Whether its skin is wanted.

        Returns:
            Vertices (B, T, V, 3), V = 0 if not wanted, and joints (B, T, 24, 3), in camera space
            in metres.
        """
        steps = rotmats.shape[:2]
        body = self.body_model if vertices else self.body_model.without_skin()
        betas = betas[:, None, : self.body_model.num_betas].expand(*steps, -1)
        pose = rotmats.flatten(0, 1)
        output = body(pose[:, :1], pose[:, 1:], betas.flatten(0, 1), transl.flatten(0, 1))
        return BodyOutput(*(points.unflatten(0, steps) for points in output))

    def loss(
        self,
        feats: Tensor,
        batch_data_samples: Sequence[PoseDataSample],
        train_cfg: dict | None = None,
        start: dict[str, Tensor] | None = None,
        flow: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses and a measure of progress.

        Args:
            feats: Features (B, T, C).
            batch_data_samples: B samples of ``PackEventInputs``.
            train_cfg: Not used.
            start: See :meth:`forward`.
            flow: Flow (B, T, 2, H, W) of the steps in px, for the coherence.

        Returns:
            The losses of ``EventPoseLoss``, and ``pel_mpjpe``, the mean distance of the labelled
            joints in mm, the middles of the hips on each other.

        Raises:
            ValueError: If a sample lacks a label, or the coherence has no flow.
        """
        truth = EventBatch.gather(batch_data_samples, feats.shape[1], feats.device)
        pred = self.forward(feats, start)
        # What is in metres and pixels, and its losses, is no matter for half precision.
        with torch.autocast(feats.device.type, enabled=False):
            estimate = self._estimate(pred, truth, flow)
            target = truth.targets(self.body_model.num_betas)
            losses: dict[str, Tensor] = self.loss_module(estimate, target, truth.labels)
            with torch.no_grad():
                is_labelled = truth.has_joints > 0
                distances = truth.pelvis_aligned_error(estimate['joints3d'])
                error = distances.masked_fill(~is_labelled, 0).sum()
                losses['pel_mpjpe'] = 1000 * error / is_labelled.sum().clamp(min=1)
        return losses

    def predict(
        self,
        feats: Tensor,
        batch_data_samples: Sequence[PoseDataSample] | None = None,
        test_cfg: dict | None = None,
        start: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Predict poses and bodies.

        Args:
            feats: Features (B, T, C).
            batch_data_samples: Not used.
            test_cfg: ``output_vertices``: whether vertices are given.
            start: See :meth:`forward`.

        Returns:
            What :meth:`forward` gives, ``joints_cam`` (B, T, 24, 3) and perhaps ``vertices``
            (B, T, V, 3) in camera space in metres.
        """
        pred = self.forward(feats, start)
        wants_vertices = bool((test_cfg or {}).get('output_vertices', False))
        body = self.pose_body(pred['rotmats'], pred['betas'], pred['transl'], wants_vertices)
        pred['joints_cam'] = body.joints
        if wants_vertices:
            pred['vertices'] = body.vertices
        return pred

    def _estimate(
        self, pred: dict[str, Tensor], truth: EventBatch, flow: Tensor | None
    ) -> dict[str, Tensor]:
        """What ``EventPoseLoss`` compares; step 0 of the body is the start."""
        rotmats = torch.cat([pred['start_rotmats'][:, None], pred['rotmats']], 1)
        transl = torch.cat([pred['start_transl'][:, None], pred['transl']], 1)
        transl = transl.detach() if self.detach_transl else transl
        has_skin = self.loss_module.needs_vertices
        body = self.pose_body(rotmats, pred['betas'], transl, has_skin)
        joints = truth.select_joints(body.joints[:, 1:])
        steps, betas = joints.shape[1], pred['betas'][:, : self.body_model.num_betas]
        estimate = dict(
            rotmats=pred['rotmats'],
            transl=pred['transl'],
            delta_transl=pred['delta_transl'],
            betas=betas[:, None].expand(-1, steps, -1),
            joints3d=joints,
            joints2d=project_steps(joints, truth.focal, truth.principal_pt) / truth.size,
        )
        if has_skin:
            if flow is None:
                raise ValueError('EventPoseLoss with flow coherence was given no flow.')
            estimate['verts_px'] = project_steps(body.vertices, truth.focal, truth.principal_pt)
            estimate['verts_depth'] = body.vertices[..., 2]
            estimate['flow'] = flow
        return estimate

    def _rotations(self, vectors: Tensor) -> Tensor:
        """Rotations (..., 24, 3, 3) of a layer's 6D vectors (..., 144)."""
        if self.output_scale != 1:
            identity = self._identity.to(vectors)
            vectors = identity + self.output_scale * (vectors - identity)
        return rotation_6d_to_matrix(vectors.unflatten(-1, (smpl24.NUM_JOINTS, 6)))

    def _predict_start(self, feats: Tensor) -> dict[str, Tensor]:
        if self.start != 'predicted':
            raise ValueError(
                'ShapeVariationHead was given no start: give the dataset an init_source, or set '
                "start='predicted'."
            )
        rotmats = self._rotations(self.start_pose(feats)) @ self._mean_rotmats.to(feats)
        transl = self._mean_transl.to(feats) + self.output_scale * self.start_transl(feats)
        betas = self.output_scale * self.start_betas(feats)
        return dict(rotmats=rotmats, transl=transl, betas=betas)


def project_steps(points: Tensor, focal: Tensor, principal_pt: Tensor) -> Tensor:
    """Project the points of clips with a pinhole camera for each.

    Args:
        points (Tensor): Points (B, T, K, 3) in camera space in metres.
        focal (Tensor): Focal lengths (B, 2) in px.
        principal_pt (Tensor): Principal points (B, 2) in px.

    Returns:
        Tensor: Points (B, T, K, 2) in px.
    """
    flat = project_perspective(points.flatten(1, 2), focal.to(points), principal_pt.to(points))
    return flat.unflatten(1, points.shape[1:3])


def _still_layer(in_channels: int, bias: Tensor) -> nn.Linear:
    """A layer that gives its bias until it has learnt something."""
    layer = nn.Linear(in_channels, len(bias))
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(bias)
    return layer
