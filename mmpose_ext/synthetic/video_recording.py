"""Recordings of a simulated event camera that looks at an ordinary video."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.event_layout import BINS
from mmpose_ext.synthetic.clips import render_time
from mmpose_ext.synthetic.event_camera import (
    EventCamera,
    Events,
    binary_frames,
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
    seen: list[list[Events]] = [[] for _ in squares]
    gray: list[list[np.ndarray]] = [[] for _ in squares]
    times: list[int] = []
    # One picture after the other: a long video does not fit into memory.
    for index, image in enumerate(inbetweens(_alike(frames), BINS)):
        times.append(render_time(index, fps * BINS))
        linear = to_linear(image)
        for k, (square, camera) in enumerate(zip(squares, cameras, strict=True)):
            view = cv2.resize(_cut(linear, *square), (size, size), interpolation=cv2.INTER_AREA)
            seen[k].append(camera.see(view, times[-1]))
            if index % BINS == 0:
                gray[k].append(to_gray(view))
    if not squares or len(times) <= BINS:
        raise ValueError('need at least one square and two frames to see anything move')
    return [_record(*pair, times) for pair in zip(gray, seen, strict=True)]


def _cut(image: np.ndarray, left: int, top: int, width: int) -> np.ndarray:
    """Give a square of a picture."""
    cut = image[top : top + width, left : left + width]
    if cut.shape != (width, width) or left < 0 or top < 0:
        raise ValueError(
            f'the square at column {left}, row {top} of {width} pixels is not within pictures of '
            f'{image.shape[1]}x{image.shape[0]}'
        )
    return cut


def _record(gray: list[np.ndarray], seen: list[Events], times: list[int]) -> VideoRecording:
    """Join what a camera saw until times in microseconds."""
    stream = Events(*(np.concatenate(part) for part in zip(*seen, strict=True)))
    S = len(gray[0])
    events = binary_frames(stream, np.array(times), (S, S))
    return VideoRecording(np.stack(gray), events.reshape(-1, BINS, S, S), stream)


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
