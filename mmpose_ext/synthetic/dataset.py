"""Writing whole datasets: pictures, annotations, the body; the same bytes for the same seed."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from mmpose_ext.fileio import atomic_path
from mmpose_ext.synthetic.annotations import (
    LabelledImage,
    write_cameras,
    write_coco,
    write_h36m,
    write_smpl,
)
from mmpose_ext.synthetic.body import build_body
from mmpose_ext.synthetic.contact_sheet import contact_sheet
from mmpose_ext.synthetic.smpl_file import write_smpl_file
from mmpose_ext.synthetic.staging import MAX_PEOPLE, MIN_SIZE, Picture, make_crowd, make_single
from mmpose_ext.synthetic.writing import already_there, whole_folder, worker_map

KINDS = ('single', 'crowd')
# Subjects as in Human3.6M, where S1 is trained on and S9 is tested on.
SUBJECTS = {'train': 'S1', 'val': 'S9'}
SHEET_FILE = 'contact_sheet.png'
# Raised whenever the same request would give other pictures than before.
_FORMAT = 1
_JPEG_QUALITY = 92


@dataclass(frozen=True)
class Request:
    """What a dataset is to hold; two equal requests give the same bytes.

    Attributes:
        kind (str): ``'single'`` or ``'crowd'``.
        num_train (int): Images to train on.
        num_val (int): Images to validate on.
        size (int): Width and height of the images in pixels.
        seed (int): Seed.
        people (tuple[int, int]): Fewest and most people of a crowd.
        easy (bool): Whether people are easy to see: upright, from the front, not before each other.
    """

    kind: str = 'single'
    num_train: int = 2000
    num_val: int = 200
    size: int = 256
    seed: int = 0
    people: tuple[int, int] = (1, MAX_PEOPLE)
    easy: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        if self.kind not in KINDS:
            raise ValueError(f'kind must be one of {KINDS}, got {self.kind!r}')
        for name in ('num_train', 'num_val'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1, got {getattr(self, name)}')
        if self.size < MIN_SIZE:
            raise ValueError(f'size must be at least {MIN_SIZE} pixels, got {self.size}')
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, got {self.seed}')
        low, high = self.people
        if not 1 <= low <= high <= MAX_PEOPLE:
            raise ValueError(
                f'people must be two numbers from 1 to {MAX_PEOPLE}, the first not above the '
                f'second, got {low} and {high}'
            )

    def as_json(self) -> dict:
        """Give the request as it is recorded beside the data."""
        return {'format': _FORMAT, **asdict(self), 'people': list(self.people)}

    def count(self, split: str) -> int:
        """Give the number of images of a split."""
        return self.num_train if split == 'train' else self.num_val


def make_picture(request: Request, split: str, index: int) -> Picture:
    """Make one picture of a dataset.

    Args:
        request (Request): The dataset.
        split (str): ``'train'`` or ``'val'``.
        index (int): Number of the picture, from 0.

    Returns:
        Picture: The picture: it depends on seed, kind, split and index only.
    """
    key = (KINDS.index(request.kind), list(SUBJECTS).index(split), index)
    rng = np.random.default_rng(np.random.SeedSequence(request.seed, spawn_key=key))
    body = build_body('coarse')
    if request.kind == 'single':
        return make_single(body, rng, request.size, request.easy)
    return make_crowd(body, rng, request.size, request.people, request.easy)


def _write_image(index: int, request: Request, split: str, folder: Path) -> LabelledImage:
    """Make a picture, write it, and give its labels."""
    picture = make_picture(request, split, index)
    activity = picture.labels[0].activity if request.kind == 'single' else 'Crowd'
    camera_id = f'{index + 1:08d}'
    file_name = f'{SUBJECTS[split]}_{activity}_1.{camera_id}_000001.jpg'
    path = folder / 'images' / split / file_name
    done = cv2.imwrite(str(path), picture.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise OSError(f'cannot write {path}: is the disk full?')
    name = (SUBJECTS[split], camera_id)
    return LabelledImage(index + 1, file_name, name, picture.scene.camera, picture.labels)


def _write_split(
    folder: Path, request: Request, split: str, run: Callable, progress: bool
) -> list[LabelledImage]:
    """Write the images and the annotations of a split; give the labels."""
    (folder / 'images' / split).mkdir(parents=True)
    make = partial(_write_image, request=request, split=split, folder=folder)
    count = request.count(split)
    bar = tqdm(
        run(make, range(count)),
        total=count,
        desc=f'{request.kind} {split}',
        unit='image',
        disable=not progress,
    )
    images = list(bar)
    notes = folder / 'annotations'
    write_coco(notes / f'person_keypoints_{split}.json', images)
    write_h36m(notes / f'h36m_{split}.npz', images, split)
    write_smpl(notes / f'smpl_{split}.npz', images, split)
    return images


def write_dataset(
    out: str | Path,
    request: Request,
    *,
    workers: int = 1,
    sheet: bool = False,
    progress: bool = False,
) -> Path:
    """Write a mannequin dataset, or find it written.

    All is written into a folder beside ``out`` that is renamed in the end, so that ``out``
    is whole or not there. Layout: ``images/{train,val}/*.jpg``;
    ``annotations/person_keypoints_*.json`` (COCO), ``h36m_*.npz`` and ``cameras.pkl``
    (MMPose's Human3.6M), ``smpl_*.npz``; ``body/SMPL_NEUTRAL.pkl``; ``request.json``.

    Args:
        out (str | Path): The folder. It must not exist, or hold the same request's data,
            which is then used as it is.
        request (Request): What to write.
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
            (folder / 'annotations').mkdir()
            (folder / 'body').mkdir()
            images = [
                image
                for split in SUBJECTS
                for image in _write_split(folder, request, split, run, progress)
            ]
            write_cameras(folder / 'annotations' / 'cameras.pkl', images)
            write_smpl_file(folder / 'body' / 'SMPL_NEUTRAL.pkl')
    if sheet and not (out / SHEET_FILE).exists():
        _write_sheet(out / SHEET_FILE, request)
    return out


def _write_sheet(path: Path, request: Request) -> None:
    """Draw the first pictures of a dataset into one, and write it atomically."""
    pictures = [make_picture(request, 'train', k) for k in range(min(24, request.num_train))]
    with atomic_path(path) as temporary:
        if not cv2.imwrite(str(temporary), contact_sheet(pictures)):
            raise OSError(f'cannot write {path}')


def write_single_person_dataset(out: str | Path, **options: Any) -> Path:
    """Write a dataset of one person per image; see :func:`write_dataset`.

    Args:
        out (str | Path): The folder.
        **options: Fields of :class:`Request` and arguments of :func:`write_dataset`.

    Returns:
        Path: The folder.
    """
    return _write_kind('single', out, options)


def write_crowd_dataset(out: str | Path, **options: Any) -> Path:
    """Write a dataset of crowds; see :func:`write_dataset`.

    Args:
        out (str | Path): The folder.
        **options: Fields of :class:`Request` and arguments of :func:`write_dataset`.

    Returns:
        Path: The folder.
    """
    return _write_kind('crowd', out, options)


def _write_kind(kind: str, out: str | Path, options: dict) -> Path:
    """Sort options into request and writing."""
    fields = {key: options.pop(key) for key in list(options) if key in Request.__annotations__}
    return write_dataset(out, Request(kind=kind, **fields), **options)
