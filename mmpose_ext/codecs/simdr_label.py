"""SimDR codec: keypoints as one classification per axis."""

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from mmpose_ext.codecs.functional import (
    argmax_bins,
    check_keypoints,
    count_bins,
    dark_kernel_size,
    encode_gaussian,
    encode_index,
    encode_standard,
    peak_probability,
    refine_dark,
)

# The farthest of the bins whose values DARK's Taylor expansion is made of.
DARK_MAX_STEP = 2.0

Decoded = tuple[list[np.ndarray], list[np.ndarray] | tuple[list[np.ndarray], list[np.ndarray]]]


def _check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    if value not in choices:
        raise ValueError(f'{name} must be one of {list(choices)}, got {value!r}.')


def _check_combinations(
    smoothing_type: str, label_smooth_weight: float, score_type: str, reject_nonpositive: bool
) -> None:
    if smoothing_type == 'index' and label_smooth_weight != 0:
        raise ValueError(
            f"label_smooth_weight {label_smooth_weight} has no effect on 'index' labels. "
            'Set label_smoothing of SimDRSmoothingLoss instead.'
        )
    if reject_nonpositive and score_type != 'raw':
        raise ValueError(
            "reject_nonpositive=True needs score_type='raw': probabilities are always > 0."
        )


def _check_sigma(sigma: np.ndarray) -> None:
    if sigma.shape != (2,) or not (np.isfinite(sigma) & (sigma > 0)).all():
        raise ValueError(
            f'sigma must be one or two positive numbers of bins, got {sigma.tolist()}.'
        )


