"""Recordings of an event camera on disk: where their files lie, what is known of their frames.

The layout is that of :mod:`mmpose_ext.event_layout`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import is_finite
from mmpose_ext.event_layout import check_recording_name
from mmpose_ext.npz import read_npz
from mmpose_ext.refusals import read_json

# Shape of one frame of each array of poses; frames come first.
POSE_SHAPES = {'theta': (72,), 'betas': (10,), 'transl': (3,)}
LABEL_SHAPES = {**POSE_SHAPES, 'joints': (24, 3), 'keypoints': (24, 2)}
# HMR's feature of an image.
FEATURE_SHAPE = (2048,)
_ANNOTATION = (
    'annotations of an event recording: event_frames (E,), event_counts (E,), and where poses '
    'are known frames (F,), theta (F, 72), betas (F, 10), transl (F, 3) m, joints (F, 24, 3) m, '
    'keypoints (F, 24, 2) px'
)


@dataclass(frozen=True)
class EventSource:
    """What holds for all recordings of a root folder.

    Attributes:
        root (Path): The folder.
        size (tuple[int, int]): Width and height of the stored pictures in px.
        focal (tuple[float, float]): Focal lengths in px.
        principal_pt (tuple[float, float]): Principal point in px.
        fps (float): Frames per second.
        bins (int): Channels of an interval.
        name (str): Where they are from: ``'mannequin'``, ``'mmhpsd'``, ...
    """

    root: Path
    size: tuple[int, int]
    focal: tuple[float, float]
    principal_pt: tuple[float, float]
    fps: float
    bins: int
    name: str

    def events(self, recording: str, interval: int) -> Path:
        """Give the picture of an interval's events."""
        return self.root / f'events_{self.size[0]}' / recording / f'event{interval:04d}.png'

    def gray(self, recording: str, frame: int) -> Path:
        """Give the gray picture of a frame, the PNG if there is one."""
        folder = self.root / f'full_pic_{self.size[0]}' / recording
        png = folder / f'fullpic{frame:04d}.png'
        return png if png.exists() else png.with_suffix('.jpg')

    def flow(self, recording: str, frame: int, source: str) -> Path:
        """Give the flow from a frame to the second next; source is 'true' or 'pred'."""
        folder = {'true': 'true_flow', 'pred': 'pred_flow_events'}[source]
        return self.root / f'{folder}_{self.size[0]}' / recording / f'flow{frame:04d}.npz'

    def poses(self, recording: str, source: str) -> Path:
        """Give the poses that a network sees in the frames; source is 'hmr' or 'vibe'."""
        return self.root / f'{source}_results' / f'{recording}.npz'

    def annotation(self, recording: str) -> Path:
        """Give the annotations of a recording."""
        return self.root / 'annotations' / f'{recording}.npz'


@dataclass(frozen=True)
class Poses:
    """Poses of some frames of a recording, float32.

    Attributes:
        frames (np.ndarray): Which frames, rising, int64 (F,).
        arrays (dict[str, np.ndarray]): ``theta`` (F, 72) axis-angle, ``betas`` (F, 10), ``transl``
            (F, 3) m; of labels also ``joints`` (F, 24, 3) m in camera space and ``keypoints``
            (F, 24, 2) px; of HMR ``features`` (F, 2048).
    """

    frames: np.ndarray
    arrays: dict[str, np.ndarray]

    def rows(self, frames: np.ndarray) -> np.ndarray:
        """Tell in which rows frames stand; -1 for frames that are not among these.

        Args:
            frames (np.ndarray): Numbers of frames, any shape.

        Returns:
            np.ndarray: Rows, int64, the same shape.
        """
        if not len(self.frames):
            return np.full(np.shape(frames), -1)
        rows = np.searchsorted(self.frames, frames).clip(max=len(self.frames) - 1)
        return np.where(self.frames[rows] == frames, rows, -1)


@dataclass(frozen=True)
class Recording:
    """A recording and what is known of its frames.

    Attributes:
        name (str): Its name, that of its folders.
        subject (str): Who is seen.
        action (str): What is done.
        poses (Poses | None): Labels; None where there are none.
        event_frames (np.ndarray): Intervals that have a picture of events, rising, int64 (E,).
        event_counts (np.ndarray): Set pixels of each, int64 (E,).
    """

    name: str
    subject: str
    action: str
    poses: Poses | None
    event_frames: np.ndarray
    event_counts: np.ndarray


def read_event_source(root: str | Path) -> EventSource:
    """Read ``dataset.json``.

    Args:
        root (str | Path): The folder of the recordings.

    Returns:
        EventSource: What it says.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no JSON, or a field is missing or out of range; names file and field.
    """
    path = Path(root) / 'dataset.json'
    content = _read_json(path)
    pair = {name: _numbers(path, content, name, 2) for name in ('size', 'focal', 'principal_pt')}
    fps, bins = _numbers(path, content, 'fps', 1)[0], _numbers(path, content, 'bins', 1)[0]
    for name, values in (('size', pair['size']), ('bins', (bins,))):
        if any(value < 1 or value != int(value) for value in values):
            raise ValueError(f'{path}: {name} should be whole and positive, got {content[name]!r}')
    for name, values in (('focal', pair['focal']), ('fps', (fps,))):
        if min(values) <= 0:
            raise ValueError(f'{path}: {name} should be positive, got {content[name]!r}')
    return EventSource(
        root=Path(root),
        size=(int(pair['size'][0]), int(pair['size'][1])),
        focal=(pair['focal'][0], pair['focal'][1]),
        principal_pt=(pair['principal_pt'][0], pair['principal_pt'][1]),
        fps=fps,
        bins=int(bins),
        name=str(content.get('source', '')),
    )


