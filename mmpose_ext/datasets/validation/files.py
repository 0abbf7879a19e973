"""Checks of a COCO keypoint file and its pictures."""

import json
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.validation.coco_file import ImageEntry, Keypoints, check_coco
from mmpose_ext.datasets.validation.findings import Report
from mmpose_ext.datasets.validation.pictures import Picture, Progress, check_pictures


def validate_coco_file(
    ann_file: str | Path,
    images: str | Path,
    keypoints: Keypoints | None = None,
    *,
    read: bool = True,
    progress: Progress = iter,
) -> Report:
    """Find what breaks a training on a COCO keypoint file.

    Args:
        ann_file (str | Path): The file.
        images (str | Path): Folder that its ``file_name`` are relative to.
        keypoints (Keypoints, optional): The keypoints that the dataset should have. None: those
            that the file's category names.
        read (bool): Whether the pictures are read; else only looked for. Defaults to True.
        progress (Progress): Wraps an iterable, for a progress bar. Defaults to none.

    Returns:
        Report: What is wrong. A file that cannot be used at all is a finding, too.

    Example:
        >>> report = validate_coco_file('person_keypoints_val.json', 'images/val')
        >>> print(report.to_text())
    """
    report = Report(str(ann_file))
    content = _read_json(Path(ann_file), report)
    entries = [] if content is None else check_coco(content, keypoints, report)
    pictures = pictures_of(entries, images)
    check_pictures(pictures, report, read=read, progress=progress)
    return report


def pictures_of(entries: list[ImageEntry], folder: str | Path) -> list[Picture]:
    """Where the pictures of a file lie.

    Args:
        entries (list[ImageEntry]): Its images.
        folder (str | Path): Folder that their names are relative to.

    Returns:
        list[Picture]: As many.
    """
    return [
        Picture(Path(folder) / entry.name, f'image {entry.id} ({entry.name})', entry.size)
        for entry in entries
    ]


def _read_json(path: Path, report: Report) -> Any:
    if not path.is_file():
        report.add('file', str(path), 'there is no such file')
        return None
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        report.add('file', str(path), f'it is no JSON: {error}')
        return None
    if content is None:
        report.add('file', str(path), 'it holds null')
    return content
