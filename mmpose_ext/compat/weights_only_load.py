"""torch's restricted unpickler refuses MMEngine's checkpoints: ``Weights only load failed``.

Cause: since torch 2.6 ``torch.load`` builds only what is on an allow-list. An epoch
checkpoint of MMEngine holds more: the training log (``HistoryBuffer``) and numpy values.
Upstream: MMEngine's main branch turns the protection off (issue 1655, pull request 1670),
unreleased. OneDL's continuation of MMEngine (0.10.12) allows some of it, and loads whatever
is refused once more without protection, which runs what is in the file. Here it stays on:
what MMEngine writes is allowed, during MMEngine's loads and no longer, and a file that asks
for anything else is refused.
"""

import functools
import io
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

_SECOND_TRY = '_safe_torch_load'  # OneDL's function that falls back to no protection
_STATISTICS = ('current', 'max', 'mean', 'min')
_lock = threading.RLock()  # torch's allow-list is one for all threads


def is_needed() -> bool:
    """Whether ``torch.load`` refuses a :class:`HistoryBuffer`, or MMEngine tries twice."""
    if getattr(CheckpointLoader.load_checkpoint, '__wrapped__', None):
        return False
    if getattr(checkpoint, _SECOND_TRY, torch.load) is not torch.load:
        return True
    file = io.BytesIO()
    torch.save(HistoryBuffer([1.0], [1]), file)
    file.seek(0)
    try:
        torch.load(file)
    except pickle.UnpicklingError:
        return True
    return False


def apply() -> None:
    """Let :class:`CheckpointLoader`, through which all of OpenMMLab loads, load them."""
    take_away_second_try()
    original = CheckpointLoader.load_checkpoint.__func__

    @functools.wraps(original)
    def load_checkpoint(cls: type, filename: str, *args: Any, **kwargs: Any) -> Any:
        with mmengine_globals_allowed():
            try:
                return original(cls, filename, *args, **kwargs)
            except Exception as error:
                if not is_unreadable(filename, error):
                    raise
                reason = f'{type(error).__name__}: {error}'
                raise pickle.UnpicklingError(refusal(filename, reason)) from error

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)


def take_away_second_try() -> None:
    """Let OneDL's MMEngine load by ``torch.load`` itself, whose protection is on by default."""
    if hasattr(checkpoint, _SECOND_TRY):
        setattr(checkpoint, _SECOND_TRY, torch.load)


def statistics_method(owner: type, name: str) -> Callable[..., Any]:
    """What a checkpoint gets when it asks for ``getattr``: a statistic of HistoryBuffer.

    Args:
        owner (type): Must be :class:`mmengine.logging.HistoryBuffer`.
        name (str): ``'current'``, ``'max'``, ``'mean'`` or ``'min'``.

    Raises:
        pickle.UnpicklingError: If anything else is asked for.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f'it asks for the attribute {name!r} of {owner!r}')
    return getattr(HistoryBuffer, name)


@contextmanager
def mmengine_globals_allowed() -> Iterator[None]:
    """Allow ``torch.load``, while it lasts, what MMEngine writes into checkpoints.

    What the user has allowed already stays as it is, during and after.
    """
    with _lock:
        taken = {_full_name(entry) for entry in torch.serialization.get_safe_globals()}
        ours = [entry for entry in _mmengine_globals() if entry[1] not in taken]
        with torch.serialization.safe_globals([*ours]):
            yield


def is_unreadable(filename: str, error: Exception) -> bool:
    """Whether a load failed for what is in the file.

    Args:
        filename (str): The checkpoint.
        error (Exception): What was raised.
    """
    if isinstance(error, pickle.UnpicklingError):
        return True
    # What torch's unpickler and zip reader raise over files that are cut off or no checkpoints.
    by_unpickler = isinstance(error, (EOFError, LookupError))
    by_reader = 'PytorchStreamReader' in str(error)
    by_reader |= isinstance(error, OSError) and error.filename is None
    return (by_unpickler or by_reader) and Path(filename).is_file()


def refusal(filename: str, reason: str) -> str:
    """Say which file was refused, why, and what its owner can do about it.

    Args:
        filename (str): The checkpoint.
        reason (str): torch's own message.
    """
    asked_for = re.search(r'GLOBAL (\S+)', reason)
    if asked_for is None:
        detail = reason.rpartition('WeightsUnpickler error: ')[2].strip().partition('\n')[0]
        return (
            f'{filename} was refused ({detail}). It is damaged, or no '
            'checkpoint, or made to run code. Get it anew from a source that you trust.'
        )
    name = asked_for[1]
    refused = (
        f'{filename} was refused: to load it would call {name}, which is not among what '
        'MMEngine writes into checkpoints and might run code on this machine.'
    )
    if 'is blocked' in reason:  # torch lets nobody allow what calls the operating system
        return f'{refused} Delete the file.'
    return (
        f'{refused} Delete the file, unless you know where it comes from and what {name} does '
        f'there; then call torch.serialization.add_safe_globals([{name}]) before loading.'
    )


def _mmengine_globals() -> list[tuple[Callable[..., Any], str]]:
    """Return what MMEngine checkpoints hold beyond tensors, under the names in the files."""
    rebuild_array: Any = np.empty(0).__reduce__()[0]
    rebuild_scalar: Any = np.float64(0).__reduce__()[0]
    # numpy 1 writes numpy.core, numpy 2 numpy._core; either may read the other's files.
    functions = [
        (function, f'numpy.{core}.multiarray.{function.__name__}')
        for core in ('core', '_core')
        for function in (rebuild_array, rebuild_scalar)
    ]
    dtypes = {type(np.dtype(code)) for code in np.typecodes['All']}
    # An empty array is rebuilt from bytes().
    classes = (HistoryBuffer, np.ndarray, np.dtype, *dtypes, bytes)
    allowed = [*functions, (statistics_method, 'builtins.getattr')]
    return allowed + [(cls, _full_name(cls)) for cls in classes]


def _full_name(entry: Any) -> str:
    """Name under which torch looks up an entry of its allow-list."""
    return entry[1] if isinstance(entry, tuple) else f'{entry.__module__}.{entry.__qualname__}'
