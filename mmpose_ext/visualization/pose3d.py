"""Pictures of 3D skeletons: seen from any side, upright, to scale, on a ground plane.

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

_PAPER = 255
_FLOOR = (238, 238, 238)
_LINE = (208, 208, 208)
_SHADOW = (188, 188, 188)
# Colour of the truth.
GHOST = (120, 120, 120)
_RIM = (40, 40, 40)
# Drawn this much larger, then shrunk: smooth edges.
_OVERSAMPLING = 3
# Bits of a fraction of a pixel in OpenCV's drawing functions.
_SHIFT = 4
# The floor: squares of this side in mm, so many on each side of the middle.
_SQUARE, _SQUARES = 500.0, 2
# The floor lies this far below the lowest joint, in mm: an ankle is not a sole.
_SOLE = 60.0


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


def draw_pose3d(
    joints: np.ndarray,
    links: Sequence[tuple[int, int]],
    link_colors: Sequence[Color],
    view: View = CAMERA_VIEW,
    size: int = 256,
    truth: np.ndarray | None = None,
    down: Sequence[float] = (0.0, 1.0, 0.0),
    reach: float = 1900.0,
) -> np.ndarray:
    """Draw a 3D skeleton on a floor, nearer bones over farther ones.

    The floor lies below the lowest joint; its squares are 500 mm wide.

    Args:
        joints (np.ndarray): Joints (J, 3) in mm, camera axes, relative to the root; NaN where
            one is not known: its bones are left out.
        links (Sequence[tuple[int, int]]): The two joints of each bone.
        link_colors (Sequence[Color]): Colour of each bone; the picture has the same order of
            channels.
        view (View): Where the viewer stands. Defaults to the camera's side.
        size (int): Side of the picture in pixels. Defaults to 256.
        truth (np.ndarray | None): True joints (J, 3), drawn as a thin grey skeleton. Defaults
            to None.
        down (Sequence[float]): Direction of gravity (3,), camera axes. Defaults to the camera's
            own vertical, with which people lean where the camera looks down at them.
        reach (float): mm across the picture; more where the skeleton would not fit. Defaults
            to 1900.

    Returns:
        np.ndarray: Image (size, size, 3) uint8.

    Raises:
        ValueError: If shapes do not belong together, joints are infinite or none is known, or a
            bone names a joint that is not there.
    """
    joints = level(_check(joints, links, link_colors), down)
    people = [joints]
    if truth is not None:
        people.append(level(_check(truth, links, link_colors), down))
    everything = np.concatenate(people)
    known = everything[np.isfinite(everything).all(axis=1)]
    stage = _Stage.around(known, view, size * _OVERSAMPLING, reach)
    canvas = np.full((stage.side, stage.side, 3), _PAPER, np.uint8)
    width = stage.side / 60
    _draw_floor(canvas, stage)
    shadow = stage.place(joints * (1, 0, 1) + (0, stage.ground, 0))
    _draw_links(canvas, shadow, links, _SHADOW, width)
    if truth is not None:
        _draw_links(canvas, stage.place(people[1]), links, GHOST, width / 2)
    _draw_bones(canvas, stage.place(joints), links, np.asarray(link_colors, float), width)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class _Stage:
    """What a picture shows.

    ``middle`` (3,) is the point in mm that the viewer looks at, ``ground`` the height of the
    floor, ``scale`` pixels to the mm, ``shift`` (2,) pixels from the viewer's axis to the corner.
    """

    view: View
    side: int
    middle: np.ndarray
    ground: float
    scale: float
    shift: np.ndarray

    @classmethod
    def around(cls, joints: np.ndarray, view: View, side: int, reach: float) -> '_Stage':
        low, high = joints.min(0), joints.max(0)
        middle, ground = (low + high) / 2, float(high[1]) + _SOLE
        # The scale does not depend on the azimuth, so that pictures from two sides match.
        across = 2.0 * np.linalg.norm((joints - middle)[:, ::2], axis=1).max()
        tilt = math.radians(view.elevation)
        upright = (ground - low[1]) * abs(math.cos(tilt)) + across * abs(math.sin(tilt))
        scale = side / max(reach, 1.08 * across, 1.08 * upright)
        with_shadows = np.concatenate((joints, joints * (1, 0, 1) + (0, ground, 0)))
        seen = look_from(with_shadows - middle, view)[:, :2]
        shift = side / 2 - (seen.min(0) + seen.max(0)) / 2 * scale
        return cls(view, side, middle, ground, scale, shift)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Put points (..., 3) of camera space on the canvas; the third number is a depth in mm."""
        seen = look_from(points - self.middle, self.view)
        seen[..., :2] = seen[..., :2] * self.scale + self.shift
        return seen


def _draw_floor(canvas: np.ndarray, stage: _Stage) -> None:
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
            _line(canvas, start, end, _LINE, stage.side / 256)


def _draw_links(
    canvas: np.ndarray,
    points: np.ndarray,
    links: Sequence[tuple[int, int]],
    color: Color,
    width: float,
) -> None:
    for link in links:
        start, end = points[list(link)]
        if np.isfinite((start, end)).all():
            _line(canvas, start, end, color, width)


def _draw_bones(
    canvas: np.ndarray,
    points: np.ndarray,
    links: Sequence[tuple[int, int]],
    colors: np.ndarray,
    width: float,
) -> None:
    """Draw bones with a dark rim, the farthest first and a little paler."""
    known = np.isfinite(points[np.asarray(links)]).all(axis=(1, 2))
    links, colors = np.asarray(links)[known], colors[known]
    if not len(links):
        return
    depth = points[links, 2].mean(axis=1)
    fade = 0.35 * (depth - depth.min()) / max(float(np.ptp(depth)), 500.0)
    shades = colors + (_PAPER - colors) * fade[:, None]
    for bone in np.argsort(-depth).tolist():
        start, end = points[links[bone]]
        _line(canvas, start, end, _RIM, width * 1.5)
        _line(canvas, start, end, tuple(shades[bone].tolist()), width)


def _line(
    canvas: np.ndarray, start: np.ndarray, end: np.ndarray, color: Color, width: float
) -> None:
    first, last = _fixed(np.stack((start, end))).tolist()
    cv2.line(canvas, first, last, color, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> np.ndarray:
    # Far points must not overflow OpenCV's integers.
    return np.rint(np.clip(points[..., :2], -16384, 16384) * 2**_SHIFT).astype(np.int32)


def _check(
    joints: np.ndarray, links: Sequence[tuple[int, int]], link_colors: Sequence[Color]
) -> np.ndarray:
    joints = np.asarray(joints, dtype=np.float64)
    if joints.ndim != 2 or joints.shape[1] != 3:
        raise ValueError(f'joints must be (J, 3) in mm, got {joints.shape}')
    if np.isinf(joints).any() or np.isnan(joints).any(axis=1).all():
        bad = np.flatnonzero(~np.isfinite(joints).all(axis=1)).tolist()
        raise ValueError(f'joints {bad} are NaN or infinite; some must be known, the others be NaN')
    if len(links) != len(link_colors):
        raise ValueError(f'{len(links)} links need as many colours, got {len(link_colors)}')
    unknown = [link for link in links if not all(0 <= joint < len(joints) for joint in link)]
    if unknown:
        raise ValueError(f'links {unknown} name joints that are not among the {len(joints)} given')
    return joints
