"""Formulas of unsupervised optical flow: warping, photometric error, smoothness.

As in stage 1 of EventHPE (`ICCV 2021 <https://arxiv.org/abs/2108.06819>`_), which has the losses
and constants of EV-FlowNet (`RSS 2018 <https://arxiv.org/abs/1802.06898>`_). A flow (B, 2, H, W)
holds u and v in pixels, x to the right and y down: what is at (x, y) of the first image is at
(x + u, y + v) of the second.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

EPS = 1e-3
ALPHA = 0.45


def charbonnier(x: Tensor, eps: float = EPS, alpha: float = ALPHA) -> Tensor:
    r"""Robust penalty of each number, :math:`(x^2 + \epsilon^2)^\alpha`.

    Args:
        x (Tensor): Differences of any shape.
        eps (float): Where the penalty turns from a parabola to a power.
        alpha (float): Half the power.

    Returns:
        Tensor: Penalties of the same shape; ``eps ** (2 * alpha)`` at 0.
    """
    return (x.square() + eps**2) ** alpha


def warp_by_flow(
    image: Tensor, flow: Tensor, legacy: bool = False, return_valid: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """Fetch each pixel of an image from where the flow points, bilinearly.

    Args:
        image (Tensor): Second image, (B, C, H, W); of any aspect ratio.
        flow (Tensor): Flow from the first to the second image in px, (B, 2, H, W).
        legacy (bool): Sample half a pixel up and left and take 0 outside, as the authors' release
            does by mistake. Defaults to False: exactly, with the nearest pixel outside.
        return_valid (bool): Whether to tell which pixels come from inside the image.

    Returns:
        Tensor | tuple[Tensor, Tensor]: The second image as seen at the first, (B, C, H, W); with
        ``return_valid`` also a bool mask (B, 1, H, W).

    Raises:
        ValueError: If the shapes do not belong together.
    """
    expected = (len(image), 2, *image.shape[2:])
    if image.ndim != 4 or flow.shape != expected:
        raise ValueError(
            'expected an image (B, C, H, W) and a flow (B, 2, H, W), got '
            f'{tuple(image.shape)} and {tuple(flow.shape)}'
        )
    size = flow.new_tensor((flow.shape[3], flow.shape[2])).view(2, 1, 1)
    ends = flow + _pixel_grid(flow)
    # grid_sample's -1 to 1 spans the pixels' outer edges, half a pixel beyond their middles.
    grid = (2 * ends + (0 if legacy else 1)) / size - 1
    padding = 'zeros' if legacy else 'border'
    warped = grid_sample(image, grid.permute(0, 2, 3, 1), padding_mode=padding, align_corners=False)
    if not return_valid:
        return warped
    return warped, ((ends >= 0) & (ends <= size - 1)).all(dim=1, keepdim=True)


def _pixel_grid(flow: Tensor) -> Tensor:
    """Give the pixels' own x and y, (2, H, W)."""
    y = torch.arange(flow.shape[2], device=flow.device, dtype=flow.dtype)
    x = torch.arange(flow.shape[3], device=flow.device, dtype=flow.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing='xy'))


def photometric_error(
    first: Tensor,
    second: Tensor,
    flow: Tensor,
    eps: float = EPS,
    alpha: float = ALPHA,
    legacy: bool = False,
    valid_only: bool = False,
) -> Tensor:
    """Mean penalty of the difference between an image and the next one, warped back onto it.

    Args:
        first (Tensor): First image, (B, C, H, W).
        second (Tensor): Second image, of the same shape.
        flow (Tensor): Flow from the first to the second in px, (B, 2, H, W).
        eps (float): See :func:`charbonnier`, in the images' unit.
        alpha (float): See :func:`charbonnier`.
        legacy (bool): See :func:`warp_by_flow`.
        valid_only (bool): Leave out the pixels whose flow points out of the image (ours). Without
            any such pixel left the error is 0. Defaults to False, as the authors.

    Returns:
        Tensor: The mean over all pixels, channels and images, ().

    Raises:
        ValueError: If the shapes do not belong together.
    """
    if first.shape != second.shape:
        raise ValueError(
            f'expected two images of one shape, got {tuple(first.shape)} and {tuple(second.shape)}'
        )
    warped, valid = warp_by_flow(second, flow, legacy, return_valid=True)
    penalty = charbonnier(first - warped, eps, alpha)
    if not valid_only:
        return penalty.mean()
    kept = valid.expand_as(penalty)
    return (penalty * kept).sum() / kept.sum().clamp(min=1)


def flow_smoothness(flow: Tensor, eps: float = EPS, alpha: float = ALPHA) -> Tensor:
    """Mean penalty of the differences between neighbouring pixels' flow.

    Args:
        flow (Tensor): Flow in px, (B, 2, H, W), H and W at least 2.
        eps (float): See :func:`charbonnier`.
        alpha (float): See :func:`charbonnier`.

    Returns:
        Tensor: Mean of four means, (): of horizontal, vertical and both diagonal neighbours.

    Raises:
        ValueError: If the shape is not that of a flow of at least 2 x 2 pixels.
    """
    if flow.ndim != 4 or flow.shape[1] != 2 or min(flow.shape[2:]) < 2:
        raise ValueError(
            f'expected a flow (B, 2, H, W) of at least 2 x 2 px, got {tuple(flow.shape)}'
        )
    differences = (
        flow[..., :, 1:] - flow[..., :, :-1],
        flow[..., 1:, :] - flow[..., :-1, :],
        flow[..., 1:, 1:] - flow[..., :-1, :-1],
        flow[..., 1:, :-1] - flow[..., :-1, 1:],
    )
    terms = [charbonnier(difference, eps, alpha).mean() for difference in differences]
    return torch.stack(terms).mean()
