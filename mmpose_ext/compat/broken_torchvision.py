"""A CUDA torchvision beside a CPU torch: ``operator torchvision::nms does not exist``.

Cause: the package index has torchvision only as the CUDA build. Its compiled library
cannot load beside a CPU torch, torchvision goes on without it, and then describes two of
the operators that the library would have defined.
Upstream: torchvision does not support the combination; MMPose needs but ``ToPILImage``,
which works without the library.
"""

import sys
from importlib import import_module

import torch

from mmpose_ext.compat.lookup import is_absent

# As torchvision/csrc/ops declares them.
_SCHEMAS = (
    'nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
)
_library: torch.library.Library | None = None  # the declarations live as long as this


def is_needed() -> bool:
    """Whether torchvision is here and its import fails for want of its operators."""
    if 'torchvision' in sys.modules or is_absent('torchvision'):
        return False
    try:
        import_module('torchvision')
    except RuntimeError as error:
        return 'operator torchvision::' in str(error)
    return False


def apply() -> None:
    """Declare the operators, without bodies, and let torchvision be imported anew."""
    global _library
    _library = torch.library.Library('torchvision', 'DEF')
    for schema in _SCHEMAS:
        _library.define(schema)
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    import_module('torchvision')
