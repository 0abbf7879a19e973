"""HigherHRNet's and SWAHR's codec: crowds as heatmaps of several resolutions and tags."""

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from mmpose_ext.codecs.functional.ae_decoding import decode_crowd
from mmpose_ext.codecs.functional.ae_targets import CENTERS, crowd_heatmaps, keypoint_indices
from mmpose_ext.codecs.functional.simdr_labels import check_keypoints

# From head and shoulders outwards; of COCO's 17 keypoints, and its start of CrowdPose's 14.
PUBLISHED_ORDER = (0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16)

# The axes, 0 for x and 1 for y, that a flip mirrors.
_MIRRORED = {'horizontal': [0], 'vertical': [1], 'diagonal': [0, 1]}

Decoded = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def published_order(num_keypoints: int) -> list[int]:
    """The authors' order of grouping: the first K entries of :data:`PUBLISHED_ORDER`.

    Args:
        num_keypoints: Keypoints K.

    Returns:
        Every keypoint once. Where the authors' entries leave some out (K of 8 to 12, or more
        than 17), the keypoints are taken in the order of the data set instead (our choice).
    """
    order = list(PUBLISHED_ORDER[:num_keypoints])
    natural = list(range(num_keypoints))
    return order if sorted(order) == natural else natural


def _check_size(name: str, size: Sequence[int]) -> tuple[int, int]:
    whole = isinstance(size, Sequence) and [isinstance(s, Integral) and s > 0 for s in size]
    if whole != [True, True]:
        raise ValueError(f'{name} must be (w, h), two whole numbers of pixels > 0, got {size!r}.')
    return int(size[0]), int(size[1])


def _check_number(name: str, value: float, least: float, strictly: bool = False) -> float:
    fits = isinstance(value, Real) and math.isfinite(value)
    if not fits or value < least or (strictly and value == least):
        bound = f'{">" if strictly else ">="} {least}'
        raise ValueError(f'{name} must be a finite number {bound}, got {value!r}.')
    return float(value)


def _check_whole(name: str, value: int, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f'{name} must be a whole number >= {least}, got {value!r}.')
    return int(value)


def _check_strides(
    input_size: tuple[int, int], heatmap_sizes: Sequence[tuple[int, int]]
) -> list[float]:
    """Input pixels per heatmap pixel of each level, which falls from level to level."""
    strides = [input_size[0] / width for width, _ in heatmap_sizes]
    for (width, height), stride in zip(heatmap_sizes, strides, strict=True):
        if height * stride != input_size[1]:
            raise ValueError(
                f'heatmap size {(width, height)} has another aspect ratio than input_size '
                f'{input_size}: {stride:g} input pixels per heatmap pixel across, '
                f'{input_size[1] / height:g} down.'
            )
    falling = all(a > b for a, b in pairwise(strides))
    if not strides or not falling or strides[-1] < 1:
        raise ValueError(
            'heatmap_sizes must hold at least one size, the lowest resolution (which has the '
            f'tags) first, and none above input_size {input_size}, got {list(heatmap_sizes)}.'
        )
    return strides


