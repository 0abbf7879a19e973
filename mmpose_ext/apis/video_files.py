"""Videos and cameras, frame by frame."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

# Containers that count their frames; of others OpenCV multiplies the duration by a frame rate that
# it guesses, so that only the duration can be relied on.
_COUNTED = frozenset(('.mp4', '.mov', '.m4v', '.avi', '.3gp'))
VIDEO_SUFFIXES = _COUNTED.union(
    ('.mkv', '.webm', '.mpg', '.mpeg', '.ts', '.mts', '.m2ts', '.ogv', '.wmv')
)
# What a video without a count may lack at its end: seconds, or a share of its duration.
_LAST_SECONDS, _LAST_SHARE = 0.5, 0.02
_DEFAULT_FPS = 25.0


class TruncatedVideoError(ValueError):
    """A video that ends before it should."""


def read_video(path: str | Path) -> Generator[np.ndarray, None, None]:
    """Read the frames of a video.

    Args:
        path (str | Path): A video file.

    Yields:
        np.ndarray: BGR image (H, W, 3) uint8 of each frame, upright.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no video, or is damaged before its first frame.
        TruncatedVideoError: After the last frame, if it announces more.
    """
    with _video(path) as capture:
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        found, seconds = 0, 0.0
        while True:
            good, image = capture.read()
            if not good:
                break
            found, seconds = found + 1, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield image
        fps = capture.get(cv2.CAP_PROP_FPS)
    if not found:
        raise ValueError(f'{path} is a video without a frame that can be read; copy it again')
    if Path(path).suffix.lower() in _COUNTED:
        missing = f'{found} of the {announced} frames' if found < announced else ''
    else:
        duration = announced / fps if fps > 0 else 0.0
        short = duration - seconds > max(_LAST_SECONDS, _LAST_SHARE * duration)
        missing = f'{found} frames, {seconds:.1f} of the {duration:.1f} s' if short else ''
    if missing:
        raise TruncatedVideoError(
            f'{path} gives {missing} that it announces: it is cut off or damaged; copy it again'
        )


def count_frames(path: str | Path) -> int | None:
    """Tell how many frames a video announces.

    Args:
        path (str | Path): A video file.

    Returns:
        int | None: The number; None where it does not say or cannot be opened.
    """
    try:
        with _video(path) as capture:
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    except (OSError, ValueError):
        return None
    return count if count > 0 else None


def frames_per_second(path: str | Path) -> float:
    """Tell the frame rate of a video.

    Args:
        path (str | Path): A video file.

    Returns:
        float: Frames a second; 25 where the file does not say.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no video.
    """
    with _video(path) as capture:
        fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0 < fps < 1000 and np.isfinite(fps) else _DEFAULT_FPS


def read_camera(number: int) -> Generator[np.ndarray, None, None]:
    """Read the frames of a webcam for as long as it gives any.

    Args:
        number (int): Which of the cameras, from 0.

    Yields:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        OSError: If there is no such camera or it stops.
    """
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise OSError(
                f'webcam {number} cannot be opened: there is none, or another program holds it'
            )
        while True:
            good, image = capture.read()
            if not good:
                raise OSError(f'webcam {number} gives no more pictures: is it still plugged in?')
            yield image
    finally:
        capture.release()


@contextmanager
def _video(path: str | Path) -> Iterator[cv2.VideoCapture]:
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path} is missing; a video is needed')
    # Otherwise a name such as clip_001.mp4 is also tried as a series of pictures.
    known = cv2.videoio_registry.getBackends()
    capture = cv2.VideoCapture(
        str(path), cv2.CAP_FFMPEG if cv2.CAP_FFMPEG in known else cv2.CAP_ANY
    )
    try:
        if not capture.isOpened():
            size = Path(path).stat().st_size
            reason = 'is empty (0 bytes)' if not size else 'is no video, or its index is cut off'
            raise ValueError(f'{path} {reason}; copy it again, or convert it to MP4 with H.264')
        yield capture
    finally:
        capture.release()
