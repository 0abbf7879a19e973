"""Decoding of SimDR predictions on the device that holds them.

All functions take the 1-D predictions of one axis, ``(..., bins)``.
"""

import math

import cv2
import torch
from torch import Tensor

# Second derivative of the logarithm of a Gaussian with a standard deviation of 100 bins. Rounding
# in float32 is about 1e-6.
FLAT_CURVATURE = -1e-4


def argmax_bins(prediction: Tensor) -> Tensor:
    """Bin of the highest value; the first one of equals.

    Args:
        prediction: Values per bin, (..., bins).

    Returns:
        Bins, int64 (...).
    """
    if prediction.device.type == 'cpu' and prediction.dtype in (torch.float32, torch.float64):
        # numpy's vectorised argmax shares the memory and takes 1/6 of torch's time on a CPU.
        return torch.as_tensor(prediction.detach().numpy().argmax(axis=-1))
    return prediction.argmax(dim=-1)


def peak_probability(logits: Tensor) -> Tensor:
    """Highest probability of the softmax over the bins, in [1 / bins, 1].

    Args:
        logits: Values per bin before the softmax, (..., bins).

    Returns:
        Probabilities (...).
    """
    return logits.softmax(dim=-1).amax(dim=-1)


def dark_kernel_size(sigma: float) -> int:
    """Size of the blur that DARK starts with, in bins: MMPose's rule, an odd number.

    Args:
        sigma: Standard deviation of the label in bins.

    Returns:
        Kernel size in bins.

    Raises:
        ValueError: If sigma is so small that the kernel has fewer than 3 bins.
    """
    size = int((sigma * 20 - 7) // 3)
    size -= size % 2 == 0
    if size < 3:
        raise ValueError(
            f'DARK refinement with sigma {sigma} bins would blur with a kernel of {size} bins; '
            'it needs at least 3. Take a sigma of 0.8 or more, or use_dark=False.'
        )
    return size


def refine_dark(
    prediction: Tensor, bins: Tensor, kernel_size: int, max_step: float | None = None
) -> Tensor:
    """Move the peak to the maximum of the second-order Taylor expansion of log(blurred values).

    `DARK <https://arxiv.org/abs/1910.06278>`_ in one dimension, with the numbers of MMPose's
    ``refine_simcc_dark``: OpenCV's Gaussian kernel, zeros beyond the borders, the blurred values
    scaled to the old maximum and limited to [1e-3, 50] before the logarithm. Where that gives no
    finite step (values that are all 0), the peak stays where it is.

    MMPose takes a step of any length: where the values are nearly flat, the curvature is nearly 0
    and the step may leave the image. That is the default here too, for equal numbers.
    ``max_step`` is our choice: a peak then also stays where the expansion has no maximum, is
    flatter than a Gaussian of 100 bins, or is more than ``max_step`` bins away; and positions
    stay in [0, bins - 1].

    Args:
        prediction: Values per bin, (..., bins); positive around the peak. Not changed.
        bins: Bin of the highest value, int64 (...).
        kernel_size: Size of the blur in bins, odd.
        max_step: Longest step in bins; None for MMPose's, without a limit.

    Returns:
        Refined positions in bins (...).
    """
    blurred = _gaussian_blur(prediction, kernel_size)
    scale = prediction.amax(dim=-1, keepdim=True) / blurred.amax(dim=-1, keepdim=True)
    around = bins[..., None] + torch.arange(-2, 3, device=bins.device)
    around = around.clamp(0, prediction.shape[-1] - 1)
    values = (blurred.gather(-1, around) * scale).clamp(1e-3, 50.0).log()
    before2, before, here, after, after2 = values.unbind(dim=-1)
    slope = 0.5 * (after - before)
    curvature = 1e-9 + 0.25 * (after2 - 2 * here + before2)
    step = slope / curvature
    if max_step is None:
        return bins - torch.where(torch.isfinite(step), step, 0.0)
    is_peak = (curvature < FLAT_CURVATURE) & (step.abs() <= max_step)
    return (bins - torch.where(is_peak, step, 0.0)).clamp(0, prediction.shape[-1] - 1)


def _gaussian_blur(values: Tensor, kernel_size: int) -> Tensor:
    """Blur along the last dimension as ``cv2.GaussianBlur(sigma=0)`` does, zeros outside.

    By FFT: conv1d with one channel takes over ten times as long on a CPU, and on a GPU it may
    round to TF32, which the division by the curvature would bring to light.
    """
    bins, radius = values.shape[-1], kernel_size // 2
    kernel = torch.as_tensor(cv2.getGaussianKernel(kernel_size, 0)[:, 0]).to(values)
    length = 64 * math.ceil((bins + radius) / 64)  # room for the tails; a fast length
    centered = torch.nn.functional.pad(kernel, (0, length - kernel_size)).roll(-radius)
    spectrum = torch.fft.rfft(values, length).mul_(torch.fft.rfft(centered))
    return torch.fft.irfft(spectrum, length)[..., :bins]