@KEYPOINT_CODECS.register_module()
class MultiResolutionAssociativeEmbedding(BaseKeypointCodec):
    """Crowds as heatmaps of several resolutions, and tags that group their peaks into people.

    Source: `HigherHRNet <https://arxiv.org/abs/1908.10357>`_ with
    `associative embedding <https://arxiv.org/abs/1611.05424>`_, as in the public code of
    `SWAHR <https://arxiv.org/abs/2012.15175>`_. N people, K keypoints, levels of (w, h) px. Goes
    into a pipeline behind ``RandomFlip`` as ``dict(type='GenerateTarget', encoder=codec)``.
    Encoded are

    - ``heatmaps``: one float32 array (K, h, w) per level, drawn by
      :func:`~mmpose_ext.codecs.functional.ae_targets.crowd_heatmaps`;
    - ``keypoint_indices``: int64 (min(N, max_people), K, 2), where each person's tags are on
      level 0: ``[y * w + x, 1]``, or ``[0, 0]`` for what is not labelled or lies outside.

    MMPose's ``AssociativeEmbedding`` targets come from ``center='round', flip_mode='input'`` and
    one level; only the indices of joints that are not to be read differ (MMPose's are numbers
    that may lie outside the map, with a 0 behind).

    Args:
        input_size (tuple): Input size of the network in training, (w, h) in pixels.
        heatmap_sizes (Sequence[tuple]): Size of each level, (w, h), lowest resolution first.
        sigma (float): Standard deviation of the Gaussians, in pixels of each level.
        center (str): ``'truncate'`` (published) or ``'round'`` (MMPose): the pixel that a joint
            is drawn on, and how far around.
        flip_mode (str): Where a flipped picture's joints are: ``'level'``, mirrored in each
            level's own pixels, x -> w - 1 - x (published), or ``'input'``, mirrored in input
            pixels (MMPose), which is (1 - 1 / stride) px further right on the level.
        max_people (int): People whose tags are trained and, in decoding, candidates per joint
            and groups that further joints are matched to. In a picture of more, those with the
            most keypoints are trained. All are in the heatmaps.
        decode_keypoint_order (Sequence[int], optional): The order in which keypoints are
            grouped. None: :func:`published_order`.
        decode_keypoint_thr (float): Least heatmap value of a candidate (exclusive). Published:
            0.12 for COCO with w32, 0.1 otherwise.
        decode_tag_thr (float): Largest distance (exclusive) of a tag to its group's mean.
        decode_nms_kernel (int): Side of the non-maximum suppression's window, odd, in pixels.
        decode_adjust (bool): Shift joints a quarter of a pixel to the higher neighbour.
        decode_refine (bool): Look for the joints that a group lacks.

    Raises:
        ValueError: If an option is invalid, or a level has not the input's aspect ratio.

    Examples:
        >>> codec = MultiResolutionAssociativeEmbedding((64, 64), [(16, 16), (32, 32)])
        >>> encoded = codec.encode(np.array([[[10.0, 20.0]]], dtype=np.float32))
        >>> [heatmaps.shape for heatmaps in encoded['heatmaps']]
        [(1, 16, 16), (1, 32, 32)]
        >>> encoded['keypoint_indices'].tolist()
        [[[82, 1]]]
    """

    auxiliary_encode_keys: ClassVar = {'flip', 'flip_direction'}
    field_mapping_table: ClassVar = dict(heatmaps='heatmaps', heatmap_mask='heatmap_mask')
    label_mapping_table: ClassVar = dict(keypoint_indices='keypoint_indices')

    def __init__(
        self,
        input_size: tuple[int, int] = (512, 512),
        heatmap_sizes: Sequence[tuple[int, int]] = ((128, 128), (256, 256)),
        sigma: float = 2.0,
        center: str = 'truncate',
        flip_mode: str = 'level',
        max_people: int = 30,
        decode_keypoint_order: Sequence[int] | None = None,
        decode_keypoint_thr: float = 0.1,
        decode_tag_thr: float = 1.0,
        decode_nms_kernel: int = 5,
        decode_adjust: bool = True,
        decode_refine: bool = True,
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ('center', center, CENTERS),
            ('flip_mode', flip_mode, ('level', 'input')),
        ):
            if value not in choices:
                raise ValueError(f'{name} must be one of {list(choices)}, got {value!r}.')
        order = None if decode_keypoint_order is None else list(decode_keypoint_order)
        if order is not None and sorted(order) != list(range(len(order))):
            raise ValueError(
                f'decode_keypoint_order must name each keypoint 0 ... K - 1 once, got {order}.'
            )
        self.decode_nms_kernel = _check_whole('decode_nms_kernel', decode_nms_kernel, 1)
        if decode_nms_kernel % 2 != 1:
            raise ValueError(f'decode_nms_kernel must be odd, got {decode_nms_kernel!r}.')
        self.input_size = _check_size('input_size', input_size)
        self.heatmap_sizes = [_check_size('a heatmap size', size) for size in heatmap_sizes]
        self.strides = _check_strides(self.input_size, self.heatmap_sizes)
        self.sigma = _check_number('sigma', sigma, 0, strictly=True)
        self.center = center
        self.flip_mode = flip_mode
        self.max_people = _check_whole('max_people', max_people, 1)
        self.decode_keypoint_order = order
        self.decode_keypoint_thr = _check_number('decode_keypoint_thr', decode_keypoint_thr, 0)
        self.decode_tag_thr = _check_number('decode_tag_thr', decode_tag_thr, 0, strictly=True)
        self.decode_adjust = decode_adjust
        self.decode_refine = decode_refine

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        flip: bool | None = None,
        flip_direction: str | None = None,
    ) -> dict[str, list[np.ndarray] | np.ndarray]:
        """Encode the people of one picture, none, one or many.

        Args:
            keypoints: Coordinates in input pixels, (N, K, 2). If the picture was flipped, they
                already are, as ``RandomFlip`` does it: x -> input width - 1 - x.
            keypoints_visible: Visibilities, (N, K), all 1 if None. Below 0.5 means unlabelled.
            flip: Whether the picture was flipped.
            flip_direction: ``'horizontal'`` (also if None), ``'vertical'`` or ``'diagonal'``.

        Returns:
            ``heatmaps`` and ``keypoint_indices``, see the class.

        Raises:
            TypeError: If one of the two is not an array of real numbers.
            ValueError: If a shape is wrong or a value is NaN or infinite, also of an unlabelled
                keypoint (give it any finite position and visibility 0).
        """
        keypoints, visible = check_keypoints(keypoints, keypoints_visible)
        axes = _MIRRORED[flip_direction or 'horizontal'] if flip else []
        levels = [self._to_level(keypoints, stride, axes) for stride in self.strides]
        heatmaps = [
            crowd_heatmaps(points, visible, size, self.sigma, self.center)
            for points, size in zip(levels, self.heatmap_sizes, strict=True)
        ]
        indices = keypoint_indices(
            levels[0], visible, self.heatmap_sizes[0], self.center, self.max_people
        )
        return dict(heatmaps=heatmaps, keypoint_indices=indices)

    def _to_level(self, keypoints: np.ndarray, stride: float, mirrored: list[int]) -> np.ndarray:
        """Coordinates in pixels of a level, (N, K, 2), of those in input pixels."""
        dtype = np.promote_types(keypoints.dtype, np.float32)
        points = (keypoints / stride).astype(dtype)
        if self.flip_mode == 'level':
            points[..., mirrored] -= 1 - 1 / stride
        return points

    def decode(
        self, heatmaps: np.ndarray, tags: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decode the predictions of one picture, held as arrays.

        Args:
            heatmaps: Predicted heatmaps, (K, H, W).
            tags: L tags for each keypoint, (L * K, H, W).

        Returns:
            Keypoints in pixels of the heatmaps (N, K, 2), their scores (N, K) and the people's
            scores (N,), as in :meth:`batch_decode`.

        Raises:
            ValueError: If a shape is wrong.
        """
        batch = [torch.as_tensor(np.ascontiguousarray(maps))[None] for maps in (heatmaps, tags)]
        keypoints, scores, person_scores = self.batch_decode(batch[0], batch[1])
        return keypoints[0], scores[0], person_scores[0]

    def batch_decode(
        self, batch_heatmaps: Tensor, batch_tags: Tensor, stride: float = 1.0
    ) -> Decoded:
        """Find the people of B pictures.

        Args:
            batch_heatmaps: Predicted heatmaps, (B, K, H, W), of any size.
            batch_tags: L tags for each keypoint (2 with a flip test), (B, L * K, H, W): the
                first tags of all keypoints, then the second.
            stride: Input pixels per heatmap pixel; the keypoints are multiplied by it.

        Returns:
            Three lists with an array for each picture: keypoints in input pixels, float32
            (N, K, 2); their scores (N, K), 0 for those not found; the people's scores (N,),
            the means over K before missing joints are looked for. N may be 0.

        Raises:
            ValueError: If a shape is wrong or does not fit the order of grouping.
        """
        order = self._check_prediction(batch_heatmaps, batch_tags)
        people = [
            decode_crowd(
                heatmaps,
                tags.unflatten(0, (-1, len(order))),
                order=order,
                keypoint_thr=self.decode_keypoint_thr,
                tag_thr=self.decode_tag_thr,
                nms_kernel=self.decode_nms_kernel,
                max_people=self.max_people,
                adjust=self.decode_adjust,
                refine=self.decode_refine,
            )
            for heatmaps, tags in zip(batch_heatmaps.detach(), batch_tags.detach(), strict=True)
        ]
        keypoints = [(points * stride).astype(np.float32) for points, _, _ in people]
        return keypoints, [scores for _, scores, _ in people], [score for _, _, score in people]

    def _check_prediction(self, heatmaps: Tensor, tags: Tensor) -> list[int]:
        """Refuse predictions that do not fit; return the order of grouping."""
        if (
            heatmaps.ndim != 4
            or tags.ndim != 4
            or 0 in heatmaps.shape[1:]
            or tags.shape[1] == 0
            or tags.shape[1] % heatmaps.shape[1]
            or (*tags.shape[:1], *tags.shape[2:]) != (*heatmaps.shape[:1], *heatmaps.shape[2:])
        ):
            raise ValueError(
                'heatmaps must have the shape (B, K, H, W) and tags (B, L * K, H, W), got '
                f'{tuple(heatmaps.shape)} and {tuple(tags.shape)}.'
            )
        num_keypoints = heatmaps.shape[1]
        order = self.decode_keypoint_order
        if order is None:
            order = published_order(num_keypoints)
        if len(order) != num_keypoints:
            raise ValueError(
                f'decode_keypoint_order names {len(order)} keypoints, but the heatmaps have '
                f'{num_keypoints} channels.'
            )
        return order
