"""Convert a checkpoint of EventHPE's authors (github.com/JimmyZou/EventHPE) for MMPose.

    python tools/checkpoint_converters/eventhpe2mmpose.py SRC CONFIG DST [--flow FLOW]

SRC is their flow network (model_flow_events_256.pkl) and CONFIG an eventhpe-flownet_* of
configs/eventhpe; or SRC is their shape network (ours_gt.pkl) and CONFIG an eventhpe-shapenet_*.
Where that runs the flow network itself (flow_source='net'), FLOW is its file; with
flow_source='file' there is none. DST is written, such as x.pth, and beside it x.py, the config to
test it with as its authors did.

Every weight of SRC is used exactly once and every weight of CONFIG's model is filled, or nothing
is written. Weights are renamed, none is changed. The copy of SMPL in SRC is left out: the body
comes from your own file (tools/dataset_converters/make_smpl_npz.py). Nothing in the files is run.
"""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from mmpose_ext.apis.checkpoint_conversion import (
    StateDict,
    base_of_new_config,
    build_meta_model,
    check_destination,
    check_fit,
    load_content,
    rename_keys,
    run_converter,
    save_converted,
    select_state_dict,
)

FLOW, SHAPE = 'EventFlowEstimator', 'EventHPE'
# New prefix by the authors'.
FLOW_PREFIXES = {
    f'{part}.': f'flow_net.{part}.' for part in ('encoders', 'residual', 'decoders', 'flows')
}
SHAPE_PREFIXES = {
    'img_encoder.': 'backbone.',
    'tmp_encoder.gru.': 'neck.gru.',
    'regressor.decpose.': 'head.decpose.',
    'regressor.dectrans.': 'head.dectrans.',
}
# Their copy of the body model, tiled for the batch that they trained with.
BODY = 'smpl.'


def read_weights(path: Path) -> StateDict:
    """Read the weights of either network.

    Args:
        path (Path): The authors' file.

    Returns:
        dict[str, Tensor]: Weights under the authors' names, without SMPL's.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read safely or holds no weights.
    """
    content = load_content(path)
    if isinstance(content, dict) and 'model_state_dict' in content:
        content = content['model_state_dict']  # beside it lies the optimizer's
    weights = select_state_dict(content, path)
    return {key: value for key, value in weights.items() if not key.startswith(BODY)}


def network_of(weights: Mapping[str, Tensor], path: Path) -> str:
    """Tell which network weights are of.

    Args:
        weights (Mapping[str, Tensor]): Weights under the authors' names.
        path (Path): Their file, for the error.

    Returns:
        str: The type of our model, ``'EventFlowEstimator'`` or ``'EventHPE'``.

    Raises:
        ValueError: If they are of neither.
    """
    if 'encoders.0.conv_block.0.weight' in weights:
        return FLOW
    if 'img_encoder.conv1.weight' in weights:
        return SHAPE
    raise ValueError(
        f'{path} is no checkpoint of EventHPE: it has neither encoders (flow network) nor '
        'img_encoder (shape network)'
    )


def describe(weights: Mapping[str, Tensor], path: Path) -> str:
    """Say in words what network weights are of.

    Args:
        weights (Mapping[str, Tensor]): Weights under the authors' names.
        path (Path): Their file, for the error.

    Returns:
        str: Such as ``'flow network, 8 channels of events, first layer of 32'``.

    Raises:
        ValueError: If they are of no network of EventHPE.
    """
    if network_of(weights, path) == FLOW:
        first = weights['encoders.0.conv_block.0.weight']
        return f'flow network, {first.shape[1]} channels of events, first layer of {len(first)}'
    first = weights['img_encoder.conv1.weight']
    return f'shape network, {first.shape[1]} channels of events and flow'


def authors_test_config(model: str, runs_flow: bool, base: str, source: str) -> str:
    """Write the config that tests a converted checkpoint as its authors did.

    Args:
        model (str): Type of the model.
        runs_flow (bool): Whether it has a flow network.
        base (str): Path of the config of the network, from the folder of the new config.
        source (str): Name of the authors' checkpoint.

    Returns:
        str: Python source of the new config.
    """
    settings = ["flow_net=dict(max_flow=None, dt_mode='divide')"] if runs_flow else []
    if model == SHAPE:
        settings.append('head=dict(output_scale=1.0)')
    lines = [
        f'# Tests {source!r}, converted by eventhpe2mmpose.py, as its authors did.',
        f'_base_ = [{base!r}]',
        '',
        f'model = dict({", ".join(settings)})',
    ]
    return '\n'.join(lines) + '\n'


def convert(source: Path, config_path: Path, destination: Path, flow: Path | None = None) -> Path:
    """Convert one checkpoint.

    Args:
        source (Path): The authors' checkpoint.
        config_path (Path): Config of the same network.
        destination (Path): The checkpoint to write.
        flow (Path | None): The authors' flow network, if ``source`` is the shape network and the
            config runs both. Defaults to None.

    Returns:
        Path: The config that was written beside it.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a checkpoint cannot be read safely or does not fit the config.
        OSError: If a file cannot be written.
    """
    model_cfg = Config.fromfile(config_path).model
    for path in (source, flow or source):
        check_destination(path, config_path, destination)
    weights = read_weights(source)
    network, about = network_of(weights, source), describe(weights, source)
    if model_cfg.type != network:
        raise ValueError(
            f'{source} holds: {about}. {config_path} is of {model_cfg.type}: take a config of '
            f'{network}.'
        )
    runs_flow = model_cfg.get('flow_net') is not None
    _check_flow(flow, network, runs_flow, config_path)
    converted = rename_keys(weights, FLOW_PREFIXES if network == FLOW else SHAPE_PREFIXES)
    if flow is not None:
        flow_weights = read_weights(flow)
        about += f'; {flow}: {describe(flow_weights, flow)}'
        converted.update(rename_keys(flow_weights, FLOW_PREFIXES))
    cure = f'{source} holds: {about}. {config_path} describes another network.'
    check_fit(converted, build_meta_model(model_cfg), cure)
    base = base_of_new_config(config_path, destination)
    text = authors_test_config(network, runs_flow, base, source.name)
    return save_converted(converted, destination, config_text=text, source=source)


def _check_flow(flow: Path | None, network: str, runs_flow: bool, config_path: Path) -> None:
    """Refuse a second file that is not wanted, or the lack of one that is."""
    wanted = network == SHAPE and runs_flow
    if wanted and flow is None:
        raise ValueError(
            f"{config_path} runs the flow network too: give the authors' file of it as --flow, or "
            "take a config with flow_source='file'."
        )
    if flow is not None and not wanted:
        raise ValueError(
            f'{config_path} has no place for a second network: leave out --flow {flow}, or take a '
            "config of EventHPE with flow_source='net'."
        )


if __name__ == '__main__':
    run_converter(
        convert,
        __doc__,
        {'flow': "the authors' flow network, if CONFIG is of a shape network that runs it"},
    )
