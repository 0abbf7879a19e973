"""What today's torch, numpy and setuptools break in OpenMMLab 2.x, mended.

One module per breakage. Each says in its docstring what is broken, why, and what
upstream does about it, and offers two functions: ``is_needed()``, a test of the
feature itself (never of a version number), and ``apply()``. Where nothing is broken
nothing is touched, and where mmcv's compiled ops are present they are the ones used.

The environment variable ``MMPOSE_EXT_NO_COMPAT=1`` turns all of it off.
"""

import os

from . import (
    bfloat16_to_numpy,
    broken_torchvision,
    cpu_amp,
    cpu_distributed,
    leftover_delete,
    missing_mmcv_ops,
    missing_pkg_resources,
    missing_torchvision,
    noisy_pkg_resources,
    weights_only_load,
)

__all__ = ['applied', 'install']

# In this order: the later ones import parts of MMEngine and MMPose.
_SHIMS = (
    missing_pkg_resources,
    noisy_pkg_resources,
    missing_mmcv_ops,
    broken_torchvision,
    missing_torchvision,
    weights_only_load,
    bfloat16_to_numpy,
    cpu_amp,
    cpu_distributed,
    leftover_delete,
)
_applied: list[str] = []


def install() -> tuple[str, ...]:
    """Apply every shim that this environment needs; a second call adds nothing.

    Returns:
        tuple[str, ...]: The names of all shims applied so far, such as
        ``'missing_mmcv_ops'``; empty under ``MMPOSE_EXT_NO_COMPAT=1``.
    """
    if os.environ.get('MMPOSE_EXT_NO_COMPAT') != '1':
        for shim in _SHIMS:
            if shim.is_needed():
                shim.apply()
                _applied.append(shim.__name__.rpartition('.')[2])
    return applied()


def applied() -> tuple[str, ...]:
    """Return the names of the shims applied in this process."""
    return tuple(_applied)
