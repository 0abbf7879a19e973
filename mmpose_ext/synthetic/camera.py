"""Pinhole cameras: where they stand, what they see."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion.

    A camera-space point (X, Y, Z), x to the right, y down, z ahead, is seen at the pixel
    (fx X / Z + cx, fy Y / Z + cy). Pixel centres have integer coordinates.

    Attributes:
        K (np.ndarray): Intrinsics (3, 3) in pixels.
        R (np.ndarray): Rotation (3, 3) from world to camera.
        t (np.ndarray): Translation (3,) in metres: ``x_camera = R @ x_world + t``.
        width (int): Width of the image in pixels.
        height (int): Height of the image in pixels.
    """

    K: np.ndarray
    R: np.ndarray
    t: np.ndarray
    width: int
    height: int

    @property
    def center(self) -> np.ndarray:
        """Place of the camera (3,) in the world, in metres."""
        return -self.R.T @ self.t

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Move world points (..., 3) into camera space, in metres."""
        return points @ self.R.T + self.t

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project camera-space points (..., 3) to pixels (..., 2)."""
        return points[..., :2] / points[..., 2:] * np.diag(self.K)[:2] + self.K[:2, 2]


def look_at(
    eye: np.ndarray, target: np.ndarray, roll: float, focal: float, width: int, height: int
) -> Camera:
    """Make a camera that looks at a point, with the world's y up.

    Args:
        eye (np.ndarray): Place of the camera (3,) in metres.
        target (np.ndarray): Point (3,) that is seen in the middle of the image.
        roll (float): Turn about the line of sight in degrees.
        focal (float): Focal length in pixels.
        width (int): Width of the image in pixels.
        height (int): Height of the image in pixels.

    Returns:
        Camera: The camera.

    Raises:
        ValueError: If the view is straight up or down, or a size is not positive.
    """
    if width < 1 or height < 1 or not focal > 0:
        raise ValueError(f'need positive sizes, got {width}x{height}, focal length {focal}')
    ahead = np.asarray(target, dtype=np.float64) - eye
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    if np.linalg.norm(right) < 1e-6:
        raise ValueError(f'a camera at {eye} cannot look straight up or down at {target}')
    ahead = ahead / np.linalg.norm(ahead)
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(ahead, right), ahead])
    R = Rotation.from_euler('z', roll, degrees=True).as_matrix() @ R
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    return Camera(K, R, -R @ eye, width, height)


def frame_points(
    points: np.ndarray,
    rng: np.random.Generator,
    width: int,
    height: int,
    fill: tuple[float, float],
    shift: float,
    azimuths: tuple[float, float] = (0.0, 2 * np.pi),
) -> Camera:
    """Draw a camera that sees a cloud of points at a random size and place in the image.

    Args:
        points (np.ndarray): World points (N, 3) in metres.
        rng (np.random.Generator): Source of randomness.
        width (int): Width of the image in pixels.
        height (int): Height of the image in pixels.
        fill (tuple[float, float]): Smallest and largest share of the image that the
            points' box spans in its longer direction; above 1 the image cuts them off.
        shift (float): Largest shift of the box's middle, as a share of the image.
        azimuths (tuple[float, float]): Range of the direction in which the camera stands as
            seen from the points, in radians from z towards x. Defaults to all around.

    Returns:
        Camera: The camera, at least 1.2 m before every point.
    """
    center = (points.min(0) + points.max(0)) / 2
    radius = np.linalg.norm(points - center, axis=1).max()
    distance = radius + np.exp(rng.uniform(np.log(1.8), np.log(7.0)))
    # Mostly at the height of a hand-held camera; sometimes low or from above.
    low, high = [(0.9, 1.9), (0.3, 0.9), (1.9, 3.4)][rng.choice(3, p=[0.6, 0.17, 0.23])]
    rise = rng.uniform(low, high) - center[1]
    rise = np.clip(rise, -0.5 * distance, 0.75 * distance)
    azimuth = rng.uniform(*azimuths)
    reach = np.sqrt(distance**2 - rise**2)
    eye = center + np.array([reach * np.sin(azimuth), rise, reach * np.cos(azimuth)])
    eye[1] = max(eye[1], 0.15)
    roll = rng.normal(0, 3.5)
    first = look_at(eye, center, roll, 1.0, width, height)
    pixels = first.project(first.to_camera(points))
    low_xy, high_xy = pixels.min(0), pixels.max(0)
    size = (high_xy - low_xy) / (width, height)
    focal = rng.uniform(*fill) / size.max()
    # Aim at the middle of the box, then away from it by a random share of the image.
    away = rng.uniform(-shift, shift, 2) * (width, height)
    middle = (low_xy + high_xy) / 2 - first.K[:2, 2] + away / focal
    turned = first.R.T @ np.array([*middle, 1.0])
    return look_at(eye, eye + turned, roll, focal, width, height)
