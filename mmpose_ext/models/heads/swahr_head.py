"""SWAHR head: HigherHRNet's with a branch that predicts scale maps."""

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.heads.higherhrnet_head import Features, HigherHRNetHead


class ZeroInitConv2d(nn.Conv2d):
    """A convolution that gives 0 until it is trained."""

    def reset_parameters(self) -> None:
        """Set all parameters to 0."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


@MODELS.register_module()
class SWAHRHead(HigherHRNetHead):
    """HigherHRNet's head with the scale branch of SWAHR, which only the loss reads.

    Source: `SWAHR <https://arxiv.org/abs/2012.15175>`_ (CVPR 2021) and its public code, after which
    the layers are named. Of each level's features a 1x1 convolution and a depthwise 9x9 one make
    the scale maps a, (B, K, h, w): 0 at the start, which keeps HigherHRNet's targets. Prediction
    leaves the branch out.

    Args:
        in_channels (int): Channels of the trunk's first feature map.
        heatmap_loss (dict, optional): Config of the heatmap loss. None: ``SWAHRHeatmapLoss`` with
            scale-adaptive targets and adaptive weights.
        **kwargs: Further arguments of :class:`HigherHRNetHead`.

    Raises:
        ValueError: As of :class:`HigherHRNetHead`.
    """

    def __init__(self, in_channels: int, heatmap_loss: dict | None = None, **kwargs: Any) -> None:
        super().__init__(
            in_channels, heatmap_loss=heatmap_loss or dict(type='SWAHRHeatmapLoss'), **kwargs
        )
        self.conv_scale_layers = nn.ModuleList(
            _make_scale_layer(channels, self.num_keypoints) for channels in self.level_channels
        )

    @property
    def default_init_cfg(self) -> list[dict]:
        """The published initialisation: the scale maps are 0."""
        return [*super().default_init_cfg, dict(type='Constant', layer='ZeroInitConv2d', val=0)]

    def forward_with_scales(self, feats: Features) -> tuple[Tensor, ...]:
        """Predict the maps of all levels as the authors' network returns them, scale maps first.

        Args:
            feats: Feature maps, of which the first, (B, in_channels, h, w), is used.

        Returns:
            Level 0, (B, 3 * K, h, w): scale maps, heatmaps, tags; then each further level,
            (B, 2 * K, 2 * h, 2 * w) and so on: scale maps, heatmaps.
        """
        features, maps = zip(*self._forward_levels(feats), strict=True)
        scales = self._predict_scales(list(features))
        return tuple(torch.cat(both, dim=1) for both in zip(scales, maps, strict=True))

    def _predict_scales(self, features: list[Tensor]) -> list[Tensor]:
        return [layer(level) for layer, level in zip(self.conv_scale_layers, features, strict=True)]


def _make_scale_layer(in_channels: int, num_keypoints: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, num_keypoints, 1),
        nn.BatchNorm2d(num_keypoints),
        nn.ReLU(inplace=True),
        ZeroInitConv2d(num_keypoints, num_keypoints, 9, padding=4, groups=num_keypoints),
    )
