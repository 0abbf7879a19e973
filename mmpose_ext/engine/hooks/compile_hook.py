"""Training with ``torch.compile``."""

import functools
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_ext.engine.bare_model import bare_model


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile what a model computes in training: network, head and losses, in one graph.

    MMEngine's own switch, ``compile=True``, compiles the whole training step. There the compiler
    fails to follow how MMPose's samples are copied to the device, and could make nothing of the
    optimizer's step and the log. Validation and test stay as they are: decoding is done outside
    of PyTorch. Checkpoints are those of the model as it is.

    Args:
        **options: Of :func:`torch.compile`, such as ``backend``, ``mode`` and ``dynamic``.

    Raises:
        ValueError: On training, if the config has MMEngine's ``compile`` too.

    Example:
        ``python tools/train.py CONFIG --cfg-options default_hooks.compile.type=CompileHook``
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Put the compiled function in the model's place.

        Args:
            runner (Runner): The runner.
        """
        if runner.cfg.get('compile'):
            raise ValueError(
                f'The config has compile={runner.cfg.compile}, which CompileHook stands for: '
                'take one of them out.'
            )
        model = bare_model(runner)
        eager = model.forward
        compiled = torch.compile(eager, **self.options)

        @functools.wraps(eager)
        def forward(*args: Any, mode: str = 'tensor', **kwargs: Any) -> Any:
            return (compiled if mode == 'loss' else eager)(*args, mode=mode, **kwargs)

        model.forward = forward

    def after_train(self, runner: Runner) -> None:
        """Put the model's own function back.

        Args:
            runner (Runner): The runner.
        """
        vars(bare_model(runner)).pop('forward', None)
