"""The pose that a stream of events begins with."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix
from mmpose_ext.npz import read_npz
from mmpose_ext.skeletons import smpl24

_J = smpl24.NUM_JOINTS
# Shapes of one person's; any length where it says -1.
_SHAPES: dict[str, tuple[int, ...]] = {
    'rotmats': (_J, 3, 3),
    'transl': (3,),
    'betas': (-1,),
    'features': (-1,),
}


def read_start(path: str | Path, frame: int | None = None) -> dict[str, Tensor]:
    """Read a beginning pose from a file.

    Args:
        path (str | Path): An npz file with ``theta`` (72,) axis-angle in camera space, ``betas``
            (S,) and ``transl`` (3,) in metres, perhaps ``features`` (D,); or, as
            ``annotations/NAME.npz`` and ``hmr_results/NAME.npz``, of F frames each, and their
            numbers ``frames`` (F,).
        frame (int | None): Number of the frame. Defaults to None: the first of the file.

    Returns:
        dict[str, Tensor]: ``rotmats`` (1, 24, 3, 3), ``transl`` (1, 3), ``betas`` (1, S), perhaps
        ``features`` (1, D), float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds something else, or no such frame.
    """
    names = ('theta', 'betas', 'transl')
    arrays = read_npz(str(path), names, ('features', 'frames'), 'a beginning pose')
    frames = arrays.pop('frames', None)
    row = _row_of(path, frames, frame)
    if arrays['theta'].ndim == 2:
        arrays = {name: array[row] for name, array in arrays.items()}
    elif frame is not None:
        raise ValueError(f'{path} holds one pose without a number, frame {frame} was asked for')
    if arrays['theta'].shape != (3 * _J,):
        raise ValueError(f'theta of {path} should be (72,) a frame, got {arrays["theta"].shape}')
    start = {
        name: torch.from_numpy(np.asarray(array, np.float32))[None]
        for name, array in arrays.items()
    }
    start['rotmats'] = axis_angle_to_matrix(start.pop('theta').view(1, _J, 3))
    return check_start(start)


def check_start(start: Mapping[str, Tensor] | InstanceData) -> dict[str, Tensor]:
    """Give a beginning pose as :meth:`EventHPE.step` takes it.

    Args:
        start (Mapping | InstanceData): ``rotmats`` (1, 24, 3, 3) or (24, 3, 3), ``transl`` (1, 3)
            or (3,), ``betas`` (1, S) or (S,), perhaps ``features`` (1, D) or (D,): tensors or
            arrays.

    Returns:
        dict[str, Tensor]: The same with the leading 1, float32.

    Raises:
        ValueError: If one is missing, of another shape or not finite.
    """
    missing = [name for name in ('rotmats', 'transl', 'betas') if name not in start]
    if missing:
        raise ValueError(f'a beginning pose has rotmats, transl and betas; {missing} is missing')
    found: dict[str, Tensor] = {}
    for name, shape in _SHAPES.items():
        if name not in start:
            continue
        value = start[name] if isinstance(start, Mapping) else start.get(name)
        tensor = torch.as_tensor(value, dtype=torch.float32)
        if tensor.ndim == len(shape):
            tensor = tensor[None]
        same = tensor.ndim == len(shape) + 1 and len(tensor) == 1
        if not same or any(w not in (s, -1) for s, w in zip(tensor.shape[1:], shape, strict=True)):
            raise ValueError(
                f'{name} of a beginning pose has the shape {(1, *shape)}, -1 for any, got '
                f'{tuple(tensor.shape)}'
            )
        if not tensor.isfinite().all():
            raise ValueError(f'{name} of the beginning pose is NaN or infinite')
        found[name] = tensor
    return found


def _row_of(path: str | Path, frames: np.ndarray | None, frame: int | None) -> int:
    """Find the row of a frame."""
    if frame is None:
        return 0
    known = 'none'
    rows = np.zeros(0, np.int64)
    if frames is not None and len(frames):
        known = f'{frames.min()}..{frames.max()}'
        rows = np.flatnonzero(frames == frame)
    if not len(rows):
        raise ValueError(f'{path} has no frame {frame}; it has {known}')
    return int(rows[0])
