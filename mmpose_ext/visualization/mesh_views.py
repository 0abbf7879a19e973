"""Pictures of a body from any side, on a floor, on white; turning round. BGR throughout."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmpose_ext.fileio import atomic_path
from mmpose_ext.synthetic.rasterizer import rasterize
from mmpose_ext.visualization.captions import PAPER
from mmpose_ext.visualization.mesh_renderer import (
    BODY_COLOR,
    OVERSAMPLING,
    check_mesh,
    colors_of,
    lay_over,
    paint_surface,
    vertex_normals,
)
from mmpose_ext.visualization.stage3d import SIDE_VIEW, Color, Stage, View, draw_floor, level

_MM = 1000.0
# Orthographic views look from so far, in mm: depth is linear then.
_FAR = 1e6
# How dark shadows are, and their blur in mm.
_SHADOW, _SOFTNESS = 0.32, 30.0


def view_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    view: View = SIDE_VIEW,
    size: int = 256,
    *,
    color: Color = BODY_COLOR,
    down: Sequence[float] = (0.0, 1.0, 0.0),
    reach: float = 1900.0,
) -> np.ndarray:
    """Draw a body from any side, on a floor, on white.

    The floor lies below the lowest vertex; its squares are 500 mm wide. The view is orthographic
    and to scale, as those of :func:`~mmpose_ext.visualization.pose3d.draw_pose3d` are.

    Args:
        vertices (np.ndarray): Vertices (V, 3) in metres, camera axes.
        faces (np.ndarray): Triangles (F, 3).
        view (View): Where the viewer stands. Defaults to the camera's right.
        size (int): Side of the picture in pixels. Defaults to 256.
        color (Color): BGR of the body.
        down (Sequence[float]): Direction of gravity (3,), camera axes. Defaults to the camera's
            own vertical.
        reach (float): mm across the picture; more where the body would not fit.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8.

    Raises:
        ValueError: If shapes do not belong together, vertices are not finite, or ``down`` is no
            direction.
    """
    (body,), faces = check_mesh(vertices, faces, several=False)
    body = level(body * _MM, down)
    return _draw_on_stage(body, faces, Stage.around(body, view, size, reach), color)


def turntable(
    vertices: np.ndarray,
    faces: np.ndarray,
    size: int = 384,
    frames: int = 36,
    *,
    color: Color = BODY_COLOR,
    down: Sequence[float] = (0.0, 1.0, 0.0),
    reach: float = 1900.0,
) -> list[np.ndarray]:
    """Draw a body from all around, as if on a turntable; the first frame is the camera's side.

    Args:
        vertices (np.ndarray): Vertices (V, 3) in metres, camera axes.
        faces (np.ndarray): Triangles (F, 3).
        size (int): Side of the pictures in pixels. Defaults to 384.
        frames (int): Pictures of one turn. Defaults to 36.
        color (Color): BGR of the body.
        down (Sequence[float]): Direction of gravity (3,), see :func:`view_mesh`.
        reach (float): See :func:`view_mesh`.

    Returns:
        list[np.ndarray]: BGR images (size, size, 3) uint8.

    Raises:
        ValueError: If ``frames`` is not positive, or as :func:`view_mesh`.
    """
    if frames < 1:
        raise ValueError(f'a turntable needs at least 1 frame, got {frames}')
    (body,), faces = check_mesh(vertices, faces, several=False)
    body = level(body * _MM, down)
    # A stage about the cylinder that the body turns in: it does not sway from frame to frame.
    middle = (body.min(0) + body.max(0)) / 2
    radius = np.linalg.norm((body - middle)[:, ::2], axis=1).max()
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    ring = radius * np.stack((np.cos(angles), 0 * angles, np.sin(angles)), axis=1)
    heights = np.stack((body.min(0), body.max(0))) * (0, 1, 0)
    cylinder = (ring[None] + heights[:, None] + middle * (1, 0, 1)).reshape(-1, 3)
    views = (View('turntable', 360 * frame / frames) for frame in range(frames))
    return [
        _draw_on_stage(body, faces, Stage.around(cylinder, view, size, reach), color)
        for view in views
    ]


def write_gif(path: str | Path, frames: Sequence[np.ndarray], fps: float = 12.0) -> None:
    """Write pictures as an animation that repeats for ever.

    Args:
        path (str | Path): The file, ``.gif``.
        frames (Sequence[np.ndarray]): BGR images (H, W, 3) uint8 of one size.
        fps (float): Pictures a second; the format counts hundredths of a second. Defaults to 12.

    Raises:
        ValueError: If there is no picture, sizes differ, the suffix is another, or ``fps`` is out
            of 1 to 50.
        OSError: If the file cannot be written.
    """
    if Path(path).suffix.lower() != '.gif':
        raise ValueError(f'an animation is a .gif, got {Path(path).name!r}')
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise ValueError(f'pictures of one size are needed, got {sorted(shapes)}')
    if not 1 <= fps <= 50:
        raise ValueError(f'fps should be 1 to 50, got {fps}')
    images = [Image.fromarray(np.ascontiguousarray(frame[..., ::-1])) for frame in frames]
    # One palette for all, so that colours do not flicker.
    palette = images[0].quantize(colors=255, method=Image.Quantize.MEDIANCUT)
    indexed = [im.quantize(palette=palette, dither=Image.Dither.NONE) for im in images]
    with atomic_path(path) as temporary:
        indexed[0].save(
            temporary,
            save_all=True,
            append_images=indexed[1:],
            duration=round(100 / fps) * 10,
            loop=0,
        )


def _draw_on_stage(body: np.ndarray, faces: np.ndarray, stage: Stage, color: Color) -> np.ndarray:
    """Draw a body (V, 3) in mm, floor and shadow."""
    canvas = np.full((stage.side, stage.side, 3), PAPER, np.uint8)
    draw_floor(canvas, stage)
    shadow = stage.place(body * (1, 0, 1) + (0, stage.ground, 0))
    _draw_shadow(canvas, shadow, faces, stage.scale)
    placed = stage.place(body)
    normals = vertex_normals(placed / (stage.scale, stage.scale, 1), faces)
    # Pixel x becomes the pixels 2 x and 2 x + 1, whose middle is 2 x + 0.5.
    placed[:, :2] = placed[:, :2] * OVERSAMPLING + (OVERSAMPLING - 1) / 2
    side = stage.side * OVERSAMPLING
    sight = np.broadcast_to((0.0, 0.0, -1.0), normals.shape)
    seen = rasterize(_orthographic(placed), faces, np.eye(3), (side, side))
    colors = colors_of(color, body[None])
    image, coverage = paint_surface(seen, faces, normals, sight, colors, len(faces), (side, side))
    return lay_over(canvas, image, coverage)


def _draw_shadow(canvas: np.ndarray, points: np.ndarray, faces: np.ndarray, scale: float) -> None:
    """Darken the floor softly below a body whose points (V, 3) are flattened onto it."""
    side = len(canvas)
    mask = np.zeros(side * side, np.float32)
    # Of a flattened body the faces that look up are left, which cover all of it.
    mask[rasterize(_orthographic(points), faces, np.eye(3), (side, side)).pixels] = _SHADOW
    dark = cv2.GaussianBlur(mask.reshape(side, side), (0, 0), max(1.0, _SOFTNESS * scale))
    np.copyto(canvas, np.rint(canvas * (1 - dark[..., None])), casting='unsafe')


def _orthographic(placed: np.ndarray) -> np.ndarray:
    """Give points that a camera with K = I sees at the x and y of ``placed``, however far."""
    flat = np.concatenate((placed[:, :2], np.ones((len(placed), 1))), axis=1)
    return flat * (placed[:, 2:] + _FAR)
