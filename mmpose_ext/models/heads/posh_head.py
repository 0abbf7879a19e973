"""HEMlets PoSh head: HEMlets Pose, and behind it SMPL's pose and shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from mmpose_ext.models.body_models.cameras import project_weak_perspective
from mmpose_ext.models.body_models.fitting import refine_smpl
from mmpose_ext.models.body_models.pose_prior import PosePrior
from mmpose_ext.models.heads.flip_pair import check_flip_pair
from mmpose_ext.models.heads.posh_flip import average_smpl, unmirror_smpl
from mmpose_ext.models.heads.smpl_regressor import SMPLRegressor
from mmpose_ext.skeletons import human36m18

Features = Sequence[Tensor]
Predictions = list[InstanceData] | tuple[list[InstanceData], list[PixelData]]

FEATURE_SOURCES = ('fused', 'backbone', None)
_LABELS = (
    *('keypoint_labels', 'keypoint_weights', 'joints_3d', 'joints_3d_weights', 'volume_span'),
    *('smpl_pose', 'smpl_betas', 'has_smpl'),
)


@MODELS.register_module()
class PoShHead(BaseHead):
    """HEMlets Pose and a shallow network that reads SMPL's parameters off its features.

    Source: `HEMlets PoSh <https://arxiv.org/abs/2003.04894>`_ (TPAMI 2021), whose abstract
    names a "shallow yet effective" module for pose and shape behind HEMlets Pose; all else of it
    is unpublished and ours, hence the options. J joints (18), V vertices, B images.

    Args:
        pose_head (dict): Config of the ``HEMletsHead``. To start from a trained HEMlets network:
            ``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='head.')`` in it.
        body_model (dict): Config of the body, such as
            ``dict(type='SMPLBody', model_path='mannequin')``.
        regressor (dict, optional): Arguments of ``SMPLRegressor``; its ``in_channels`` and
            ``num_joints`` follow from what it reads, ``num_betas`` from the body.
        feature_source (str, optional): The features that the regressor reads: ``'fused'``, of
            which the volume is made; ``'backbone'``, the last feature map; None: none.
        use_joints (bool): Whether it reads the joints of the volume.
        detach_joints (bool): Whether its gradient stops at them.
        freeze_pose_head (bool): Whether the pose head does not learn: it stays in evaluation mode
            and its losses are left out. A frozen backbone is up to its config
            (``frozen_stages=4, norm_eval=True``).
        pose_loss_weight (float): Weight of the pose head's losses. 0: left out.
        joints_from_smpl (bool): Whether the true joints of samples with SMPL's parameters are
            those of the body model, for a body that is not the one that was measured.
        loss (dict, optional): Config of the loss, ``PoShLoss`` if None.
        decoder (dict, optional): Config of the codec, ``PoShLabel``. None: the pose head's.
        init_cfg (dict | list, optional): Config of the initialisation.

    Raises:
        ValueError: If an option is invalid.
    """

    def __init__(
        self,
        pose_head: dict,
        body_model: dict,
        regressor: dict | None = None,
        feature_source: str | None = 'fused',
        use_joints: bool = True,
        detach_joints: bool = False,
        freeze_pose_head: bool = False,
        pose_loss_weight: float = 1.0,
        joints_from_smpl: bool = False,
        loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if feature_source not in FEATURE_SOURCES:
            raise ValueError(
                f'feature_source must be one of {FEATURE_SOURCES}, got {feature_source!r}.'
            )
        if not pose_loss_weight >= 0:
            raise ValueError(f'pose_loss_weight must not be negative, got {pose_loss_weight}.')
        pose_head = dict(pose_head)
        if decoder is not None:
            pose_head.setdefault('decoder', decoder)
        self.pose_head: Any = MODELS.build(pose_head)
        self.decoder: Any = self.pose_head.decoder
        if decoder is not None:
            self.decoder = KEYPOINT_CODECS.build(decoder)
        self.body_model: Any = MODELS.build(body_model)
        _check_joints(pose_head=self.pose_head, body_model=self.body_model)
        _check_betas(self.decoder, self.body_model.num_betas)
        channels = dict(fused=self.pose_head.fused_channels, backbone=self.pose_head.in_channels)
        regressor = dict(regressor or {})
        if feature_source is None:
            regressor['in_channels'] = None
        else:
            regressor.setdefault('in_channels', channels[feature_source])
        regressor['num_betas'] = self.body_model.num_betas
        regressor['num_joints'] = self.pose_head.num_joints if use_joints else 0
        self.regressor = SMPLRegressor(**regressor)
        self.feature_source = feature_source
        self.use_joints = use_joints
        self.detach_joints = detach_joints
        self.freeze_pose_head = freeze_pose_head
        self.pose_loss_weight = 0.0 if freeze_pose_head else pose_loss_weight
        self.joints_from_smpl = joints_from_smpl
        self.loss_module = MODELS.build(dict(type='PoShLoss') if loss is None else loss)
        if freeze_pose_head:
            self.pose_head.requires_grad_(False)
            self.pose_head.eval()

    def train(self, mode: bool = True) -> 'PoShHead':
        """Switch the mode; a frozen pose head stays in evaluation mode."""
        super().train(mode)
        if self.freeze_pose_head:
            self.pose_head.eval()
        return self

    def forward(self, feats: Features) -> dict[str, Tensor]:
        """Predict joints and body.

        Args:
            feats: Feature maps of the backbone, of which the last is used.

        Returns:
            ``coords``, ``maps`` and ``features`` of the ``HEMletsHead``, and ``pose``
            (B, 24, 3, 3), ``betas`` (B, 10) and ``camera`` (B, 3) of the ``SMPLRegressor``.
        """
        if self.freeze_pose_head:
            with torch.no_grad():
                pred = self.pose_head(feats)
        else:
            pred = self.pose_head(feats)
        features = None
        if self.feature_source is not None:
            features = pred['features'] if self.feature_source == 'fused' else feats[-1]
            features = features.detach() if self.freeze_pose_head else features
        coords = None
        if self.use_joints:
            coords = pred['coords'].detach() if self.detach_joints else pred['coords']
        return {**pred, **self.regressor(features, coords)}

    def body(self, pose: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Give the body of some parameters.

        Args:
            pose: Rotation matrices (B, 24, 3, 3).
            betas: Shape coefficients (B, 10).

        Returns:
            Vertices (B, V, 3) and joints (B, J, 3) in metres relative to the pelvis, joint 0.
        """
        output = self.body_model(pose[:, :1], pose[:, 1:], betas)
        pelvis = output.joints[:, :1]
        return output.vertices - pelvis, output.joints - pelvis

    def loss(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses and measures of progress.

        Args:
            feats: Feature maps.
            batch_data_samples: B samples with the labels of ``PoShLabel``.
            train_cfg: Not used.

        Returns:
            The losses and measures of ``HEMletsHead``, unless its losses have no weight, those of
            ``PoShLoss``, and ``mpjpe_smpl``, the distance in mm of the body's joints to the true
            ones relative to the pelvis.

        Raises:
            ValueError: If the labels are not those of ``PoShLabel``.
        """
        pred = self.forward(feats)
        losses = {}
        if self.pose_loss_weight:
            for name, value in self.pose_head.loss_by_feat(pred, batch_data_samples).items():
                is_loss = name.startswith('loss')
                losses[name] = self.pose_loss_weight * value if is_loss else value
        losses.update(self._smpl_losses(pred, _stack_labels(batch_data_samples)))
        return losses

    def _smpl_losses(self, pred: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
        target, label_weights = self._targets(truth)
        vertices, joints = self.body(pred['pose'], pred['betas'])
        estimate = dict(
            joints3d=joints,
            vertices=vertices,
            joints2d=project_weak_perspective(joints, pred['camera']),
            pose=pred['pose'],
            betas=pred['betas'],
        )
        if self.loss_module.weights['consistency']:
            evaluated = slice(human36m18.NUM_EVALUATED)
            coords = pred['coords'].float()
            target['consistency'] = (coords - coords[:, :1])[:, evaluated]
            estimate['consistency'] = joints[:, evaluated] / truth['volume_span'].view(-1, 1, 1)
        losses: dict[str, Tensor] = self.loss_module(estimate, target, label_weights)
        with torch.no_grad():
            is_labelled = label_weights['joints3d'] > 0
            distances = (joints - target['joints3d']).norm(dim=-1)
            error = distances.masked_fill(~is_labelled, 0).sum()
            losses['mpjpe_smpl'] = 1000 * error / is_labelled.sum().clamp(min=1)
        return losses

    @torch.no_grad()
    def _targets(self, truth: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What ``PoShLoss`` compares with, and the weights of it."""
        has_smpl = truth['has_smpl'].float()
        target = dict(
            joints3d=truth['joints_3d'],
            # From -0.5 to 0.5 to -1 to 1.
            joints2d=2 * truth['keypoint_labels'][..., :2],
            pose=truth['smpl_pose'],
            betas=truth['smpl_betas'],
        )
        weights = dict(
            joints3d=truth['joints_3d_weights'],
            joints2d=truth['keypoint_weights'],
            consistency=torch.ones_like(has_smpl),
            **dict.fromkeys(('vertices', 'pose', 'betas'), has_smpl),
        )
        if self.loss_module.weights['vertices'] or self.joints_from_smpl:
            target['vertices'], joints = self.body(target['pose'].float(), target['betas'].float())
        if self.joints_from_smpl:
            of_body = has_smpl[:, None] > 0
            target['joints3d'] = torch.where(of_body[..., None], joints, target['joints3d'])
            weights['joints3d'] = torch.where(of_body, has_smpl[:, None], weights['joints3d'])
        return target, weights

    def predict(
        self,
        feats: Any,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> Predictions:
        """Predict joints and bodies.

        Args:
            feats: Feature maps; with ``test_cfg['flip_test']`` a list of two: those of the images
                and those of the mirrored images.
            batch_data_samples: B samples.
            test_cfg: ``flip_test`` and ``output_heatmaps`` of ``HEMletsHead``, and ``refine``:
                None, or arguments of ``refine_smpl``, perhaps none, which fits the body to the
                volume's joints (``prior=False`` leaves the pose prior out).

        Returns:
            What ``HEMletsHead`` predicts, ``keypoints`` being the volume's joints, and beside it
            in each prediction, as numpy arrays in float32: ``smpl_pose`` (1, 24, 3, 3),
            ``smpl_betas`` (1, 10), ``smpl_joints`` (1, J, 3) and ``smpl_vertices`` (1, V, 3),
            both in metres relative to the pelvis, joint 0, and ``smpl_camera`` (1, 3), by which
            these lie at ``s * (x + tx, y + ty)`` where -1 to 1 spans the crop.

        Raises:
            ValueError: If there is no decoder, ``feats`` is no pair in the flip test, or
                ``refine`` is no dict.
        """
        test_cfg = test_cfg or {}
        refine = test_cfg.get('refine')
        if refine is not None and not isinstance(refine, Mapping):
            raise ValueError(
                f'test_cfg.refine should be None or a dict of arguments of refine_smpl, got '
                f'{refine!r}. On the command line: --cfg-options model.test_cfg.refine.steps=100'
            )
        is_flip_test = test_cfg.get('flip_test', False)
        if is_flip_test:
            check_flip_pair(feats)
        preds = [self.forward(f) for f in (feats if is_flip_test else [feats])]
        coords, maps = self.pose_head.merge_flipped(preds, batch_data_samples)
        results = self.pose_head.predict_by_maps(coords, maps, test_cfg)
        smpl = preds[0]
        if is_flip_test:
            width = self.decoder.input_size[0]
            smpl = average_smpl(smpl, unmirror_smpl(preds[1], width))
        pose, betas = smpl['pose'], smpl['betas']
        if refine is not None:
            pose, betas = self._refine(pose, betas, coords, dict(refine))
        vertices, joints = self.body(pose, betas)
        arrays = {
            name: value.detach().float().cpu().numpy()
            for name, value in dict(
                smpl_pose=pose,
                smpl_betas=betas,
                smpl_camera=smpl['camera'],
                smpl_joints=joints,
                smpl_vertices=vertices,
            ).items()
        }
        for i, instances in enumerate(results[0] if isinstance(results, tuple) else results):
            for name, values in arrays.items():
                instances.set_field(values[i : i + 1], name)
        return results

    def _refine(
        self, pose: Tensor, betas: Tensor, coords: Tensor, options: dict
    ) -> tuple[Tensor, Tensor]:
        """Fit bodies to the joints of the volume, (B, J, 3) in its units."""
        joints = (coords - coords[:, :1]).float() * (self.decoder.depth_bound / 1000)
        prior = None
        if options.pop('prior', True):
            prior = PosePrior.from_mannequin().to(pose.device)
        weights = torch.ones_like(joints[..., 0])
        return refine_smpl(self.body_model, pose, betas, joints, weights, prior, **options)


def _check_joints(**parts: Any) -> None:
    """Refuse a part that has other joints than HEMlets."""
    for name, part in parts.items():
        if part.num_joints != human36m18.NUM_JOINTS:
            raise ValueError(
                f'the {name} of PoShHead must have the {human36m18.NUM_JOINTS} joints of HEMlets '
                f'(h36m18), got {part.num_joints}.'
            )


def _check_betas(decoder: Any, num_betas: int) -> None:
    """Refuse a codec that has another number of shape coefficients than the body."""
    if getattr(decoder, 'num_betas', num_betas) != num_betas:
        raise ValueError(
            f'num_betas of the decoder is {decoder.num_betas}, that of the body_model {num_betas}: '
            'set both to the same number.'
        )


def _stack_labels(batch_data_samples: list[PoseDataSample]) -> dict[str, Tensor]:
    """Labels (B, ...) of samples; raise ValueError if ``PoShLabel`` did not make them."""
    labels = [sample.gt_instance_labels for sample in batch_data_samples]
    missing = [name for name in _LABELS if any(name not in label for label in labels)]
    if missing:
        raise ValueError(
            f'samples lack the labels {missing} of PoShHead: the encoder of GenerateTarget must be '
            'a PoShLabel.'
        )
    return {name: torch.cat([label.get(name) for label in labels]) for name in _LABELS}
