"""Pretrained weights that do not fill the network are an error, not a warning in the log."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import PretrainedInit
from mmengine.runner import BaseLoop, CheckpointLoader, Runner
from mmpose.registry import HOOKS
from torch import nn

from mmpose_ext.engine.bare_model import bare_model
from mmpose_ext.engine.checkpoint_fit import (
    as_model_reads,
    check_fit,
    check_prefixes,
    refuse_unknown_parts,
    without_data_parallel,
)

_COUNTERS = 'num_batches_tracked'  # torch adds those that old files lack


@HOOKS.register_module()
class PretrainedFitHook(Hook):
    """Refuse ``init_cfg=dict(type='Pretrained')`` whose file does not fill its module.

    MMEngine loads what fits, warns about the rest and goes on: a checkpoint of a whole network
    gives a backbone nothing at all, one of another depth a part of it, and a "pretrained" network
    trains from random numbers. With this hook, which ``configs/_base_/default_runtime.py``
    switches on, each weight of the module must be in the file, in its shape. What else is in the
    file, such as the classifier of an ImageNet network, does not matter, but for more blocks of
    the network's own stages; an export of ``HSJPPretrainHook`` must hold the same weights and no
    others. Parts that the file cannot have are named:

        default_hooks = dict(pretrained_fit=dict(may_differ=['backbone.conv1.']))

    Files behind URLs are those that MMEngine then loads from its cache. The policy is ours.

    Args:
        may_differ (Sequence[str]): Beginnings of parameter names of the model, such as
            ``'backbone.conv1.'``, that a file may lack or have in another shape. Defaults to none.

    Raises:
        TypeError: If ``may_differ`` is no list of strings.
        ValueError: If one of them is empty; on training, if a file does not fit: names the key
            of the config, the file, the weights and the cure.
        FileNotFoundError: On training, if there is no such file.
    """

    def __init__(self, may_differ: Sequence[str] = ()) -> None:
        self.may_differ = check_prefixes(may_differ, 'may_differ')

    def before_run(self, runner: Runner) -> None:
        """Compare files and modules, before MMEngine copies from one to the other.

        Args:
            runner (Runner): The runner.

        Raises:
            ValueError: If a file does not fit.
            FileNotFoundError: If a file is missing.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return  # testing loads a checkpoint of the whole network
        model = bare_model(runner)
        refuse_unknown_parts(model, self.may_differ, 'may_differ')
        for name, module in model.named_modules():
            for init_cfg in _pretrained_configs(module):
                key = f'model.{name}.init_cfg' if name else 'model.init_cfg'
                if getattr(module, 'convert_weights', False):
                    runner.logger.warning(
                        f'{key}: {type(module).__name__} converts the weights of '
                        f'{init_cfg["checkpoint"]} by itself; whether they fit is not checked.'
                    )
                else:
                    self._check(key, name, module, init_cfg)

    def _check(self, key: str, name: str, module: nn.Module, init_cfg: Mapping[str, Any]) -> None:
        if any(f'{name}.'.startswith(part) for part in self.may_differ):
            return  # all of the module may differ
        free = [part.removeprefix(f'{name}.') for part in self.may_differ]
        file, prefix = init_cfg['checkpoint'], init_cfg.get('prefix')
        checkpoint = _load(file, key)
        weights = checkpoint.get('state_dict', checkpoint)
        exact = 'hsjp' in (checkpoint.get('meta') or {})
        chosen = _beginning_with(prefix, weights)
        if not chosen:
            raise ValueError(
                f'{key}: no weight in {file} begins with {prefix!r}. '
                f'{_cure(key, module, weights, prefix)}'
            )
        relevant = _relevant(as_model_reads(chosen, module), module, exact)
        try:
            check_fit(relevant, module, '', source=f'{key}: {file}', may_differ=free)
        except ValueError as error:
            raise ValueError(f'{error}{_cure(key, module, weights, prefix)}') from None


def _pretrained_configs(module: nn.Module) -> Iterator[Mapping[str, Any]]:
    init_cfg = getattr(module, 'init_cfg', None)
    for config in init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]:
        if config and config['type'] in ('Pretrained', PretrainedInit):
            yield config


def _load(file: str, key: str) -> dict[str, Any]:
    try:
        checkpoint: dict[str, Any] = CheckpointLoader.load_checkpoint(file, 'cpu', logger='silent')
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{key}: there is no file {file}. Run the pretraining that writes it, or set '
            f'{key}.checkpoint to where it lies.'
        ) from error
    return checkpoint


def _beginning_with(prefix: str | None, weights: Mapping[str, Any]) -> Mapping[str, Any]:
    """Weights as MMEngine chooses them for a module."""
    if prefix is None:
        return without_data_parallel(weights)
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    return {key[len(prefix) :]: v for key, v in weights.items() if key.startswith(prefix)}


def _relevant(weights: Mapping[str, Any], module: nn.Module, exact: bool) -> Mapping[str, Any]:
    """Leave out what a file may have besides: all but further blocks of the module's stages."""
    if exact:
        return weights
    wanted = module.state_dict()
    stages = {name: child for name, child in module.named_children() if _is_stage(child)}

    def is_further_block(key: str) -> bool:
        stage, _, rest = key.partition('.')
        return stage in stages and not hasattr(stages[stage], rest.partition('.')[0])

    return {key: v for key, v in weights.items() if key in wanted or is_further_block(key)}


def _is_stage(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential | nn.ModuleList)


def _cure(key: str, module: nn.Module, weights: Mapping[str, Any], prefix: str | None) -> str:
    """What to write into the config for these weights, as far as they tell."""
    parts = sorted({f'{name.partition(".")[0]}.' for name in weights})
    for candidate in [None, *parts]:
        if candidate != prefix and _fits(_beginning_with(candidate, weights), module):
            holds = (
                'It holds the weights of the module alone'
                if candidate is None
                else f'It holds a whole network, of which {candidate[:-1]!r} fits'
            )
            return f'{holds}: set {key}.prefix={candidate}'
    wanted = {k: v.shape for k, v in module.state_dict().items() if not k.endswith(_COUNTERS)}
    chosen = as_model_reads(_beginning_with(prefix, weights), module)
    shared = sum(k in chosen and chosen[k].shape == shape for k, shape in wanted.items())
    kind = type(module).__name__
    depth = f' of depth {module.depth}' if isinstance(getattr(module, 'depth', None), int) else ''
    if shared == len(wanted):
        kinship = f'It is of a deeper {kind}, of which only a part would be loaded.'
    elif shared:
        kinship = (
            f'It is of a {kind} of another depth or width: {shared} of {len(wanted)} weights '
            'would be loaded, the others stay random.'
        )
    else:
        kinship = f'It is of another network: none of the {len(wanted)} weights would be loaded.'
    return (
        f'{kinship} Set {key}.checkpoint to a file of a {kind}{depth}. To train parts of it anew, '
        "name them: default_hooks = dict(pretrained_fit=dict(may_differ=['backbone.conv1.']))."
    )


def _fits(weights: Mapping[str, Any], module: nn.Module) -> bool:
    try:
        check_fit(_relevant(as_model_reads(weights, module), module, False), module, '')
    except ValueError:
        return False
    return True
