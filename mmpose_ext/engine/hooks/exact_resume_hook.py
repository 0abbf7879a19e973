"""A training that is resumed goes on as if it had never stopped."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS

from mmpose_ext.engine.random_states import (
    random_states,
    replay_sampler,
    reseed_workers,
    restore_random_states,
)


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Make a resumed training end with the weights of one that was never stopped, bit for bit.

    MMEngine's checkpoints hold weights, optimizer and schedules, but not chance. This hook, which
    ``configs/_base_/default_runtime.py`` switches on, adds ``random_states``: the states of the
    random generators of python, numpy and torch. On resuming it

    - restores them when MMEngine's iteration-based loop has gone through the batches that were
      trained on, or before the epoch begins,
    - brings samplers that carry a state from epoch to epoch, as ``MultiSourceSampler``, to theirs,
    - builds the loader anew if the checkpoint is of another seed than this process took, as is
      the rule where the config gives none.

    So that there is nothing else to restore, a validation leaves the generators as it found them,
    and loading processes begin each epoch with seeds that follow from its number
    (:func:`mmpose_ext.engine.random_states.reseed_workers`).

    The promise holds on CPUs with the same number of threads and loading processes, in one
    process, for checkpoints between two epochs, or anywhere in an iteration-based training, and
    where no gradients were being accumulated. GPUs also need ``randomness.deterministic=True``.
    Several processes all go on from the generators of the main one. The design is ours.
    """

    # Restored before, and taken after, what any other hook draws.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self._seed: int | None = None
        self._resumed: dict[str, Any] | None = None
        self._before_val: dict[str, Any] | None = None

    def before_run(self, runner: Runner) -> None:
        """Note the seed that the loader was built with.

        Args:
            runner (Runner): The runner.
        """
        self._seed = runner.seed

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the states of a checkpoint that is resumed from.

        Args:
            runner (Runner): The runner that loads it.
            checkpoint (dict): What the file holds.
        """
        if not runner._resume or not isinstance(runner._train_loop, BaseLoop):
            return
        self._resumed = checkpoint.get('random_states')
        if self._resumed is None:
            runner.logger.warning(
                'The checkpoint was written without ExactResumeHook: the training goes on, but '
                'not with the random numbers of one that was never stopped.'
            )

    def before_train(self, runner: Runner) -> None:
        """Build the loader anew if it was built with another seed than that of the checkpoint.

        Args:
            runner (Runner): The runner.
        """
        loop = runner.train_loop
        if runner.seed == self._seed or not isinstance(runner._train_dataloader, dict):
            return
        loop.dataloader = runner.build_dataloader(
            runner._train_dataloader,
            seed=runner.seed,
            diff_rank_seed=runner._randomness_cfg.get('diff_rank_seed', False),
        )
        if hasattr(loop, 'dataloader_iterator'):
            loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)

    def before_train_epoch(self, runner: Runner) -> None:
        """Restore the states, or let an iteration-based loop do so when it has caught up.

        Args:
            runner (Runner): The runner.
        """
        loop, states = runner.train_loop, self._resumed
        self._resumed = None
        if hasattr(loop, 'dataloader_iterator'):  # iteration-based
            if states is not None:
                batches = loop.dataloader_iterator
                loop.dataloader_iterator = _CatchingUp(batches, loop.iter, states)
            return
        reseed_workers(loop.dataloader, runner.seed, loop.epoch)
        if states is None:
            return
        if loop.iter != loop.epoch * len(loop.dataloader):
            runner.logger.warning(
                f'The checkpoint of iteration {loop.iter} was written in the middle of epoch '
                f'{loop.epoch + 1}, which begins anew: the training will not equal one that was '
                'never stopped. Save by epochs, or train by iterations.'
            )
        replay_sampler(loop.dataloader, loop.epoch)
        restore_random_states(states)

    def before_val(self, runner: Runner) -> None:
        """Note the states before a validation.

        Args:
            runner (Runner): The runner.
        """
        self._before_val = random_states()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Go back to the states before the validation.

        Args:
            runner (Runner): The runner.
            metrics (dict[str, float], optional): What was measured.
        """
        if self._before_val is not None:
            restore_random_states(self._before_val)
            self._before_val = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the states to a checkpoint.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): What will be written.
        """
        checkpoint['random_states'] = random_states()


class _CatchingUp:
    """Batches of which the first so many are skipped; then random states are restored.

    To load the skipped ones draws random numbers in this process, to load the next one as well,
    and MMEngine calls no hook in between.
    """

    def __init__(self, batches: Iterator[Any], skipped: int, states: dict[str, Any]) -> None:
        self._batches = batches
        self._skipped = skipped
        self._states: dict[str, Any] | None = states

    def __iter__(self) -> Iterator[Any]:
        return self

    def skip_iter(self, num_iters: int) -> None:
        """Go through so many batches, where OneDL's MMEngine would only move the sampler on.

        It loads none of them, and leaves the generators of loading processes behind.

        Args:
            num_iters (int): How many.
        """
        for _ in range(num_iters):
            next(self)

    def __next__(self) -> Any:
        if self._states is not None and self._skipped == 0:
            restore_random_states(self._states)
            self._states = None
        self._skipped -= 1
        return next(self._batches)
