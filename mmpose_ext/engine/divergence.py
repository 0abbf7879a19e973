"""Where numbers of a training stop being finite: which tensors, which layer, which samples."""

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

_SHOWN = 8


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether tensors hold finite numbers only; waits for a GPU once, if they do.

    Args:
        tensors (Iterable[Tensor]): Of any shapes; those of whole numbers are left out.

    Returns:
        bool: True too if there are none.
    """
    floats = [t.detach() for t in tensors if t.is_floating_point()]
    if not floats:
        return True
    # A sum is not finite if any number is not, and 20 times as quick as to look at each.
    sums = [t.sum(dtype=torch.float32).to(floats[0].device) for t in floats]
    if bool(torch.stack(sums).isfinite().all()):
        return True
    return all(bool(t.isfinite().all()) for t in floats)  # or the sum overflowed


def nonfinite_losses(losses: Mapping[str, Any]) -> dict[str, float]:
    """Pick the losses that are not finite.

    Args:
        losses (Mapping[str, Any]): What a model returned: tensors, numbers or lists of tensors.

    Returns:
        dict[str, float]: The sum over each, of those named ``loss`` in some way, which is how
        MMEngine tells them from other figures.
    """
    sums = {
        name: sum(
            float(part.detach().sum()) if isinstance(part, Tensor) else float(part)
            for part in parts
        )
        for name, value in losses.items()
        if 'loss' in name
        for parts in [value if isinstance(value, (list, tuple)) else [value]]
    }
    return {name: value for name, value in sums.items() if not math.isfinite(value)}


def sample_names(batch: Any) -> list[str]:
    """Name the samples of a batch.

    Args:
        batch (Any): From a loader: a dict with ``data_samples``.

    Returns:
        list[str]: ``img_path (id ...)`` of each, as far as a sample knows them.
    """
    samples = batch.get('data_samples') if isinstance(batch, Mapping) else None
    names = []
    for number, sample in enumerate(samples or []):
        path = getattr(sample, 'img_path', None) or f'sample {number} of the batch'
        names.append(f'{path} (id {getattr(sample, "id", "unknown")})')
    return names


def describe_divergence(model: BaseModel, batch: Any) -> list[str]:
    """Say where the forward pass on a batch stops being finite, by running it once more.

    Weights, buffers and torch's generator are left as they were.

    Args:
        model (BaseModel): The model, unwrapped, as it trains.
        batch (Any): The batch from the loader.

    Returns:
        list[str]: A sentence on each of inputs, parameters, first layer and losses that is not
        finite, causes before what follows from them.
    """
    found: list[str] = []
    named = [name for name, p in model.named_parameters() if not all_finite([p])]
    if named:
        found.append(f'Parameters that are not finite already: {listing(named)}.')
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    layers: list[str] = []
    handles = [
        module.register_forward_hook(_note_nonfinite(name, layers))
        for name, module in model.named_modules()
        if module is not model.data_preprocessor and not any(module.children())
    ]
    try:
        with torch.no_grad(), torch.random.fork_rng(), _uncompiled():
            data = model.data_preprocessor(batch, True)
            if not all_finite(_tensors(data.get('inputs') if isinstance(data, dict) else data)):
                found.insert(0, 'The inputs of the network are not finite.')
            losses = model._run_forward(data, mode='loss')
    except Exception as error:  # what diverges may fail in any way; the reason to stop stays
        found.append(f'A second forward pass failed ({type(error).__name__}: {error}).')
        losses = {}
    finally:
        for handle in handles:
            handle.remove()
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    if layers:
        found.append(f'The first layer whose output is not finite: {layers[0]}.')
    if wrong := nonfinite_losses(losses):
        found.append(f'Losses: {", ".join(f"{name} = {value}" for name, value in wrong.items())}.')
    return found


def listing(names: list[str], shown: int = _SHOWN) -> str:
    """Join names; of many the first, and how many more.

    Args:
        names (list[str]): The names.
        shown (int): How many to show.

    Returns:
        str: Such as ``'a, b and 3 more'``.
    """
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return ', '.join(names[:shown]) + more


def _uncompiled() -> AbstractContextManager:
    """Run what is compiled as it was written, so that hooks are called."""
    if hasattr(torch.compiler, 'set_stance'):  # since torch 2.6
        stance: AbstractContextManager = torch.compiler.set_stance('force_eager')
        return stance
    return nullcontext()


def _note_nonfinite(name: str, layers: list[str]) -> Any:
    def note(module: nn.Module, _: Any, output: Any) -> None:
        if not layers and not all_finite(_tensors(output)):
            layers.append(f'{name} ({type(module).__name__})')

    return note


def _tensors(value: Any) -> list[Tensor]:
    """Floating-point tensors in nested containers."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in _tensors(part)]
    return []
