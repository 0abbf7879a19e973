"""HEMlets Pose head: heatmap triplets beside image features, a volume, its soft-argmax."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.heads.heatmap_heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.models.functional.soft_argmax import ALIGNMENTS, soft_argmax_3d
from mmpose_ext.models.heads.flip_pair import check_flip_pair

Features = Sequence[Tensor]

# Maps of a part: polarities -1, 0 and +1.
_POLARITIES = 3
_LOSS_NAMES = {'heatmaps': 'loss_heatmap', 'hemlets': 'loss_hemlets'}


@MODELS.register_module()
class HEMletsHead(BaseHead):
    """The network of HEMlets Pose behind its backbone.

    Source: `HEMlets Pose <https://arxiv.org/abs/1910.12032>`_ (ICCV 2019) and the authors' public
    inference code. Two branches of deconvolutions read the same feature map: one gives image
    features, the other the heatmaps and HEMlets, whose raw predictions are encoded and joined to
    the features; from both a volume is made for each joint, whose soft-argmax is the pose. J
    joints, P parts, B images.

    Args:
        in_channels (int): Channels of the backbone's last feature map.
        num_joints (int): J.
        num_parts (int): P.
        heatmap_size (tuple[int, int]): The maps, (w, h) in pixels.
        depth_size (int): Depth bins D of the volume.
        deconv_out_channels (Sequence[int]): Widths of the deconvolutions of each branch, each of
            which doubles the feature map; none for a backbone of stride 4, such as HRNet.
        deconv_kernel_sizes (Sequence[int], optional): Their kernels. None: 4 each.
        feature_channels (int): Channels of the image features.
        encoder_channels (int): Channels of the encoded maps.
        tail_channels (int): Channels of the layer before the volume.
        use_hemlets (bool): Whether there are HEMlets. False for ablations.
        use_heatmap2d (bool): Whether there are 2D heatmaps. With neither, the branch and the
            encoder are left out: integral regression.
        align (str): Grid of the soft-argmax: ``'corner'`` (the authors') or ``'left'``.
        map_order (str): Which come first among the maps, ``'heatmaps_first'`` (our choice) or
            ``'hemlets_first'``; of no consequence but for converted weights.
        loss (dict): Config of the loss.
        decoder (dict, optional): Config of the codec.
        init_cfg (dict | list, optional): Config of the initialisation. None: weights of
            convolutions from N(0, 0.001) as published, biases 0.

    Raises:
        ValueError: If an option is invalid, or codec and head do not agree.
    """

    def __init__(
        self,
        in_channels: int,
        num_joints: int = 18,
        num_parts: int = 14,
        heatmap_size: tuple[int, int] = (64, 64),
        depth_size: int = 64,
        deconv_out_channels: Sequence[int] = (256, 256, 256),
        deconv_kernel_sizes: Sequence[int] | None = None,
        feature_channels: int = 1024,
        encoder_channels: int = 256,
        tail_channels: int = 1024,
        use_hemlets: bool = True,
        use_heatmap2d: bool = True,
        align: str = 'corner',
        map_order: str = 'heatmaps_first',
        loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(self.default_init_cfg if init_cfg is None else init_cfg)
        if align not in ALIGNMENTS:
            raise ValueError(f'align must be one of {ALIGNMENTS}, got {align!r}.')
        if map_order not in ('heatmaps_first', 'hemlets_first'):
            raise ValueError(
                f"map_order must be 'heatmaps_first' or 'hemlets_first', got {map_order!r}."
            )
        self.num_joints = num_joints
        self.in_channels = in_channels
        self.heatmap_size = tuple(heatmap_size)
        self.depth_size = depth_size
        self.align = align
        channels = dict(
            heatmaps=num_joints if use_heatmap2d else 0,
            hemlets=num_parts * _POLARITIES if use_hemlets else 0,
        )
        order = list(channels) if map_order == 'heatmaps_first' else list(channels)[::-1]
        # Channels of each kind of maps, in their order; kinds that are off are left out.
        self.map_channels = {name: channels[name] for name in order if channels[name]}
        self.decoder: Any = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        self._check_decoder(num_parts)

        if deconv_kernel_sizes is None:
            deconv_kernel_sizes = [4] * len(deconv_out_channels)
        deconvs = dict(
            in_channels=in_channels,
            deconv_out_channels=tuple(deconv_out_channels),
            deconv_kernel_sizes=tuple(deconv_kernel_sizes),
            final_layer=dict(kernel_size=3, padding=1),
        )
        self.feature_branch = HeatmapHead(out_channels=feature_channels, **deconvs)
        fused_channels = feature_channels
        if self.map_channels:
            num_maps = sum(self.map_channels.values())
            self.hemlets_branch = HeatmapHead(out_channels=num_maps, **deconvs)
            self.hemlets_encoder = nn.Sequential(
                nn.Conv2d(num_maps, encoder_channels, 3, padding=1),
                nn.BatchNorm2d(encoder_channels),
                nn.ReLU(inplace=True),
            )
            fused_channels += encoder_channels
        self.fused_channels = fused_channels
        self.volume_layers = nn.Sequential(
            nn.Conv2d(fused_channels, tail_channels, 1),
            nn.BatchNorm2d(tail_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(tail_channels, num_joints * depth_size, 1),
        )
        self.loss_module = MODELS.build(dict(type='HEMletsLoss') if loss is None else loss)

    @property
    def default_init_cfg(self) -> list[dict]:
        """Initialisation as in the authors' code, but for biases, which are 0."""
        return [
            dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001),
            dict(type='Constant', layer='BatchNorm2d', val=1),
        ]

    def forward(self, feats: Features) -> dict[str, Tensor]:
        """Predict the pose.

        Args:
            feats: Feature maps, of which the last is used.

        Returns:
            ``coords`` (B, J, 3): x, y, z, where -0.5 to 0.5 spans the volume; ``maps``
            (B, J + 3P, h, w), less those that are switched off, in the order of ``map_order``;
            and ``features`` (B, C, h, w), the fused features that the volume is made of.

        Raises:
            ValueError: If the maps are not of ``heatmap_size``.
        """
        features = self.feature_branch(feats)
        if tuple(features.shape[-2:]) != self.heatmap_size[::-1]:
            raise ValueError(
                f'a feature map of the shape {tuple(feats[-1].shape)} gives maps of '
                f'{tuple(features.shape[-2:])} (h, w), but heatmap_size is {self.heatmap_size} '
                '(w, h). Set it to a quarter of the input size, and as many deconvolutions as the '
                'backbone needs.'
            )
        maps = features.new_zeros(len(features), 0, *features.shape[-2:])
        if self.map_channels:
            maps = self.hemlets_branch(feats)
            features = torch.cat([features, self.hemlets_encoder(maps)], dim=1)
        # Channel j * D + d is depth d of joint j.
        volume = self.volume_layers(features).unflatten(1, (self.num_joints, self.depth_size))
        return dict(coords=soft_argmax_3d(volume, self.align), maps=maps, features=features)

    def split_maps(self, maps: Tensor) -> dict[str, Tensor]:
        """Tell heatmaps and HEMlets apart.

        Args:
            maps: Maps of :meth:`forward`, (B, C, h, w).

        Returns:
            ``heatmaps`` (B, J, h, w) and ``hemlets`` (B, 3P, h, w), those that there are.
        """
        kinds = maps.split(list(self.map_channels.values()), dim=1) if self.map_channels else ()
        return dict(zip(self.map_channels, kinds, strict=True))

    def loss(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses and two measures of progress.

        Args:
            feats: Feature maps.
            batch_data_samples: B samples with the labels of ``HEMletsLabel``.
            train_cfg: Not used.

        Returns:
            ``loss_coord``, ``loss_heatmap`` and ``loss_hemlets``, those that there are;
            ``acc_pose``, the share of joints less than 5 % of the crop off in x and y; and
            ``mpjpe`` in mm of the joints with a depth, as long as x and y are exact weak
            perspective.
        """
        return self.loss_by_feat(self.forward(feats), batch_data_samples)

    def loss_by_feat(
        self, pred: dict[str, Tensor], batch_data_samples: list[PoseDataSample]
    ) -> dict[str, Tensor]:
        """Compute what :meth:`loss` returns from what :meth:`forward` predicted.

        Args:
            pred: What :meth:`forward` returns.
            batch_data_samples: B samples with the labels of ``HEMletsLabel``.

        Returns:
            See :meth:`loss`.
        """
        labels = _stack(
            [sample.gt_instance_labels for sample in batch_data_samples],
            ('keypoint_labels', 'keypoint_weights', 'keypoint_depth_weights', 'part_weights'),
        )
        target = labels['keypoint_labels']
        weights, depth_weights = labels['keypoint_weights'], labels['keypoint_depth_weights']
        losses = {'loss_coord': self.loss_module(pred['coords'], target, weights, depth_weights)}
        map_weights = dict(
            heatmaps=weights, hemlets=labels['part_weights'].repeat_interleave(_POLARITIES, dim=1)
        )
        for name, maps in self.split_maps(pred['maps']).items():
            # (B, C, h, w), from samples that each hold (C, h, w)
            truth = torch.stack([sample.gt_fields.get(name) for sample in batch_data_samples])
            losses[_LOSS_NAMES[name]] = self.loss_module.forward_maps(
                maps, truth, map_weights[name]
            )
        losses.update(self._progress(pred['coords'], target, weights, depth_weights))
        return losses

    @torch.no_grad()
    def _progress(
        self, coords: Tensor, target: Tensor, weights: Tensor, depth_weights: Tensor
    ) -> dict[str, Tensor]:
        error = coords - target
        close = error[..., :2].norm(dim=-1) < 0.05
        span = getattr(self.decoder, 'depth_bound', 2000.0)
        return dict(
            acc_pose=(close * weights).sum() / weights.sum().clamp(min=1),
            mpjpe=span
            * (error.norm(dim=-1) * depth_weights).sum()
            / depth_weights.sum().clamp(min=1),
        )

    def predict(
        self,
        feats: Any,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Predict poses.

        Args:
            feats: Feature maps; with ``test_cfg['flip_test']`` a list of two: those of the images
                and those of the mirrored images.
            batch_data_samples: B samples.
            test_cfg: ``flip_test``, ``output_heatmaps``.

        Returns:
            B predictions with ``keypoints`` (1, J, 3), x and y in pixels of the input and depth
            relative to the root in mm, and ``keypoint_scores`` (1, J): the peaks of the heatmaps,
            at most 1, or 1 where there are no heatmaps. With ``output_heatmaps`` also ``hemlets``
            (1, 3P, h, w) and a list of B fields ``heatmaps`` (J, h, w) and ``hemlets`` (3P, h, w).

        Raises:
            ValueError: If there is no decoder, or ``feats`` is no pair in the flip test.
        """
        test_cfg = test_cfg or {}
        is_flip_test = test_cfg.get('flip_test', False)
        if is_flip_test:
            check_flip_pair(feats)
        preds = [self.forward(f) for f in (feats if is_flip_test else [feats])]
        coords, maps = self.merge_flipped(preds, batch_data_samples)
        return self.predict_by_maps(coords, maps, test_cfg)

    def predict_by_maps(
        self, coords: Tensor, maps: dict[str, Tensor], test_cfg: dict
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Compute what :meth:`predict` returns from coordinates and maps.

        Args:
            coords: Coordinates (B, J, 3).
            maps: Maps by kind, see :meth:`split_maps`.
            test_cfg: ``output_heatmaps``.

        Returns:
            See :meth:`predict`.

        Raises:
            ValueError: If there is no decoder.
        """
        if self.decoder is None:
            raise ValueError('HEMletsHead needs a decoder to predict: decoder=codec.')
        keypoints, scores = self.decoder.batch_decode(coords)
        if 'heatmaps' in maps:
            peaks = maps['heatmaps'].detach().float().amax((2, 3)).clamp(0, 1).cpu().numpy()
            scores = list(peaks[:, None])
        preds = [
            InstanceData(keypoints=points, keypoint_scores=score)
            for points, score in zip(keypoints, scores, strict=True)
        ]
        if not test_cfg.get('output_heatmaps', False) or not maps:
            return preds
        if 'hemlets' in maps:
            # Here too: MMPose's hooks, when they merge people, keep of the fields the heatmaps.
            for pred, triplets in zip(preds, maps['hemlets'], strict=True):
                pred.hemlets = triplets.detach()[None]
        fields = [
            PixelData(**{name: kind[i].detach() for name, kind in maps.items()})
            for i in range(len(preds))
        ]
        return preds, fields

    def merge_flipped(
        self, preds: list[dict[str, Tensor]], batch_data_samples: list[PoseDataSample]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Average predictions of images and, in the flip test, of the mirrored images.

        Args:
            preds: What :meth:`forward` returns for the images and, in the flip test, behind it
                for the mirrored images.
            batch_data_samples: B samples.

        Returns:
            Mean coordinates (B, J, 3) and mean maps by kind, see :meth:`split_maps`, both of the
            images.
        """
        pred, *others = preds
        if not others:
            return pred['coords'], self.split_maps(pred['maps'])
        (mirrored,) = others
        flip_indices = list(batch_data_samples[0].metainfo['flip_indices'])
        coords = unmirror(mirrored['coords'], flip_indices, self.decoder.input_size[0])
        maps = self.split_maps(pred['maps'])
        for name, kind in self.split_maps(mirrored['maps']).items():
            order = flip_indices
            if name == 'hemlets':
                first = _POLARITIES * np.asarray(self.decoder.part_flip)
                order = (first[:, None] + np.arange(_POLARITIES)).ravel().tolist()
            # Shifted, as mirrored maps lie 3/4 of a pixel off: x becomes w - 1 - x in pixels of
            # the input, which are a quarter of theirs.
            maps[name] = (maps[name] + flip_heatmaps(kind, order, shift_heatmap=True)) / 2
        return (pred['coords'] + coords) / 2, maps

    def _check_decoder(self, num_parts: int) -> None:
        """Refuse a codec of other sizes than the head's."""
        ours = dict(
            heatmap_size=self.heatmap_size,
            depth_size=self.depth_size,
            num_joints=self.num_joints,
            align=self.align,
        )
        theirs = {name: getattr(self.decoder, name, value) for name, value in ours.items()}
        ours['num_parts'] = num_parts
        theirs['num_parts'] = len(getattr(self.decoder, 'parts', range(num_parts)))
        differing = [name for name in ours if ours[name] != theirs[name]]
        if differing:
            raise ValueError(
                'head and decoder disagree: '
                + ', '.join(f'{name} {ours[name]} and {theirs[name]}' for name in differing)
                + '. Give both the same.'
            )


def unmirror(coords: Tensor, flip_indices: Sequence[int], width: int) -> Tensor:
    """Turn the coordinates of a mirrored image back.

    Pixel x of an image of width w is pixel ``w - 1 - x`` of its mirror image, so that with
    ``v = x / w - 0.5`` the mirrored coordinate is ``-v - 1 / w``.

    Args:
        coords (Tensor): x, y, z in the mirrored image, (B, J, 3), where -0.5 to 0.5 spans it.
        flip_indices (Sequence[int]): The joint that each joint becomes.
        width (int): Width of the input in pixels.

    Returns:
        Tensor: x, y, z in the image, (B, J, 3).
    """
    x, y, z = coords[:, list(flip_indices)].unbind(-1)
    return torch.stack([-x - 1 / width, y, z], dim=-1)


def _stack(labels: list[InstanceData], names: Sequence[str]) -> dict[str, Tensor]:
    return {name: torch.cat([label.get(name) for label in labels]) for name in names}
