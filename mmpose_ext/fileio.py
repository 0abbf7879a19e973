"""Writing files so that a reader sees the old one or the whole new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to, renamed to ``path`` when all went well.

    The temporary name has the suffix of ``path``, which some writers go by, and
    lies in the same folder, which is made if it is missing.

    Args:
        path (str | Path): The file that is wanted.

    Yields:
        Path: Where to write.

    Raises:
        OSError: If the folder cannot be made or the file cannot be renamed.

    Example:
        >>> with atomic_path('scores.json') as temporary:
        ...     temporary.write_text('{}')
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.stem}.{os.getpid()}{path.suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically.

    Args:
        path (str | Path): The file.
        text (str): What to write, as UTF-8.

    Raises:
        OSError: If the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
