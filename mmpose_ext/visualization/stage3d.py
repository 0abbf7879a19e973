"""The stage of 3D pictures: where a viewer stands, and a floor, to scale.

Camera space has x to the right, y **down** and z away from the camera. Views are orthographic,
so that lengths across the view are true and two views at a right angle tell the whole pose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

# Channels in the order of the picture.
Color = tuple[float, float, float]

_FLOOR = (238, 238, 238)
_LINE = (208, 208, 208)
# Bits of a fraction of a pixel in OpenCV's drawing functions.
_SHIFT = 4
# The floor: squares of this side in mm, so many on each side of the middle.
_SQUARE, _SQUARES = 500.0, 2


@dataclass(frozen=True)
class View:
    """Where a viewer of a person stands.

    Attributes:
        name (str): What to call the view.
        azimuth (float): Degrees by which the viewer has walked from the camera around the
            person, towards the camera's right.
        elevation (float): Degrees by which the viewer is above the person.
    """

    name: str
    azimuth: float
    elevation: float = 12.0


CAMERA_VIEW = View('from the camera', 0.0)
SIDE_VIEW = View('from the right', 90.0)


def look_from(points: np.ndarray, view: View) -> np.ndarray:
    """Turn points of camera space into a viewer's axes.

    Args:
        points (np.ndarray): Points (..., 3) relative to what the viewer looks at; x right,
            y down, z away from the camera.
        view (View): Where the viewer stands.

    Returns:
        np.ndarray: Points (..., 3): right, down and away as the viewer has it.
    """
    azimuth, elevation = math.radians(view.azimuth), math.radians(view.elevation)
    right = np.array((math.cos(azimuth), 0.0, math.sin(azimuth)))
    ahead = np.array((-math.sin(azimuth), 0.0, math.cos(azimuth)))
    down = np.array((0.0, 1.0, 0.0))
    axes = (
        right,
        math.cos(elevation) * down - math.sin(elevation) * ahead,
        math.cos(elevation) * ahead + math.sin(elevation) * down,
    )
    return np.asarray(points) @ np.stack(axes).T


def level(points: np.ndarray, down: Sequence[float]) -> np.ndarray:
    """Turn camera axes so that the camera looks at the horizon, y pointing to the ground.

    The camera keeps its heading: only its pitch and roll are undone.

    Args:
        points (np.ndarray): Points (..., 3), camera axes.
        down (Sequence[float]): Direction of gravity (3,), camera axes.

    Returns:
        np.ndarray: Points (..., 3).

    Raises:
        ValueError: If ``down`` is no direction, or the camera's own: it has no heading then.
    """
    gravity = np.asarray(down, dtype=np.float64)
    if gravity.shape != (3,) or not np.isfinite(gravity).all() or not gravity.any():
        raise ValueError(f'down must be a direction (3,), got {down!r}')
    gravity = gravity / np.linalg.norm(gravity)
    right = np.cross(gravity, (0.0, 0.0, 1.0))
    if np.linalg.norm(right) < 1e-6:
        raise ValueError(f'a camera that looks along gravity has no heading: down is {down!r}')
    right /= np.linalg.norm(right)
    return np.asarray(points) @ np.stack((right, gravity, np.cross(right, gravity))).T


@dataclass(frozen=True)
class Stage:
    """What a picture shows.

    Attributes:
        view (View): Where the viewer stands.
        side (int): Side of the picture in pixels.
        middle (np.ndarray): Point (3,) in mm that the viewer looks at.
        ground (float): Height y of the floor in mm.
        scale (float): Pixels to the mm.
        shift (np.ndarray): Pixels (2,) from the viewer's axis to the corner.
    """

    view: View
    side: int
    middle: np.ndarray
    ground: float
    scale: float
    shift: np.ndarray

    @classmethod
    def around(
        cls, points: np.ndarray, view: View, side: int, reach: float, sole: float = 0.0
    ) -> 'Stage':
        """Set the stage for a person.

        Args:
            points (np.ndarray): All that is to be seen, (N, 3) in mm, camera space.
            view (View): Where the viewer stands.
            side (int): Side of the picture in pixels.
            reach (float): mm across the picture; more where the points would not fit.
            sole (float): How far the floor lies below the lowest point, in mm. Defaults to 0.

        Returns:
            Stage: The stage.
        """
        low, high = points.min(0), points.max(0)
        middle, ground = (low + high) / 2, float(high[1]) + sole
        # The scale does not depend on the azimuth, so that pictures from two sides match.
        across = 2.0 * np.linalg.norm((points - middle)[:, ::2], axis=1).max()
        tilt = math.radians(view.elevation)
        upright = (ground - low[1]) * abs(math.cos(tilt)) + across * abs(math.sin(tilt))
        scale = side / max(reach, 1.08 * across, 1.08 * upright)
        with_shadows = np.concatenate((points, points * (1, 0, 1) + (0, ground, 0)))
        seen = look_from(with_shadows - middle, view)[:, :2]
        shift = side / 2 - (seen.min(0) + seen.max(0)) / 2 * scale
        return cls(view, side, middle, ground, scale, shift)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Put points (..., 3) of camera space on the canvas; the third number is a depth in mm."""
        seen = look_from(points - self.middle, self.view)
        seen[..., :2] = seen[..., :2] * self.scale + self.shift
        return seen


def draw_floor(canvas: np.ndarray, stage: Stage) -> None:
    """Draw the floor: squares of 500 mm.

    Args:
        canvas (np.ndarray): Image (side, side, 3) uint8, changed.
        stage (Stage): What the picture shows.
    """
    reach = _SQUARE * _SQUARES
    corners = np.array(((-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1))) * reach
    center = np.array((stage.middle[0], stage.ground, stage.middle[2]))
    cv2.fillConvexPoly(
        canvas, _fixed(stage.place(center + corners)), _FLOOR, cv2.LINE_AA, shift=_SHIFT
    )
    stops = np.arange(-_SQUARES, _SQUARES + 1) * _SQUARE
    for stop in stops:
        for ends in (((stop, 0, -reach), (stop, 0, reach)), ((-reach, 0, stop), (reach, 0, stop))):
            start, end = stage.place(center + np.array(ends))
            draw_line(canvas, start, end, _LINE, stage.side / 256)


def draw_line(
    canvas: np.ndarray, start: np.ndarray, end: np.ndarray, color: Color, width: float
) -> None:
    """Draw a smooth line.

    Args:
        canvas (np.ndarray): Image (H, W, 3) uint8, changed.
        start (np.ndarray): Where it begins: x, y in pixels; what follows is not used.
        end (np.ndarray): Where it ends.
        color (Color): In the order of the picture's channels.
        width (float): In pixels.
    """
    first, last = _fixed(np.stack((start, end))).tolist()
    cv2.line(canvas, first, last, color, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> np.ndarray:
    # Far points must not overflow OpenCV's integers.
    return np.rint(np.clip(points[..., :2], -16384, 16384) * 2**_SHIFT).astype(np.int32)
