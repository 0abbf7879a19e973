"""The pictures of one step of an event clip, all of one size. BGR throughout."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from mmpose_ext.visualization.captions import INK, PAPER, write
from mmpose_ext.visualization.events_picture import draw_events, draw_flow, draw_flow_wheel
from mmpose_ext.visualization.mesh_renderer import (
    BODY_COLOR,
    TRUTH_COLOR,
    overlay_mesh,
    resize_camera,
)
from mmpose_ext.visualization.mesh_views import view_mesh
from mmpose_ext.visualization.stage3d import SIDE_VIEW, Color


@dataclass(frozen=True)
class EventStep:
    """What is known of a step of a clip. V vertices; H, W pixels of the event frames.

    Attributes:
        events (np.ndarray): Event frames (C, H, W) of the step.
        K (np.ndarray): Intrinsics (3, 3) in pixels of the event frames; pixel centres at integers.
        faces (np.ndarray): Triangles (F, 3) of the bodies.
        flow (np.ndarray | None): Predicted flow (2, H, W) in px.
        true_flow (np.ndarray | None): True flow (2, H, W) in px.
        vertices (np.ndarray | None): Predicted body (V, 3) at the step's end, metres, camera space.
        true_vertices (np.ndarray | None): True body (V, 3).
        gray (np.ndarray | None): Gray frame (H, W) at the step's end, uint8.
    """

    events: np.ndarray
    K: np.ndarray
    faces: np.ndarray
    flow: np.ndarray | None = None
    true_flow: np.ndarray | None = None
    vertices: np.ndarray | None = None
    true_vertices: np.ndarray | None = None
    gray: np.ndarray | None = None


class Panel(NamedTuple):
    """A picture of a step: its title, and the field of :class:`EventStep` that it shows."""

    title: str
    shows: str


PANELS = {
    'gray': Panel('gray frame', 'gray'),
    'events': Panel('events', 'events'),
    'flow': Panel('predicted flow', 'flow'),
    'true_flow': Panel('true flow', 'true_flow'),
    'body': Panel('predicted body', 'vertices'),
    'side': Panel(f'predicted {SIDE_VIEW.name}', 'vertices'),
    'true_body': Panel('true body', 'true_vertices'),
    'true_side': Panel(f'true {SIDE_VIEW.name}', 'true_vertices'),
}


def panels_known(steps: Sequence[EventStep]) -> list[str]:
    """Say which of :data:`PANELS` can be drawn of some steps.

    Args:
        steps (Sequence[EventStep]): The steps.

    Returns:
        list[str]: Names of those of which any step knows something, in the order of ``PANELS``.
    """
    return [
        name
        for name, panel in PANELS.items()
        if any(getattr(step, panel.shows) is not None for step in steps)
    ]


def draw_panel(
    step: EventStep, panel: str, size: int = 192, max_flow: float | None = None
) -> np.ndarray:
    """Draw one picture of a step.

    Args:
        step (EventStep): The step.
        panel (str): One of :data:`PANELS`.
        size (int): Height of the picture in pixels; its width follows the event frames, but
            views from the side are square on white. Defaults to 192.
        max_flow (float | None): Length in px of full colour, see
            :func:`~mmpose_ext.visualization.events_picture.draw_flow`.

    Returns:
        np.ndarray: BGR image (size, w, 3) uint8; white with a note where nothing is known.

    Raises:
        ValueError: If there is no such panel, or what is to be drawn has a wrong shape.
    """
    if panel not in PANELS:
        raise ValueError(f'panel should be one of {list(PANELS)}, got {panel!r}')
    shown = getattr(step, PANELS[panel].shows)
    if shown is None:
        return _blank(step, size, f'no {PANELS[panel].title}')
    if panel == 'events':
        return enlarge(draw_events(shown), size)
    if panel == 'gray':
        return enlarge(cv2.cvtColor(np.asarray(shown, np.uint8), cv2.COLOR_GRAY2BGR), size)
    if panel in ('flow', 'true_flow'):
        return _flow(shown, size, max_flow)
    draw = _side if panel in ('side', 'true_side') else _body
    return draw(step, shown, size, TRUTH_COLOR if panel.startswith('true') else BODY_COLOR)


def enlarge(picture: np.ndarray, height: int) -> np.ndarray:
    """Resize a picture so that its pixels stay visible.

    Args:
        picture (np.ndarray): Image (H, W, 3) uint8.
        height (int): Height that is wanted, in pixels.

    Returns:
        np.ndarray: Image (height, w, 3) uint8.
    """
    H, W = picture.shape[:2]
    size = max(1, round(W * height / H)), height
    method = cv2.INTER_NEAREST if height >= H else cv2.INTER_AREA
    return cv2.resize(picture, size, interpolation=method)


def _body(step: EventStep, vertices: np.ndarray, size: int, color: Color) -> np.ndarray:
    """Draw a body over the events; it is transparent, so that they are seen."""
    picture = enlarge(draw_events(step.events), size)
    K = resize_camera(step.K, step.events.shape[:0:-1], picture.shape[1::-1])
    return overlay_mesh(picture, vertices, step.faces, K, alpha=0.7, color=color)


def _side(step: EventStep, vertices: np.ndarray, size: int, color: Color) -> np.ndarray:
    """Draw a body from the side, in the middle of a white picture as wide as the others."""
    picture = _blank(step, size)
    width = picture.shape[1]
    side = min(size, width)
    view = view_mesh(vertices, step.faces, SIDE_VIEW, side, color=color)
    top, left = (size - side) // 2, (width - side) // 2
    picture[top : top + side, left : left + side] = view
    return picture


def _flow(flow: np.ndarray, size: int, max_flow: float | None) -> np.ndarray:
    """Draw a flow with a small wheel in its corner."""
    picture = enlarge(draw_flow(flow, max_flow), size)
    wheel = draw_flow_wheel(max(8, min(picture.shape[:2]) // 6))
    picture[-len(wheel) :, -len(wheel) :] = wheel
    return picture


def _blank(step: EventStep, size: int, note: str = '') -> np.ndarray:
    H, W = step.events.shape[1:]
    width = max(1, round(W * size / H))
    picture = np.full((size, width, 3), PAPER, np.uint8)
    if note:
        write(picture, note, (width / 2, size / 2), size / 14, INK, 'center')
    return picture
