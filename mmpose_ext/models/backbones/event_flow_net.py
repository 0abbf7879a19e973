"""The network of EventHPE's stage 1: optical flow from event frames."""

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.options import check_option

_DT_MODES = ('none', 'divide')


class _ConvBlock(nn.Module):
    """A convolution of any kind and a 3x3 one, each with batch norm and ReLU."""

    def __init__(self, first: nn.Module, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            first,
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x)


class _Encoder(_ConvBlock):
    """Halves the resolution."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(nn.Conv2d(inputs, channels, 3, 2, 1, bias=False), channels)


class _Residual(_ConvBlock):
    """Adds to what it gets."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.ConvTranspose2d(channels, channels, 3, 1, 1, bias=False), channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class _Decoder(_ConvBlock):
    """Doubles the resolution."""

    def __init__(self, inputs: int, channels: int) -> None:
        first = nn.ConvTranspose2d(inputs, channels, 3, 2, 1, output_padding=1, bias=False)
        super().__init__(first, channels)


class _FlowHead(nn.Module):
    """Flow in -1 to 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(channels, 2, 1, bias=False), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_block(x)


@MODELS.register_module()
class EventFlowNet(BaseModule):
    """Optical flow from event frames at several scales, a U-Net as EV-FlowNet's.

    Stage 1 of EventHPE (`ICCV 2021 <https://arxiv.org/abs/2108.06819>`_); weights have the names
    of the authors' release. Its outputs are between -1 and 1 times ``max_flow``, at every scale
    the same factor, also where a pixel of that scale is several of the input.

    Args:
        in_channels (int): Channels C of the events: 8 are two intervals of 4.
        base_channels (int): Channels of the first encoder; each next one has twice as many.
        num_levels (int): Encoders, and decoders.
        max_flow (float, optional): Largest u and v in px. None: the input's height, as the
            authors' 256 is. 8 is ours for small images with motion of a few pixels.
        dt_mode (str): ``'none'``: the flow is that of the whole window. ``'divide'``: it is
            divided by the length of the window, as the authors do; at length 1, which all tests
            have, it is the same.
        init_cfg (dict, optional): MMEngine's, such as ``dict(type='Pretrained',
            checkpoint='stage1.pth', prefix='flow_net.')``.

    Raises:
        ValueError: If a number is not positive or ``dt_mode`` is unknown.

    Example:
        >>> flows = EventFlowNet()(torch.zeros(2, 8, 256, 256))
        >>> [tuple(flow.shape) for flow in flows]
        [(2, 2, 32, 32), (2, 2, 64, 64), (2, 2, 128, 128), (2, 2, 256, 256)]
    """

    def __init__(
        self,
        in_channels: int = 8,
        base_channels: int = 32,
        num_levels: int = 4,
        max_flow: float | None = None,
        dt_mode: str = 'none',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_option('dt_mode', dt_mode, _DT_MODES)
        if min(in_channels, base_channels, num_levels) < 1:
            raise ValueError(
                'in_channels, base_channels and num_levels must be at least 1, got '
                f'{in_channels}, {base_channels} and {num_levels}'
            )
        if max_flow is not None and not 0 < max_flow < float('inf'):
            raise ValueError(f'max_flow must be a positive number of px or None, got {max_flow}')
        self.in_channels = in_channels
        self.max_flow = max_flow
        self.dt_mode = dt_mode
        # Sizes must be multiples of it.
        self.stride = 2**num_levels

        widths = [base_channels * 2**level for level in range(num_levels)]
        self.encoders = nn.ModuleList(map(_Encoder, [in_channels, *widths], widths))
        self.residual = _Residual(widths[-1])
        skips = widths[::-1]
        outputs = [max(width // 2, 1) for width in skips]
        # From the second on with the flow of the scale before.
        inputs = [skips[0], *(width + 2 for width in outputs)]
        self.decoders = nn.ModuleList(
            _Decoder(before + skip, after)
            for before, skip, after in zip(inputs, skips, outputs, strict=False)
        )
        self.flows = nn.ModuleList(map(_FlowHead, outputs))

    def forward(self, events: Tensor, dt: Tensor | None = None) -> tuple[Tensor, ...]:
        """Estimate the flow.

        Args:
            events (Tensor): Event frames, (B, C, H, W), H and W multiples of 16 (of 2 to the
                number of levels).
            dt (Tensor, optional): Length of each window in steps, (B,), at least 1; looked at
                with ``dt_mode='divide'``. Defaults to None: 1.

        Returns:
            tuple[Tensor, ...]: Flow u, v in px at 1/8, 1/4, 1/2 and 1 of the input's size,
            (B, 2, h, w) each, coarse to fine; float32 also under autocast.

        Raises:
            ValueError: If the shape of the events or of ``dt`` does not fit.
        """
        self._check(events, dt)
        x, skips = events, []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        x = self.residual(x)
        raw_flows = []
        for decoder, head in zip(self.decoders, self.flows, strict=True):
            x = decoder(torch.cat((x, skips.pop()), dim=1))
            raw_flows.append(head(x))
            x = torch.cat((x, raw_flows[-1]), dim=1)
        return tuple(self._in_pixels(raw, events.shape[2], dt) for raw in raw_flows)

    def _in_pixels(self, raw: Tensor, height: int, dt: Tensor | None) -> Tensor:
        """Scale flow of -1 to 1. Half precision would be 0.1 px off at 256 px."""
        flow = raw.to(torch.promote_types(raw.dtype, torch.float32))
        flow = flow * (height if self.max_flow is None else self.max_flow)
        return flow if dt is None or self.dt_mode == 'none' else flow / dt.view(-1, 1, 1, 1)

    def _check(self, events: Tensor, dt: Tensor | None) -> None:
        if events.ndim != 4 or events.shape[1] != self.in_channels:
            raise ValueError(
                f'events must be (B, {self.in_channels}, H, W), got {tuple(events.shape)}'
            )
        H, W = events.shape[2:]
        if H % self.stride or W % self.stride:
            raise ValueError(
                f'H and W must be multiples of {self.stride}, got {H} x {W}: pad or resize the '
                'event frames.'
            )
        if dt is not None and dt.shape != events.shape[:1]:
            raise ValueError(
                f'dt must hold a length for each of {len(events)} windows, got {tuple(dt.shape)}'
            )
