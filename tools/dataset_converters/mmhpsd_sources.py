"""The files of MMHPSD: the authors' pickles by joblib, and the npz files of the newer release."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmpose_ext.datasets.datasets.event_recordings import LABEL_SHAPES
from mmpose_ext.event_layout import BINS, write_image
from mmpose_ext.npz import read_npz
from mmpose_ext.pickles import restricted_joblib_load
from mmpose_ext.refusals import refusing, shown

# Folder and suffix of the poses that each network saw.
_NETWORKS = {'hmr': ('hmr_results', '_hmr'), 'vibe': ('vibe_results_0802', '_vibe08')}


def labels(source: Path, name: str) -> dict[str, np.ndarray]:
    """Read the labels of a recording of the authors' archive.

    Args:
        source (Path): The archive.
        name (str): The recording.

    Returns:
        dict[str, np.ndarray]: ``frames`` and the arrays of :data:`LABEL_SHAPES`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is no such tuple of arrays.
    """
    folder = source / 'pose_events' / name
    frames = _whole_numbers(folder / 'pose_info.pkl', load(folder / 'pose_info.pkl'))

    def one(path: Path) -> Sequence[np.ndarray]:
        betas, theta, transl, joints, pixels = _members(path, load(path), 5)
        return theta, betas, transl, joints, _xy(path, pixels)

    paths = [folder / f'pose{frame:04d}.pkl' for frame in frames]
    return {'frames': frames, **_columns(paths, one, LABEL_SHAPES)}


def network_poses(source: Path, name: str, kind: str) -> dict[str, np.ndarray]:
    """Read the poses that a network saw in a recording of the authors' archive.

    Args:
        source (Path): The archive.
        name (str): The recording.
        kind (str): ``'hmr'`` or ``'vibe'``.

    Returns:
        dict[str, np.ndarray]: ``frames``, ``theta``, ``betas``, ``transl`` and, of HMR,
        ``features``; empty if there are none.

    Raises:
        ValueError: If a file is no such tuple of arrays.
    """
    folder, suffix = source / _NETWORKS[kind][0] / name, _NETWORKS[kind][1]
    frames = _frames_of(folder, rf'fullpic(\d+){suffix}\.pkl')
    if not len(frames):
        return {}

    def one(path: Path) -> Sequence[np.ndarray]:
        members = _members(path, load(path), 5 if kind == 'hmr' else 4)
        # Camera 3, theta 72, betas 10; VIBE's have a row for each frame of its window: the first.
        with refusing(path, 'camera, theta and betas (85) and translation (3) of frames'):
            numbers = _numeric(path, members[2]).reshape(-1, 85)[0]
            transl = _numeric(path, members[3]).reshape(-1, 3)[0]
        pose = (numbers[3:75], numbers[75:], transl)
        return (*pose, members[4]) if kind == 'hmr' else pose

    shapes = {'theta': (72,), 'betas': (10,), 'transl': (3,)}
    shapes |= {'features': (2048,)} if kind == 'hmr' else {}
    paths = [folder / f'fullpic{frame:04d}{suffix}.pkl' for frame in frames]
    return {'frames': frames, **_columns(paths, one, shapes)}


def event_counts(source: Path, name: str, size: int = 256) -> dict[str, np.ndarray]:
    """Read how many events the intervals of a recording have, or count them.

    Args:
        source (Path): The archive; ``events_256/NAME_info.pkl`` lists the intervals and their
            set pixels; without it the pictures are counted.
        name (str): The recording.
        size (int): Width of the pictures in px. Defaults to 256.

    Returns:
        dict[str, np.ndarray]: ``event_frames`` and ``event_counts``, int64 (E,).

    Raises:
        FileNotFoundError: If there is no picture.
        ValueError: If the list is none.
    """
    folder = source / f'events_{size}' / name
    for info in (folder.with_name(f'{name}_info.pkl'), folder / f'{name}_info.pkl'):
        if info.exists():
            frames, counts = (_whole_numbers(info, part) for part in _members(info, load(info), 2))
            if len(frames) != len(counts):
                raise ValueError(f'{info} lists {len(frames)} intervals, {len(counts)} counts')
            return {'event_frames': frames, 'event_counts': counts}
    frames = _frames_of(folder, r'event(\d+)\.png')
    if not len(frames):
        raise FileNotFoundError(f'there are no pictures {folder}/event*.png')
    counted = []
    for frame in frames.tolist():
        path = folder / f'event{frame:04d}.png'
        with refusing(path, 'picture of events'):
            picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise ValueError(f'{path} is no picture')
        counted.append(np.count_nonzero(picture))
    return {'event_frames': frames, 'event_counts': np.array(counted, dtype=np.int64)}


def read_flow_dump(path: Path) -> np.ndarray:
    """Read flow that the authors' stage 1 predicted.

    Args:
        path (Path): A joblib file of int16 (2, H, W), hundredths of a pixel.

    Returns:
        np.ndarray: Flow in px, float32 (2, H, W).

    Raises:
        ValueError: If it is none.
    """
    steps = load(path)
    if not isinstance(steps, np.ndarray) or steps.dtype != np.int16 or steps.shape[:-2] != (2,):
        raise ValueError(f'{path} should hold int16 (2, H, W), got {_what(steps)}')
    return steps.astype(np.float32) / np.float32(100)


def newer_labels(folder: Path) -> dict[str, np.ndarray]:
    """Read the labels of a recording of the newer release.

    Args:
        folder (Path): The recording, with ``poses/pose_%04d.npz`` of ``joints3d``, ``joints2d``,
            ``trans``, ``body_pose`` and ``beta``.

    Returns:
        dict[str, np.ndarray]: ``frames`` and the arrays of :data:`LABEL_SHAPES`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If an array is missing or of another shape.
    """
    frames = _frames_of(folder / 'poses', r'pose_(\d+)\.npz')
    if not len(frames):
        raise FileNotFoundError(f'there are no labels {folder}/poses/pose_*.npz')
    names = ('body_pose', 'beta', 'trans', 'joints3d', 'joints2d')

    def one(path: Path) -> Sequence[np.ndarray]:
        arrays = read_npz(str(path), names, what=f'a pose of {", ".join(names)}')
        return [*(arrays[name] for name in names[:-1]), _xy(path, arrays['joints2d'])]

    paths = [folder / 'poses' / f'pose_{frame:04d}.npz' for frame in frames]
    return {'frames': frames, **_columns(paths, one, LABEL_SHAPES)}


def write_packed_events(folder: Path, out: Path, size: int) -> dict[str, np.ndarray]:
    """Write the pictures of events of a recording of the newer release.

    Args:
        folder (Path): The recording, with ``events_frame_04/events_%04d.npz``, of which
            ``events_frame`` is ``numpy.packbits`` of (size, size, 4).
        out (Path): Where the pictures go; those that are there are not written again.
        size (int): Width and height in px.

    Returns:
        dict[str, np.ndarray]: ``event_frames`` and ``event_counts``, int64 (E,).

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If one holds another number of bits.
    """
    packed = folder / 'events_frame_04'
    frames = _frames_of(packed, r'events_(\d+)\.npz')
    if not len(frames):
        raise FileNotFoundError(f'there are no events {packed}/events_*.npz')
    counts = []
    for frame in frames.tolist():
        path = packed / f'events_{frame:04d}.npz'
        data = read_npz(str(path), ['events_frame'], what='packed event frames')['events_frame']
        bits = size * size * BINS
        if data.dtype != np.uint8 or data.size * 8 != bits:
            raise ValueError(
                f'{path}: events_frame should be {bits // 8} bytes, {BINS} bits of {size}x{size} '
                f'pixels, got {data.dtype} {data.shape}'
            )
        picture = np.unpackbits(data.reshape(-1)).reshape(size, size, BINS)
        counts.append(np.count_nonzero(picture))
        target = out / f'event{frame:04d}.png'
        if not target.exists():
            write_image(target, picture)
    return {'event_frames': frames, 'event_counts': np.array(counts, dtype=np.int64)}


def load(path: Path) -> Any:
    """Read a file of joblib; nothing of it is run.

    Args:
        path (Path): The file.

    Returns:
        Any: Arrays and plain values.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken or holds anything else.
    """
    try:
        return restricted_joblib_load(path.read_bytes())
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no file {path} of the authors' archive") from error
    except ValueError as error:
        raise ValueError(
            f'{path} is no file of arrays by joblib ({error}); nothing of it was run'
        ) from error


def _columns(
    paths: Sequence[Path],
    one: Callable[[Path], Sequence[np.ndarray]],
    shapes: dict[str, tuple[int, ...]],
) -> dict[str, np.ndarray]:
    """Stack the arrays of the frames, a file each, float32 (F, ...)."""
    columns = {name: np.empty((len(paths), *shape), np.float32) for name, shape in shapes.items()}
    for row, path in enumerate(paths):
        for (name, shape), values in zip(shapes.items(), one(path), strict=True):
            array = _numeric(path, values)
            if array.size != int(np.prod(shape)) or not np.isfinite(array).all():
                raise ValueError(
                    f'{path}: {name} should be finite numbers {shape}, got {_what(array)}'
                )
            columns[name][row] = array.reshape(shape)
    return columns


def _frames_of(folder: Path, pattern: str) -> np.ndarray:
    """Tell the numbers in the names of a folder's files, rising."""
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    found = [re.fullmatch(pattern, name) for name in names]
    return np.array(sorted(int(match.group(1)) for match in found if match), dtype=np.int64)


def _members(path: Path, value: Any, count: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or len(value) != count:
        raise ValueError(f'{path} should hold {count} things, got {_what(value)}')
    return value


def _numeric(path: Path, value: Any) -> np.ndarray:
    array = value if isinstance(value, np.ndarray) else np.asarray(value, dtype=object)
    if array.dtype.kind not in 'fiu':
        raise ValueError(f'{path} should hold numbers, got {_what(value)}')
    return array


def _whole_numbers(path: Path, value: Any) -> np.ndarray:
    numbers = np.asarray(value) if isinstance(value, list | tuple | np.ndarray) else np.empty(0)
    if numbers.ndim != 1 or numbers.dtype.kind not in 'iu':
        raise ValueError(f'{path} should hold a list of whole numbers, got {_what(value)}')
    return numbers.astype(np.int64)


def _xy(path: Path, pixels: Any) -> np.ndarray:
    """Take u and v of joints (24, 2 or more)."""
    array = _numeric(path, pixels)
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(f'{path}: 2D joints should be (24, 3), got {array.shape}')
    return array[:, :2]


def _what(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f'{value.dtype} {value.shape}'
    return shown(value)
