"""SimDR labels: coordinates as classes, one 1-D label per axis.

Source: `SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation
<https://arxiv.org/abs/2107.03332>`_ (ECCV 2022; first published as "SimDR") and its public code.
An axis of ``size`` pixels is divided into ``size * split_ratio`` bins.
"""

import math
from collections.abc import Sequence

import numpy as np

Labels = tuple[np.ndarray, np.ndarray, np.ndarray]


def count_bins(input_size: Sequence[int], split_ratio: float) -> tuple[int, int]:
    """Number of bins per axis: the one rule that codec and head share.

    The authors' code and MMPose truncate the product in the head and MMPose rounds it in the
    codec, which differ where it is not a whole number; such a combination is refused.

    Args:
        input_size: Input size of the network, (w, h) in pixels.
        split_ratio: Bins per pixel.

    Returns:
        (Wx, Wy), the numbers of bins of the x and the y axis.

    Raises:
        ValueError: If the size or the ratio is not positive, or a product not a whole number.
    """
    is_pair = isinstance(input_size, Sequence) and len(input_size) == 2
    if not is_pair or any(int(size) != size or size <= 0 for size in input_size):
        raise ValueError(
            f'input_size must be (w, h), two positive whole numbers of pixels, got {input_size}.'
        )
    if not (math.isfinite(split_ratio) and split_ratio > 0):
        raise ValueError(f'simcc_split_ratio must be positive (bins/pixel), got {split_ratio}.')
    width, height = (float(size * split_ratio) for size in input_size)
    if not (width.is_integer() and height.is_integer()):
        raise ValueError(
            f'input_size {tuple(input_size)} (w, h) times simcc_split_ratio {split_ratio} gives '
            f'{width} x {height} bins, not whole numbers. Take a ratio that divides both sides '
            'into whole bins (1, 1.5, 2 and 3 are the published ones) or change input_size.'
        )
    return int(width), int(height)


