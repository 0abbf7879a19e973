"""``--amp`` without a GPU: ``AmpOptimizerWrapper is only available training on gpu, ...``.

Cause: MMEngine 0.10.7's ``AmpOptimWrapper`` wants an accelerator, for ``GradScaler``. Its
``autocast`` knows CPUs, in bfloat16, which has the range of float32 and needs no loss scale.
Upstream: as it is in 0.10.7, the newest release.
"""

import functools
from typing import Any
from unittest.mock import patch

import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from torch import nn


def is_needed() -> bool:
    """Whether there is no accelerator and MMEngine's wrapper refuses to do without one."""
    if get_device() != 'cpu' or not hasattr(torch.amp, 'GradScaler'):  # since torch 2.3
        return False
    try:
        AmpOptimWrapper(optimizer=torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1))
    except AssertionError:
        return True
    return False


def apply() -> None:
    """Let ``AmpOptimWrapper`` compute in bfloat16 on the CPU, without a loss scale.

    Checkpoints have none either, so that a GPU can go on with a scale of its own.
    """
    original, state_dict = AmpOptimWrapper.__init__, AmpOptimWrapper.state_dict

    @functools.wraps(original)
    def start(self: AmpOptimWrapper, *args: Any, **kwargs: Any) -> None:
        print_log('There is no GPU: --amp computes in bfloat16 on the CPU.', 'current')
        with (
            patch.object(amp_optimizer_wrapper, 'is_cuda_available', lambda: True),
            patch.object(amp_optimizer_wrapper, 'GradScaler', _no_scaler),
        ):
            original(self, *args, **kwargs)
        if self.cast_dtype not in (None, torch.bfloat16):
            raise ValueError(
                f'dtype={self.cast_dtype} of AmpOptimWrapper needs a GPU; without one take '
                'bfloat16, or leave it out'
            )

    @functools.wraps(state_dict)
    def state_without_scale(self: AmpOptimWrapper) -> dict:
        return {key: value for key, value in state_dict(self).items() if key != 'loss_scaler'}

    AmpOptimWrapper.__init__ = start
    AmpOptimWrapper.state_dict = state_without_scale


def _no_scaler(**_: Any) -> torch.amp.GradScaler:
    return torch.amp.GradScaler('cpu', enabled=False)
