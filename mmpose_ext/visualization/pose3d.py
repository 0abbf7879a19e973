"""Pictures of 3D skeletons: seen from any side, upright, to scale, on a ground plane."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.visualization.stage3d import (
    CAMERA_VIEW,
    Color,
    Stage,
    View,
    draw_floor,
    draw_line,
    level,
)

_PAPER = 255
_SHADOW = (188, 188, 188)
# Colour of the truth.
GHOST = (120, 120, 120)
_RIM = (40, 40, 40)
# Drawn this much larger, then shrunk: smooth edges.
_OVERSAMPLING = 3
# The floor lies this far below the lowest joint, in mm: an ankle is not a sole.
_SOLE = 60.0


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
    stage = Stage.around(known, view, size * _OVERSAMPLING, reach, _SOLE)
    canvas = np.full((stage.side, stage.side, 3), _PAPER, np.uint8)
    width = stage.side / 60
    draw_floor(canvas, stage)
    shadow = stage.place(joints * (1, 0, 1) + (0, stage.ground, 0))
    _draw_links(canvas, shadow, links, _SHADOW, width)
    if truth is not None:
        _draw_links(canvas, stage.place(people[1]), links, GHOST, width / 2)
    _draw_bones(canvas, stage.place(joints), links, np.asarray(link_colors, float), width)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


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
            draw_line(canvas, start, end, color, width)


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
        draw_line(canvas, start, end, _RIM, width * 1.5)
        draw_line(canvas, start, end, tuple(shades[bone].tolist()), width)


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
