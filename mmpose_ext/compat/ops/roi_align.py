"""RoI align as mmcv's compiled op does it, in plain torch.

Source: He et al., Mask R-CNN, arXiv:1703.06870, section 3; what happens at the borders
and the two alignments are Detectron2's choice, which mmcv follows.
"""

from typing import NamedTuple

import torch
from torch import Tensor

# Where the search for the greatest sample starts: mmcv's choice.
_LOWEST = -10000.0


class Samples(NamedTuple):
    """The points at which all RoIs sample the feature maps, bin after bin."""

    bin: Tensor  # (S,) int64: (roi * out_height + row) * out_width + column
    image: Tensor  # (S,) int64: index into the batch
    y: Tensor  # (S,) in feature map pixels
    x: Tensor  # (S,) in feature map pixels
    share: Tensor  # (S,) one over the number of samples in the point's bin


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Pool bilinear samples of each region into ``aligned_height x aligned_width`` bins.

    Args:
        input (Tensor): Feature maps ``(B, C, H, W)``.
        rois (Tensor): ``(R, 5)`` as image index, x1, y1, x2, y2, in image pixels.
        output (Tensor): ``(R, C, aligned_height, aligned_width)``, overwritten.
        argmax_y (Tensor): In max pooling shaped like ``output`` and overwritten by the y of
            each greatest sample, in feature map pixels, -1 where there is none. Unused in
            average pooling.
        argmax_x (Tensor): The same for x.
        aligned_height (int): Rows of bins.
        aligned_width (int): Columns of bins.
        spatial_scale (float): Feature map pixels per image pixel.
        sampling_ratio (int): Samples per bin and axis; 0: one per feature map pixel.
        pool_mode (int): 0: greatest sample of a bin; 1: their mean.
        aligned (bool): Whether the centre of a pixel lies at +0.5, as it should, or at +0.

    Raises:
        ValueError: If a RoI is not finite, names an image that is not there, or is aligned
            and has a negative width or height.
    """
    dtype = torch.promote_types(input.dtype, torch.float32)
    bins = (aligned_height, aligned_width)
    rois = _check_rois(rois.to(dtype), len(input), aligned)
    samples = _sample_points(rois, bins, spatial_scale, sampling_ratio, aligned)
    pixels = input.to(dtype).permute(0, 2, 3, 1).flatten(0, 2)
    num_bins = len(rois) * aligned_height * aligned_width
    if pool_mode == 1:
        pooled = _averaging_matrix(samples, input.shape, num_bins) @ pixels
    else:
        pooled, y, x = _max_pool(samples, input.shape, pixels, num_bins)
        argmax_y.copy_(_channels_first(y, argmax_y.shape))
        argmax_x.copy_(_channels_first(x, argmax_x.shape))
    output.copy_(_channels_first(pooled, output.shape))


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Add the gradient of :func:`roi_align_forward` by its feature maps to ``grad_input``.

    Args:
        grad_output (Tensor): ``(R, C, aligned_height, aligned_width)``.
        rois (Tensor): As in the forward pass; they get no gradient.
        argmax_y (Tensor): As the forward pass left it.
        argmax_x (Tensor): As the forward pass left it.
        grad_input (Tensor): ``(B, C, H, W)``, added to.
        aligned_height (int): As in the forward pass, like all that follow.
        aligned_width (int): Columns of bins.
        spatial_scale (float): Feature map pixels per image pixel.
        sampling_ratio (int): Samples per bin and axis.
        pool_mode (int): 0: max; 1: mean.
        aligned (bool): Where the centre of a pixel lies.
    """
    dtype = torch.promote_types(grad_output.dtype, torch.float32)
    grad, rois = grad_output.to(dtype), rois.to(dtype)
    if pool_mode == 0:
        argmax = (argmax_y.to(dtype), argmax_x.to(dtype))
        grad_input += _max_pool_backward(grad, rois[:, 0].long(), argmax, grad_input.shape)
        return
    bins = (aligned_height, aligned_width)
    samples = _sample_points(rois, bins, spatial_scale, sampling_ratio, aligned)
    rows = grad.permute(0, 2, 3, 1).flatten(0, 2)
    pixels = _averaging_matrix(samples, grad_input.shape, len(rows)).t() @ rows
    grad_input += _channels_first(pixels, grad_input.shape)


def _check_rois(rois: Tensor, batch: int, aligned: bool) -> Tensor:
    wrong = ~rois.isfinite().all(dim=1) | (rois[:, 0] < 0) | (rois[:, 0] >= batch)
    if aligned:
        wrong |= (rois[:, 3] < rois[:, 1]) | (rois[:, 4] < rois[:, 2])
    if wrong.any():
        raise ValueError(
            f'RoI align got the RoI {rois[wrong][0].tolist()}. A RoI is (image index, x1, y1, '
            f'x2, y2): finite, of one of the {batch} images'
            + (', with x2 >= x1 and y2 >= y1.' if aligned else '.')
        )
    return rois