def read_recordings(source: EventSource, path: str | Path) -> list[Recording]:
    """Read the recordings of a split.

    Args:
        source (EventSource): What holds for all of them.
        path (str | Path): The split, such as ``train.json``.

    Returns:
        list[Recording]: The recordings, in the order of the file.

    Raises:
        FileNotFoundError: If the file or the annotations of a recording are missing.
        ValueError: If something in them is not as the layout says; names file and field.
    """
    content = _read_json(Path(path))
    entries = content.get('recordings')
    if not isinstance(entries, list) or not entries:
        raise ValueError(
            f'{path}: recordings should be a list of at least one, got {entries!r:.80}'
        )
    names = [entry.get('name') if isinstance(entry, dict) else None for entry in entries]
    for name in names:
        try:
            check_recording_name(name)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'{path}: the recording {twice} is listed twice')
    recordings = []
    for entry in entries:
        try:
            recordings.append(_read_recording(source, entry))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{path} has the recording {entry["name"]!r}, but {error}'
            ) from error
    return recordings


def read_poses(path: str | Path, feature: bool = False) -> Poses:
    """Read poses that a network saw in the gray frames.

    Args:
        path (str | Path): A file of ``hmr_results`` or ``vibe_results``.
        feature (bool): Whether it has to hold HMR's ``features`` (F, 2048). Defaults to False.

    Returns:
        Poses: The poses.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If an array is missing, of another shape or not finite.
    """
    shapes = {**POSE_SHAPES, **({'features': FEATURE_SHAPE} if feature else {})}
    what = f'poses: frames (F,), {", ".join(f"{n} (F, {s[0]})" for n, s in shapes.items())}'
    arrays = read_npz(str(path), ['frames', *shapes], what=what)
    return _poses(path, arrays, shapes)


def _read_recording(source: EventSource, entry: Mapping[str, Any]) -> Recording:
    path = source.annotation(entry['name'])
    arrays = read_npz(
        str(path), ['event_frames', 'event_counts'], ['frames', *LABEL_SHAPES], what=_ANNOTATION
    )
    frames = _frames(path, 'event_frames', arrays['event_frames'])
    counts = arrays['event_counts']
    if counts.shape != frames.shape or counts.dtype.kind not in 'iu' or (counts < 0).any():
        raise ValueError(
            f'{path}: event_counts should be {len(frames)} whole numbers, 0 or more, got '
            f'{counts.dtype} {counts.shape}'
        )
    return Recording(
        name=entry['name'],
        subject=str(entry.get('subject', '')),
        action=str(entry.get('action', '')),
        poses=_poses(path, arrays, LABEL_SHAPES) if 'frames' in arrays else None,
        event_frames=frames,
        event_counts=counts.astype(np.int64),
    )


def _poses(
    path: str | Path, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> Poses:
    frames = _frames(path, 'frames', arrays['frames'])
    checked = {}
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f'{path} has frames but no {name}; it should be {_ANNOTATION}')
        values, expected = arrays[name], (len(frames), *shape)
        if values.shape != expected or values.dtype.kind not in 'fiu':
            raise ValueError(
                f'{path}: {name} should be numbers of the shape {expected}, got {values.dtype} '
                f'{values.shape}'
            )
        bad = np.flatnonzero(~np.isfinite(values).reshape(len(frames), -1).all(1))
        if len(bad):
            raise ValueError(f'{path}: {name} of frame {frames[bad[0]]} is not finite')
        checked[name] = values.astype(np.float32)
    return Poses(frames, checked)


def _frames(path: str | Path, name: str, frames: np.ndarray) -> np.ndarray:
    if frames.ndim != 1 or frames.dtype.kind not in 'iu':
        raise ValueError(
            f'{path}: {name} should be whole numbers (N,), got {frames.dtype} {frames.shape}'
        )
    frames = frames.astype(np.int64)
    if (frames < 0).any() or (np.diff(frames) <= 0).any():
        raise ValueError(f'{path}: {name} should rise from 0 or more, each frame once')
    return frames


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path, 'about recordings of events')
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no file {path}. Recordings of events are made by make_mannequin.py events, '
            'mmhpsd.py or events.py in tools/dataset_converters.'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} should hold a JSON object, got {content!r:.80}')
    return content


def _numbers(path: Path, content: Mapping[str, Any], name: str, count: int) -> list[float]:
    values = content.get(name)
    listed: list[Any] = values if isinstance(values, list) else [values]
    if len(listed) != count or not all(map(is_finite, listed)):
        wanted = 'a number' if count == 1 else f'a list of {count} numbers'
        raise ValueError(f'{path}: {name} should be {wanted}, got {values!r:.80}')
    return [float(value) for value in listed]
