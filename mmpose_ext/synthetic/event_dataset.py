"""Writing mannequin recordings of an event camera; the same bytes for the same seed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from mmpose_ext.event_layout import (
    SPLITS,
    intrinsics,
    write_dataset_file,
    write_event_frames,
    write_gray_frames,
    write_image,
    write_npz,
    write_raw_events,
    write_split,
)
from mmpose_ext.flow_file import write_flow
from mmpose_ext.synthetic.body import build_body
from mmpose_ext.synthetic.clip_scene import draw_clip
from mmpose_ext.synthetic.clips import Clip, film
from mmpose_ext.synthetic.event_camera import EventCamera
from mmpose_ext.synthetic.writing import already_there, whole_folder, worker_map

SOURCE = 'mannequin'
SHEET_FILE = 'contact_sheet.png'
MIN_SIZE = 32
# Raised whenever the same request would give other recordings than before.
_FORMAT = 1
_SHEET_ROWS, _SHEET_COLUMNS, _SHEET_SCALE = 8, 8, 2


@dataclass(frozen=True)
class EventRequest:
    """What a dataset is to hold; two equal requests give the same bytes.

    Attributes:
        num_train (int): Recordings to train on, each of a person of its own.
        num_test (int): Recordings to test on.
        frames (int): Gray frames of a recording. The default is a clip of 8 steps.
        size (int): Width and height in pixels.
        fps (float): Gray frames a second.
        skip (int): Frames that the true flow spans.
        renders_per_bin (int): Renders in a quarter of the time between frames.
        threshold (float): Mean threshold of the event camera.
        threshold_noise (float): Its standard deviation from pixel to pixel.
        refractory_us (float): Refractory time of a pixel in microseconds.
        raw (bool): Whether to write the events themselves, too.
        seed (int): Seed.
    """

    num_train: int = 160
    num_test: int = 40
    frames: int = 17
    size: int = 64
    fps: float = 15.0
    skip: int = 2
    renders_per_bin: int = 1
    threshold: float = 0.15
    threshold_noise: float = 0.02
    refractory_us: float = 500.0
    raw: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        for name in ('num_train', 'num_test', 'skip', 'renders_per_bin'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1, got {getattr(self, name)}')
        if self.frames <= self.skip:
            raise ValueError(f'frames must be more than skip={self.skip}, got {self.frames}')
        if self.size < MIN_SIZE or self.size % 16:
            raise ValueError(
                f'size must be a multiple of 16, at least {MIN_SIZE} pixels, got {self.size}'
            )
        if not 0 < self.fps <= 1000:
            raise ValueError(f'fps must be above 0 and at most 1000, got {self.fps}')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, got {self.seed}')
        self.camera(0)

    def as_json(self) -> dict:
        """Give the request as it is recorded beside the data."""
        return {'kind': 'events', 'format': _FORMAT, **asdict(self)}

    def count(self, split: str) -> int:
        """Give the number of recordings of a split."""
        return self.num_train if split == 'train' else self.num_test

    def camera(self, seed: int | np.random.SeedSequence) -> EventCamera:
        """Give an event camera of its own to a recording."""
        return EventCamera(self.threshold, self.threshold_noise, self.refractory_us, seed=seed)


def make_clip(request: EventRequest, split: str, index: int) -> tuple[Clip, str]:
    """Make one recording of a dataset.

    Args:
        request (EventRequest): The dataset.
        split (str): ``'train'`` or ``'test'``.
        index (int): Number of the recording, from 0.

    Returns:
        tuple[Clip, str]: The recording, which depends on the seed, the settings, the split and
        the index only, and what the person does: ``'walking'`` or ``'gestures'``.
    """
    key = (SPLITS.index(split), index)
    scene_seed, camera_seed = np.random.SeedSequence(request.seed, spawn_key=key).spawn(2)
    body = build_body('coarse')
    duration = (request.frames - 1) / request.fps
    scene = draw_clip(np.random.default_rng(scene_seed), body, request.size, duration)
    clip = film(
        scene,
        body,
        request.frames,
        request.fps,
        request.skip,
        request.renders_per_bin,
        request.camera(camera_seed),
    )
    return clip, 'walking' if scene.motion.cadence else 'gestures'


def write_clip(root: str | Path, name: str, clip: Clip, raw: bool = False) -> None:
    """Write a recording into the layout of :mod:`mmpose_ext.event_layout`.

    Besides events, gray frames and annotations there is ``true_flow_{W}/{name}/flow%04d.npz``
    (:mod:`mmpose_ext.flow_file`).

    Args:
        root (str | Path): Root of the data.
        name (str): The recording.
        clip (Clip): What to write.
        raw (bool): Whether to write ``raw_events/{name}.npz``, too. Defaults to False.

    Raises:
        OSError: If a file cannot be written.
    """
    root = Path(root)
    counts = write_event_frames(root, name, clip.events)
    write_gray_frames(root, name, clip.gray)
    F, H, W = clip.gray.shape
    for index, (flow, body) in enumerate(zip(clip.flow, clip.body, strict=True)):
        write_flow(root / f'true_flow_{W}' / name / f'flow{index:04d}.npz', flow, body)
    write_npz(
        root / 'annotations' / f'{name}.npz',
        frames=np.arange(F, dtype=np.int64),
        theta=clip.theta.astype(np.float32),
        betas=np.tile(clip.betas, (F, 1)).astype(np.float32),
        transl=clip.transl.astype(np.float32),
        joints=clip.joints.astype(np.float32),
        keypoints=clip.keypoints.astype(np.float32),
        **counts,
    )
    if raw:
        write_raw_events(root, name, clip.stream, (H, W))


def _write_recording(index: int, request: EventRequest, split: str, root: Path) -> dict[str, str]:
    """Make a recording, write it, and give its entry in the list of the split."""
    clip, action = make_clip(request, split, index)
    name = f'{split}{index:04d}'
    write_clip(root, name, clip, request.raw)
    return {'name': name, 'subject': name, 'action': action}


def _write_split(
    root: Path, request: EventRequest, split: str, run: Callable, progress: bool
) -> None:
    """Write the recordings of a split and their list."""
    make = partial(_write_recording, request=request, split=split, root=root)
    count = request.count(split)
    bar = tqdm(
        run(make, range(count)),
        total=count,
        desc=f'events {split}',
        unit='clip',
        disable=not progress,
    )
    write_split(root, split, list(bar))


def write_event_dataset(
    out: str | Path,
    request: EventRequest,
    *,
    workers: int = 1,
    sheet: bool = False,
    progress: bool = False,
) -> Path:
    """Write mannequin recordings, or find them written.

    All is written into a folder beside ``out`` that is renamed in the end, so that ``out``
    is whole or not there. The layout is that of :func:`write_clip`.

    Args:
        out (str | Path): The folder. It must not exist, or hold the same request's data,
            which is then used as it is.
        request (EventRequest): What to write.
        workers (int): Number of processes; the bytes do not depend on it. Defaults to 1.
        sheet (bool): Whether to add ``contact_sheet.png``. Defaults to False.
        progress (bool): Whether to show a progress bar. Defaults to False.

    Returns:
        Path: The folder.

    Raises:
        ValueError: If ``workers`` is not positive.
        FileExistsError: If ``out`` holds anything else.
        OSError: If nothing can be written there.
    """
    out = Path(out).absolute()
    if not already_there(out, request.as_json()):
        with whole_folder(out, request.as_json()) as folder, worker_map(workers) as run:
            for split in SPLITS:
                _write_split(folder, request, split, run, progress)
            focal, center = intrinsics(request.size)
            size = (request.size, request.size)
            write_dataset_file(folder, size, (focal,) * 2, (center,) * 2, request.fps, SOURCE)
    if sheet and not (out / SHEET_FILE).exists():
        write_image(out / SHEET_FILE, event_sheet(request))
    return out


def event_sheet(request: EventRequest) -> np.ndarray:
    """Draw the first training recordings of a dataset, one a row, their events over gray frames.

    Args:
        request (EventRequest): The dataset.

    Returns:
        np.ndarray: BGR image; pixels with an event until the next frame are red.
    """
    rows = []
    for index in range(min(_SHEET_ROWS, request.num_train)):
        clip, _ = make_clip(request, 'train', index)
        shown = np.linspace(0, request.frames - 2, _SHEET_COLUMNS).round().astype(int)
        images = np.repeat(clip.gray[shown, ..., None], 3, axis=-1)
        images[clip.events[shown].any(1)] = (60, 40, 230)
        rows.append(np.hstack(list(images)))
    return cv2.resize(
        np.vstack(rows), None, fx=_SHEET_SCALE, fy=_SHEET_SCALE, interpolation=cv2.INTER_NEAREST
    )
