"""Pretrained weights in a file of their own, as ``init_cfg=dict(type='Pretrained')`` reads it.

The layout, ``dict(state_dict=<names without 'backbone.'>, meta=<plain values>)``, is that of
mmselfsup's ``extract_backbone_weights.py``, so that the file takes the place of
``torchvision://resnet50`` in any config.
"""

import hashlib
import shlex
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.engine.checkpoint_fit import name_some
from mmpose_ext.fileio import atomic_path

BACKBONE = ('backbone',)


def check_modules(modules: Sequence[str]) -> tuple[str, ...]:
    """Check which modules are to be exported.

    Args:
        modules (Sequence[str]): Names of modules, such as ``'head.deconv_layers'``.

    Returns:
        tuple[str, ...]: The names.

    Raises:
        TypeError: If it is no list of strings.
        ValueError: If it is empty, names a module twice, or the layer that is trained for the
            patches of the puzzle and means nothing to keypoints.
    """
    if not isinstance(modules, list | tuple) or not all(isinstance(n, str) for n in modules):
        raise TypeError(f"export modules must be a list of names like 'backbone', got {modules!r}")
    if not modules or '' in modules or len(set(modules)) < len(modules):
        raise ValueError(f'export modules must be different names, at least one, got {modules!r}')
    for name in modules:
        if name == 'head' or 'final_layer' in name.split('.'):
            raise ValueError(
                f'{name!r} holds the final layer, whose channels are the patches of the puzzle. '
                "Export parts below it, such as 'head.deconv_layers'."
            )
    return tuple(modules)


def export_state_dict(
    state_dict: Mapping[str, Tensor], modules: Sequence[str] = BACKBONE
) -> OrderedDict[str, Tensor]:
    """Select the weights of some modules of a network.

    Args:
        state_dict (Mapping[str, Tensor]): Weights of the whole network.
        modules (Sequence[str]): Names of the modules. Defaults to the backbone.

    Returns:
        OrderedDict[str, Tensor]: Copies on the CPU, in the network's order: without the prefix
        ``'backbone.'`` if that is the one module, for its ``init_cfg``; else under their full
        names, for ``load_from``.

    Raises:
        TypeError: If ``modules`` is no list of strings.
        ValueError: If a module has no weights, or may not be exported (:func:`check_modules`).
    """
    modules = check_modules(modules)
    for name in modules:
        if not any(key.startswith(f'{name}.') for key in state_dict):
            there = sorted({key.partition('.')[0] for key in state_dict})
            raise ValueError(
                f'There are no weights of {name!r} to export; there is {", ".join(there)}'
            )
    prefixes = tuple(f'{name}.' for name in modules)
    strip = prefixes[0] if modules == BACKBONE else ''
    return OrderedDict(
        (key.removeprefix(strip), value.detach().to('cpu', copy=True).contiguous())
        for key, value in state_dict.items()
        if key.startswith(prefixes)
    )


def write_export(
    path: str | Path, state_dict: Mapping[str, Tensor], meta: Mapping[str, Any]
) -> None:
    """Write an export; who reads at the same time sees the old file or the new one.

    Args:
        path (str | Path): The file.
        state_dict (Mapping[str, Tensor]): What :func:`export_state_dict` gave.
        meta (Mapping[str, Any]): Plain values, which torch loads without running code.

    Raises:
        OSError: If it cannot be written.
    """
    with atomic_path(path) as temporary:
        torch.save({'state_dict': OrderedDict(state_dict), 'meta': dict(meta)}, temporary)


def verify_export(
    path: str | Path, state_dict: Mapping[str, Tensor], modules: Sequence[str] = BACKBONE
) -> None:
    """Read an export back as others will, and compare it with the network that it is for.

    Args:
        path (str | Path): The file.
        state_dict (Mapping[str, Tensor]): Weights of the whole network; names, shapes and types
            count here, not values.
        modules (Sequence[str]): What was exported. Defaults to the backbone.

    Raises:
        RuntimeError: If the file cannot be read with ``weights_only=True``, lacks weights, has
            others besides, or has one of another shape or type, or one that is not finite.
    """
    try:
        weights = torch.load(path, map_location='cpu', weights_only=True)['state_dict']
    except Exception as error:  # a broken file can make the reader fail in any way
        raise RuntimeError(
            f'The export {path} cannot be read ({type(error).__name__}: {error}). Is the disk '
            'full? Write it anew with tools/checkpoint_converters/extract_backbone.py.'
        ) from error
    wanted = export_state_dict(state_dict, modules)
    problems = {
        'missing': wanted.keys() - weights.keys(),
        'unexpected': weights.keys() - wanted.keys(),
    }
    both = wanted.keys() & weights.keys()
    problems['of another shape or type'] = {
        key for key in both if not _alike(weights[key], wanted[key])
    }
    problems['not finite'] = {key for key in both if not weights[key].isfinite().all()}
    if any(problems.values()):
        listed = '\n'.join(
            f'  {len(keys)} {kind}: {name_some(sorted(keys))}'
            for kind, keys in problems.items()
            if keys
        )
        raise RuntimeError(
            f'The export {path} is not usable:\n{listed}\nIf weights are not finite the training '
            'has diverged: lower the learning rate and train anew.'
        )


def _alike(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype


def holds_weights(path: str | Path, weights: Mapping[str, Tensor]) -> bool:
    """Whether a file is an export of exactly these weights.

    Args:
        path (str | Path): The file; may be missing or anything else.
        weights (Mapping[str, Tensor]): What :func:`export_state_dict` gave.
    """
    try:
        there = torch.load(path, map_location='cpu', weights_only=True)['state_dict']
    except Exception:  # none, or none that is whole
        return False
    return there.keys() == weights.keys() and all(
        torch.equal(there[key], value) for key, value in weights.items()
    )


def short_hash(path: str | Path) -> str:
    """First 8 digits of a file's SHA-256, as OpenMMLab names published files.

    Args:
        path (str | Path): The file.
    """
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:8]


def finetune_options(path: str | Path, modules: Sequence[str] = BACKBONE) -> str:
    """Command-line options with which any config of the same network starts from an export.

    Args:
        path (str | Path): The file.
        modules (Sequence[str]): What was exported. Defaults to the backbone.

    Returns:
        str: ``--cfg-options ...``, to be appended to ``tools/train.py CONFIG``.
    """
    file = shlex.quote(str(path))
    if tuple(modules) != BACKBONE:
        may_differ = 'default_hooks.checkpoint_fit.finetune_may_differ="[\'head.\']"'
        return (
            f'--cfg-options load_from={file} model.backbone.init_cfg=None (and {may_differ} to '
            'configs of mmpose_ext, which refuse what does not fit)'
        )
    key = 'model.backbone.init_cfg'
    # Whatever the config has there goes: another prefix, a list, nothing.
    return f'--cfg-options {key}._delete_=True {key}.type=Pretrained {key}.checkpoint={file}'
