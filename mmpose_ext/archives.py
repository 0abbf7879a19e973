"""Extracting tar archives: with a progress bar, safely, whole or not at all."""

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm


def extract_archive(archive: str | Path, folder: str | Path, progress: bool = False) -> None:
    """Extract a tar archive, compressed or not, into a folder.

    The members are extracted beside their place and moved when all of them are whole: a file
    that is in the folder is never a half one, whatever interrupts the extraction.

    Args:
        archive (str | Path): The archive.
        folder (str | Path): Where its members go; made if missing. Files of the same names are
            replaced.
        progress (bool): Whether to show a bar of the bytes read. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such archive.
        ValueError: If the archive is damaged, or a member is a device or lies outside of the
            folder (:func:`tarfile.data_filter`).
        OSError: If the disk lacks the room; at least as many bytes are needed as the archive has.
    """
    archive, folder = Path(archive), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    size, free = archive.stat().st_size, shutil.disk_usage(folder).free
    if free < size:
        raise OSError(
            f'{folder} has {free / 1e9:.1f} GB left, extracting {archive.name} needs more than '
            f'{size / 1e9:.1f} GB: make room, or extract to another disk.'
        )
    bar = dict(total=size, desc=archive.name, disable=not progress)
    with (
        staged(folder, archive.name) as stage,
        archive.open('rb') as file,
        tqdm.wrapattr(file, 'read', **bar) as counted,
    ):
        _extract(counted, stage, archive)


@contextmanager
def staged(folder: str | Path, name: str) -> Iterator[Path]:
    """Give an empty folder to write to, whose files are moved to ``folder`` when all went well.

    What an interrupted writer of the same name left behind is removed.

    Args:
        folder (str | Path): Where the files go, to the same places below; made if missing.
            Files of the same names are replaced.
        name (str): Tells writers apart that work at the same time.

    Yields:
        Path: Where to write, on the same disk.

    Raises:
        OSError: If a folder cannot be made or a file cannot be moved.
    """
    stage = Path(folder) / f'.partial-{name}'
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
        for path in sorted(stage.rglob('*')):
            target = Path(folder) / path.relative_to(stage)
            if path.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                os.replace(path, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _extract(file: BinaryIO, stage: Path, archive: Path) -> None:
    if not hasattr(tarfile, 'data_filter'):
        raise OSError('Extracting safely needs Python 3.10.12, 3.11.4 or newer: update Python.')
    try:
        # 'r|*' reads the file once, from start to end, so that the bar shows where it is.
        with tarfile.open(fileobj=file, mode='r|*') as tar:
            tar.extractall(stage, filter='data')
    except tarfile.FilterError as error:
        raise ValueError(f'{archive} is not safe to extract and was refused: {error}') from error
    except MemoryError:
        raise  # of the machine, not of the archive
    except Exception as error:  # each compression raises errors of its own
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk: it is full, say
        raise ValueError(f'{archive} is damaged ({error}): download it again.') from error
