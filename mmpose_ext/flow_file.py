"""Files of optical flow: ``flow%04d.npz``, hundredths of a pixel as int16."""

from pathlib import Path

import numpy as np

from mmpose_ext.fileio import atomic_path
from mmpose_ext.npz import read_npz

_STEPS = 100
# float32 has 0.29 as a little less, which would be cut to 0.28: a flow that was read is written
# as it was.
_ROUNDING = 1 + 1e-6
_LARGEST = np.iinfo(np.int16).max


def write_flow(path: str | Path, flow: np.ndarray, body: np.ndarray | None = None) -> None:
    """Write a flow field, cut (not rounded) to hundredths of a pixel as EventHPE's authors do.

    Args:
        path (str | Path): The file, ``.npz``; appears whole or not at all, and with the same
            bytes each time.
        flow (np.ndarray): u and v in px, x to the right and y down, (2, H, W); within 327.67 px.
        body (np.ndarray | None): Which pixels are the body's, bool (H, W). Defaults to None.

    Raises:
        ValueError: If a shape is wrong, or the flow is not finite or too large for int16.
        OSError: If the file cannot be written.
    """
    flow = np.asarray(flow, dtype=np.float64)
    if flow.ndim != 3 or len(flow) != 2:
        raise ValueError(f'a flow is (2, H, W), got {flow.shape}')
    steps = np.trunc(flow * (_STEPS * _ROUNDING))
    if not (np.abs(steps) <= _LARGEST).all():
        raise ValueError(
            f'a flow must be finite and within {_LARGEST / _STEPS} px, got up to '
            f'{np.abs(flow).max()} for {path}'
        )
    arrays = dict(flow=steps.astype(np.int16))
    if body is not None:
        arrays['body'] = np.asarray(body, dtype=bool)
        if arrays['body'].shape != flow.shape[1:]:
            raise ValueError(
                f'body must be of the size of the flow, {flow.shape[1:]}, got {np.shape(body)}'
            )
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_flow(path: str | Path) -> dict[str, np.ndarray]:
    """Read a flow field.

    Args:
        path (str | Path): A file of :func:`write_flow`.

    Returns:
        dict[str, np.ndarray]: ``flow`` in px, float32 (2, H, W), and ``body``, bool (H, W), if
        the file has it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file.
    """
    what = 'a flow: int16 (2, H, W) in hundredths of a pixel, and perhaps body, bool (H, W)'
    arrays = read_npz(str(path), ('flow',), ('body',), what)
    flow, body = arrays['flow'], arrays.get('body')
    if flow.dtype != np.int16 or flow.ndim != 3 or len(flow) != 2:
        raise ValueError(f'flow of {path} is {flow.dtype} {flow.shape}; it should be {what}')
    arrays['flow'] = flow.astype(np.float32) / np.float32(_STEPS)
    if body is not None and (body.dtype != bool or body.shape != flow.shape[1:]):
        raise ValueError(f'body of {path} is {body.dtype} {body.shape}; it should be {what}')
    return arrays
