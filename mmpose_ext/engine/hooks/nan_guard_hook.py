"""A training that diverges stops before it ruins its weights, and says where."""

from functools import partial
from typing import Any

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner, find_latest_checkpoint
from mmpose.registry import HOOKS
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from mmpose_ext.engine.bare_model import bare_model
from mmpose_ext.engine.divergence import (
    all_finite,
    describe_divergence,
    listing,
    nonfinite_losses,
    sample_names,
)


@HOOKS.register_module()
class NaNGuardHook(Hook):
    """Stop when a loss or a gradient is not finite.

    Gradients are looked at before each step of the optimizer, so that the weights are still those
    before; steps that ``AmpOptimWrapper`` skips because its scaled gradients overflowed are none.
    Losses are looked at after each iteration, parameters before each checkpoint, which is then not
    written: the last good one stays. The error names the samples of the batch by path and id, and,
    from a second forward pass, the first layer whose output is not finite. MMEngine's
    ``CheckInvalidLossHook`` looks at the losses alone, every 50 iterations. The policy is ours.

    Raises:
        FloatingPointError: While training, as said above.
    """

    # Before EMAHook averages, LoggerHook logs and CheckpointHook saves what has diverged.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._batch: Any = None
        self._handles: list[RemovableHandle] = []

    def before_train(self, runner: Runner) -> None:
        """Have the optimizers call before they step.

        Args:
            runner (Runner): The runner.
        """
        wrapper = runner.optim_wrapper
        wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
        check = partial(self._check_gradients, runner)
        self._handles = [part.optimizer.register_step_pre_hook(check) for part in wrappers]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the batch.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in its epoch.
            data_batch (Any): The batch.
        """
        self._batch = data_batch

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the losses.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in its epoch.
            data_batch (Any): The batch.
            outputs (Any): What the model returned: losses and other figures.

        Raises:
            FloatingPointError: If one is not finite.
        """
        if wrong := nonfinite_losses(outputs or {}):
            name = min(wrong, key=lambda name: name == 'loss')  # rather than the sum of all
            self._stop(runner, f'{name} is {wrong[name]}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Look at the parameters.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): What is about to be written.

        Raises:
            FloatingPointError: If one is not finite.
        """
        parameters = dict(bare_model(runner).named_parameters())
        wrong = [name for name, p in parameters.items() if not all_finite([p])]
        if wrong:
            self._stop(runner, f'the weights {listing(wrong)} are not finite')

    def after_train(self, runner: Runner) -> None:
        """Leave the optimizers.

        Args:
            runner (Runner): The runner.
        """
        for handle in self._handles:
            handle.remove()
        self._handles, self._batch = [], None

    def _check_gradients(self, runner: Runner, optimizer: Optimizer, *_: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        if all_finite(p.grad for p in parameters if p.grad is not None):
            return
        trained = bare_model(runner).named_parameters()
        named = {name: p.grad for name, p in trained if p.grad is not None}
        wrong = [name for name, gradient in named.items() if not all_finite([gradient])]
        found = f'gradients of {len(wrong)} of {len(named)} parameters are not finite'
        self._stop(runner, f'{found}: {listing(wrong)}')

    def _stop(self, runner: Runner, found: str) -> None:
        batch, self._batch = self._batch, None
        samples = sample_names(batch)
        details = [] if batch is None else describe_divergence(bare_model(runner), batch)
        last = find_latest_checkpoint(str(runner.work_dir))
        self.after_train(runner)
        raise FloatingPointError(
            ' '.join(
                [
                    f'The training stopped in iteration {runner.iter + 1} (epoch '
                    f'{runner.epoch + 1}), because {found}.',
                    *details,
                    f'Samples of the batch: {listing(samples, len(samples)) or "not known"}.',
                    f'Nothing was saved of it; the last good checkpoint: {last or "none yet"}.',
                    'Look at these samples; if they are sound, take a lower learning rate or '
                    'optim_wrapper.clip_grad=dict(max_norm=1.0), and go on with --resume.',
                ]
            )
        )
