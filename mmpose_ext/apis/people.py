"""People of one picture, as a model sees them."""

from dataclasses import dataclass

import numpy as np

from mmpose_ext.apis.mesh import MeshPrediction


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """N people of one picture, K keypoints each; N may be 0.

    Attributes:
        keypoints (np.ndarray): Keypoints (N, K, 2) in pixels of the picture.
        keypoint_scores (np.ndarray): Their scores (N, K).
        boxes (np.ndarray): Boxes x1, y1, x2, y2 (N, 4) in pixels of the picture.
        box_scores (np.ndarray): Scores (N,) of the boxes, or of the people of bottom-up models.
        joints_3d (np.ndarray | None): Joints (N, J, 3) in mm relative to the root, camera axes: x
            right, y down, z ahead; None but for 3D models.
        part_polarity (np.ndarray | None): Polarity (N, P) of each part, -1, 0 or 1; None but for
            HEMlets.
        meshes (tuple[MeshPrediction, ...] | None): N bodies; None but for models with a body.

    Raises:
        ValueError: If shapes do not belong together, or a value is NaN or infinite.
    """

    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    joints_3d: np.ndarray | None = None
    part_polarity: np.ndarray | None = None
    meshes: tuple[MeshPrediction, ...] | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.keypoints) != 3 or self.keypoints.shape[2] != 2:
            raise ValueError(f'keypoints must be (N, K, 2) in pixels, got {self.keypoints.shape}')
        N, K = self.keypoints.shape[:2]
        _check('keypoints', self.keypoints, (N, K, 2))
        _check('keypoint_scores', self.keypoint_scores, (N, K))
        _check('boxes', self.boxes, (N, 4))
        _check('box_scores', self.box_scores, (N,))
        if self.joints_3d is not None:
            _check('joints_3d', self.joints_3d, (N, None, 3))
        if self.part_polarity is not None:
            _check('part_polarity', self.part_polarity, (N, None))
        if self.meshes is not None and len(self.meshes) != N:
            raise ValueError(f'{N} people need as many meshes, got {len(self.meshes)}')

    def __len__(self) -> int:
        return len(self.keypoints)

    @classmethod
    def nobody(cls, num_keypoints: int, num_joints_3d: int | None = None) -> 'People':
        """Give the people of a picture in which there are none.

        Args:
            num_keypoints (int): Keypoints K that the model knows.
            num_joints_3d (int | None): Joints J of a 3D model, whose pictures have room for 3D
                views whether there is somebody or not. Defaults to None: no 3D model.

        Returns:
            People: N is 0.
        """
        return cls(
            keypoints=np.zeros((0, num_keypoints, 2)),
            keypoint_scores=np.zeros((0, num_keypoints)),
            boxes=np.zeros((0, 4)),
            box_scores=np.zeros(0),
            joints_3d=None if num_joints_3d is None else np.zeros((0, num_joints_3d, 3)),
        )


def _check(name: str, values: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Refuse values of another shape, None being any length, and values that are not finite."""
    got = np.shape(values)
    same = [wanted in (None, length) for wanted, length in zip(shape, got, strict=False)]
    if len(got) != len(shape) or not all(same):
        wanted = ', '.join('?' if length is None else str(length) for length in shape)
        raise ValueError(f'{name} must be ({wanted}), got {got}')
    if not np.isfinite(values).all():
        raise ValueError(f'{name} are NaN or infinite: the model has diverged, or its input has')
