"""The description beside an exported model: what it takes, gives and holds, as JSON."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.fileio import write_text

FORMAT = 'mmpose_ext.export'
VERSION = 1
KINDS = ('top-down', 'bottom-up')

# Files are described in a few hundred kilobytes at most.
_MOST_BYTES = 16 * 2**20

# Transforms that a description may name, and what it may tell them: nothing that opens a file.
_TRANSFORMS: dict[str, set[str]] = {
    'LoadImage': set(),
    'GetBBoxCenterScale': {'padding'},
    'TopdownAffine': {'input_size', 'use_udp'},
    'HigherHRNetResize': {'input_size', 'scales', 'size_divisor'},
    'PackPoseInputs': set(),
    'PackBottomupInputs': set(),
}
# What says the same to a picture that is read already.
_STAND_INS = {'StrictLoadImage': 'LoadImage', 'Pack3DPoseInputs': 'PackPoseInputs'}
CODECS = (
    *('HEMletsLabel', 'MSRAHeatmap', 'MultiResolutionAssociativeEmbedding'),
    *('PoShLabel', 'SimDRLabel'),
)
# Arrays among MMPose's meta information, which JSON has as lists.
_ARRAYS = ('keypoint_colors', 'skeleton_link_colors', 'dataset_keypoint_weights', 'sigmas')


@dataclass(frozen=True, kw_only=True)
class ExportMetadata:
    """What is to be known of an exported model; all of it plain JSON but ``dataset_meta``.

    Attributes:
        name (str): Name of the config.
        head (str): Type of the model's head, such as ``'SimDRHead'``.
        kind (str): ``'top-down'`` or ``'bottom-up'``.
        sha256 (str): Of the model file.
        input (dict): ``name``, ``dtype``, ``layout``, ``colours`` and ``size``, (w, h) in pixels,
            or None where sizes vary by ``size_divisor``.
        preprocessing (list[dict]): MMPose's transforms that make the input of a picture.
        codec (dict): What the targets were, by which outputs are read.
        outputs (dict[str, str]): Names of the outputs and what they are.
        not_in_graph (dict[str, str]): What the config's test does and the file does not.
        body (dict | None): The body model that is part of the file, and its licence; None: none.
        versions (dict[str, str]): Of what wrote the file, and of ONNX's operators.
        dataset_meta (dict): Keypoint names, skeleton, colours, sigmas.
    """

    name: str
    head: str
    kind: str
    sha256: str
    input: dict[str, Any]
    preprocessing: list[dict[str, Any]]
    codec: dict[str, Any]
    outputs: dict[str, str]
    not_in_graph: dict[str, str]
    body: dict[str, Any] | None
    versions: dict[str, str]
    dataset_meta: dict[str, Any]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'kind should be one of {KINDS}, got {self.kind!r}')
        if not self.outputs:
            raise ValueError('outputs should name what the model gives, got none')
        if self.codec.get('type') not in CODECS:
            raise ValueError(f'codec should be one of {CODECS}, got {self.codec.get("type")!r}')
        check_transforms(self.preprocessing)
        if not self.bottom_up:
            self._check_size()

    def _check_size(self) -> None:
        """Refuse crops of another size than the network's."""
        size = self.input.get('size')
        crops = [step.get('input_size') for step in self.preprocessing]
        crops = [found for found in crops if found is not None]
        if not isinstance(size, list) or list(map(type, size)) != [int, int] or crops != [size]:
            raise ValueError(
                f'input size should be [w, h] in pixels, that of TopdownAffine, got {size!r:.80} '
                f'and {crops!r:.80}'
            )

    @property
    def bottom_up(self) -> bool:
        """Whether the model finds people itself."""
        return self.kind == 'bottom-up'


def metadata_path(model: str | Path) -> Path:
    """Where the description of a model file is.

    Args:
        model (str | Path): ``NAME.onnx``.

    Returns:
        Path: ``NAME.json`` beside it.
    """
    return Path(model).with_suffix('.json')


