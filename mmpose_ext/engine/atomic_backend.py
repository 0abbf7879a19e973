"""A file backend of MMEngine whose files are whole or not there."""

import contextlib
import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

PARTIAL = '.partial'


class AtomicLocalBackend(LocalBackend):
    """MMEngine's local files, but written to a temporary name, flushed to the disk and renamed.

    So a process that is killed, or a machine that loses power, leaves the old file or the whole
    new one. The temporary name is that of the file with ``.partial`` behind it; what a killed
    process left there is overwritten when the file is written again. Registered as
    ``dict(backend='atomic_local')``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file atomically.

        Args:
            obj (bytes): Its content.
            filepath (str | Path): The file; its folder is made if it is missing.

        Raises:
            OSError: If it cannot be written, because the disk is full, say; a file of this name
                is then as it was.
        """
        path = Path(filepath)
        partial = path.with_name(path.name + PARTIAL)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
            _flush_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise OSError(
                error.errno,
                f'{error.strerror or error}: {len(obj) / 2**20:.1f} MiB could not be written; '
                'what was there before is untouched. Make room, or fewer files (max_keep_ckpts '
                'of the checkpoint hook), and go on with --resume',
                str(path),
            ) from error

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write a text file atomically, see :meth:`put`.

        Args:
            obj (str): Its content.
            filepath (str | Path): The file.
            encoding (str): Its encoding. Defaults to UTF-8.
        """
        self.put(obj.encode(encoding), filepath)


def _flush_folder(folder: Path) -> None:
    """Have the names of a folder written to the disk, where the system can do that."""
    if os.name == 'nt':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


register_backend('atomic_local', AtomicLocalBackend, force=True)
