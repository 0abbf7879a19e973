"""Recordings of an event camera on disk: their layout, and its writers.

One layout, whatever the recordings came from: mannequins (``make_mannequin.py events``), the
authors' MMHPSD (``mmhpsd.py``) or anybody's camera (``events.py``). A *recording* has *frames* k,
gray pictures at ``fps``, and *intervals* k, the events between frame k and k+1 in ``bins`` binary
channels. W is the width of the stored pictures in px.

======================================== ========================================================
file below the root                      content
======================================== ========================================================
``dataset.json``                         size [W, H] px, focal [fx, fy] and principal_pt [cx, cy]
                                         in px of that size, fps, bins, source
``train.json``, ``test.json``            {"recordings": [{"name", "subject", "action"}, ...]}
``events_W/REC/event%04d.png``           interval k, ``bins`` channels of 0 and 1
``full_pic_W/REC/fullpic%04d.jpg|png``   frame k, gray
``annotations/REC.npz``                  the frames' poses and the intervals' counts of events
``true_flow_W/REC/flow%04d.npz``         flow of the pixels from frame k to k + 2, mannequins only
``pred_flow_events_W/REC/flow%04d.npz``  the same as stage 1 predicts it
``hmr_results/REC.npz``, ``vibe_...``    poses that a network sees in the gray frames
======================================== ========================================================

File names and the event pictures are those of EventHPE's authors.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.fileio import atomic_path, write_text
from mmpose_ext.refusals import read_json

SPLITS = ('train', 'test')
# Bins of events in an interval: the channels of a PNG.
BINS = 4
# The authors' camera: focal length and principal point in pixels of a canvas of so many pixels.
CANVAS, FOCAL, PRINCIPAL_PT = 1280, 1679.3, 641.0


def intrinsics(size: int) -> tuple[float, float]:
    """Give EventHPE's camera on a square grid.

    Args:
        size (int): Width and height in pixels.

    Returns:
        tuple[float, float]: Focal length and principal point, the same in x and y, in pixels.
    """
    return FOCAL * size / CANVAS, PRINCIPAL_PT * size / CANVAS


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image atomically, in the format of its suffix.

    Args:
        path (str | Path): The file.
        image (np.ndarray): (H, W) or (H, W, C) uint8.

    Raises:
        OSError: If it cannot be written.
    """
    with atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), image):
            raise OSError(f'cannot write {path}: is the disk full?')


