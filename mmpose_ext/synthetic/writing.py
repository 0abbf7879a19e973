"""How datasets are written: by several processes, into a folder that is whole or not there."""

import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2

from mmpose_ext.synthetic.body import build_body

REQUEST_FILE = 'request.json'


@contextmanager
def worker_map(number: int) -> Iterator[Callable]:
    """Give a ``map`` that keeps order, over so many processes of one thread each.

    Args:
        number (int): Number of processes; 1 for this one.

    Yields:
        Callable: The map.

    Raises:
        ValueError: If the number is not positive.
    """
    if number < 1:
        raise ValueError(f'workers must be at least 1, got {number}')
    # A forked process that meets OpenCV's threads, which it does not have, waits for ever:
    # they are ended before it is forked.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    build_body('coarse')
    try:
        if number == 1:
            yield map
            return
        # A forked worker has everything imported already, and its threads set.
        method = 'fork' if sys.platform == 'linux' else 'spawn'
        begin = None if method == 'fork' else partial(cv2.setNumThreads, 1)
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(number, context, begin) as pool:
            yield partial(pool.map, chunksize=8)
    finally:
        cv2.setNumThreads(threads)


@contextmanager
def whole_folder(out: Path, record: dict) -> Iterator[Path]:
    """Give a folder beside ``out`` that is renamed to it when all went well.

    Args:
        out (Path): The folder that is wanted.
        record (dict): What is asked for, written into ``request.json``.

    Yields:
        Path: Where to write.

    Raises:
        OSError: If nothing can be written there.
    """
    folder = out.with_name(f'.{out.name}.{os.getpid()}.partial')
    try:
        folder.mkdir(parents=True)
        yield folder
        text = json.dumps(record, indent=2) + '\n'
        (folder / REQUEST_FILE).write_text(text, encoding='utf-8')
        os.rename(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def already_there(out: Path, record: dict) -> bool:
    """Tell whether a folder holds what is asked for.

    Args:
        out (Path): The folder.
        record (dict): What is asked for.

    Returns:
        bool: Whether it does; False if there is no such folder.

    Raises:
        FileExistsError: If it holds anything else.
    """
    if not out.exists():
        return False
    try:
        recorded = json.loads((out / REQUEST_FILE).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        recorded = None
    if recorded == record:
        return True
    held = f'data of another request: {recorded}' if recorded else 'something else'
    raise FileExistsError(
        f'{out} exists already and holds {held}. Give another folder, or remove that one.'
    )
