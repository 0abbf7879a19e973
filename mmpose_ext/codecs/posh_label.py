"""HEMlets PoSh codec: what HEMlets learns from, and the parameters of SMPL beside it."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmpose.registry import KEYPOINT_CODECS
from scipy.spatial.transform import Rotation

from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.skeletons import smpl24

# What each flip of MMPose's RandomFlip does to x, y, z; the diagonal one is a half turn.
_FLIPS = {
    'horizontal': (-1.0, 1.0, 1.0),
    'vertical': (1.0, -1.0, 1.0),
    'diagonal': (-1.0, -1.0, 1.0),
}


@KEYPOINT_CODECS.register_module()
class PoShLabel(HEMletsLabel):
    """The targets of HEMlets PoSh: those of HEMlets, 3D joints in metres and SMPL's parameters.

    Flips and rotations of the picture change the person that it shows. MMPose applies them to
    pixels; here they are applied to joints, orientation and pose in 3D, the flip first as in
    MMPose's pipelines. Any label may be missing: 2D joints, 3D joints and parameters mix freely
    in a batch.

    Args:
        input_size (tuple[int, int]): Input of the network, (w, h) in pixels, w = h.
        num_betas (int): Shape coefficients; more that a sample has are left out.
        options (Any): The other arguments of :class:`mmpose_ext.codecs.HEMletsLabel`.

    Raises:
        ValueError: If an option is invalid, or ``input_size`` is not square: a camera of one
            scale would not fit x and y, which both span -1 to 1.
    """

    auxiliary_encode_keys: ClassVar = {
        *HEMletsLabel.auxiliary_encode_keys,
        *('smpl_pose', 'smpl_betas', 'has_smpl', 'bbox_rotation', 'lifting_target_visible'),
    }
    label_mapping_table: ClassVar = dict(
        **HEMletsLabel.label_mapping_table,
        smpl_pose='smpl_pose',
        smpl_betas='smpl_betas',
        has_smpl='has_smpl',
        joints_3d='joints_3d',
        joints_3d_weights='joints_3d_weights',
        volume_span='volume_span',
    )

    def __init__(
        self, input_size: tuple[int, int] = (256, 256), num_betas: int = 10, **options: Any
    ) -> None:
        super().__init__(input_size, **options)
        if num_betas < 1:
            raise ValueError(f'num_betas must be at least 1, got {num_betas}.')
        self.num_betas = num_betas
        if self.input_size[0] != self.input_size[1]:
            raise ValueError(f'input_size of PoShLabel must be square, got {input_size}.')

    def encode(  # type: ignore[override]
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        smpl_pose: np.ndarray | None = None,
        smpl_betas: np.ndarray | None = None,
        has_smpl: float | None = None,
        bbox_rotation: np.ndarray | None = None,
        lifting_target_visible: np.ndarray | None = None,
        **hemlets: Any,
    ) -> dict[str, np.ndarray]:
        """Encode a person.

        Args:
            keypoints: (1, J, 2) or (1, J, 3), see :meth:`HEMletsLabel.encode`.
            keypoints_visible: (1, J).
            smpl_pose: Axis-angle vectors (1, 24, 3) in radians, the first the orientation in the
                camera's axes, of the sample before flip and rotation.
            smpl_betas: Shape coefficients (1, S), S at least ``num_betas``.
            has_smpl: Weight of the two, 0 without them. None: 1 where there are any.
            bbox_rotation: Angle (1,) in degrees by which ``RandomBBoxTransform`` turned the crop.
            lifting_target_visible: Whether joints of ``lifting_target`` are labelled, (1, J); all
                if None.
            hemlets: The other arguments of :meth:`HEMletsLabel.encode`, among them
                ``lifting_target``: joints (1, J, 3) in camera space in metres, before flip and
                rotation. Not read where ``depth_valid`` is 0.

        Returns:
            The labels of :meth:`HEMletsLabel.encode` and ``smpl_pose`` (1, 24, 3, 3), rotation
            matrices; ``smpl_betas`` (1, ``num_betas``); ``has_smpl`` (1,); ``joints_3d`` (1, J, 3),
            metres relative to the root; ``joints_3d_weights`` (1, J); all of the person that the
            crop shows, and zeros where there are no labels; ``volume_span`` (1,), the metres that
            the volume spans.

        Raises:
            ValueError: If a shape or a value is wrong; the message names sample and field.
        """
        encoded = super().encode(keypoints, keypoints_visible, **hemlets)
        id, img_path = hemlets.get('id'), hemlets.get('img_path')
        sample = f'sample {id} ({img_path})' if img_path is not None else 'the sample'
        direction = hemlets.get('flip_direction') or 'horizontal'
        flip = np.asarray(_FLIPS[direction] if hemlets.get('flip') else (1.0, 1.0, 1.0))
        degrees = 0.0 if bbox_rotation is None else float(np.ravel(bbox_rotation)[0])
        encoded |= self._smpl_labels(smpl_pose, smpl_betas, has_smpl, flip, degrees, sample)

        joints = hemlets.get('lifting_target')
        depth_valid = hemlets.get('depth_valid')
        if depth_valid is not None and not depth_valid:
            # Weakly labelled: what is there is for the metric alone.
            joints = None
        encoded |= self._joint_labels(joints, lifting_target_visible, flip, degrees, sample)
        span = self._depth_span(hemlets.get('mm_per_px'), hemlets.get('input_scale'), sample)
        encoded['volume_span'] = np.array([span / 1000], dtype=np.float32)
        return encoded

    def _smpl_labels(
        self,
        pose: np.ndarray | None,
        betas: np.ndarray | None,
        has_smpl: float | None,
        flip: np.ndarray,
        degrees: float,
        sample: str,
    ) -> dict[str, np.ndarray]:
        if has_smpl is None:
            has_smpl = float(pose is not None)
        weight = _scalar('has_smpl', has_smpl, sample)
        labels = dict(
            smpl_pose=np.zeros((1, smpl24.NUM_JOINTS, 3, 3), dtype=np.float32),
            smpl_betas=np.zeros((1, self.num_betas), dtype=np.float32),
            has_smpl=np.array([weight], dtype=np.float32),
        )
        if weight == 0:
            return labels
        vectors = _field('smpl_pose', pose, (1, smpl24.NUM_JOINTS, 3), sample)[0]
        # Coefficients are those of principal components: leaving the last out is an approximation.
        betas = None if betas is None else np.asarray(betas)[..., : self.num_betas]
        labels['smpl_betas'][:] = _field('smpl_betas', betas, (1, self.num_betas), sample)
        labels['smpl_pose'][0] = transform_pose(
            Rotation.from_rotvec(vectors).as_matrix(), flip, degrees
        )
        return labels

    def _joint_labels(
        self,
        joints: np.ndarray | None,
        visible: np.ndarray | None,
        flip: np.ndarray,
        degrees: float,
        sample: str,
    ) -> dict[str, np.ndarray]:
        shape = (1, self.num_joints)
        labels = dict(
            joints_3d=np.zeros((*shape, 3), dtype=np.float32),
            joints_3d_weights=np.zeros(shape, dtype=np.float32),
        )
        if joints is None:
            return labels
        weights = np.ones(shape)
        if visible is not None:
            weights = _field('lifting_target_visible', visible, shape, sample)
        weights = weights[0] * (weights[0, self.root_index] > 0)
        joints = np.asarray(joints, dtype=np.float64)
        if joints.shape == (*shape, 3):
            # What is not labelled may be NaN.
            joints = np.where(weights[:, None] > 0, joints, 0.0)
        points = _field('lifting_target', joints, (*shape, 3), sample)[0]
        points = (points - points[self.root_index]) * flip
        if is_mirror(flip):
            order = list(self.flip_indices)
            points, weights = points[order], weights[order]
        points = points @ crop_rotation(degrees).T
        labels['joints_3d'][0] = np.where(weights[:, None] > 0, points, 0.0)
        labels['joints_3d_weights'][0] = weights
        return labels


def crop_rotation(degrees: float) -> np.ndarray:
    """Give the turn of the person that a crop shows, if the crop was turned.

    Args:
        degrees (float): Angle of ``mmpose.structures.bbox.get_warp_matrix``, which turns the box
            clockwise on the picture, and so what it shows the other way round.

    Returns:
        np.ndarray: Rotation matrix (3, 3) in camera axes (x right, y down, z ahead).
    """
    matrix: np.ndarray = Rotation.from_euler('z', -degrees, degrees=True).as_matrix()
    return matrix


def is_mirror(flip: Sequence[float] | np.ndarray) -> bool:
    """Tell whether signs of the axes turn left into right.

    Args:
        flip (Sequence[float]): Signs of x, y, z.

    Returns:
        bool: Whether their product is negative.
    """
    return bool(np.prod(flip) < 0)


def transform_pose(pose: np.ndarray, flip: np.ndarray, degrees: float) -> np.ndarray:
    """Give the pose of the person that a flipped and then turned crop shows.

    A mirrored person is one whose left and right are swapped, and whose rotations are
    ``M R M`` with M the mirror: in their own frames x -> -x for the joints, and for the
    orientation the camera's mirror on the left.

    Args:
        pose (np.ndarray): Rotation matrices of SMPL's joints (24, 3, 3), the first in camera axes.
        flip (np.ndarray): Signs of the camera's x, y, z.
        degrees (float): See :func:`crop_rotation`.

    Returns:
        np.ndarray: Rotation matrices (24, 3, 3).
    """
    if is_mirror(flip):
        body_mirror = np.diag([-1.0, 1.0, 1.0])
        mirrored = body_mirror @ pose[list(smpl24.FLIP_INDICES)] @ body_mirror
        mirrored[0] = np.diag(flip) @ pose[0] @ body_mirror
        pose = mirrored
    else:
        pose = np.concatenate([np.diag(flip) @ pose[:1], pose[1:]])
    return np.concatenate([crop_rotation(degrees) @ pose[:1], pose[1:]])


def _scalar(name: str, value: Any, sample: str) -> float:
    numbers = np.ravel(value)
    if numbers.size != 1 or not numbers[0] >= 0 or not np.isfinite(numbers[0]):
        raise ValueError(f'{name} of {sample} must be a number of at least 0, got {value!r}.')
    return float(numbers[0])


def _field(name: str, value: Any, shape: tuple[int, ...], sample: str) -> np.ndarray:
    array = None if value is None else np.asarray(value, dtype=np.float64)
    if array is None or array.shape != shape:
        found = None if array is None else array.shape
        raise ValueError(f'{name} of {sample} must have the shape {shape}, got {found}.')
    if not np.isfinite(array).all():
        raise ValueError(f'{name} of {sample} must be finite, but is NaN or infinite.')
    return array
