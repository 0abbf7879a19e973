"""Whether the weights of a checkpoint are those of a model."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_LISTED = 8


def check_fit(
    state_dict: Mapping[str, Any],
    model: nn.Module,
    cure: str,
    *,
    source: str = 'The checkpoint',
    may_differ: Sequence[str] = (),
) -> None:
    """Refuse weights that are not exactly what a model holds.

    Args:
        state_dict (Mapping[str, Any]): Weights under the model's names.
        model (nn.Module): The model; may be on the meta device.
        cure (str): What to do if it does not fit, for the error.
        source (str): What holds the weights, for the error.
        may_differ (Sequence[str]): Beginnings of names, such as ``'head.'``, under which
            weights may be missing, unexpected or of another shape.

    Raises:
        ValueError: If a key is missing or unexpected or has another shape: names all
            three kinds.
    """
    free = tuple(may_differ)  # nothing begins with one of no prefixes
    wanted = {key: value for key, value in model.state_dict().items() if not key.startswith(free)}
    given = {key: value for key, value in state_dict.items() if not key.startswith(free)}
    missing = [key for key in wanted if key not in given]
    unexpected = [key for key in given if key not in wanted]
    misshaped = [
        f'{key} {tuple(value.shape)} instead of {tuple(wanted[key].shape)}'
        for key, value in given.items()
        if key in wanted and value.shape != wanted[key].shape
    ]
    problems = {'missing': missing, 'unexpected': unexpected, 'of another shape': misshaped}
    if any(problems.values()):
        listed = '\n'.join(
            f'  {len(keys)} {kind}: {name_some(keys)}' for kind, keys in problems.items() if keys
        )
        raise ValueError(f"{source} does not fit the config's model:\n{listed}\n{cure}")


def as_model_reads(state_dict: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
    """Rename weights as the modules of a model do by themselves when they load them.

    MMPose 1.x reads the names of 0.x (``keypoint_head`` for ``head``), and torch adds the
    ``num_batches_tracked`` that old checkpoints lack. What is already named as in the model
    is given back as it is.

    Args:
        state_dict (Mapping[str, Any]): Weights, as in the file.
        model (nn.Module): The model; it is not changed.

    Returns:
        dict[str, Any]: Names with tensors of the same shapes, on the meta device where
        something had to be renamed.
    """
    if state_dict.keys() == model.state_dict().keys():
        return dict(state_dict)
    metadata = getattr(state_dict, '_metadata', {})
    renamed = {
        key: value.to('meta') if isinstance(value, Tensor) else value
        for key, value in state_dict.items()
    }
    # The modules rename in place while they load; a copy without memory loads for show.
    trial = copy.deepcopy(model).to('meta')
    with torch.device('meta'):
        for name, module in trial.named_modules():
            prefix = f'{name}.' if name else ''
            version = metadata.get(name, {})
            module._load_from_state_dict(renamed, prefix, version, False, [], [], [])
    return renamed


def without_data_parallel(state_dict: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop the prefix ``module.`` of ``torch.nn.DataParallel``, as MMEngine does.

    Args:
        state_dict (Mapping[str, Any]): Weights, as in the file.

    Returns:
        Mapping[str, Any]: The same under names without it.
    """
    if not any(key.startswith('module.') for key in state_dict):
        return state_dict
    return {key.removeprefix('module.'): value for key, value in state_dict.items()}


def check_prefixes(prefixes: Sequence[str], option: str) -> tuple[str, ...]:
    """Check the option of a hook that names parts of a network.

    Args:
        prefixes (Sequence[str]): Beginnings of parameter names, such as ``'head.'``.
        option (str): Name of the option, for the error.

    Returns:
        tuple[str, ...]: The prefixes.

    Raises:
        TypeError: If it is no list of strings.
        ValueError: If one of them is empty, which would let anything pass.
    """
    is_list = isinstance(prefixes, list | tuple)
    if not is_list or not all(isinstance(prefix, str) for prefix in prefixes):
        raise TypeError(f"{option} must be a list of strings such as ['head.'], got {prefixes!r}")
    if '' in prefixes:
        raise ValueError(
            f'{option} must not hold an empty string, with which no weight at all need fit, '
            f'got {prefixes!r}'
        )
    return tuple(prefixes)


def refuse_unknown_parts(model: nn.Module, prefixes: Sequence[str], option: str) -> None:
    """Refuse a part that the model does not have: a slip that would go unnoticed.

    Args:
        model (nn.Module): The model.
        prefixes (Sequence[str]): Beginnings of parameter names.
        option (str): Name of the option, for the error.

    Raises:
        ValueError: If no weight of the model begins with one of them.
    """
    for prefix in prefixes:
        if not any(key.startswith(prefix) for key in model.state_dict()):
            parts = sorted({f'{key.partition(".")[0]}.' for key in model.state_dict()})
            raise ValueError(
                f'{option} names {prefix!r}, with which no weight of the model begins; its parts '
                f'are {", ".join(parts)}'
            )


def name_some(names: Sequence[str]) -> str:
    """List names for an error: the first few, and how many more there are.

    Args:
        names (Sequence[str]): The names.

    Returns:
        str: One line.
    """
    more = f' and {len(names) - _LISTED} more' if len(names) > _LISTED else ''
    return ', '.join(names[:_LISTED]) + more
