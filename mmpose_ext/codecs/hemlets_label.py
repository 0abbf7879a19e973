"""HEMlets codec: heatmaps, part-centric heatmap triplets and normalised 3D coordinates."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS

from mmpose_ext.codecs.functional.hemlets import (
    UNKNOWN,
    Parts,
    check_parts,
    flip_parts,
    gaussian_heatmaps,
    hemlets_from_heatmaps,
    inside,
    polarity_from_depth,
)
from mmpose_ext.skeletons import human36m18


@KEYPOINT_CODECS.register_module()
class HEMletsLabel(BaseKeypointCodec):
    """The targets of HEMlets Pose.

    Source: `HEMlets Pose <https://arxiv.org/abs/1910.12032>`_ (ICCV 2019). What the paper and the
    authors' inference code leave open is an argument; its default is our choice, marked (*).

    J joints, P parts, heatmaps of (w, h) pixels. Three kinds of samples, freely mixed:

    ======================= ====================== ========== ==============================
    sample                  keypoints              x, y, maps HEMlets and depth
    ======================= ====================== ========== ==============================
    3D                      (1, J, 3), z in mm     yes        polarities from the depth; yes
    2D, weakly labelled     (1, J, 2) + polarities yes        annotated polarities; no depth
    2D                      (1, J, 2)              yes        none
    ======================= ====================== ========== ==============================

    Args:
        input_size (tuple[int, int]): Input of the network, (w, h) in pixels.
        heatmap_size (tuple[int, int]): The maps, (w, h) in pixels.
        depth_size (int): Depth bins of the volume.
        depth_bound (float): Depth that the volume spans, in mm, the root in its middle: as much as
            the crop shows in width where it is not scaled, the dataset's ``box_size``.
        num_joints (int): Number of joints J.
        parts (Sequence[tuple[int, int]]): (parent, child) of each part (*).
        part_flip (Sequence[int], optional): The part that each part becomes in a mirrored image.
            None: derived from ``flip_indices``.
        sigma (float): Standard deviation of the Gaussians in pixels of the map (*).
        eps (float): Least difference in depth for a polarity: in mm, or with
            ``eps_mode='bone_ratio'`` as a share of the bone's length (0.25 is a good value) (*).
        eps_mode (str): ``'mm'`` or ``'bone_ratio'`` (*).
        combine (str): How parent and child share a map: ``'max'`` (*) or ``'sum'``.
        align (str): What of a volume spans -0.5 to 0.5: ``'corner'``, the centres of the first
            and the last voxel (the authors), or ``'left'``, their left edges (Integral Human
            Pose). Only told to the head.
        root_index (int): Joint from which depth counts.
        closer_is (int): Polarity of a child that is closer than its parent, 1 or -1 (*).
        flip_indices (Sequence[int]): The joint that each joint becomes in a mirrored image.

    Raises:
        ValueError: If an option is invalid or a part names an unknown joint.
    """

    auxiliary_encode_keys: ClassVar = {
        *('depth_valid', 'part_polarity', 'mm_per_px', 'input_scale', 'lifting_target'),
        *('polarity_parts', 'polarity_closer_is', 'flip', 'flip_direction', 'id', 'img_path'),
    }
    field_mapping_table: ClassVar = dict(heatmaps='heatmaps', hemlets='hemlets')
    label_mapping_table: ClassVar = dict(
        keypoint_labels='keypoint_labels',
        keypoint_weights='keypoint_weights',
        keypoint_depth_weights='keypoint_depth_weights',
        part_weights='part_weights',
        part_polarity='part_polarity',
    )
    # A codec's table replaces MMPose's own, so that the usual fields stand here again.
    instance_mapping_table: ClassVar = dict(
        bbox='bboxes',
        bbox_score='bbox_scores',
        bbox_scale='bbox_scales',
        keypoints='keypoints',
        keypoints_visible='keypoints_visible',
        lifting_target='lifting_target',
        lifting_target_visible='lifting_target_visible',
    )

    def __init__(
        self,
        input_size: tuple[int, int] = (256, 256),
        heatmap_size: tuple[int, int] = (64, 64),
        depth_size: int = 64,
        depth_bound: float = 2000.0,
        num_joints: int = human36m18.NUM_JOINTS,
        parts: Parts = human36m18.PARTS,
        part_flip: Sequence[int] | None = None,
        sigma: float = 2.0,
        eps: float = 100.0,
        eps_mode: str = 'mm',
        combine: str = 'max',
        align: str = 'corner',
        root_index: int = human36m18.PELVIS,
        closer_is: int = 1,
        flip_indices: Sequence[int] = human36m18.FLIP_INDICES,
    ) -> None:
        super().__init__()
        _require('input_size', input_size, _is_size(input_size), 'two positive numbers, (w, h)')
        _require('heatmap_size', heatmap_size, _is_size(heatmap_size), 'two positive numbers')
        _require('depth_size', depth_size, depth_size >= 2, 'at least 2')
        _require('depth_bound', depth_bound, depth_bound > 0, 'a positive number of mm')
        _require('sigma', sigma, sigma > 0, 'a positive number of pixels')
        _require('eps', eps, eps >= 0, 'zero or more')
        _require('eps_mode', eps_mode, eps_mode in ('mm', 'bone_ratio'), "'mm' or 'bone_ratio'")
        # No bone reaches deeper than its length.
        is_used = eps_mode == 'mm' or eps < 1
        _require('eps', eps, is_used, "below 1, such as 0.25, with eps_mode='bone_ratio'")
        _require('combine', combine, combine in ('max', 'sum'), "'max' or 'sum'")
        _require('align', align, align in ('corner', 'left'), "'corner' or 'left'")
        _require('closer_is', closer_is, closer_is in (1, -1), '1 or -1')
        _require('root_index', root_index, 0 <= root_index < num_joints, f'below {num_joints}')
        self.input_size = int(input_size[0]), int(input_size[1])
        self.heatmap_size = int(heatmap_size[0]), int(heatmap_size[1])
        self._input_size = np.array(self.input_size, dtype=np.float64)
        self._map_scale = np.divide(self.heatmap_size, self.input_size)
        self.depth_size = depth_size
        self.depth_bound = depth_bound
        self.num_joints = num_joints
        self.parts = check_parts(parts, num_joints)
        self.sigma = sigma
        self.eps = eps
        self.eps_mode = eps_mode
        self.combine = combine
        self.align = align
        self.root_index = root_index
        self.closer_is = closer_is
        if part_flip is None:
            part_flip = flip_parts(self.parts.tolist(), flip_indices)
        complete = sorted(part_flip) == list(range(len(self.parts)))
        _require('part_flip', part_flip, complete, f'an order of the {len(self.parts)} parts')
        self.part_flip = tuple(part_flip)
        self.flip_indices = tuple(flip_indices)

    @property
    def support_batch_decoding(self) -> bool:
        """Whether whole batches can be decoded."""
        return True

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        depth_valid: float | None = None,
        part_polarity: np.ndarray | None = None,
        mm_per_px: float | None = None,
        input_scale: np.ndarray | None = None,
        lifting_target: np.ndarray | None = None,
        polarity_parts: Parts | None = None,
        polarity_closer_is: int | None = None,
        flip: bool | None = None,
        flip_direction: str | None = None,
        id: int | None = None,
        img_path: str | None = None,
    ) -> dict[str, np.ndarray]:
        """Encode a person.

        Args:
            keypoints: (1, J, 2) or (1, J, 3): x and y in pixels of the input and, for 3D samples,
                the depth relative to the root in mm, which no flip or affine transform changes.
            keypoints_visible: (1, J); all 1 if None. Below 0.5 means not annotated.
            depth_valid: Whether the depth is to be used. None: wherever there is one.
            part_polarity: Annotated polarities (1, P) of the unflipped sample: -1, 0, 1 or -2
                where unknown. Not read where there is a depth.
            mm_per_px: mm that a pixel of the photograph spans at the root's depth.
            input_scale: (w, h) of the crop in pixels of the photograph. With ``mm_per_px`` it gives
                the depth that the volume spans where the crop was scaled; else ``depth_bound``.
            lifting_target: Joints in camera space, (1, J, 3) in metres, for
                ``eps_mode='bone_ratio'``, of the unflipped sample.
            polarity_parts: The parts that ``part_polarity`` is about, if the dataset says it.
            polarity_closer_is: The polarity by which it means closer, if the dataset says it.
            flip: Whether the sample was mirrored.
            flip_direction: Along which axis.
            id: Names the sample in error messages.
            img_path: Names the sample in error messages.

        Returns:
            ``heatmaps`` (J, h, w), ``hemlets`` (3P, h, w), ``keypoint_labels`` (1, J, 3) with
            -0.5 to 0.5 spanning the volume, their weights ``keypoint_weights`` (x, y and heatmaps)
            and ``keypoint_depth_weights`` (1, J), ``part_weights`` and ``part_polarity`` (1, P).

        Raises:
            ValueError: If a shape or a value is wrong; the message names sample and field.
        """
        sample = f'sample {id} ({img_path})' if img_path is not None else 'the sample'
        points, visible = self._check(keypoints, keypoints_visible, sample)
        annotated = visible >= 0.5
        weights = visible * annotated
        has_depth = points.shape[1] == 3 if depth_valid is None else bool(depth_valid)
        mirrored = bool(flip) and flip_direction != 'diagonal'
        labels = np.zeros((1, self.num_joints, 3), dtype=np.float32)
        labels[0, :, :2] = points[:, :2] / self._input_size - 0.5
        if has_depth:
            self._check_depth(points, visible, sample)
            lengths = self._bone_lengths(lifting_target, mirrored, sample)
            depth = points[:, 2]
            polarity = polarity_from_depth(depth, self.parts, self.eps, self.closer_is, lengths)
            labels[0, :, 2] = depth / self._depth_span(mm_per_px, input_scale, sample)
        else:
            self._check_meaning(polarity_parts, polarity_closer_is, sample)
            polarity = self._annotated_polarity(part_polarity, mirrored, sample)

        # Joints that are not annotated lie nowhere, and so does one more, J, for an empty map.
        on_map = np.full((self.num_joints + 1, 2), -np.inf)
        np.multiply(points[:, :2], self._map_scale, out=on_map[:-1], where=annotated[:, None])
        parent, child = inside(on_map, self.heatmap_size)[self.parts.T]
        polarity = np.where(parent & child, polarity, UNKNOWN)
        heatmaps = gaussian_heatmaps(on_map, self.heatmap_size, self.sigma)
        return dict(
            heatmaps=heatmaps[:-1],
            hemlets=hemlets_from_heatmaps(
                heatmaps, polarity, self.parts, self.combine, empty=self.num_joints
            ),
            keypoint_labels=labels,
            keypoint_weights=weights[None],
            keypoint_depth_weights=weights[None] * has_depth,
            part_weights=(polarity != UNKNOWN)[None].astype(np.float32),
            part_polarity=polarity[None],
        )

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode coordinates.

        Args:
            encoded: Coordinates x, y, z of the joints, (J, 3) or (N, J, 3), in volume units.

        Returns:
            Keypoints (N, J, 3), x and y in pixels of the input and depth relative to the root in
            mm, N being 1 where there was none, and scores (N, J), all 1.

        Raises:
            ValueError: If the shape is wrong.
        """
        coords = np.asarray(encoded, dtype=np.float32)
        if coords.ndim not in (2, 3) or coords.shape[-1] != 3:
            raise ValueError(f'coordinates must be (J, 3) or (N, J, 3), got {coords.shape}.')
        coords = coords.reshape(-1, *coords.shape[-2:])
        keypoints = np.empty_like(coords)
        keypoints[..., :2] = (coords[..., :2] + 0.5) * np.asarray(self.input_size, np.float32)
        keypoints[..., 2] = coords[..., 2] * self.depth_bound
        return keypoints, np.ones(coords.shape[:2], dtype=np.float32)

    def batch_decode(self, batch_encoded: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Decode a batch.

        Args:
            batch_encoded: Coordinates, a tensor or an array (B, J, 3).

        Returns:
            B keypoint arrays (1, J, 3) and B score arrays (1, J), see :meth:`decode`.
        """
        if hasattr(batch_encoded, 'detach'):
            batch_encoded = batch_encoded.detach().float().cpu().numpy()
        keypoints, scores = self.decode(batch_encoded)
        return list(keypoints[:, None]), list(scores[:, None])

    def _depth_span(
        self, mm_per_px: float | None, input_scale: np.ndarray | None, sample: str
    ) -> float:
        """Depth in mm that the volume spans: that of the crop's width."""
        if mm_per_px is None or input_scale is None:
            return self.depth_bound
        scale = np.ravel(input_scale).tolist()
        for field, values, count in (('mm_per_px', [mm_per_px], 1), ('input_scale', scale, 2)):
            if len(values) != count or not all(0 < value < math.inf for value in values):
                raise ValueError(
                    f'{field} of {sample} must be {count} finite number(s) above 0, got {values}. '
                    'Check its bbox and focal length.'
                )
        return float(mm_per_px) * scale[0]

    def _check(
        self, keypoints: np.ndarray, visible: np.ndarray | None, sample: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return keypoints (J, 2 or 3) and visibilities (J,), or refuse them."""
        keypoints = np.asarray(keypoints, dtype=np.float64)
        if keypoints.shape not in ((1, self.num_joints, 2), (1, self.num_joints, 3)):
            raise ValueError(
                f'keypoints of {sample} must have the shape (1, {self.num_joints}, 2) or '
                f'(1, {self.num_joints}, 3), got {keypoints.shape}. Other skeletons are converted '
                'with KeypointConverter.'
            )
        if visible is None:
            visible = np.ones(keypoints.shape[:2], dtype=np.float32)
        visible = np.asarray(visible, dtype=np.float32)
        if visible.shape != keypoints.shape[:2]:
            raise ValueError(
                f'keypoints_visible of {sample} must have the shape {keypoints.shape[:2]}, got '
                f'{visible.shape}.'
            )
        for field, values in (('keypoints', keypoints), ('keypoints_visible', visible)):
            _require_finite(f'{field} of {sample}', values[0])
        return keypoints[0], visible[0]

    def _check_depth(self, points: np.ndarray, visible: np.ndarray, sample: str) -> None:
        if points.shape[1] != 3:
            raise ValueError(
                f'{sample} says depth_valid, but its keypoints have no depth (D=2). Give '
                '(1, J, 3) or leave depth_valid out.'
            )
        if visible[self.root_index] < 0.5:
            raise ValueError(
                f'{sample} has a depth but no root joint (keypoints_visible[{self.root_index}] is '
                f'{visible[self.root_index]}), from which the depth counts. Set depth_valid=0.'
            )

    def _bone_lengths(
        self, lifting_target: np.ndarray | None, mirrored: bool, sample: str
    ) -> np.ndarray | None:
        """Lengths of the parts in mm, (P,); None where they are not needed."""
        if self.eps_mode == 'mm':
            return None
        if lifting_target is None:
            raise ValueError(
                f"{sample} lacks lifting_target (joints in camera space), which eps_mode='"
                "bone_ratio' needs."
            )
        joints = np.asarray(lifting_target, dtype=np.float64)
        if joints.shape not in ((1, self.num_joints, 3), (self.num_joints, 3)):
            raise ValueError(
                f'lifting_target of {sample} must have the shape (1, {self.num_joints}, 3), got '
                f'{joints.shape}.'
            )
        joints = joints.reshape(self.num_joints, 3)
        _require_finite(f'lifting_target of {sample}', joints)
        parent, child = self.parts.T
        lengths = 1000 * np.linalg.norm(joints[parent] - joints[child], axis=-1)
        return lengths[list(self.part_flip)] if mirrored else lengths

    def _check_meaning(self, parts: Parts | None, closer_is: int | None, sample: str) -> None:
        """Refuse polarities that mean something else to the dataset than to the codec."""
        if closer_is not in (None, self.closer_is):
            raise ValueError(
                f'part_polarity of {sample} has {closer_is} for closer, the codec '
                f'{self.closer_is}. '
                'Give dataset and codec the same closer_is.'
            )
        if parts is not None and not np.array_equal(parts, self.parts):
            raise ValueError(
                f'part_polarity of {sample} is about the parts {parts}, the codec about '
                f'{self.parts.tolist()}. Give dataset and codec the same parts.'
            )

    def _annotated_polarity(
        self, part_polarity: np.ndarray | None, mirrored: bool, sample: str
    ) -> np.ndarray:
        """Polarities (P,) as they are after the flip."""
        if part_polarity is None:
            return np.full(len(self.parts), UNKNOWN)
        polarity = np.asarray(part_polarity)
        if polarity.size != len(self.parts) or not np.isin(polarity, (-2, -1, 0, 1)).all():
            raise ValueError(
                f'part_polarity of {sample} must be {len(self.parts)} numbers of -2 (unknown), -1, '
                f'0, 1, one for each part, got {polarity.tolist()}.'
            )
        polarity = polarity.reshape(-1).astype(np.int64)
        return polarity[list(self.part_flip)] if mirrored else polarity


def _is_size(value: Sequence[int]) -> bool:
    return len(value) == 2 and all(int(v) == v and v > 0 for v in value)


def _require(name: str, value: object, valid: bool, expected: str) -> None:
    if not valid:
        raise ValueError(f'{name} must be {expected}, got {value!r}.')


def _require_finite(name: str, values: np.ndarray) -> None:
    """Refuse values of the joints, (J,) or (J, D), that are NaN or infinite."""
    finite = np.isfinite(values)
    if not finite.all():
        joints = np.flatnonzero(~finite.reshape(len(values), -1).all(1)).tolist()
        raise ValueError(f'{name} must be finite, but is NaN or infinite at joints {joints}.')