def _sample_points(
    rois: Tensor, bins: tuple[int, int], spatial_scale: float, sampling_ratio: int, aligned: bool
) -> Samples:
    """Lay a regular grid of points into every bin of every RoI; grids differ between RoIs."""
    spatial_scale = torch.tensor(spatial_scale, dtype=torch.float32).item()  # as mmcv takes it
    shift = 0.5 if aligned else 0.0
    start = rois[:, [2, 1]] * spatial_scale - shift  # (R, 2) as y, x; so are all below
    size = rois[:, [4, 3]] * spatial_scale - shift - start
    if not aligned:
        size = size.clamp(min=1)
    bin_size = size / torch.tensor(bins, device=rois.device)
    grid = (
        bin_size.float().ceil().long()
        if sampling_ratio <= 0
        else torch.full_like(bin_size, sampling_ratio, dtype=torch.long)
    )
    per_bin = grid.prod(dim=1)
    per_roi = per_bin * (bins[0] * bins[1])

    roi = torch.arange(len(rois), device=rois.device).repeat_interleave(per_roi)
    nth = torch.arange(len(roi), device=rois.device) - (per_roi.cumsum(0) - per_roi)[roi]
    cell, nth = nth // per_bin[roi], nth % per_bin[roi]
    cell_yx = torch.stack((cell // bins[1], cell % bins[1]), dim=1)
    nth_yx = torch.stack((nth // grid[roi, 1], nth % grid[roi, 1]), dim=1)
    # Rounded in this order like the compiled op: samples beyond the border count nothing.
    point = start[roi] + cell_yx * bin_size[roi] + (nth_yx + 0.5) * bin_size[roi] / grid[roi]
    return Samples(
        bin=roi * (bins[0] * bins[1]) + cell,
        image=rois[:, 0].long()[roi],
        y=point[:, 0],
        x=point[:, 1],
        share=1 / per_bin[roi],
    )


def _bilinear(y: Tensor, x: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return the four pixels around each point and their weights.

    Points up to one pixel outside take the border's value, those beyond weigh nothing.

    Returns:
        tuple[Tensor, Tensor]: Flat pixel index in the map (int64) and weight, ``(4, *)`` each.
    """
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.long(), x.long()
    bottom, right = (top + 1).clamp(max=height - 1), (left + 1).clamp(max=width - 1)
    ly, lx = y - top, x - left
    hy, hx = 1 - ly, 1 - lx
    pixel = torch.stack(
        (top * width + left, top * width + right, bottom * width + left, bottom * width + right)
    )
    return pixel, torch.stack((hy * hx, hy * lx, ly * hx, ly * lx)) * inside


def _averaging_matrix(samples: Samples, shape: torch.Size, num_bins: int) -> Tensor:
    """Average pooling as a sparse matrix from all pixels of the batch to all bins.

    Returns:
        Tensor: ``(num_bins, B * H * W)``; its transpose takes gradients back.
    """
    batch, _, height, width = shape
    pixel, weight = _bilinear(samples.y, samples.x, height, width)
    column = samples.image * (height * width) + pixel
    index = torch.stack((samples.bin.expand_as(column), column)).flatten(1)
    values = (weight * samples.share).flatten()
    size = (num_bins, batch * height * width)
    return torch.sparse_coo_tensor(index, values, size, check_invariants=False)


def _max_pool(
    samples: Samples, shape: torch.Size, pixels: Tensor, num_bins: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the greatest sample of each bin, its y and its x, ``(num_bins, C)`` each."""
    _, channels, height, width = shape
    pixel, weight = _bilinear(samples.y, samples.x, height, width)
    values = pixels.new_zeros(len(samples.bin), channels)
    for corner in range(4):
        index = samples.image * (height * width) + pixel[corner]
        values += weight[corner][:, None] * pixels[index]

    greatest = _per_bin(values, samples.bin, num_bins, 'amax', _LOWEST)
    hit = values == greatest[samples.bin]
    # Of equal samples the first: the topmost, and of these the leftmost.
    y = _per_bin(samples.y[:, None].where(hit, torch.inf), samples.bin, num_bins, 'amin')
    hit &= samples.y[:, None] == y[samples.bin]
    x = _per_bin(samples.x[:, None].where(hit, torch.inf), samples.bin, num_bins, 'amin')
    return greatest, y.where(y.isfinite(), -1), x.where(x.isfinite(), -1)


def _max_pool_backward(
    grad: Tensor, image: Tensor, argmax: tuple[Tensor, Tensor], shape: torch.Size
) -> Tensor:
    """Hand the gradient of each bin, ``(R, C, h, w)``, to the pixels of its greatest sample."""
    _, channels, height, width = shape
    y, x = argmax
    pixel, weight = _bilinear(y, x, height, width)
    weight = weight * (y != -1) * grad
    plane = image[:, None] * channels + torch.arange(channels, device=grad.device)
    pixel += plane[:, :, None, None] * (height * width)
    return grad.new_zeros(shape).put_(pixel, weight, accumulate=True)


def _per_bin(
    values: Tensor, bin: Tensor, num_bins: int, reduce: str, start: float = torch.inf
) -> Tensor:
    """Reduce ``(S, C)`` values to ``(num_bins, C)``; an empty bin holds ``start``."""
    result = values.new_full((num_bins, values.shape[1]), start)
    return result.scatter_reduce(0, bin[:, None].expand_as(values), values, reduce)


def _channels_first(rows: Tensor, shape: torch.Size) -> Tensor:
    """Turn ``(N * H * W, C)`` into ``shape``, ``(N, C, H, W)``."""
    count, channels, height, width = shape
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)
