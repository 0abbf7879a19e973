"""DHP19's cameras: projection matrices from Vicon's axes in mm to pixels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import rq

from mmpose_ext.npz import read_npy
from mmpose_ext.refusals import refusing

_MM = 1000.0


@dataclass(frozen=True)
class ProjectionCamera:
    """A camera taken out of its projection matrix.

    Attributes:
        intrinsics (np.ndarray): (3, 3) px.
        rotation (np.ndarray): From the axes of the world into camera space, (3, 3).
        position (np.ndarray): Place of the camera in the world in mm, (3,).
    """

    intrinsics: np.ndarray
    rotation: np.ndarray
    position: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Take points into camera space: x right, y down, z ahead.

        Args:
            points (np.ndarray): Points (..., 3) in mm in the world.

        Returns:
            np.ndarray: Points (..., 3) in m.
        """
        turned: np.ndarray = (points - self.position) @ self.rotation.T / _MM
        return turned

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points of camera space.

        Args:
            points (np.ndarray): Points (..., 3) in m, in front of the camera.

        Returns:
            np.ndarray: Points (..., 2) in px.
        """
        pixels = points @ self.intrinsics.T
        projected: np.ndarray = pixels[..., :2] / pixels[..., 2:]
        return projected


def camera_of_projection(matrix: np.ndarray, height: float | None) -> ProjectionCamera:
    """Take a camera out of its projection matrix.

    P = K [R | -R C]. The scale of P is free, its sign too: it is the one with which R is a rotation
    (Hartley and Zisserman, Multiple View Geometry, section 6.2).

    Args:
        matrix (np.ndarray): P (3, 4), from mm to px.
        height (float | None): Where P's v points up, as DHP19's does: the height of the image, to
            which v' = height - v. None where it points down.

    Returns:
        ProjectionCamera: The camera.

    Raises:
        ValueError: If the matrix is not of that shape, not finite or of no camera.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 4) or not np.isfinite(matrix).all():
        raise ValueError(
            f'a projection matrix should be finite numbers (3, 4), got the shape {matrix.shape}'
        )
    if height is not None:
        matrix = np.array([[1.0, 0, 0], [0, -1.0, height], [0, 0, 1.0]]) @ matrix
    determinant = np.linalg.det(matrix[:, :3])
    if determinant == 0:
        raise ValueError('the projection matrix is of no camera: its left part is singular')
    matrix = matrix * np.sign(determinant)
    intrinsics, rotation = rq(matrix[:, :3])
    signs = np.sign(np.diag(intrinsics))
    intrinsics, rotation = intrinsics * signs, signs[:, None] * rotation
    position = -np.linalg.solve(matrix[:, :3], matrix[:, 3])
    return ProjectionCamera(intrinsics / intrinsics[2, 2], rotation, position)


def read_camera(path: str | Path, height: float | None) -> ProjectionCamera:
    """Read a camera.

    Args:
        path (str | Path): Such as ``P1.npy``.
        height (float | None): See :func:`camera_of_projection`.

    Returns:
        ProjectionCamera: The camera.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no projection matrix.
    """
    try:
        with refusing(path, 'projection matrix (3, 4)'):
            return camera_of_projection(read_npy(path, 'projection matrix (3, 4)'), height)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"there is no file {path}; DHP19's projection matrices P1.npy to P4.npy come with the "
            "authors' code"
        ) from error
