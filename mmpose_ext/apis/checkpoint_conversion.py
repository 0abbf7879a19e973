"""What converters of other projects' checkpoints share.

A converter reads a file without running code from it (:func:`load_state_dict`),
renames every key by rules (:func:`rename_keys`), proves that the result is
exactly what the config's model holds (:func:`check_fit`), and writes it
(:func:`save_converted`). Nothing is loaded in part: what does not fit is refused.
All converters have one command line (:func:`run_converter`).
"""

import argparse
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.compat.weights_only_load import mmengine_globals_allowed, refusal
from mmpose_ext.engine.checkpoint_fit import check_fit, name_some
from mmpose_ext.fileio import atomic_path, write_text
from mmpose_ext.version import __version__

__all__ = [
    'StateDict',
    'base_of_new_config',
    'build_meta_model',
    'check_destination',
    'check_fit',
    'load_content',
    'load_state_dict',
    'rename_keys',
    'run_converter',
    'save_converted',
    'select_state_dict',
    'strip_prefix',
]

StateDict = dict[str, Tensor]

_STATE_DICT_KEYS = ('state_dict', 'best_state_dict')
_LISTED = 8


def load_state_dict(path: str | Path) -> StateDict:
    """Read the weights of a checkpoint without running any code from it.

    See :func:`select_state_dict` for what it accepts.

    Args:
        path (str | Path): A file written by ``torch.save``.

    Returns:
        dict[str, Tensor]: Weights on the CPU, without the prefix ``module.``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or no checkpoint, if it holds anything
            but weights and plain values, or if it is unclear which weights are meant.
    """
    return select_state_dict(load_content(path), path)