@KEYPOINT_CODECS.register_module()
class SimDRLabel(SimCCLabel):
    """SimDR and SA-SimDR as published, and all of MMPose's ``SimCCLabel``, vectorised.

    Source: `SimCC <https://arxiv.org/abs/2107.03332>`_ (first published as "SimDR") and its public
    code. N instances, K keypoints; the image of (w, h) pixels has
    ``Wx = w * simcc_split_ratio`` and ``Wy = h * simcc_split_ratio`` bins.

    The label types, and the loss each one is made for:

    ============== ================================================ =========================
    smoothing_type labels                                           loss
    ============== ================================================ =========================
    ``'index'``    bins, int64 (N, K); SimDR                        ``SimDRSmoothingLoss``
    ``'standard'`` the same smoothed, float32 (N, K, Wx) / (.., Wy) ``SimDRKLLoss``
    ``'gaussian'`` Gaussians, float32 (N, K, Wx) / (.., Wy); SA     ``SimDRKLLoss``
    ============== ================================================ =========================

    MMPose's numbers come from ``smoothing_type='gaussian'`` or ``'standard'`` with
    ``round_center=True, score_type='raw', score_reduction='min', reject_nonpositive=True``. One
    thing differs even then: MMPose's DARK overwrites the prediction that ``decode_visibility``
    reads afterwards, while here visibilities always come from the prediction itself.

    Args:
        input_size (tuple): Input size of the network, (w, h) in pixels.
        smoothing_type (str): Label type, see above.
        sigma (float | tuple): Standard deviation of the Gaussian in bins, or one for x and one for
            y. Published: 4 or 6. Also sets the blur of DARK and the scale of visibilities.
        simcc_split_ratio (float): Bins per pixel. Published: 3 for inputs of 64 px, 2, and 1.5 for
            384x288 (SA).
        label_smooth_weight (float): Share of the label that ``'standard'`` spreads over the other
            bins. With ``'index'`` that is the loss's business.
        normalize (bool): Divide the Gaussian by its integral.
        use_dark (bool): Refine decoded positions with DARK: of the probabilities, where steps of
            more than 2 bins are dropped (our choice), or with ``score_type='raw'`` of the raw
            values and without a limit, as MMPose does.
        decode_visibility (bool): Also decode MMPose's visibilities.
        decode_beta (float): Their inverse temperature.
        round_center (bool): Put the Gaussian on the nearest bin (MMPose) instead of the exact
            position (published).
        weight_rule (str): When a keypoint outside the image loses its weight (``'gaussian'``):
            ``'bins'``, MMPose's rule, is right; ``'pixels'`` is the authors', who take sigma in
            bins for pixels. The losses are equal, as the labels in between are near 0.
        score_type (str): ``'softmax'``: scores are probabilities in [0, 1], as published.
            ``'raw'``: MMPose's, highest outputs of the network, unbounded.
        score_reduction (str, optional): ``'max'`` or ``'min'`` of the two axes' scores. None: as
            published, min for ``'gaussian'`` and max otherwise.
        reject_nonpositive (bool): Put keypoints with raw scores <= 0 at bin -1, as MMPose does.

    Raises:
        ValueError: If an option is invalid or the bins are not whole numbers.

    Examples:
        >>> codec = SimDRLabel(input_size=(192, 256), simcc_split_ratio=2.0)
        >>> encoded = codec.encode(np.array([[[10.3, 20.7]]], dtype=np.float32))
        >>> encoded['keypoint_x_labels'], encoded['keypoint_y_labels']
        (array([[21]]), array([[41]]))
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        smoothing_type: str = 'index',
        sigma: float | Sequence[float] = 6.0,
        simcc_split_ratio: float = 2.0,
        label_smooth_weight: float = 0.0,
        normalize: bool = True,
        use_dark: bool = False,
        decode_visibility: bool = False,
        decode_beta: float = 150.0,
        round_center: bool = False,
        weight_rule: str = 'bins',
        score_type: str = 'softmax',
        score_reduction: str | None = None,
        reject_nonpositive: bool = False,
    ) -> None:
        _check_choice('smoothing_type', smoothing_type, ('index', 'standard', 'gaussian'))
        _check_choice('weight_rule', weight_rule, ('bins', 'pixels'))
        _check_choice('score_type', score_type, ('softmax', 'raw'))
        _check_choice('score_reduction', score_reduction, ('max', 'min', None))
        self.bins = count_bins(input_size, simcc_split_ratio)
        _check_combinations(smoothing_type, label_smooth_weight, score_type, reject_nonpositive)
        super().__init__(
            input_size=input_size,
            smoothing_type='gaussian' if smoothing_type == 'gaussian' else 'standard',
            sigma=sigma,
            simcc_split_ratio=simcc_split_ratio,
            label_smooth_weight=label_smooth_weight,
            normalize=normalize,
            use_dark=use_dark,
            decode_visibility=decode_visibility,
            decode_beta=decode_beta,
        )
        _check_sigma(self.sigma)
        self.smoothing_type = smoothing_type
        self.round_center = round_center
        self.weight_rule = weight_rule
        self.score_type = score_type
        published = 'min' if smoothing_type == 'gaussian' else 'max'
        self.score_reduction = score_reduction or published
        self.reject_nonpositive = reject_nonpositive
        if use_dark:
            self.dark_kernel_sizes = tuple(dark_kernel_size(s) for s in self.sigma.tolist())

    def encode(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Encode keypoints.

        Args:
            keypoints: Coordinates in input pixels, (N, K, 2).
            keypoints_visible: Visibilities, (N, K), all 1 if None. Below 0.5 means unlabelled.

        Returns:
            ``keypoint_x_labels`` and ``keypoint_y_labels`` of the shapes in the class's table, and
            ``keypoint_weights`` (N, K).

        Raises:
            TypeError: If one of the two is not an array of real numbers.
            ValueError: If a shape is wrong or a value is NaN or infinite.
        """
        keypoints, keypoints_visible = check_keypoints(keypoints, keypoints_visible)
        common = (keypoints, keypoints_visible, self.bins, self.simcc_split_ratio)
        if self.smoothing_type == 'index':
            x_labels, y_labels, weights = encode_index(*common)
        elif self.smoothing_type == 'standard':
            x_labels, y_labels, weights = encode_standard(*common, self.label_smooth_weight)
        else:
            x_labels, y_labels, weights = encode_gaussian(
                *common, self.sigma, self.round_center, self.normalize, self.weight_rule
            )
        return {
            'keypoint_x_labels': x_labels,
            'keypoint_y_labels': y_labels,
            'keypoint_weights': weights,
        }

    def decode(
        self, simcc_x: np.ndarray, simcc_y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | tuple[np.ndarray, np.ndarray]]:
        """Decode predictions held as arrays. They are not changed.

        Args:
            simcc_x: Network outputs of the x axis, (N, K, Wx) or (K, Wx).
            simcc_y: Network outputs of the y axis, (N, K, Wy) or (K, Wy).

        Returns:
            Keypoints in input pixels, (N, K, 2), and scores, (N, K); with ``decode_visibility``
            scores is the pair (scores, visibilities). N is 1 if the inputs had no N.

        Raises:
            ValueError: If a shape does not fit the codec.
        """
        axes = [torch.as_tensor(np.ascontiguousarray(simcc)) for simcc in (simcc_x, simcc_y)]
        axes = [axis[None] if axis.ndim == 2 else axis for axis in axes]
        keypoints, *scores = self._decode(axes[0], axes[1])
        return keypoints, (scores[0], scores[1]) if self.decode_visibility else scores[0]

    def batch_decode(self, simcc_x: Tensor, simcc_y: Tensor) -> Decoded:
        """Decode a batch on the device that holds it; only the results leave it.

        Args:
            simcc_x: Network outputs of the x axis, (B, K, Wx).
            simcc_y: Network outputs of the y axis, (B, K, Wy).

        Returns:
            A list of B keypoint arrays in input pixels, (1, K, 2), and a list of B score arrays
            (1, K); with ``decode_visibility`` a pair of lists (scores, visibilities).

        Raises:
            ValueError: If a shape does not fit the codec.
        """
        keypoints, *scores = (list(array[:, None]) for array in self._decode(simcc_x, simcc_y))
        return keypoints, (scores[0], scores[1]) if self.decode_visibility else scores[0]

    def _decode(self, simcc_x: Tensor, simcc_y: Tensor) -> tuple[np.ndarray, ...]:
        """Arrays of keypoints (B, K, 2), scores (B, K) and, where asked, visibilities (B, K)."""
        self._check_prediction(simcc_x, simcc_y)
        # Half precision has too few digits for positions in bins.
        dtype = torch.promote_types(simcc_x.dtype, torch.float32)
        simcc_x, simcc_y = simcc_x.detach(), simcc_y.detach()
        x, y = (self._decode_axis(i, pred.to(dtype)) for i, pred in enumerate((simcc_x, simcc_y)))
        reduce = torch.maximum if self.score_reduction == 'max' else torch.minimum
        results = [x[0], y[0], reduce(x[1], y[1])]
        if self.decode_visibility:
            results.append(torch.minimum(x[2], y[2]))
        packed = torch.stack(results, dim=-1).cpu().numpy()
        keypoints = packed[..., :2].astype(np.float32)
        if self.reject_nonpositive:
            keypoints[packed[..., 2] <= 0] = -1
        # Divided here: on a GPU torch multiplies by the rounded reciprocal.
        keypoints /= self.simcc_split_ratio
        return keypoints, *(packed[..., i].copy() for i in range(2, packed.shape[-1]))

    def _decode_axis(self, axis: int, logits: Tensor) -> tuple[Tensor, ...]:
        """Positions in bins, scores and, where asked, visibilities of one axis; (B, K) each."""
        values = logits if self.score_type == 'raw' else logits.softmax(dim=-1)
        bins = argmax_bins(logits)
        score = values.gather(-1, bins[..., None])[..., 0]
        position = bins.to(logits.dtype)
        if self.use_dark:
            max_step = None if self.score_type == 'raw' else DARK_MAX_STEP
            position = refine_dark(values, bins, self.dark_kernel_sizes[axis], max_step)
        if not self.decode_visibility:
            return position, score
        scale = float(self.decode_beta * self.sigma[axis])
        return position, score, peak_probability(logits * scale)

    def _check_prediction(self, simcc_x: Tensor, simcc_y: Tensor) -> None:
        shapes = tuple(simcc_x.shape), tuple(simcc_y.shape)
        if (
            any(len(shape) != 3 for shape in shapes)
            or shapes[0][:2] != shapes[1][:2]
            or (shapes[0][2], shapes[1][2]) != self.bins
        ):
            raise ValueError(
                f'predictions have the shapes {shapes[0]} and {shapes[1]}, expected '
                f'(B, K, {self.bins[0]}) and (B, K, {self.bins[1]}) for input_size '
                f'{tuple(self.input_size)} and simcc_split_ratio {self.simcc_split_ratio}. '
                'Give codec and head the same two settings.'
            )
