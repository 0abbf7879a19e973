"""Recordings of a simulated event camera that looks at an ordinary video."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.synthetic.clips import BINS, render_time
from mmpose_ext.synthetic.event_camera import (
    EventCamera,
    Events,
    binary_frames,
    frames_to_events,
    to_gray,
    to_linear,
)
from mmpose_ext.synthetic.inbetween import inbetweens


@dataclass(frozen=True)
class VideoRecording:
    """What a square of a video of F frames gives.

    Attributes:
        gray (np.ndarray): Frames (F, S, S) uint8.
        events (np.ndarray): Pixels with an event, (F - 1, 4, S, S) uint8 of 0 and 1: four bins
            of equal length between each frame and the next.
        stream (Events): All events; the video begins at 0 us.
    """

    gray: np.ndarray
    events: np.ndarray
    stream: Events


def record_video(
    frames: Iterable[np.ndarray],
    fps: float,
    squares: Sequence[tuple[int, int, int]],
    size: int,
    cameras: Sequence[EventCamera],
) -> list[VideoRecording]:
    """Show squares of a video to event cameras.

    Three pictures are guessed between each two of the video, so that a bin of events is the time
    between two pictures. Pictures are made smaller in linear light.

    Args:
        frames (Iterable[np.ndarray]): Gray frames (H, W) uint8; taken one after another.
        fps (float): Frames a second.
        squares (Sequence[tuple[int, int, int]]): Left column, top row and width of each, in
            pixels of the video.
        size (int): Width and height S of what is recorded.
        cameras (Sequence[EventCamera]): A camera for each square.

    Returns:
        list[VideoRecording]: A recording of each square.

    Raises:
        ValueError: If there are fewer than two frames, they differ in size, or a square is not
            within them.
    """
    if not 0 < fps < np.inf:
        raise ValueError(f'fps should be above 0, got {fps}')
    views: list[list[np.ndarray]] = [[] for _ in squares]
    for image in inbetweens(_alike(frames), BINS):
        linear = to_linear(image)
        for view, (left, top, width) in zip(views, squares, strict=True):
            cut = linear[top : top + width, left : left + width]
            if cut.shape != (width, width) or left < 0 or top < 0:
                raise ValueError(
                    f'the square at column {left}, row {top} of {width} pixels is not within '
                    f'pictures of {linear.shape[1]}x{linear.shape[0]}'
                )
            view.append(cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA))
    if not views or len(views[0]) <= BINS:
        raise ValueError('need at least one square and two frames to see anything move')
    times = [render_time(index, fps * BINS) for index in range(len(views[0]))]
    return [_record(*pair, times) for pair in zip(views, cameras, strict=True)]


def _record(view: list[np.ndarray], camera: EventCamera, times: list[int]) -> VideoRecording:
    """Show pictures at times in microseconds to a camera."""
    stream = frames_to_events(view, times, camera)
    S = len(view[0])
    events = binary_frames(stream, np.array(times), (S, S))
    gray = np.stack([to_gray(image) for image in view[::BINS]])
    return VideoRecording(gray, events.reshape(-1, BINS, S, S), stream)


def _alike(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pass frames on; refuse those that are not gray, or of another size."""
    shape = None
    for index, frame in enumerate(frames):
        if frame.ndim != 2 or frame.dtype != np.uint8 or shape not in (None, frame.shape):
            raise ValueError(
                f'frames should be gray (H, W) uint8, all of one size; frame {index} is '
                f'{frame.shape} {frame.dtype}, those before {shape}'
            )
        shape = frame.shape
        yield frame