def load_content(path: str | Path) -> object:
    """Read a checkpoint without running any code from it.

    Args:
        path (str | Path): A file written by ``torch.save``.

    Returns:
        object: All that is in it, tensors on the CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or no checkpoint, or if it holds anything
            but weights and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'There is no checkpoint {path}')
    try:
        # Plain numpy values too: training scripts keep their best score beside the weights.
        with mmengine_globals_allowed():
            return torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # a broken file can make the reader fail in any way
        if isinstance(error, OSError) and error.filename is not None:
            raise  # not readable at all, and says which
        if isinstance(error, pickle.UnpicklingError) and 'GLOBAL' in str(error):
            raise ValueError(refusal(str(path), str(error))) from error
        # The cause alone, without torch's advice to switch the protection off.
        reason = str(error).rpartition('WeightsUnpickler error: ')[2].strip()
        reason = reason.split('\n')[0].split('. ')[0]
        raise ValueError(
            f'{path} cannot be read: it is truncated or no checkpoint '
            f'({type(error).__name__}: {reason}). Download or copy it again.'
        ) from error


def select_state_dict(content: object, path: str | Path) -> StateDict:
    """Find the weights in what a checkpoint file holds.

    Accepts a flat file of tensors and a dict with ``state_dict`` or
    ``best_state_dict`` (or both, if they are equal), with or without the prefix
    ``module.`` of ``torch.nn.DataParallel``.

    Args:
        content (object): What :func:`load_content` gave.
        path (str | Path): The file, for errors.

    Returns:
        dict[str, Tensor]: Weights, without the prefix ``module.``.

    Raises:
        ValueError: If there are no weights, or it is unclear which are meant.
    """
    nested = [
        content[key] for key in _STATE_DICT_KEYS if isinstance(content, dict) and key in content
    ]
    found = [strip_prefix(_as_state_dict(item, path)) for item in nested or [content]]
    if len(found) == 2 and not _equal(*found):
        raise ValueError(
            f'{path} holds two different sets of weights, "state_dict" and "best_state_dict". '
            'Save the one that you want to a file of its own with torch.save.'
        )
    return found[0]


def _as_state_dict(item: object, path: str | Path) -> StateDict:
    if isinstance(item, Mapping) and item and all(isinstance(v, Tensor) for v in item.values()):
        return dict(item)
    odd = type(item).__name__
    if isinstance(item, Mapping):
        odd = ', '.join(f'{k}: {type(v).__name__}' for k, v in list(item.items())[:_LISTED])
    raise ValueError(
        f'{path} holds no weights: expected names with tensors, flat or under '
        f'"state_dict" or "best_state_dict", got {odd or "nothing"}'
    )


def _equal(first: StateDict, second: StateDict) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) for key, value in first.items()
    )


def strip_prefix(state_dict: Mapping[str, Tensor], prefix: str = 'module.') -> StateDict:
    """Remove a prefix that all keys have.

    Args:
        state_dict (Mapping[str, Tensor]): Weights.
        prefix (str): What to remove. Defaults to ``'module.'``, which
            ``torch.nn.DataParallel`` puts before every name.

    Returns:
        dict[str, Tensor]: The weights under the shorter names, or under the old
        ones if no key has the prefix.

    Raises:
        ValueError: If some keys have the prefix and some have not.
    """
    bare = [key for key in state_dict if not key.startswith(prefix)]
    if len(bare) == len(state_dict):
        return dict(state_dict)
    if bare:
        raise ValueError(f'Some keys begin with "{prefix}" and some do not: {name_some(bare)}')
    return {key[len(prefix) :]: value for key, value in state_dict.items()}


def rename_keys(state_dict: Mapping[str, Tensor], prefixes: Mapping[str, str]) -> StateDict:
    """Rename every key by the longest prefix that it begins with.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under their authors' names.
        prefixes (Mapping[str, str]): New prefix by old prefix; ``''`` catches all.

    Returns:
        dict[str, Tensor]: The same weights, each exactly once, under the new names.

    Raises:
        ValueError: If a key begins with none of the prefixes, or two keys would get
            the same name.
    """
    by_length = sorted(prefixes, key=len, reverse=True)
    renamed: StateDict = {}
    unknown = []
    for key, value in state_dict.items():
        old = next((prefix for prefix in by_length if key.startswith(prefix)), None)
        if old is None:
            unknown.append(key)
            continue
        new_key = prefixes[old] + key[len(old) :]
        if new_key in renamed:
            raise ValueError(f'Two keys would be named "{new_key}", one of them is "{key}"')
        renamed[new_key] = value
    if unknown:
        raise ValueError(f'No rule for {len(unknown)} keys of the source: {name_some(unknown)}')
    return renamed


def build_meta_model(model_cfg: ConfigDict) -> nn.Module:
    """Build a config's model without memory for its weights, for its names and shapes.

    Args:
        model_cfg (ConfigDict): The ``model`` of a config.

    Returns:
        nn.Module: The model on the meta device.

    Raises:
        KeyError: If a type in it is not registered.
    """
    init_default_scope('mmpose')
    with torch.device('meta'):
        return MODELS.build(model_cfg)


def check_destination(source: Path, config_path: Path, destination: Path) -> None:
    """Refuse to write the checkpoint, or the config beside it, over what is read.

    Args:
        source (Path): The authors' checkpoint.
        config_path (Path): Config of the same network.
        destination (Path): The checkpoint to write.

    Raises:
        ValueError: If it would replace one of the others.
    """
    inputs = {source.resolve(), config_path.resolve()}
    outputs = {destination.resolve(), destination.with_suffix('.py').resolve()}
    if inputs & outputs:
        raise ValueError(
            f'{destination} and {destination.with_suffix(".py").name} beside it would replace '
            'SRC or CONFIG. Choose another folder or name.'
        )


def base_of_new_config(config_path: Path, destination: Path) -> str:
    """Give the path of a config for the ``_base_`` of the one that is written beside a checkpoint.

    Args:
        config_path (Path): Config of the network.
        destination (Path): The checkpoint.

    Returns:
        str: Path from the checkpoint's folder, with forward slashes.
    """
    return Path(os.path.relpath(config_path.resolve(), destination.resolve().parent)).as_posix()


def save_converted(
    state_dict: Mapping[str, Tensor],
    path: str | Path,
    *,
    config_text: str,
    source: str | Path,
) -> Path:
    """Write a converted checkpoint, and beside it the config that it is to be run with.

    Each file appears whole or not at all, and the config, without which the weights
    would be run wrongly, appears first.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under the model's names.
        path (str | Path): The checkpoint to write, such as ``x.pth``; the config
            becomes ``x.py``.
        config_text (str): Source of the config.
        source (str | Path): The authors' file; its name is kept in the checkpoint.

    Returns:
        Path: The config.

    Raises:
        ValueError: If the path has the suffix ``.py`` or none.
        FileExistsError: If there is another file where the config would go.
        OSError: If a file cannot be written.
    """
    path = Path(path)
    if path.suffix in ('', '.py'):
        raise ValueError(f'The checkpoint needs a suffix such as .pth, got {path.name!r}')
    config_path = path.with_suffix('.py')
    if config_path.is_file() and config_path.read_text(encoding='utf-8') != config_text:
        raise FileExistsError(
            f'The config would be written to {config_path}, where there is another file. Choose '
            'another name for the checkpoint, or remove that file.'
        )
    meta = {'mmpose_ext_version': __version__, 'converted_from': Path(source).name}
    with atomic_path(path) as temporary:
        torch.save({'state_dict': dict(state_dict), 'meta': meta}, temporary)
        write_text(config_path, config_text)
    return config_path


def run_converter(
    convert: Callable[..., Path],
    description: str | None,
    other_files: Mapping[str, str] | None = None,
) -> None:
    """Read a converter's command line, ``SRC CONFIG DST``, and convert.

    Args:
        convert (Callable): Takes the authors' checkpoint, the config of the same network and the
            checkpoint to write, and by name the other files; gives the config that it writes
            beside the checkpoint.
        description (str, optional): What ``--help`` says, the module's docstring.
        other_files (Mapping[str, str], optional): Help by name of files that may be given as
            ``--name``; those that are not are None.

    Raises:
        SystemExit: If it cannot be converted; says why.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', type=Path, metavar='SRC', help="the authors' checkpoint")
    parser.add_argument('config', type=Path, metavar='CONFIG', help='config of the same network')
    parser.add_argument('destination', type=Path, metavar='DST', help='checkpoint to write')
    others = other_files or {}
    for name, text in others.items():
        parser.add_argument(f'--{name}', type=Path, help=text)
    args = parser.parse_args()
    try:
        files = {name: getattr(args, name) for name in others}
        config = convert(args.source, args.config, args.destination, **files)
    except (OSError, ValueError) as error:
        sys.exit(f'{Path(parser.prog).stem}: {error}')
    print(f'{args.destination} is written. Test it with {config}')