def check_keypoints(
    keypoints: np.ndarray, keypoints_visible: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Check keypoints and their visibility before they are encoded.

    Args:
        keypoints: Coordinates in input pixels, (N, K, 2).
        keypoints_visible: Visibilities, (N, K); None means all ones.

    Returns:
        The two arrays, the visibilities filled in where they were None.

    Raises:
        TypeError: If one of them is not an array of real numbers.
        ValueError: If a shape is wrong or a value is NaN or infinite.
    """
    keypoints = _real_array('keypoints', keypoints)
    if keypoints.ndim != 3 or keypoints.shape[2] != 2:
        raise ValueError(
            f'keypoints must have the shape (N, K, 2), got {keypoints.shape}. For one person add '
            'the leading dimension (keypoints[None]); pass x and y only.'
        )
    if keypoints_visible is None:
        keypoints_visible = np.ones(keypoints.shape[:2], dtype=np.float32)
    keypoints_visible = _real_array('keypoints_visible', keypoints_visible)
    if keypoints_visible.shape != keypoints.shape[:2]:
        raise ValueError(
            f'keypoints_visible must have the shape {keypoints.shape[:2]} (N, K) of keypoints '
            f'{keypoints.shape}, got {keypoints_visible.shape}.'
        )
    finite = np.isfinite(keypoints)
    if not finite.all():
        n, k = np.argwhere(~finite)[0, :2]
        raise ValueError(
            f'keypoint {k} of instance {n} has the coordinates {keypoints[n, k].tolist()}. '
            'Coordinates must be finite; give an unlabelled keypoint any finite position '
            'and visibility 0.'
        )
    if not np.isfinite(keypoints_visible).all():
        n, k = np.argwhere(~np.isfinite(keypoints_visible))[0]
        raise ValueError(
            f'keypoint {k} of instance {n} has the visibility {keypoints_visible[n, k]}. '
            'Visibilities must be finite; 0 means unlabelled.'
        )
    return keypoints, keypoints_visible


def _real_array(name: str, value: np.ndarray) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in 'fiub':
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f'{name} must be a numpy array of real numbers, got {kind}.')
    return value


def _nearest_bins(
    keypoints: np.ndarray, keypoints_visible: np.ndarray, bins: tuple[int, int], split_ratio: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (N, K, 2) clamped to the bins, and two masks (N, K): labelled, out of range."""
    nearest = np.rint(keypoints * split_ratio)  # half to even, as np.around
    # Before the cast: a far coordinate would overflow the integer.
    labels = np.minimum(np.maximum(nearest, 0), (bins[0] - 1, bins[1] - 1))
    outside = labels != nearest
    return labels.astype(np.int64), keypoints_visible >= 0.5, outside[..., 0] | outside[..., 1]


def encode_index(
    keypoints: np.ndarray, keypoints_visible: np.ndarray, bins: tuple[int, int], split_ratio: float
) -> Labels:
    """Integer labels of the nearest bins (SimDR, ``filter_target_simdr`` of the public code).

    The label is ``around(x * split_ratio)``, halves to the even bin. Outside the image the
    weight is 0 and the label the nearest bin. The equal smoothing of the label is the loss's.
    A visibility below 0.5 means unlabelled (MMPose's rule) and gives the weight 0.

    Args:
        keypoints: Coordinates in input pixels, (N, K, 2).
        keypoints_visible: Visibilities, (N, K).
        bins: Numbers of bins (Wx, Wy).
        split_ratio: Bins per pixel.

    Returns:
        x labels and y labels, int64 (N, K), and weights (N, K).
    """
    labels, labelled, out_of_range = _nearest_bins(keypoints, keypoints_visible, bins, split_ratio)
    weights = keypoints_visible.copy()
    weights[~labelled | out_of_range] = 0
    return labels[..., 0], labels[..., 1], weights


def encode_standard(
    keypoints: np.ndarray,
    keypoints_visible: np.ndarray,
    bins: tuple[int, int],
    split_ratio: float,
    label_smoothing: float = 0.0,
) -> Labels:
    """Dense labels with equal smoothing: ``1 - e`` at the label, ``e / (bins - 1)`` elsewhere.

    The numbers are those of MMPose's ``SimCCLabel(smoothing_type='standard')``.

    Args:
        keypoints: Coordinates in input pixels, (N, K, 2).
        keypoints_visible: Visibilities, (N, K).
        bins: Numbers of bins (Wx, Wy).
        split_ratio: Bins per pixel.
        label_smoothing: The share e of the label that goes to the other bins.

    Returns:
        x labels, float32 (N, K, Wx), y labels, float32 (N, K, Wy), and weights (N, K). A keypoint
        that is unlabelled or out of range has labels of 0.
    """
    labels, labelled, out_of_range = _nearest_bins(keypoints, keypoints_visible, bins, split_ratio)
    unused = ~labelled | out_of_range
    any_unused = bool(unused.any())
    rows = np.arange(unused.size)
    targets = []
    for axis, size in enumerate(bins):
        others = label_smoothing / max(size - 1, 1)
        target = np.full((unused.size, size), others, dtype=np.float32)
        target[rows, labels[..., axis].ravel()] = 1.0 - label_smoothing
        if any_unused:
            target[unused.ravel()] = 0
        targets.append(target.reshape(*unused.shape, size))
    weights = keypoints_visible.copy()
    weights[labelled & out_of_range] = 0
    return targets[0], targets[1], weights


def encode_gaussian(
    keypoints: np.ndarray,
    keypoints_visible: np.ndarray,
    bins: tuple[int, int],
    split_ratio: float,
    sigma: Sequence[float],
    round_center: bool = False,
    normalize: bool = True,
    weight_rule: str = 'bins',
) -> Labels:
    r"""Gaussian labels (SA-SimDR): :math:`\exp(-(i - \mu)^2 / 2\sigma^2) / (\sigma\sqrt{2\pi})`.

    They have the full length, are not cut at 3 sigma and not normalised again at the borders.

    Args:
        keypoints: Coordinates in input pixels, (N, K, 2).
        keypoints_visible: Visibilities, (N, K). Below 0.5 means unlabelled (MMPose's rule).
        bins: Numbers of bins (Wx, Wy).
        split_ratio: Bins per pixel.
        sigma: Standard deviations (x, y) in bins.
        round_center: False: mu is ``x * split_ratio``, as the authors have it. True: the nearest
            bin, as in MMPose.
        normalize: Divide by :math:`\sigma\sqrt{2\pi}`.
        weight_rule: When the weight becomes 0. ``'bins'``: mu is more than 3 sigma beyond the
            bins (MMPose). ``'pixels'``: see :func:`_misses_image_in_pixels` (the authors).

    Returns:
        x labels, float32 (N, K, Wx), y labels, float32 (N, K, Wy), and weights (N, K). A keypoint
        that is unlabelled or whose weight became 0 has labels of 0.
    """
    centers = keypoints * split_ratio
    if round_center:
        centers = np.rint(centers)
    if weight_rule == 'pixels':
        missed = _misses_image_in_pixels(keypoints, bins, split_ratio, sigma)
    else:
        missed = _misses_bins(centers, bins, sigma)
    labelled = keypoints_visible >= 0.5
    used = labelled & ~missed
    if not used.all():
        centers = np.where(used[..., None], centers, np.inf)  # exp(-inf) is 0
    x, y = (
        _gaussian(centers[..., axis], bins[axis], float(sigma[axis]), normalize) for axis in (0, 1)
    )
    weights = keypoints_visible.copy()
    weights[labelled & missed] = 0
    return x, y, weights


def _gaussian(center: np.ndarray, size: int, sigma: float, normalize: bool) -> np.ndarray:
    """Gaussians around (N, K) centres, float32 (N, K, size)."""
    target = np.arange(size, dtype=np.float32) - center[..., None].astype(np.float32)
    np.square(target, out=target)
    target /= -2.0 * sigma**2
    np.exp(target, out=target)
    if normalize:
        target /= sigma * math.sqrt(2.0 * math.pi)
    return target


def _misses_bins(centers: np.ndarray, bins: tuple[int, int], sigma: Sequence[float]) -> np.ndarray:
    """Whether mu +- 3 sigma, all in bins, lies outside the bins; (N, K)."""
    x, y = centers[..., 0], centers[..., 1]
    radius_x, radius_y = (3 * float(deviation) for deviation in sigma)
    missed_x = (x >= bins[0] + radius_x) | (x < -radius_x - 1)
    return missed_x | (y >= bins[1] + radius_y) | (y < -radius_y - 1)


def _misses_image_in_pixels(
    keypoints: np.ndarray, bins: tuple[int, int], split_ratio: float, sigma: Sequence[float]
) -> np.ndarray:
    """The authors' test; (N, K): the box of x +- 3 sigma, cut to whole pixels, misses the image.

    It takes sigma, which is in bins, for pixels, so that joints up to 3 sigma pixels outside keep
    their weight; as their labels are near 0, so is their loss.
    """
    radius = 3 * np.asarray(sigma, dtype=np.float64)
    size = np.array(bins) / split_ratio
    missed = (np.trunc(keypoints - radius) >= size) | (np.trunc(keypoints + radius + 1) < 0)
    return missed[..., 0] | missed[..., 1]