def write_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays into a compressed npz file atomically; equal arrays give equal bytes.

    Args:
        path (str | Path): The file.
        **arrays (np.ndarray): The arrays by name.

    Raises:
        OSError: If it cannot be written.
    """
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def check_recording_name(name: object) -> None:
    """Refuse a name that is no name of a file.

    Args:
        name (object): Name of a recording.

    Raises:
        ValueError: If it is no string, empty or leads to another folder.
    """
    if not isinstance(name, str) or name in ('', '..') or Path(name).name != name:
        raise ValueError(f'the name of a recording should be a file name, got {name!r}')


def write_event_frames(
    root: str | Path, name: str, events: Iterable[np.ndarray]
) -> dict[str, np.ndarray]:
    """Write the event pictures of a recording.

    Args:
        root (str | Path): Root of the data.
        name (str): The recording.
        events (Iterable[np.ndarray]): (4, H, W) uint8 of 0 and 1 of each interval, from 0 on; an
            array (E, 4, H, W), or what makes one after the other.

    Returns:
        dict[str, np.ndarray]: ``event_frames`` and ``event_counts`` (E,) int64 for the
        annotations: numbers of the intervals, and of their set pixels.

    Raises:
        ValueError: If a shape or type is wrong; a PNG holds 4 channels.
        OSError: If a file cannot be written.
    """
    counts = []
    for index, channels in enumerate(events):
        if channels.ndim != 3 or len(channels) != BINS or channels.dtype != np.uint8:
            raise ValueError(
                f'need events ({BINS}, H, W) uint8, {BINS} bins an interval, got '
                f'{channels.shape} {channels.dtype}'
            )
        picture = np.ascontiguousarray(channels.transpose(1, 2, 0))
        folder = Path(root) / f'events_{picture.shape[1]}' / name
        write_image(folder / f'event{index:04d}.png', picture)
        counts.append(np.count_nonzero(channels))
    return {
        'event_frames': np.arange(len(counts), dtype=np.int64),
        'event_counts': np.array(counts, dtype=np.int64),
    }


def write_gray_frames(root: str | Path, name: str, gray: Iterable[np.ndarray]) -> None:
    """Write the gray frames of a recording.

    Args:
        root (str | Path): Root of the data.
        name (str): The recording.
        gray (Iterable[np.ndarray]): Frames (H, W) uint8, from 0 on.

    Raises:
        ValueError: If a shape or type is wrong.
        OSError: If a file cannot be written.
    """
    for index, picture in enumerate(gray):
        if picture.ndim != 2 or picture.dtype != np.uint8:
            raise ValueError(f'need gray frames (H, W) uint8, got {picture.shape} {picture.dtype}')
        folder = Path(root) / f'full_pic_{picture.shape[1]}' / name
        write_image(folder / f'fullpic{index:04d}.png', picture)


def write_raw_events(
    root: str | Path, name: str, events: Sequence[np.ndarray], shape: tuple[int, int]
) -> None:
    """Write the events of a recording themselves, into ``raw_events/{name}.npz``.

    Args:
        root (str | Path): Root of the data.
        name (str): The recording.
        events (Sequence[np.ndarray]): Times in microseconds, columns, rows and polarities (0, 1),
            (N,) each.
        shape (tuple[int, int]): Height and width of the sensor in pixels.

    Raises:
        OSError: If the file cannot be written.
    """
    t, x, y, p = events
    write_npz(
        Path(root) / 'raw_events' / f'{name}.npz',
        t=np.asarray(t, np.int64),
        x=np.asarray(x, np.int16),
        y=np.asarray(y, np.int16),
        p=np.asarray(p, np.uint8),
        width=np.array(shape[1]),
        height=np.array(shape[0]),
    )


def write_dataset_file(
    root: str | Path,
    size: tuple[int, int],
    focal: tuple[float, float],
    principal_pt: tuple[float, float],
    fps: float,
    source: str,
) -> None:
    """Write ``dataset.json``, or find it written.

    Args:
        root (str | Path): Root of the data.
        size (tuple[int, int]): Width and height of the stored frames in pixels.
        focal (tuple[float, float]): Focal lengths in pixels.
        principal_pt (tuple[float, float]): Principal point in pixels.
        fps (float): Gray frames a second.
        source (str): Where the data come from.

    Raises:
        FileExistsError: If the root holds data of another kind.
        OSError: If it cannot be written.
    """
    content = {
        'size': [int(v) for v in size],
        'focal': [float(v) for v in focal],
        'principal_pt': [float(v) for v in principal_pt],
        'fps': float(fps),
        'bins': BINS,
        'source': source,
    }
    path = Path(root) / 'dataset.json'
    held = read_json(path, 'about recordings of events') if path.exists() else content
    if held != content:
        raise FileExistsError(
            f'{root} holds recordings of another kind: {held}, not {content}. Give another folder.'
        )
    write_text(path, json.dumps(content, indent=2) + '\n')


def write_split(root: str | Path, split: str, recordings: Sequence[dict[str, str]]) -> None:
    """Write which recordings belong to a split.

    Args:
        root (str | Path): Root of the data.
        split (str): ``'train'`` or ``'test'``.
        recordings (Sequence[dict[str, str]]): ``name``, ``subject`` and ``action`` of each.

    Raises:
        ValueError: If there is no such split.
        OSError: If it cannot be written.
    """
    if split not in SPLITS:
        raise ValueError(f'split should be one of {SPLITS}, got {split!r}')
    text = json.dumps({'recordings': list(recordings)}, indent=1) + '\n'
    write_text(Path(root) / f'{split}.json', text)


def read_split(root: str | Path, split: str) -> list[dict[str, str]]:
    """Read which recordings belong to a split; none if nothing has been written.

    Args:
        root (str | Path): Root of the data.
        split (str): ``'train'`` or ``'test'``.

    Returns:
        list[dict[str, str]]: ``name``, ``subject`` and ``action`` of each.

    Raises:
        ValueError: If the file is damaged.
    """
    path = Path(root) / f'{split}.json'
    if not path.exists():
        return []
    content = read_json(path, 'about recordings of events')
    if not isinstance(content, dict) or not isinstance(content.get('recordings'), list):
        raise ValueError(f'{path} should hold {{"recordings": [...]}}')
    return content['recordings']
