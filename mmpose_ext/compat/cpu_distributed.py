"""Several processes without a GPU: ``torch._C' has no attribute '_cuda_setDevice'``.

Cause: MMEngine 0.10.7 (``mmengine/dist/utils.py``) chooses a CUDA device for each process
of ``--launcher pytorch``, whether or not there is one, over NCCL, which needs one; and the
Runner tells ``DistributedDataParallel`` the number of that device, which torch refuses for
a model on the CPU. ``SyncBatchNorm`` refuses to run on the CPU too.
Upstream: as it is in 0.10.7, the newest release.
"""

import functools
import os
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from mmengine.device import get_device
from mmengine.dist import utils as dist_utils
from mmengine.logging import print_log
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from torch import nn

_STARTERS = ('_init_dist_pytorch', '_init_dist_mpi', '_init_dist_slurm')


def is_needed() -> bool:
    """Whether there is no accelerator and MMEngine fails to do without one."""
    if get_device() != 'cpu':
        return False
    with patch.dict(os.environ, RANK='0', LOCAL_RANK='0', WORLD_SIZE='1'):
        try:
            dist_utils._init_dist_pytorch('gloo', init_backend='none')
        except ValueError:  # there is no such way to start: it came past the device
            return False
        except Exception:  # AttributeError or RuntimeError, by the build of torch
            return True
    return False


def apply() -> None:
    """Let MMEngine start its processes on CPUs, and wrap models that lie there."""
    for name in _STARTERS:
        setattr(dist_utils, name, without_device(getattr(dist_utils, name)))
    original = MMDistributedDataParallel.__init__

    @functools.wraps(original)
    def wrap(self: MMDistributedDataParallel, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        if any(isinstance(layer, nn.SyncBatchNorm) for layer in module.modules()):
            print_log('SyncBatchNorm does not run on the CPU: each process has its own.', 'current')
        kwargs['device_ids'] = None
        original(self, revert_sync_batchnorm(module), *args, **kwargs)

    MMDistributedDataParallel.__init__ = wrap


def without_device(start: Callable[..., None]) -> Callable[..., None]:
    """Make a function of MMEngine that starts distributed training do so without a GPU.

    Args:
        start (Callable): Takes the backend's name first.

    Returns:
        Callable: Chooses no device, and gloo where NCCL was asked for.
    """

    @functools.wraps(start)
    def started(backend: str, *args: Any, **kwargs: Any) -> None:
        if backend == 'nccl':
            backend = 'gloo'
            print_log('There is no GPU: processes speak over gloo instead of nccl.', 'current')
        with patch.object(torch.cuda, 'set_device', lambda device: None):
            start(backend, *args, **kwargs)

    return started
