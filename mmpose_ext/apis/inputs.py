"""What a predictor is given: pictures, folders, videos, a webcam, arrays; read one at a time."""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeAlias, TypeGuard, TypeVar, cast

import cv2
import numpy as np

from mmpose_ext.apis.picture_files import PICTURE_SUFFIXES, as_bgr8, read_picture
from mmpose_ext.apis.video_files import VIDEO_SUFFIXES, count_frames, read_camera, read_video

__all__ = [
    'Frame',
    'InputError',
    'Source',
    'camera_number',
    'count_inputs',
    'is_single',
    'read_inputs',
    'read_picture',
]

Source: TypeAlias = str | Path | np.ndarray | Sequence[str | Path | np.ndarray]
_One: TypeAlias = str | Path | np.ndarray
_Given = TypeVar('_Given')

_WEBCAM = re.compile(r'webcam(?::(\d+))?')
_URL = re.compile(r'[a-z][a-z0-9+.-]+://', re.IGNORECASE)
_DIGITS = re.compile(r'(\d+)')


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture, or a frame of a video.

    Attributes:
        name (str): The path as it was given, of an entry of a folder its path; ``'array 3'``,
            counted from 0; ``'webcam:0'``.
        image (np.ndarray): BGR image (H, W, 3) uint8.
        index (int | None): Number of the frame in its video, from 0; None: a picture.
    """

    name: str
    image: np.ndarray
    index: int | None = None


@dataclass(frozen=True)
class InputError:
    """An input that gave no result.

    Attributes:
        name (str): As in :class:`Frame`.
        message (str): What is wrong with it, and the cure.
        index (int | None): Number of the frame in its video, or of the first that is missing; None:
            a picture, or all of a video.
    """

    name: str
    message: str
    index: int | None = None


def read_inputs(source: Source) -> Iterator[Frame | InputError]:
    """Read pictures, one at a time.

    One picture that cannot be read raises; of several each that cannot be read gives an
    :class:`InputError` in its place, and the others come all the same. Of a video that ends early
    the frames before come, then an :class:`InputError`.

    Args:
        source (Source): A picture file; a folder, whose pictures and videos are taken in natural
            order (``9.jpg`` before ``10.jpg``) by their suffixes, without hidden files and
            sub-folders; a video file; ``'webcam'`` or ``'webcam:1'``; an array as
            :func:`~mmpose_ext.apis.picture_files.as_bgr8` takes it; or a list of those.

    Returns:
        Iterator[Frame | InputError]: What is read when it is asked for.

    Raises:
        FileNotFoundError: If the only source is missing.
        TypeError: If a source is of another type.
        ValueError: If the only picture cannot be read, or a folder that is the only source has no
            pictures.
    """
    sources = _as_list(source)
    if is_single(source):
        (stream,) = _streams(sources[0], 0)
        return iter([Frame(stream.name, next(stream.open()))])
    if not _is_list(source):
        return chain.from_iterable(stream.frames() for stream in _streams(sources[0], 0))
    return chain.from_iterable(_read_each(one, number) for number, one in enumerate(sources))


def count_inputs(source: Source) -> int | None:
    """Tell how many items :func:`read_inputs` gives, for a progress bar.

    Args:
        source (Source): As in :func:`read_inputs`.

    Returns:
        int | None: Pictures and announced frames; None where a webcam or a video does not say.

    Raises:
        TypeError: If a source is of another type.
    """
    total = 0
    for one in _as_list(source):
        try:
            counts = [stream.count() for stream in _streams(one, 0)]
        except (OSError, ValueError):
            counts = [1]  # its error
        if None in counts:
            return None
        total += sum(count or 0 for count in counts)
    return total


def is_single(source: Source) -> bool:
    """Tell whether a source is one picture, whose errors are raised and not collected.

    Args:
        source (Source): As in :func:`read_inputs`.

    Returns:
        bool: True for an array or the path of what is no video or folder; False for a list, however
        short, a folder, a video, a webcam.

    Raises:
        TypeError: If a source is of another type.
    """
    sources = _as_list(source)
    if _is_list(source):
        return False
    (one,) = sources
    if isinstance(one, np.ndarray):
        return True
    return camera_number(one) is None and not _is_video(one) and not Path(one).is_dir()


def camera_number(source: str | Path) -> int | None:
    """Tell which webcam is meant.

    Args:
        source (str | Path): A source, or the name of a :class:`Frame`.

    Returns:
        int | None: Its number, from 0; None where another source is meant.
    """
    found = _WEBCAM.fullmatch(source) if isinstance(source, str) else None
    return int(found[1] or 0) if found else None


@dataclass(frozen=True)
class _Stream:
    """Pictures of one name: a single one, or those of a video or webcam."""

    name: str
    open: Callable[[], Generator[np.ndarray, None, None]]
    moving: bool = False

    def frames(self) -> Iterator[Frame | InputError]:
        """Number the pictures; a webcam is released when nobody wants more."""
        found = 0
        with closing(self.open()) as images:
            try:
                for image in images:
                    yield Frame(self.name, image, found if self.moving else None)
                    found += 1
            except (OSError, ValueError, cv2.error) as error:
                yield InputError(self.name, str(error), found or None)

    def count(self) -> int | None:
        """Tell how many items will come; what cannot be read is one, its error."""
        if camera_number(self.name) is not None:
            return None
        return count_frames(self.name) if self.moving else 1


def _streams(source: _One, number: int) -> list[_Stream]:
    """Find what there is to read; nothing is opened yet."""
    if isinstance(source, np.ndarray):
        return [_Stream(f'array {number}', partial(_once, as_bgr8, source))]
    camera = camera_number(source)
    if camera is not None:
        return [_Stream(f'webcam:{camera}', partial(read_camera, camera), moving=True)]
    return [
        _Stream(name, partial(read_video, name), moving=True)
        if _is_video(name)
        else _Stream(name, partial(_once, read_picture, name))
        for name in _files(source)
    ]


def _once(read: Callable[[_Given], np.ndarray], given: _Given) -> Generator[np.ndarray, None, None]:
    yield read(given)


def _read_each(source: _One, number: int) -> Iterator[Frame | InputError]:
    """Read one of several sources."""
    try:
        streams = _streams(source, number)
    except (OSError, ValueError) as error:
        yield InputError(str(source), str(error))
        return
    for stream in streams:
        yield from stream.frames()


def _as_list(source: Source) -> list[_One]:
    sources = list(source) if _is_list(source) else [cast(_One, source)]
    for one in sources:
        if not isinstance(one, str | Path | np.ndarray):
            raise TypeError(
                'a source is a path, a folder, a video, "webcam", an array (H, W, 3) or a list of '
                f'those, got {type(one).__name__}'
            )
    return sources


def _is_list(source: Source) -> TypeGuard[Sequence[_One]]:
    return isinstance(source, Sequence) and not isinstance(source, str)


def _is_video(path: str | Path) -> bool:
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def _files(source: str | Path) -> list[str]:
    """Give the files of a folder, or the file itself."""
    if _URL.match(str(source)):
        raise FileNotFoundError(f'{source}: nothing is fetched from the network; download it first')
    folder = Path(source)
    if not folder.is_dir():
        if not folder.exists():
            raise FileNotFoundError(f'{source} is missing: there is no such file or folder')
        return [str(source)]
    suffixes = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    files = [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes and not file.name.startswith('.') and not file.is_dir()
    ]
    if not files:
        raise ValueError(
            f'{source} holds no picture or video, by their suffixes; sub-folders are not searched'
        )
    return [str(file) for file in sorted(files, key=lambda file: _natural(file.name))]


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Give a key that sorts numbers in names by their values."""
    parts = _DIGITS.split(name.lower())
    return [(int(part), '') if part.isdecimal() else (0, part) for part in parts], name
