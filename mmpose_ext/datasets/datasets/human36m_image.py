"""Human3.6M for models that look at the image: 3D joints beside the person's crop."""

import math
import os.path
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmpose_ext.codecs.functional.hemlets import polarity_from_depth
from mmpose_ext.datasets.datasets.annotation_checks import check_indices
from mmpose_ext.datasets.datasets.human36m_file import (
    Human36mFrames,
    cameras_of,
    read_human36m,
)
from mmpose_ext.datasets.datasets.part_polarity import UNKNOWN, check_parts, load_part_polarity
from mmpose_ext.datasets.datasets.smpl_parameters import read_parameters
from mmpose_ext.skeletons import human36m18

WEAK_LABELS = (None, '2d', 'polarity')
_MM = 1000.0


def project(joints: np.ndarray, focal: np.ndarray, principal_pt: np.ndarray) -> np.ndarray:
    """Project points through a pinhole, without lens distortion.

    Args:
        joints (np.ndarray): Points in camera space, (..., J, 3), any unit.
        focal (np.ndarray): Focal lengths in px, (..., 2).
        principal_pt (np.ndarray): Principal points in px, (..., 2).

    Returns:
        np.ndarray: Points in px, (..., J, 2).
    """
    return joints[..., :2] / joints[..., 2:] * focal[..., None, :] + principal_pt[..., None, :]


def root_box(
    root: np.ndarray, focal: np.ndarray, principal_pt: np.ndarray, side: float = 2.0
) -> np.ndarray:
    """Project a square that faces the camera, centred at the root joint.

    The crop of HEMlets: the authors' answer to users is a square of 2000 mm at the pelvis.

    Args:
        root (np.ndarray): Root joints in camera space in metres, (N, 3).
        focal (np.ndarray): Focal lengths in px, (N, 2).
        principal_pt (np.ndarray): Principal points in px, (N, 2).
        side (float): Side of the square in metres. Defaults to 2.

    Returns:
        np.ndarray: Boxes x1, y1, x2, y2 in px, (N, 4).
    """
    center = project(root[:, None], focal, principal_pt)[:, 0]
    # Square to the last digit, so that the crop has just this size and not a thousandth more.
    half = side / 2 * focal.max(-1, keepdims=True) / root[:, 2:]
    return np.concatenate([center - half, center + half], axis=-1)


