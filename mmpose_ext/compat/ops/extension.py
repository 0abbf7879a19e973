"""Stands in for ``mmcv._ext``, the extension module with mmcv's compiled ops.

Non-maximum suppression and RoI align, which detectors need at inference, are real.
Every other op can be looked up, as ``mmcv.ops`` does on import, but not called.
"""

from collections.abc import Callable
from typing import Any

from mmpose_ext.compat.ops.nms import nms, softnms
from mmpose_ext.compat.ops.roi_align import roi_align_backward, roi_align_forward

__all__ = [
    'get_compiler_version',
    'get_compiling_cuda_version',
    'nms',
    'roi_align_backward',
    'roi_align_forward',
    'softnms',
]


def get_compiler_version() -> str:
    """Return what ``mmcv.utils.collect_env`` shall print for the compiler of the ops."""
    return 'n/a (no compiled ops)'


def get_compiling_cuda_version() -> str:
    """Return what ``mmcv.utils.collect_env`` shall print for the CUDA of the ops."""
    return 'n/a (no compiled ops)'


def __getattr__(name: str) -> Callable[..., Any]:
    """Return a function in the place of op ``name`` that says how to get the op."""
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def missing_op(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f'the op {name!r} needs the compiled ops of mmcv, and this environment has '
            'mmcv-lite. Run "make setup MMCV=full" in a checkout of mmpose_ext, or '
            '"pip uninstall mmcv-lite" and "pip install --no-build-isolation mmcv==2.1.0".'
        )

    missing_op.__name__ = missing_op.__qualname__ = name
    return missing_op
