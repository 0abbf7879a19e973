"""HigherHRNet head: heatmaps at several resolutions, tags at the lowest."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.backbones.resnet import BasicBlock
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from mmpose_ext.models.heads.crowd_maps import aggregate_maps, check_input_sizes

Features = Sequence[Tensor]

# Padding and output padding of a transposed convolution that doubles the map, by kernel size.
_DECONV_PADDINGS = {2: (0, 0), 3: (1, 1), 4: (1, 0)}


@MODELS.register_module()
class HigherHRNetHead(BaseHead):
    """The network of HigherHRNet behind its trunk, whose highest resolution it reads.

    Source: `HigherHRNet <https://arxiv.org/abs/1908.10357>`_ (CVPR 2020) and its public code, after
    which the layers are named. Level 0 has the trunk's resolution, each further level twice that
    of the one before. B images, K keypoints, L sets of tags (2 with the flip test, else 1).

    The test reads of the model's ``test_cfg``:

    * ``flip_test``, ``multiscale_test``: see :meth:`predict`;
    * ``project2image``: resize the maps to the network's input before decoding (published, the
      default), else decode those of the last level;
    * ``output_heatmaps``: return the maps as well.

    Args:
        in_channels (int): Channels of the trunk's first feature map.
        num_keypoints (int): K.
        deconv_out_channels (Sequence[int]): Channels of each further level. Empty: associative
            embedding at the trunk's resolution alone.
        deconv_kernel_sizes (Sequence[int], optional): Kernel of each deconvolution, 2 to 4.
            None: 4 (published).
        num_blocks (int): Residual blocks behind each deconvolution. Published: 4.
        heatmap_loss (dict, optional): Config of the heatmap loss. None: HigherHRNet's masked mean
            squared error.
        tag_loss (dict, optional): Config of the loss of the tags. None: the published one.
        decoder (dict, optional): Config of the codec. None: the head cannot decode.
        init_cfg (dict | list, optional): Config of the initialisation. None: weights of
            convolutions from N(0, 0.001) as published, biases 0.

    Raises:
        ValueError: If the deconvolutions are described inconsistently, or the codec's levels or
            keypoints are not the head's.
    """

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int = 17,
        deconv_out_channels: Sequence[int] = (32,),
        deconv_kernel_sizes: Sequence[int] | None = None,
        num_blocks: int = 4,
        heatmap_loss: dict | None = None,
        tag_loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(self.default_init_cfg if init_cfg is None else init_cfg)
        if deconv_kernel_sizes is None:
            deconv_kernel_sizes = [4] * len(deconv_out_channels)
        _check_kernels(deconv_out_channels, deconv_kernel_sizes)
        self.num_keypoints = num_keypoints
        # Channels of the features of each level.
        self.level_channels = (in_channels, *deconv_out_channels)

        # Level 0 gives heatmaps and tags.
        map_channels = [2 * num_keypoints] + [num_keypoints] * len(deconv_out_channels)
        self.final_layers = nn.ModuleList(
            nn.Conv2d(channels, maps, 1)
            for channels, maps in zip(self.level_channels, map_channels, strict=True)
        )
        self.deconv_layers = nn.ModuleList(
            _make_deconv_layer(below + maps, channels, kernel_size, num_blocks)
            for below, maps, channels, kernel_size in zip(
                self.level_channels[:-1],
                map_channels[:-1],
                deconv_out_channels,
                deconv_kernel_sizes,
                strict=True,
            )
        )
        self.heatmap_loss = MODELS.build(
            heatmap_loss or dict(type='SWAHRHeatmapLoss', weight_adaptive=False)
        )
        self.tag_loss = MODELS.build(tag_loss or dict(type='BatchedAssociativeEmbeddingLoss'))
        self.decoder: Any = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        self._check_decoder()

    @property
    def default_init_cfg(self) -> list[dict]:
        """The published initialisation."""
        return [dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001)]

    def forward(self, feats: Features) -> tuple[Tensor, ...]:
        """Predict the maps of all levels.

        Args:
            feats: Feature maps, of which the first, (B, in_channels, h, w), is used.

        Returns:
            Level 0, (B, 2 * K, h, w), heatmaps before tags; then the heatmaps of each further
            level, (B, K, 2 * h, 2 * w) and so on.
        """
        return tuple(maps for _, maps in self._forward_levels(feats))

    def loss(
        self,
        feats: Features,
        batch_data_samples: list[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            feats: Feature maps.
            batch_data_samples: The batch's samples with the codec's labels.
            train_cfg: Not used.

        Returns:
            ``loss_heatmap_i`` of each level i, ``loss_pull``, ``loss_push``, and of a head with
            scale maps ``loss_scale_i``; scalars.

        Raises:
            ValueError: If the samples have other levels than the head.
        """
        levels = self._forward_levels(feats)
        heatmaps, masks = _stack_fields(batch_data_samples, len(levels))
        scales = self._predict_scales([features for features, _ in levels])
        losses = {}
        for i, (_, maps) in enumerate(levels):
            losses[f'loss_heatmap_{i}'], penalty = self.heatmap_loss(
                maps[:, : self.num_keypoints], heatmaps[i], masks[i], scales[i]
            )
            if scales[i] is not None:
                losses[f'loss_scale_{i}'] = penalty
        losses['loss_pull'], losses['loss_push'] = self.tag_loss(
            levels[0][1][:, self.num_keypoints :],
            [sample.gt_instance_labels.keypoint_indices for sample in batch_data_samples],
        )
        return losses

    def predict(
        self,
        feats: Any,
        batch_data_samples: list[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Predict people.

        Args:
            feats: Feature maps of the images. With ``flip_test`` a list of two: those of the
                images and of the mirrored images. With ``multiscale_test`` a list of either, for
                scale 1 and then for each other scale.
            batch_data_samples: The batch's B samples.
            test_cfg: See the class.

        Returns:
            Of each image ``keypoints`` (N, K, 2) in px of the network's input,
            ``keypoint_scores`` (N, K) and the people's scores ``bbox_scores`` (N,). With
            ``output_heatmaps`` also a list of B fields with ``heatmaps`` (K, h, w) and ``tags``
            (L * K, h, w).

        Raises:
            ValueError: If the features are not as described, or images of several sizes are in
                the batch.
            RuntimeError: If the head has no decoder.
        """
        test_cfg = test_cfg or {}
        input_size = check_input_sizes(batch_data_samples)
        pyramid = _as_pyramid(feats, test_cfg)
        flip_indices = None
        if test_cfg.get('flip_test', False):
            flip_indices = batch_data_samples[0].metainfo['flip_indices']
        # One pass over the images and the mirrored images.
        pyramid_maps = [
            self.forward([torch.cat([views[0] for views in scale])]) for scale in pyramid
        ]
        heatmaps, tags = aggregate_maps(
            pyramid_maps,
            self.num_keypoints,
            flip_indices,
            input_size if test_cfg.get('project2image', True) else None,
        )
        preds = self.decode((heatmaps, tags), input_size[0] / heatmaps.shape[-1])
        if not test_cfg.get('output_heatmaps', False):
            return preds
        fields = [PixelData(heatmaps=h, tags=t) for h, t in zip(heatmaps, tags, strict=True)]
        return preds, fields

    def decode(
        self, batch_outputs: tuple[Tensor, Tensor], stride: float = 1.0
    ) -> list[InstanceData]:
        """Group keypoints to people.

        Args:
            batch_outputs: Heatmaps (B, K, h, w) and tags (B, L * K, h, w).
            stride: Pixels of the network's input per pixel of the maps.

        Returns:
            B predictions, see :meth:`predict`.

        Raises:
            RuntimeError: If the head has no decoder.
        """
        if self.decoder is None:
            raise RuntimeError(
                f'{type(self).__name__} has no decoder; give it the codec: head=dict(decoder=...).'
            )
        decoded = self.decoder.batch_decode(*batch_outputs, stride=stride)
        return [
            InstanceData(keypoints=keypoints, keypoint_scores=scores, bbox_scores=person_scores)
            for keypoints, scores, person_scores in zip(*decoded, strict=True)
        ]

    def _forward_levels(self, feats: Features) -> list[tuple[Tensor, Tensor]]:
        """Features and maps of each level."""
        features = feats[0]
        maps = self.final_layers[0](features)
        levels = [(features, maps)]
        for deconv, final in zip(self.deconv_layers, self.final_layers[1:], strict=True):
            features = deconv(torch.cat([features, maps], dim=1))
            maps = final(features)
            levels.append((features, maps))
        return levels

    def _predict_scales(self, features: list[Tensor]) -> Sequence[Tensor | None]:
        """Scale maps (B, K, h, w) of each level; HigherHRNet has none."""
        return [None] * len(features)

    def _check_decoder(self) -> None:
        if self.decoder is None:
            return
        sizes = getattr(self.decoder, 'heatmap_sizes', None)
        if sizes is None:
            raise ValueError(
                f'{type(self.decoder).__name__} has no heatmap_sizes; use the codec '
                'MultiResolutionAssociativeEmbedding.'
            )
        first_w, first_h = sizes[0]
        levels = len(self.level_channels)
        expected = [(first_w << level, first_h << level) for level in range(levels)]
        if [tuple(size) for size in sizes] != expected:
            raise ValueError(
                f'the heatmap_sizes of the codec are {[tuple(size) for size in sizes]} (w, h), but '
                f'a head with deconv_out_channels={self.level_channels[1:]} has {levels} level(s), '
                f'each twice as large as the one before: {expected}.'
            )
        order = getattr(self.decoder, 'decode_keypoint_order', None)
        if order is not None and len(order) != self.num_keypoints:
            raise ValueError(
                f'the head has num_keypoints={self.num_keypoints}, but the decode_keypoint_order '
                f'of its codec has {len(order)}: {list(order)}.'
            )


def _make_deconv_layer(
    in_channels: int, out_channels: int, kernel_size: int, num_blocks: int
) -> nn.Sequential:
    """A deconvolution and residual blocks, nested as in the authors' checkpoints."""
    padding, output_padding = _DECONV_PADDINGS[kernel_size]
    upsampling = nn.Sequential(
        nn.ConvTranspose2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=2,
            padding=padding,
            output_padding=output_padding,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
    blocks = [nn.Sequential(BasicBlock(out_channels, out_channels)) for _ in range(num_blocks)]
    return nn.Sequential(upsampling, *blocks)


def _check_kernels(channels: Sequence[int], kernel_sizes: Sequence[int]) -> None:
    if len(kernel_sizes) != len(channels):
        raise ValueError(
            f'deconv_out_channels {tuple(channels)} and deconv_kernel_sizes '
            f'{tuple(kernel_sizes)} must have the same length.'
        )
    for kernel_size in kernel_sizes:
        if kernel_size not in _DECONV_PADDINGS:
            raise ValueError(
                f'a deconvolution has a kernel of {sorted(_DECONV_PADDINGS)}, got {kernel_size}.'
            )


def _stack_fields(
    samples: list[PoseDataSample], num_levels: int
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Heatmaps (B, K, h, w) and masks (B, 1, h, w) or None of each level."""
    heatmaps = [sample.gt_fields.heatmaps for sample in samples]
    if any(len(levels) != num_levels or torch.is_tensor(levels) for levels in heatmaps):
        raise ValueError(
            f'the head has {num_levels} level(s), but the samples have heatmaps of '
            f'{sorted({1 if torch.is_tensor(levels) else len(levels) for levels in heatmaps})}; '
            'make the targets with the codec that is the decoder of the head.'
        )
    stacked = [torch.stack(level) for level in zip(*heatmaps, strict=True)]
    masked = ['heatmap_mask' in sample.gt_fields for sample in samples]
    if any(masked) and not all(masked):
        raise ValueError(
            f'{sum(masked)} of {len(samples)} samples of a batch have a heatmap_mask; give all '
            'datasets CrowdHeatmapMask or none.'
        )
    if not any(masked):
        return stacked, [None] * num_levels
    masks = zip(*(sample.gt_fields.heatmap_mask for sample in samples), strict=True)
    return stacked, [torch.stack(level) for level in masks]


def _as_pyramid(feats: Any, test_cfg: dict) -> list[list[Features]]:
    """Feature maps by scale and view: the images, with the flip test the mirrored ones too."""
    multiscale = bool(test_cfg.get('multiscale_test', False))
    flip = bool(test_cfg.get('flip_test', False))
    scales = feats if multiscale else [feats]
    pyramid = [scale if flip else [scale] for scale in scales]
    fits = not multiscale or isinstance(feats, list)
    for views in pyramid:
        fits = fits and isinstance(views, list) and len(views) == 1 + flip
        fits = fits and all(torch.is_tensor(view[0]) for view in views)
    if not fits:
        raise ValueError(
            f'test_cfg has flip_test={flip} and multiscale_test={multiscale}, but the features '
            'are not nested so: a tuple of tensors, in a list of two with flip_test, in a list '
            'of scales with multiscale_test.'
        )
    return pyramid
