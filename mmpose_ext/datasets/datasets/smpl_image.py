"""Images of people with SMPL parameters, from one plain file whatever they came from."""

import os.path
from typing import Any

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmpose_ext.datasets.datasets.annotation_checks import check_indices
from mmpose_ext.datasets.datasets.human36m_image import project
from mmpose_ext.datasets.datasets.smpl_image_file import SMPLImages, read_smpl_images
from mmpose_ext.skeletons import human36m18

_MM = 1000.0


@DATASETS.register_module()
class SMPLImageDataset(BaseCocoStyleDataset):
    """People in images, each labelled with some or all of SMPL parameters, 3D and 2D joints.

    The annotations are an npz file of N rows, one for each person, in arrays without pickles.
    ``make_smpl_npz.py`` makes it of Human3.6M, 3DPW and SPIN's files; anything else is a matter
    of a few lines of numpy. Arrays of other names are not read.

    ================= ============ ==============================================================
    array             shape        meaning
    ================= ============ ==============================================================
    ``imgname``       (N,)         image, below ``data_prefix['img']``
    ``bbox``          (N, 4)       x1, y1, x2, y2 in px: the crop, best a square
    ``global_orient`` (N, 3)       axis-angle, such that the body stands in camera space
    ``body_pose``     (N, 69)      axis-angle of SMPL's 23 other joints
    ``betas``         (N, 10)      shape coefficients
    ``has_smpl``      (N,)         0 where these three are not known; else all are
    ``gender``        (N,)         of which body they are: 'male', 'female', 'neutral', or '' if not
                                   known
    ``keypoints_2d``  (N, 18, 3)   x, y in px, and 1 or 0 for labelled or not
    ``joints_3d``     (N, 18, 4)   x, y, z in camera space in metres, and 1 or 0; where ``K`` is
                                   not known the pelvis may be the origin
    ``K``             (N, 3, 3)    intrinsic matrix in px: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    ``has_camera``    (N,)         0 where ``K`` is not known; else all are
    ``gravity``       (N, 3)       unit vector down in camera axes, for level pictures of bodies;
                                   NaN where not known
    ================= ============ ==============================================================

    ``imgname`` and ``bbox`` must be there. Camera space: x right, y down, z ahead. The joints are
    those of :mod:`mmpose_ext.skeletons.human36m18`.

    A sample holds what one of :class:`Human36mImageDataset` does, but for polarities:

    - ``keypoints`` (1, 18, 3) where the 3D pelvis and a scale are known, the third being depth
      minus the pelvis' in mm, and ``depth_valid`` 1.0; else (1, 18, 2) and 0.0, and 3D joints are
      for evaluation only. ``keypoints_visible`` (1, 18). Points that ``keypoints_2d`` lacks are
      projected where there is a camera. With a depth only joints with 3D labels are visible
    - ``lifting_target`` (1, 18, 3) in metres, ``lifting_target_visible`` (1, 18)
    - ``focal`` (2,), ``principal_pt`` (2,) px where the camera is known; ``mm_per_px`` at the
      pelvis where its depth is known: by the camera, else the scale that fits 2D and 3D joints;
      ``gravity`` (3,) where it is known
    - ``smpl_pose`` (1, 24, 3), ``smpl_betas`` (1, 10), ``has_smpl`` (1,); ``gender`` where it
      is known
    - ``bbox`` (1, 4), the crop already: use ``GetBBoxCenterScale(padding=1.0)``; ``bbox_score``
      (1,); ``id``, ``img_id``, ``img_path``, ``target_img_path``

    Args:
        **kwargs: Arguments of ``BaseCocoStyleDataset``: ``ann_file``, ``data_root``,
            ``data_prefix``, ``pipeline``, ``indices``, ``test_mode``, ...

    Raises:
        FileNotFoundError: If the annotations are missing.
        ValueError: If an argument is out of range, a row cannot be used (names the file, the row
            and the field), or, unless in test mode, a row has no label at all.

    Example:
        >>> dataset = SMPLImageDataset(
        ...     ann_file='3dpw_test.npz', data_root='data/3dpw',
        ...     data_prefix=dict(img='imageFiles/'), test_mode=True)
    """

    METAINFO: dict = human36m18.METAINFO

    def __init__(self, **kwargs: Any) -> None:
        for option in ('bbox_file', 'sample_interval'):
            if option in kwargs:
                raise ValueError(f'{type(self).__name__} has no {option}')
        if kwargs.get('data_mode', 'topdown') != 'topdown':
            raise ValueError(f"data_mode should be 'topdown', got {kwargs['data_mode']!r}")
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the file; the labels stay in arrays, out of which samples are made.

        Returns:
            list[dict]: ``id``, ``img_id``, ``img_path`` and ``target_img_path`` of each sample.
        """
        people = read_smpl_images(self.ann_file)
        check_indices(self._indices, len(people.imgnames), self.ann_file)
        self._check_labelled(people)
        self._mm_per_px = mm_per_px(people)
        root_seen = people.visible_2d[:, human36m18.PELVIS] | people.has_camera
        self._has_depth = root_seen & np.isfinite(self._mm_per_px)
        self._has_camera = people.has_camera
        self._genders = people.genders
        keypoints, visible = _keypoints(people, self._has_depth)
        self._labels = {
            'bbox': people.bbox[:, None],
            'keypoints': keypoints[:, None],
            'keypoints_visible': visible[:, None],
            'lifting_target': people.joints_3d[:, None],
            'lifting_target_visible': people.visible_3d[:, None],
            'focal': people.cameras[:, (0, 1), (0, 1)],
            'principal_pt': people.cameras[:, :2, 2],
            'gravity': people.gravity,
            **people.parameters.fields(),
        }
        self._labels = {name: values.astype(np.float32) for name, values in self._labels.items()}
        folder = self.data_prefix['img']
        return [
            {
                'id': row,
                'img_id': row,
                'img_path': os.path.join(folder, name),
                'target_img_path': [name],
            }
            for row, name in enumerate(people.imgnames)
        ]

    def get_data_info(self, idx: int) -> dict:
        """Give a sample; see the class.

        Args:
            idx (int): Number of the sample.

        Returns:
            dict: The sample.
        """
        info = super().get_data_info(idx)
        row = info['id']
        labels: dict[str, Any] = {name: array[row].copy() for name, array in self._labels.items()}
        if self._has_depth[row]:
            labels['mm_per_px'] = float(self._mm_per_px[row])
        else:
            labels['keypoints'] = labels['keypoints'][..., :2]
        if not self._has_camera[row]:
            del labels['focal'], labels['principal_pt']
        if np.isnan(labels['gravity']).any():
            del labels['gravity']
        if self._genders[row]:
            labels['gender'] = self._genders[row]
        info.update(
            labels,
            bbox_score=np.ones(1, dtype=np.float32),
            depth_valid=float(self._has_depth[row]),
            category_id=1,
        )
        return info

    def _check_labelled(self, people: SMPLImages) -> None:
        """Refuse rows that nothing can be learnt from."""
        empty = np.flatnonzero(~people.is_labelled)
        if len(empty) and not self.test_mode:
            raise ValueError(
                f'{self.ann_file}: {len(empty)} rows have no label, such as row {empty[0]} '
                f'({people.imgnames[empty[0]]}): give SMPL parameters, joints_3d or keypoints_2d, '
                'take these rows out, or set test_mode=True.'
            )


def mm_per_px(people: SMPLImages) -> np.ndarray:
    """Tell how many mm a pixel of the image spans at the pelvis' depth.

    Where the camera is known, depth over focal length (the greater, as in :func:`root_box`).
    Elsewhere the scale by which the labelled 2D joints fit the 3D ones best, as a weak-perspective
    camera sees them.

    Args:
        people (SMPLImages): N people.

    Returns:
        np.ndarray: mm per px, (N,); NaN where it cannot be told.
    """
    focal = people.cameras[:, (0, 1), (0, 1)].max(1)
    by_camera = people.joints_3d[:, human36m18.PELVIS, 2] * _MM / focal
    both = (people.visible_2d & people.visible_3d)[..., None]
    count = both.sum(1, keepdims=True).clip(min=1)
    pixels, metres = (
        np.where(both, points - (points * both).sum(1, keepdims=True) / count, 0)
        for points in (people.keypoints_2d, people.joints_3d[..., :2])
    )
    product, square = (pixels * metres).sum((1, 2)), (metres**2).sum((1, 2))
    by_fit = np.full(len(focal), np.nan)
    np.divide(square * _MM, product, out=by_fit, where=product > 0)
    scale: np.ndarray = np.where(people.has_camera, by_camera, by_fit)
    return np.where(people.visible_3d[:, human36m18.PELVIS], scale, np.nan)


def _keypoints(people: SMPLImages, has_depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give x and y in px and depth in mm, (N, 18, 3), and which are visible, (N, 18)."""
    joints = people.joints_3d
    projectable = people.visible_3d & people.has_camera[:, None]
    # What is not projected must not divide by its depth of 0.
    ahead = np.where(projectable[..., None], joints, 1.0)
    projected = project(ahead, people.cameras[:, (0, 1), (0, 1)], people.cameras[:, :2, 2])
    points = np.where(people.visible_2d[..., None], people.keypoints_2d, projected)
    visible = people.visible_2d | projectable
    visible &= people.visible_3d | ~has_depth[:, None]
    depth = (joints[..., 2:] - joints[:, :1, 2:]) * _MM
    keypoints = np.concatenate([points, depth], axis=-1)
    return np.where(visible[..., None], keypoints, 0.0), visible
