"""HigherHRNet's and SWAHR's random affine transform."""

from typing import Any

import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmpose.datasets.transforms import BottomupRandomAffine
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class HigherHRNetRandomAffine(BottomupRandomAffine):
    """:class:`mmpose.datasets.transforms.BottomupRandomAffine` that draws as published.

    Source: the public code of HigherHRNet and `SWAHR <https://arxiv.org/abs/2012.15175>`_. MMPose
    draws from a truncated normal distribution, and shifts by shares of width and height that do
    not depend on the scale. Here a square around the picture's centre, as wide as the picture's
    shorter side times a uniform scale, is turned by a uniform angle, and shifted along x and y by
    whole pixels drawn from [-s, s), where s is ``shift_factor`` of the square's side.

    Adds ``input_size`` and ``warp_mat`` (2, 3) to the sample. Works on samples of no people too.

    Args:
        input_size (tuple): Size of the input, (w, h) in pixels; square, as published.
        scale_factor (tuple): Smallest and largest scale; above 1 the people get smaller.
        shift_factor (float): See above. 0.2 is the published 40 px per scale of 200 px.
        rotate_factor (float): Largest angle in degrees.
        pad_val (float | tuple): What the input shows outside the picture.

    Raises:
        ValueError: If an argument is invalid.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        scale_factor: tuple[float, float] = (0.75, 1.5),
        shift_factor: float = 0.2,
        rotate_factor: float = 30.0,
        pad_val: float | tuple[float, ...] = 0,
    ) -> None:
        if len(input_size) != 2 or input_size[0] != input_size[1] or input_size[0] <= 0:
            raise ValueError(
                f'input_size must be square, (s, s) in pixels, got {input_size}: the published '
                "transform is, and MMPose's RandomFlip mirrors at the wrong place otherwise."
            )
        if not 0 < scale_factor[0] <= scale_factor[1] < np.inf:
            raise ValueError(
                f'scale_factor must be 0 < smallest <= largest, got {tuple(scale_factor)}.'
            )
        for name, value in (('shift_factor', shift_factor), ('rotate_factor', rotate_factor)):
            if not 0 <= value < np.inf:
                raise ValueError(f'{name} must be a finite number >= 0, got {value}.')
        super().__init__(
            input_size=tuple(input_size),
            shift_factor=shift_factor,
            scale_factor=tuple(scale_factor),
            scale_type='short',
            rotate_factor=rotate_factor,
            pad_val=pad_val,
            distribution='uniform',
        )
        self._picture_size = np.ones(2)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Transform the picture, keypoints and boxes of a sample.

        Args:
            results: The sample with ``img`` and ``img_shape``, and where there are any
                ``keypoints`` (N, K, 2), ``bbox`` (N, 4) and ``area``.

        Returns:
            The sample; ``bbox`` now holds corners, (N, 4, 2).
        """
        self._picture_size = np.array(results['img_shape'][1::-1], dtype=np.float64)
        # OpenCV transforms no empty arrays.
        empty: dict[str, Any] = {
            key: results.pop(key)
            for key in ('keypoints', 'bbox')
            if key in results and not len(results[key])
        }
        transformed: dict[str, Any] = super().transform(results)
        if 'bbox' in empty:
            empty['bbox'] = np.zeros((0, 4, 2), dtype=empty['bbox'].dtype)
        return {**transformed, **empty}

    @cache_randomness
    def _get_transform_params(self) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
        """Draw shift (2,) and scale (1,) as shares of the picture's size, degrees, no shear."""
        scale = self._random(*self.scale_factor)
        angle = self._random(-self.rotate_factor, self.rotate_factor)
        most = int(self.shift_factor * scale * self._picture_size.min())
        # The generator that MMPose draws from, and MMEngine seeds.
        shift = np.random.randint(-most, max(most, 1), size=2)  # noqa: NPY002
        return shift / self._picture_size, np.array([scale]), angle, np.zeros(2)