def file_sha256(path: str | Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal.

    Args:
        path (str | Path): The file.

    Returns:
        str: 64 digits.
    """
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_metadata(metadata: ExportMetadata, path: str | Path) -> None:
    """Write a description.

    Args:
        metadata (ExportMetadata): The description.
        path (str | Path): The file, replaced at once.

    Raises:
        TypeError: If it holds what JSON has not.
        OSError: If the file cannot be written.
    """
    content = {'format': FORMAT, 'version': VERSION, **asdict(metadata)}
    write_text(path, json.dumps(to_json(content), indent=1) + '\n')


def read_metadata(path: str | Path) -> ExportMetadata:
    """Read a description, which may come from anybody: nothing in it is run or opened.

    Args:
        path (str | Path): The file.

    Returns:
        ExportMetadata: The description.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no description of an exported model, or of a later version.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no {path}, the description of the model beside it. Keep the two files that '
            'tools/export.py wrote together'
        )
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f'{path} has {path.stat().st_size} bytes: no description is as long')
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        return _from_json(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f'{path} is no description of an exported model ({error}). Export the model again with '
            'tools/export.py'
        ) from error


def check_transforms(transforms: Sequence[Mapping[str, Any]]) -> None:
    """Refuse transforms that are not for pictures of users, or have arguments of other kinds.

    Args:
        transforms (Sequence[Mapping]): Configs of transforms.

    Raises:
        ValueError: If one is unknown or has an argument that it may not have.
    """
    for transform in transforms:
        name = transform.get('type')
        known = _TRANSFORMS.get(name) if isinstance(name, str) else None
        if known is None:
            raise ValueError(
                f'the transform {name!r} is none that exported models can be used with: '
                f'{", ".join(_TRANSFORMS)}'
            )
        more = set(transform) - known - {'type'}
        if more:
            raise ValueError(f'{name} of an exported model takes {sorted(known)}, got {more}')


def portable_transforms(pipeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the transforms of a test pipeline without what matters only to training and files.

    Args:
        pipeline (Sequence[Mapping]): Configs of transforms.

    Returns:
        list[dict]: Configs that :func:`check_transforms` passes.

    Raises:
        ValueError: If one is unknown.
    """
    portable = []
    for transform in pipeline:
        name = _STAND_INS.get(transform['type'], transform['type'])
        kept = {k: v for k, v in transform.items() if k not in ('type', '_scope_')}
        if name in _TRANSFORMS and not _TRANSFORMS[name]:
            kept = {}
        portable.append({'type': name, **kept})
    check_transforms(portable)
    return to_json(portable)


def to_json(value: Any) -> Any:
    """Turn arrays, tuples and numpy's numbers into what JSON has.

    Args:
        value (Any): Value, of any depth.

    Returns:
        Any: The same of dicts with keys of text, lists, text, numbers, bools and None.

    Raises:
        TypeError: If there is anything else in it.
    """
    if isinstance(value, np.ndarray | np.generic):
        return to_json(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f'{type(value).__name__} cannot be written as JSON: {value!r:.80}')


def _from_json(content: Any) -> ExportMetadata:
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise ValueError(f'it lacks "format": "{FORMAT}"')
    if content.get('version') != VERSION:
        raise ValueError(f'it is of version {content.get("version")!r}, {VERSION} is known')
    names = {field.name for field in fields(ExportMetadata)}
    missing = names - set(content)
    if missing:
        raise ValueError(f'it lacks {", ".join(sorted(missing))}')
    found = {name: content[name] for name in names}
    kinds = {'name': str, 'head': str, 'kind': str, 'sha256': str, 'preprocessing': list}
    for name, value in found.items():
        kind = kinds.get(name, dict)
        if not isinstance(value, kind) and not (name == 'body' and value is None):
            raise ValueError(f'{name} should be a {kind.__name__}, got {type(value).__name__}')
    found['dataset_meta'] = _dataset_meta(found['dataset_meta'])
    return ExportMetadata(**found)


def _dataset_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """Turn lists into arrays again, and text into the numbers of keypoints."""
    numbered = {int(key): name for key, name in meta['keypoint_id2name'].items()}
    if len(numbered) != meta['num_keypoints'] or not all(
        isinstance(name, str) for name in numbered.values()
    ):
        raise ValueError(f'keypoint_id2name should name {meta["num_keypoints"]} keypoints')
    arrays = {name: np.array(meta[name]) for name in _ARRAYS if name in meta}
    return {**meta, **arrays, 'keypoint_id2name': numbered}
