"""Event clips as films: events, flow, the body over the events and from the side."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.fileio import atomic_path
from mmpose_ext.visualization.captions import PAPER, header
from mmpose_ext.visualization.event_panels import PANELS, EventStep, draw_panel, panels_known
from mmpose_ext.visualization.events_picture import longest_flow
from mmpose_ext.visualization.mesh_views import write_gif
from mmpose_ext.visualization.sheets import tile_images

_GAP = 4
VIDEO_FORMATS = ('.gif', '.mp4')


def draw_clip(
    steps: Sequence[EventStep], cell: int = 256, max_flow: float | None = None
) -> list[np.ndarray]:
    """Draw each step of a clip as a picture: all that is known of it in a row, with titles.

    Args:
        steps (Sequence[EventStep]): The steps in order.
        cell (int): Height of the small pictures in pixels. Defaults to 256.
        max_flow (float | None): Length in px of full colour. Defaults to None: the longest flow
            of the clip, so that colours mean the same in all pictures.

    Returns:
        list[np.ndarray]: BGR images (H, W, 3) uint8 of one size, H and W even.

    Raises:
        ValueError: If there is no step.
    """
    if not steps:
        raise ValueError('a clip without steps cannot be drawn')
    panels = panels_known(steps)
    if max_flow is None:
        flows = [flow for step in steps for flow in (step.flow, step.true_flow) if flow is not None]
        max_flow = max(map(longest_flow, flows), default=0.0) or None
    pictures = []
    for step in steps:
        cells = [draw_panel(step, panel, cell, max_flow) for panel in panels]
        row = tile_images(cells, len(cells), _GAP)
        top = header([PANELS[panel].title for panel in panels], cells[0].shape[1], _GAP)
        pictures.append(_even(np.concatenate([top, row])))
    return pictures


def clip_video(
    path: str | Path,
    steps: Sequence[EventStep],
    fps: float = 7.5,
    cell: int = 256,
    max_flow: float | None = None,
) -> None:
    """Write a clip as a film.

    Args:
        path (str | Path): The file, ``.gif`` or ``.mp4``.
        steps (Sequence[EventStep]): The steps in order.
        fps (float): Steps a second. Defaults to 7.5, two frames of 15 a second each.
        cell (int): Height of the small pictures in pixels. Defaults to 256.
        max_flow (float | None): See :func:`draw_clip`.

    Raises:
        ValueError: If there is no step, or the suffix or ``fps`` is out of range.
        OSError: If the file cannot be written.
    """
    _check_suffix(path)
    write_video(path, draw_clip(steps, cell, max_flow), fps)


def write_video(path: str | Path, pictures: Sequence[np.ndarray], fps: float) -> None:
    """Write pictures as a film.

    Args:
        path (str | Path): The file: ``.gif``, or ``.mp4`` (MPEG-4 Part 2, which OpenCV's wheels
            can write).
        pictures (Sequence[np.ndarray]): BGR images (H, W, 3) uint8 of one size.
        fps (float): Pictures a second, 1 to 50.

    Raises:
        ValueError: If the suffix is another, there is no picture, sizes differ, or ``fps`` is out
            of range.
        OSError: If the file cannot be written.
    """
    if _check_suffix(path) == '.gif':
        write_gif(path, pictures, fps)
        return
    shapes = {picture.shape for picture in pictures}
    if len(shapes) != 1:
        raise ValueError(f'pictures of one size are needed, got {sorted(shapes)}')
    if not 1 <= fps <= 50:
        raise ValueError(f'fps should be 1 to 50, got {fps}')
    H, W = pictures[0].shape[:2]
    with atomic_path(path) as temporary:
        writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*'mp4v'), fps, (W, H))
        try:
            if not writer.isOpened():
                raise OSError(f'this OpenCV has no encoder for {path}; write a .gif')
            for picture in pictures:
                writer.write(np.ascontiguousarray(picture))
        finally:
            writer.release()


def _check_suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in VIDEO_FORMATS:
        raise ValueError(f'a film is {" or ".join(VIDEO_FORMATS)}, got {Path(path).name!r}')
    return suffix


def _even(picture: np.ndarray) -> np.ndarray:
    """Add a white row or column where a size is odd, which video encoders refuse."""
    H, W = picture.shape[:2]
    return np.pad(picture, ((0, H % 2), (0, W % 2), (0, 0)), constant_values=PAPER[0])