@DATASETS.register_module()
class Human36mImageDataset(BaseCocoStyleDataset):
    """Human3.6M in MMPose's files, one frame and person a sample, with image, camera and crop.

    MMPose's ``Human36mDataset`` is for lifting 2D poses; it gives no image. Here a sample holds

    - ``img_path``; ``id`` and ``img_id``, the row of the npz; ``target_img_path``, its imgname
    - ``bbox`` (1, 4) px: the square of ``box_size`` about the pelvis; ``bbox_score`` (1,). It is
      the crop already: use ``GetBBoxCenterScale(padding=1.0)``
    - ``keypoints`` (1, 18, 3): x and y in px of the image, by projecting the 3D joints; depth
      minus the pelvis' in mm, growing away from the camera. ``keypoints_visible`` (1, 18)
    - ``lifting_target`` (1, 18, 3): joints in camera space in metres;
      ``lifting_target_visible`` (1, 18)
    - ``focal`` (2,) and ``principal_pt`` (2,) px; ``gravity`` (3,), down in camera
      axes, if the cameras tell it;
      ``mm_per_px`` at the pelvis; ``depth_valid``: 1.0, or 0.0 with weak labels
    - with a ``smpl_file``: ``smpl_pose`` (1, 24, 3), axis-angle vectors with which the body stands
      in camera space; ``smpl_betas`` (1, 10); ``has_smpl`` (1,), 1.0 where they are known
    - ``part_polarity`` (1, P) int64, if there are any: see ``weak_labels``, ``polarity_file``;
      with what it means, ``polarity_parts`` and ``polarity_closer_is``

    Joints are those of :mod:`mmpose_ext.skeletons.human36m18`.

    Args:
        camera_param_file (str): File of the cameras, below ``data_root``.
        weak_labels (str, optional): Which part of the labels to show, to simulate weakly
            labelled people. None: all. ``'2d'``: no depth, so that keypoints are (1, 18, 2).
            ``'polarity'``: no depth either, but the polarity of each part, out of the true
            depth unless there is a ``polarity_file``. ``lifting_target`` stays, for evaluation.
        eps (float): Threshold of those polarities, see
            :func:`mmpose_ext.codecs.functional.hemlets.polarity_from_depth`. Defaults to 100.
        eps_mode (str): ``'mm'``, or ``'bone_ratio'``: ``eps`` is a share of the bone's length.
        parts (Sequence[tuple[int, int]]): (parent, child) of each part, the codec's.
        closer_is (int): Polarity of a child closer than its parent, the codec's.
        polarity_file (str, optional): Part polarities by row, below ``data_root``; see
            :mod:`mmpose_ext.datasets.datasets.part_polarity`.
        smpl_file (str, optional): SMPL's parameters of the people, below ``data_root``: an npz
            that names the same images, see
            :func:`~mmpose_ext.datasets.datasets.smpl_parameters.read_parameters`.
        frame_stride (int): Takes every n-th frame of each video. Defaults to 1: all.
        box_size (float): Side of the square in mm. Defaults to 2000, the authors'.
        world_up (str): Axis of the cameras' world that points up, for pictures: ``'z'`` in
            Human3.6M, ``'y'`` for mannequins. Defaults to ``'z'``.
        **kwargs: Arguments of ``BaseCocoStyleDataset``: ``ann_file`` (an npz as MMPose makes
            it), ``data_root``, ``data_prefix``, ``pipeline``, ``indices``, ``test_mode``, ...

    Raises:
        FileNotFoundError: If the annotations, cameras, polarities or parameters are missing.
        ValueError: If an argument is out of range or a frame cannot be used, see
            :func:`~mmpose_ext.datasets.datasets.human36m_file.read_human36m`; if a frame's
            camera is missing or has no positive focal length, or its parameters are missing or
            broken. Names the frame and the field.

    Example:
        >>> dataset = Human36mImageDataset(
        ...     ann_file='annotation_body3d/fps10/h36m_train.npz',
        ...     camera_param_file='annotation_body3d/cameras.pkl',
        ...     data_root='data/h36m', data_prefix=dict(img='images/'))
    """

    METAINFO: dict = human36m18.METAINFO

    def __init__(
        self,
        camera_param_file: str,
        weak_labels: str | None = None,
        eps: float = 100.0,
        eps_mode: str = 'mm',
        parts: Sequence[tuple[int, int]] = human36m18.PARTS,
        closer_is: int = 1,
        polarity_file: str | None = None,
        smpl_file: str | None = None,
        frame_stride: int = 1,
        box_size: float = 2000.0,
        world_up: str = 'z',
        **kwargs: Any,
    ) -> None:
        _check_labelling(weak_labels, polarity_file, eps, eps_mode, closer_is)
        if not isinstance(frame_stride, int) or frame_stride < 1:
            raise ValueError(f'frame_stride should be an integer from 1, got {frame_stride!r}')
        if not 0 < box_size < math.inf:
            raise ValueError(f'box_size should be positive, got {box_size} mm')
        for option in ('bbox_file', 'sample_interval'):
            if option in kwargs:
                raise ValueError(f'{type(self).__name__} has no {option}')
        if kwargs.get('data_mode', 'topdown') != 'topdown':
            raise ValueError(f"data_mode should be 'topdown', got {kwargs['data_mode']!r}")
        self.camera_param_file = camera_param_file
        self.weak_labels = weak_labels
        self.eps = eps
        self.eps_mode = eps_mode
        self.parts = check_parts(parts)
        self.closer_is = closer_is
        self.polarity_file = polarity_file
        self.smpl_file = smpl_file
        self.frame_stride = frame_stride
        if world_up not in ('x', 'y', 'z'):
            raise ValueError(f"world_up should be 'x', 'y' or 'z', got {world_up!r}")
        self.box_size = box_size
        self.world_up = world_up
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the files; the labels stay in arrays, out of which samples are made.

        Returns:
            list[dict]: ``id``, ``img_id``, ``img_path`` and ``target_img_path`` of each sample.
        """
        frames = read_human36m(self.ann_file)
        paths = [os.path.join(self.data_prefix['img'], name) for name in frames.imgnames]
        polarity = self._polarities_of_file(paths)
        frames = frames.take(_every_nth(frames.videos, self.frame_stride))
        cameras = self._path(self.camera_param_file)
        focal, principal_pt, gravity = cameras_of(frames, self.ann_file, cameras, self.world_up)
        box = root_box(frames.joints[:, 0], focal, principal_pt, self.box_size / _MM)
        depth = frames.joints[..., 2:] - frames.joints[:, :1, 2:]
        points = project(frames.joints, focal, principal_pt)
        keypoints = np.concatenate([points, depth * _MM], axis=-1)
        self._labels = {
            'bbox': box.astype(np.float32)[:, None],
            'keypoints': keypoints[:, None].astype(np.float32),
            'keypoints_visible': frames.visible[:, None],
            'lifting_target': frames.joints[:, None].astype(np.float32),
            'lifting_target_visible': frames.visible[:, None],
            'focal': focal.astype(np.float32),
            'principal_pt': principal_pt.astype(np.float32),
            'mm_per_px': self.box_size / (box[:, 2] - box[:, 0]),
        }
        if self.smpl_file is not None:
            parameters = read_parameters(self._path(self.smpl_file), frames.imgnames)
            self._labels.update(parameters.fields())
        if not np.isnan(gravity).any():
            self._labels['gravity'] = gravity.astype(np.float32)
        if polarity is not None:
            self._labels['part_polarity'] = polarity[frames.rows, None]
        elif self.weak_labels == 'polarity':
            self._labels['part_polarity'] = self._polarities_of_depth(frames)[:, None]
        if self.weak_labels is not None:
            self._labels['keypoints'] = self._labels['keypoints'][..., :2]
        check_indices(self._indices, len(frames.rows), self.ann_file)
        self._rows = frames.rows
        return [
            {'id': row, 'img_id': row, 'img_path': paths[row], 'target_img_path': [name]}
            for row, name in zip(frames.rows.tolist(), frames.imgnames, strict=True)
        ]

    def get_data_info(self, idx: int) -> dict:
        """Give a sample; see the class.

        Args:
            idx (int): Number of the sample.

        Returns:
            dict: The sample.
        """
        info = super().get_data_info(idx)
        index = np.searchsorted(self._rows, info['id'])
        labels = {name: values[index].copy() for name, values in self._labels.items()}
        labels['mm_per_px'] = float(labels['mm_per_px'])
        info.update(
            labels,
            bbox_score=np.ones(1, dtype=np.float32),
            depth_valid=1.0 if self.weak_labels is None else 0.0,
            category_id=1,
        )
        if 'part_polarity' in labels:
            info.update(polarity_parts=self.parts, polarity_closer_is=self.closer_is)
        return info

    def _path(self, name: str) -> str:
        """Put a relative name below ``data_root``, as MMEngine does with ``ann_file``."""
        return os.path.join(self.data_root or '', name)

    def _polarities_of_file(self, paths: list[str]) -> np.ndarray | None:
        """Give the part polarities (N, P) int64 of a file for all rows, if there is one."""
        if self.polarity_file is None:
            return None
        table = load_part_polarity(self._path(self.polarity_file), self.parts, self.closer_is)
        return table.align(range(len(paths)), paths)

    def _polarities_of_depth(self, frames: Human36mFrames) -> np.ndarray:
        """Give the part polarities (N, P) int64 that the depths of frames make."""
        parent, child = np.array(self.parts).T
        lengths = None
        if self.eps_mode == 'bone_ratio':
            bones = frames.joints[:, child] - frames.joints[:, parent]
            lengths = np.linalg.norm(bones, axis=-1) * _MM
        polarity = polarity_from_depth(
            frames.joints[..., 2] * _MM, self.parts, self.eps, self.closer_is, lengths
        )
        labelled = frames.visible[:, parent] * frames.visible[:, child] > 0
        return np.where(labelled, polarity, UNKNOWN)


def _check_labelling(
    weak_labels: str | None, polarity_file: str | None, eps: float, eps_mode: str, closer_is: int
) -> None:
    """Check the arguments about labels of :class:`Human36mImageDataset`."""
    if weak_labels not in WEAK_LABELS:
        raise ValueError(f'weak_labels should be one of {WEAK_LABELS}, got {weak_labels!r}')
    if weak_labels == '2d' and polarity_file is not None:
        raise ValueError(
            "weak_labels='2d' hides polarities, so that polarity_file has no use; take "
            "weak_labels='polarity'"
        )
    if eps_mode not in ('mm', 'bone_ratio'):
        raise ValueError(f"eps_mode should be 'mm' or 'bone_ratio', got {eps_mode!r}")
    if not 0 <= eps < math.inf:
        raise ValueError(f'eps should be finite and not negative, got {eps}')
    if closer_is not in (1, -1):
        raise ValueError(f'closer_is should be 1 or -1, got {closer_is!r}')


def _every_nth(videos: np.ndarray, stride: int) -> np.ndarray:
    """Pick every n-th frame of each video, beginning with its first; rows in their order."""
    order = np.argsort(videos, kind='stable')
    first = np.searchsorted(videos[order], videos[order])
    position = np.empty_like(order)
    position[order] = np.arange(len(order)) - first
    return np.flatnonzero(position % stride == 0)
