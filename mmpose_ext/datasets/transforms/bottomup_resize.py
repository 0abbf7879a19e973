"""HigherHRNet's and SWAHR's sizes of test images."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_warp_matrix

# HRNet's lowest resolution has one pixel for 32 of the input.
_NETWORK_STRIDE = 32


def higherhrnet_size(
    picture_size: tuple[int, int],
    input_size: int,
    scale: float = 1.0,
    least_scale: float = 1.0,
    size_divisor: int = 64,
) -> tuple[int, int]:
    """Size of a test image: the shorter side about ``scale * input_size``, the ratio about kept.

    The sides are rounded up to multiples of ``size_divisor`` at the smallest scale of the test
    and then multiplied, so that the sizes of all scales are in proportion.

    Source: the public code of HigherHRNet and `SWAHR <https://arxiv.org/abs/2012.15175>`_.

    Args:
        picture_size: Size of the picture, (w, h) in pixels.
        input_size: Shorter side at scale 1, in pixels.
        scale: Which of the test's scales.
        least_scale: Smallest of the test's scales.
        size_divisor: Published: 64.

    Returns:
        Size of the image, (w, h) in pixels.
    """

    def round_up(side: float) -> int:
        return int((side + size_divisor - 1) // size_divisor * size_divisor)

    width, height = picture_size
    short = round_up(least_scale * input_size)
    long = round_up(short / min(picture_size) * max(picture_size))
    short, long = (int(side * scale / least_scale) for side in (short, long))
    return (short, long) if width < height else (long, short)


@TRANSFORMS.register_module()
class HigherHRNetResize(BaseTransform):
    """Warp a picture to the size, or sizes, that HigherHRNet and SWAHR are tested with.

    Source: the public code of HigherHRNet and `SWAHR <https://arxiv.org/abs/2012.15175>`_. The
    picture's centre, rounded to whole pixels, comes to the image's, the shorter side fills the
    image, and the rest is black. MMPose's ``BottomupResize`` can be put in its place; it
    rounds neither the centre nor the sizes of several scales as the authors do.

    Keys: ``img`` becomes the image of scale 1, or for several scales a list of images with that of
    scale 1 in front; added are ``input_size`` (w, h), ``img_shape`` (h, w), ``input_center``,
    ``input_scale`` (what of the picture is shown, (w, h) in its pixels) and ``warp_mat`` (2, 3)
    of that image, and ``aug_scales``, the scales of the further images (None if there are none).

    Args:
        input_size (int | tuple): Shorter side of the image of scale 1 in pixels, s or (s, s).
        scales (Sequence[float]): Scales of the test. Without 1, the first takes its place.
        size_divisor (int): Of what the image's sides are multiples at the smallest scale.

    Raises:
        ValueError: If an argument is invalid, or a scale gives sides that HRNet cannot take.
    """

    def __init__(
        self,
        input_size: int | Sequence[int] = 512,
        scales: Sequence[float] = (1.0,),
        size_divisor: int = 64,
    ) -> None:
        super().__init__()
        sides = [input_size] if isinstance(input_size, int) else list(input_size)
        if len(set(sides)) != 1 or sides[0] <= 0:
            raise ValueError(
                f'input_size must be the shorter side in pixels, s or (s, s), got {input_size}.'
            )
        if not isinstance(size_divisor, int) or size_divisor < 1:
            raise ValueError(f'size_divisor must be a whole number >= 1, got {size_divisor!r}.')
        if not scales or not all(0 < s < np.inf for s in scales) or len({*scales}) < len(scales):
            raise ValueError(
                f'scales must be different positive numbers, at least one, got {list(scales)}.'
            )
        self.input_size = int(sides[0])
        self.size_divisor = size_divisor
        base = 1.0 if 1.0 in scales else scales[0]
        self.scales = [base, *(scale for scale in scales if scale != base)]
        self.least_scale = min(scales)
        step = min(size_divisor, _NETWORK_STRIDE)
        for scale in scales:
            if (size_divisor * scale / self.least_scale) % step:
                raise ValueError(
                    f'scale {scale} is {scale / self.least_scale:g} times the smallest, '
                    f'{self.least_scale}; sides that are multiples of {size_divisor} px would not '
                    f'stay multiples of {step} px. Take scales in whole or half proportions.'
                )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Warp the picture of a sample.

        Args:
            results: The sample with ``img``, (H, W, 3).

        Returns:
            The sample, see the class. Annotations stay in pixels of the picture.
        """
        picture = results['img']
        height, width = picture.shape[:2]
        center = np.array([int(width / 2 + 0.5), int(height / 2 + 0.5)], dtype=np.float32)
        images = []
        for scale in self.scales:
            size = higherhrnet_size(
                (width, height), self.input_size, scale, self.least_scale, self.size_divisor
            )
            # What of the picture fills the image; the shorter side is shown as it is.
            shown = (width, size[1] / size[0] * width)
            if width >= height:
                shown = (size[0] / size[1] * height, height)
            extent = np.array(shown, dtype=np.float32)
            warp_mat = get_warp_matrix(center, extent, 0, size)
            images.append(cv2.warpAffine(picture, warp_mat, size, flags=cv2.INTER_LINEAR))
            if scale == self.scales[0]:
                results.update(
                    input_size=size,
                    img_shape=size[::-1],
                    input_center=center,
                    input_scale=extent,
                    warp_mat=warp_mat,
                )
        several = len(images) > 1
        results['img'] = images if several else images[0]
        results['aug_scales'] = self.scales[1:] if several else None
        return results
