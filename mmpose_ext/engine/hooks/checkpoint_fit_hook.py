"""A checkpoint of another architecture is an error, not a warning in the log."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner, find_latest_checkpoint
from mmpose.registry import HOOKS

from mmpose_ext.engine.bare_model import bare_model
from mmpose_ext.engine.checkpoint_fit import (
    as_model_reads,
    check_fit,
    check_prefixes,
    refuse_unknown_parts,
    without_data_parallel,
)


@HOOKS.register_module()
class CheckpointFitHook(Hook):
    """Refuse a checkpoint that does not hold the weights of the model.

    MMEngine loads what fits, warns about the rest and goes on; a test then scores a network
    of random weights. With this hook, which ``configs/_base_/default_runtime.py`` switches
    on, testing, validating and resuming want every weight of the model and no other. So does
    training from ``load_from``, unless the parts that are to be trained anew are named:

        default_hooks = dict(checkpoint_fit=dict(finetune_may_differ=['head.']))

    Weights outside of these parts must still all be there. Names of MMPose 0.x, which
    MMPose reads, are read here as well. The policy is ours.

    Args:
        finetune_may_differ (Sequence[str]): Beginnings of parameter names, such as
            ``'head.'``, that a checkpoint to train from may lack, have besides, or have in
            another shape. Defaults to none.

    Raises:
        TypeError: If ``finetune_may_differ`` is no list of strings.
        ValueError: If one of them is empty, which would let anything pass; and, when a
            checkpoint is loaded, if it does not fit: names the file, the weights and the cure.
    """

    # Before EMAHook, which loads the checkpoint into its own copy of the model.
    priority = 'VERY_HIGH'

    def __init__(self, finetune_may_differ: Sequence[str] = ()) -> None:
        self.finetune_may_differ = check_prefixes(finetune_may_differ, 'finetune_may_differ')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare a checkpoint with the model, before MMEngine copies from one to the other.

        Args:
            runner (Runner): The runner that loads it.
            checkpoint (dict): What the file holds: weights, flat or under ``state_dict``.

        Raises:
            ValueError: If the weights do not fit.
        """
        model = bare_model(runner)
        finetunes = isinstance(runner._train_loop, BaseLoop) and not runner._resume
        may_differ = self.finetune_may_differ if finetunes else ()
        refuse_unknown_parts(model, may_differ, 'finetune_may_differ')
        weights = without_data_parallel(checkpoint.get('state_dict', checkpoint))
        cure = 'Take the config that it was trained with, or a checkpoint of this one.'
        if finetunes:
            cure += (
                ' To train parts of the network anew, name them: default_hooks = '
                "dict(checkpoint_fit=dict(finetune_may_differ=['head.']))."
            )
        check_fit(
            as_model_reads(weights, model),
            model,
            cure,
            source=_name_of_checkpoint(runner),
            may_differ=may_differ,
        )


def _name_of_checkpoint(runner: Runner) -> str:
    """Name the file that a runner loads, for errors; a hook is not told."""
    name = runner._load_from
    if name is None and runner._resume:
        name = find_latest_checkpoint(str(runner.work_dir))
    return str(name or 'The checkpoint')
