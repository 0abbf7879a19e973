"""Checks of a dataset's picture files."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from mmpose_ext.datasets.transforms.loading import StrictLoadImage
from mmpose_ext.datasets.validation.findings import Report

Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class Picture:
    """A picture of a dataset.

    Attributes:
        path (Path): The file.
        where (str): What the report calls it.
        size (tuple[int, int], optional): Width and height that the dataset says; None: it does not.
    """

    path: Path
    where: str
    size: tuple[int, int] | None = None


def check_pictures(
    pictures: Sequence[Picture],
    report: Report,
    *,
    read: bool = True,
    progress: Progress = iter,
) -> None:
    """Check that pictures are there, can be read and have the size that the file says.

    They are read as a training reads them, with ``StrictLoadImage``, by a thread for each core.

    Args:
        pictures (Sequence[Picture]): The pictures.
        report (Report): Where findings are noted.
        read (bool): Whether to read them; else only to see that they are there. Defaults to True.
        progress (Progress): Wraps the results as they come, for a progress bar. Defaults to none.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        paths = [picture.path for picture in pictures]
        report.pictures += paths
        sizes = pool.map(read_size if read else _is_there, paths)
        for picture, size in zip(pictures, progress(sizes), strict=True):
            if size is None:
                report.add('image-missing', picture.where, f'there is no file {picture.path}')
            elif isinstance(size, str):
                report.add('image-unreadable', picture.where, size)
            elif size and picture.size and size != picture.size:
                said, found = (f'{width}x{height}' for width, height in (picture.size, size))
                message = f'{said} in the file, {found} when it is read'
                report.add('image-size', picture.where, message)


def read_size(path: Path) -> tuple[int, ...] | str | None:
    """Read a picture as a training does.

    Args:
        path (Path): The file.

    Returns:
        tuple[int, int] | str | None: Width and height in pixels; what is wrong; None without file.
    """
    there = _is_there(path)
    if there != ():
        return there
    try:
        sample = StrictLoadImage().transform({'img_path': str(path)}) or {}
    except (OSError, ValueError, cv2.error) as error:
        return str(error)
    height, width = sample['img'].shape[:2]
    return width, height


def _is_there(path: Path) -> tuple[int, ...] | str | None:
    try:
        return () if path.is_file() else None
    except OSError as error:  # a folder that may not be searched, a name that is too long
        return str(error)
