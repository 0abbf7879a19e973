"""A recurrent neck over the features of successive steps."""

from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class TemporalGRU(nn.Module):
    """One causal GRU layer over time, its input added to its output.

    The temporal encoder of EventHPE (`Zou et al., ICCV 2021 <https://arxiv.org/abs/2108.06819>`_):
    ``y = GRU(x, h0) + x``. As it looks at nothing to come, steps given one by one with the state
    carried along have the result of the whole clip.

    Args:
        in_channels (int): Channels C of the features. The paper's 2048.
        hidden_channels (int): Channels D of the state. The paper's 2048.
        residual (bool): Whether the input is added, which as in the authors' code is only done
            where D is C.

    Raises:
        ValueError: If a number of channels is not positive.

    Example:
        >>> features, state = TemporalGRU(32, 32)(torch.randn(2, 8, 32))
        >>> features.shape, state.shape
        (torch.Size([2, 8, 32]), torch.Size([2, 32]))
    """

    def __init__(
        self, in_channels: int = 2048, hidden_channels: int = 2048, residual: bool = True
    ) -> None:
        super().__init__()
        if in_channels < 1 or hidden_channels < 1:
            raise ValueError(
                'in_channels and hidden_channels must be positive, got '
                f'{in_channels} and {hidden_channels}.'
            )
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.out_channels = hidden_channels
        self.residual = residual and in_channels == hidden_channels
        self.gru = nn.GRU(in_channels, hidden_channels, batch_first=True)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over the steps of clips.

        Args:
            x: Features (B, T, C).
            state: State (B, D) before the first step. None: zeros.

        Returns:
            Features (B, T, D) and the state (B, D) after the last step.

        Raises:
            ValueError: If a shape is wrong.
        """
        if x.ndim != 3 or x.shape[2] != self.in_channels:
            raise ValueError(f'x must have the shape (B, T, {self.in_channels}), got {x.shape}.')
        if state is not None and state.shape != (len(x), self.hidden_channels):
            raise ValueError(
                f'state must have the shape ({len(x)}, {self.hidden_channels}), got {state.shape}.'
            )
        first = None if state is None else state.to(x.dtype)[None].contiguous()
        y, last = self.gru(x, first)
        return (y + x if self.residual else y), last[0]
