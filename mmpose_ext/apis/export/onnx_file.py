"""Writing a trained model as one ONNX file and its description."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModel
from mmpose.models.pose_estimators import BottomupPoseEstimator
from torch.export import Dim

from mmpose_ext.apis.export.graphs import PoseGraph, PoShGraph, build_graph
from mmpose_ext.apis.export.metadata import (
    ExportMetadata,
    file_sha256,
    metadata_path,
    portable_transforms,
    to_json,
    write_metadata,
)
from mmpose_ext.apis.loading import load_model
from mmpose_ext.fileio import atomic_path
from mmpose_ext.models.body_models.model_file import MANNEQUINS
from mmpose_ext.version import __version__

INPUT = 'image'
OPSET = 18
# Sides of the input of bottom-up models are multiples of HRNet's lowest resolution.
DIVISOR = 32
_LICENSED = (
    'This file holds the body model {name} as a whole: template, blend shapes, skinning weights. '
    'The licence of SMPL, SMPL-H and SMPL-X is between its owner and each user: whoever has this '
    'file needs it too, and it may not be passed on without. Export with --without-body for a '
    'file that holds none.'
)
_FREE = 'This file holds the mannequin of mmpose_ext ({name}), under the licence of mmpose_ext.'


def export_onnx(
    config: str | Path, checkpoint: str | Path, out: str | Path, *, with_body: bool = True
) -> Path:
    """Write a trained model as ONNX.

    Args:
        config (str | Path): Config.
        checkpoint (str | Path): Its checkpoint.
        out (str | Path): ``NAME.onnx``; beside it ``NAME.json`` is written.
        with_body (bool): Whether a body model is part of it, see
            :class:`~mmpose_ext.apis.export.graphs.PoShGraph`. Defaults to True.

    Returns:
        Path: The model file.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        ValueError: If the checkpoint is not one of the config's model, or such models cannot be
            exported.
        ImportError: If ``onnx`` or ``onnxscript`` is missing.
        OSError: If a file cannot be written.
    """
    model = load_model(config, checkpoint)
    return export_model(model, out, name=Path(config).stem, with_body=with_body)


def export_model(
    model: BaseModel, out: str | Path, *, name: str = '', with_body: bool = True
) -> Path:
    """Write a model as ONNX.

    Args:
        model (BaseModel): Pose estimator with ``cfg`` and ``dataset_meta``.
        out (str | Path): ``NAME.onnx``; beside it ``NAME.json`` is written.
        name (str): Name of the model. Defaults to the name of the file.
        with_body (bool): See :func:`export_onnx`.

    Returns:
        Path: The model file.

    Raises:
        ValueError: If such models cannot be exported.
        ImportError: If ``onnx`` or ``onnxscript`` is missing.
        OSError: If a file cannot be written.
    """
    _require_libraries()
    path = Path(out)
    if path.suffix != '.onnx':
        raise ValueError(f'the model file is NAME.onnx, got {path}')
    graph = build_graph(model.cpu().eval(), with_body)
    transforms = _transforms_of(model)
    bottom_up = isinstance(model, BottomupPoseEstimator)
    size = None if bottom_up else _input_size(transforms)
    body = _body_of(graph)
    with atomic_path(path) as temporary:
        program = trace(graph, size)
        program.model.metadata_props['mmpose_ext'] = __version__
        if body is not None:
            program.model.metadata_props['licence'] = body['licence']
        program.save(str(temporary), external_data=False)
        sha256 = file_sha256(temporary)
        metadata = ExportMetadata(
            name=name or path.stem,
            head=type(model.head).__name__,
            kind='bottom-up' if bottom_up else 'top-down',
            sha256=sha256,
            input=_describe_input(size),
            preprocessing=transforms,
            codec=_codec_of(model),
            outputs=dict(graph.outputs),
            not_in_graph=_left_out(model),
            body=body,
            versions=_versions(),
            dataset_meta=dict(model.dataset_meta),
        )
        write_metadata(metadata, metadata_path(path))
    return path


def trace(graph: PoseGraph, size: tuple[int, int] | None) -> Any:
    """Turn a graph into an ONNX program.

    Args:
        graph (PoseGraph): The graph.
        size (tuple[int, int] | None): Size of the input, (w, h) in pixels; None: any multiples of
            32, at least 64.

    Returns:
        torch.onnx.ONNXProgram: The program, with a batch of any size.
    """
    shape: dict[int, Any] = {0: Dim('batch', min=1, max=65535)}
    if size is None:
        shape[2] = DIVISOR * Dim('h', min=2, max=1024)
        shape[3] = DIVISOR * Dim('w', min=2, max=1024)
    # Sides and batch that differ, and are none that the network has elsewhere.
    width, height = size or (3 * DIVISOR, 4 * DIVISOR)
    example = (torch.zeros(2, 3, height, width, dtype=torch.uint8),)
    with torch.no_grad(), _quiet():
        program = torch.export.export(graph, example, dynamic_shapes=(shape,), strict=graph.strict)
        return torch.onnx.export(
            program,
            dynamic_shapes=(shape,),
            input_names=[INPUT],
            output_names=list(graph.outputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves that torchvision is not installed, and other news of the exporter."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def _require_libraries() -> None:
    try:
        # Only here: they are optional.
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'export needs onnx and onnxscript ({error}): pip install "mmpose_ext[export]"'
        ) from error


def _transforms_of(model: BaseModel) -> list[dict[str, Any]]:
    if model.test_cfg.get('multiscale_test', False):
        raise ValueError(
            'the test of several scales cannot be exported, as a file holds one pass: export the '
            'config without it (multiscale_test=False and one scale in the pipeline), which is '
            'the same network'
        )
    if model.test_cfg.get('output_keypoint_indices') is not None:
        raise ValueError('test_cfg.output_keypoint_indices cannot be exported: take it out')
    return portable_transforms(model.cfg.test_dataloader.dataset.pipeline)


def _input_size(transforms: list[dict[str, Any]]) -> tuple[int, int]:
    sizes = [step['input_size'] for step in transforms if step['type'] == 'TopdownAffine']
    if len(sizes) != 1:
        raise ValueError(f'a test pipeline with one TopdownAffine is needed, got {transforms}')
    return int(sizes[0][0]), int(sizes[0][1])


def _describe_input(size: tuple[int, int] | None) -> dict[str, Any]:
    common = dict(name=INPUT, dtype='uint8', layout='(B, 3, H, W)', colours='BGR')
    if size is None:
        return {**common, 'size': None, 'size_divisor': DIVISOR}
    return {**common, 'size': list(size)}


def _codec_of(model: BaseModel) -> dict[str, Any]:
    """The config of the codec, as plain values."""
    head = model.cfg.model.head
    codec = head.get('decoder') or head.get('pose_head', {}).get('decoder')
    return to_json({key: value for key, value in dict(codec).items() if key != '_scope_'})


def _left_out(model: BaseModel) -> dict[str, str]:
    """What the config's test does and the file does not."""
    left_out = {}
    if model.test_cfg.get('flip_test', False):
        left_out['flip_test'] = 'the mean with the mirrored image: run the mirrored input too'
    if model.test_cfg.get('refine') is not None:
        left_out['refine'] = 'the fit of the body to the joints: it is an optimisation'
    if isinstance(model, BottomupPoseEstimator):
        left_out['grouping'] = 'heatmaps and tags to people: the codec does it, load() runs it'
    return left_out


def _body_of(graph: PoseGraph) -> dict[str, Any] | None:
    """Say which body is part of the file."""
    if not isinstance(graph, PoShGraph) or graph.body is None:
        return None
    name = Path(graph.body.model_path).name
    licence = _FREE if name in MANNEQUINS else _LICENSED
    return dict(
        name=name,
        type=graph.body.model_type,
        vertices=graph.body.num_vertices,
        joints=graph.body.num_joints,
        licence=licence.format(name=name),
    )


def _versions() -> dict[str, str]:
    # Not from their metadata: MMEngine is installed as onedl-mmengine, too.
    names = ('torch', 'mmpose', 'mmengine', 'onnx', 'onnxscript')
    return {
        'mmpose_ext': __version__,
        **{name: str(import_module(name).__version__) for name in names},
        'opset': str(OPSET),
    }
