"""Half precision in MMPose's heads: ``Got unsupported ScalarType BFloat16``.

Cause: MMPose 1.3.2 counts hits of heatmaps in NumPy while it trains, which knows no bfloat16. So
``--amp`` fails with ``optim_wrapper.dtype=bfloat16``, and on the CPU always.
Upstream: as it is in 1.3.2, the newest release.
"""

import functools
import sys
from importlib import import_module
from typing import Any

import torch

# Imported when it is asked for: MMPose's imports need the other shims.
_MODULE = 'mmpose.utils.tensor_utils'


def is_needed() -> bool:
    """Whether MMPose cannot make an array of bfloat16."""
    try:
        import_module(_MODULE).to_numpy(torch.zeros(1, dtype=torch.bfloat16))
    except TypeError:
        return True
    return False


def apply() -> None:
    """Let MMPose's ``to_numpy`` widen bfloat16 to float32, wherever it was imported."""
    original = import_module(_MODULE).to_numpy

    @functools.wraps(original)
    def to_numpy(x: Any, *args: Any, **kwargs: Any) -> Any:
        return original(_widened(x), *args, **kwargs)

    for name, module in list(sys.modules.items()):
        if name.startswith('mmpose.') and vars(module).get('to_numpy') is original:
            vars(module)['to_numpy'] = to_numpy


def _widened(x: Any) -> Any:
    if isinstance(x, torch.Tensor):
        return x.float() if x.dtype == torch.bfloat16 else x
    is_several = isinstance(x, list | tuple) and any(isinstance(one, torch.Tensor) for one in x)
    return [_widened(one) for one in x] if is_several else x
