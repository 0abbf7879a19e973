"""Convert the checkpoint of HEMlets Pose's authors for MMPose.

    python tools/checkpoint_converters/hemlets2mmpose.py SRC CONFIG DST

SRC is theirs (hemlets_h36m_lastest.pth, 375 tensors), which you bring: it must not be handed
on. CONFIG is one of configs/hemlets with a ResNet-50 and the full head for 256x256. DST is
written, such as x.pth, and beside it x.py, the config to test it with as its authors did.

Every weight of SRC is used exactly once and every weight of CONFIG's model is filled, or
nothing is written. Weights are renamed, none is changed. The authors' table of soft-argmax
positions is checked and left out, as the head computes it.

The order of the 60 maps in the checkpoint is not known, and the 3D output does not depend on
it. Drawn as heatmaps and HEMlets they may be mixed up: see which 18 peak at the joints, and
set map_order of the head.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor

from mmpose_ext.apis.checkpoint_conversion import (
    StateDict,
    base_of_new_config,
    build_meta_model,
    check_destination,
    check_fit,
    load_state_dict,
    rename_keys,
    run_converter,
    save_converted,
)

# New prefix by the authors' prefix.
PREFIXES = {
    'backbone.': 'backbone.',
    'conv_feature.conv_body.': 'head.feature_branch.deconv_layers.',
    'conv_feature.conv_tail.': 'head.feature_branch.final_layer.',
    'conv_FBI.conv_body.': 'head.hemlets_branch.deconv_layers.',
    'conv_FBI.conv_tail.': 'head.hemlets_branch.final_layer.',
    'FBI_encoder.': 'head.hemlets_encoder.',
    'conv_tail.': 'head.volume_layers.',
}
POSITIONS = 'volume_reg.dis_map'
NUM_JOINTS, DEPTH_SIZE = 18, 64
# What the weights do not tell, but were trained with.
HEAD_SETTINGS = {'align': 'corner', 'heatmap_size': (64, 64)}


def drop_positions(state_dict: Mapping[str, Tensor]) -> StateDict:
    """Take out the soft-argmax's table of positions, after a look at it.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under the authors' names.

    Returns:
        dict[str, Tensor]: All the others.

    Raises:
        ValueError: If the table is missing, or is not 0 to 1 in 64 steps for each of 18 joints.
    """
    if POSITIONS not in state_dict:
        raise ValueError(f"This is no checkpoint of HEMlets Pose's authors: it has no {POSITIONS}.")
    table = state_dict[POSITIONS].double()
    expected = torch.linspace(0, 1, DEPTH_SIZE, dtype=torch.double)
    expected = expected.expand(1, NUM_JOINTS, DEPTH_SIZE)
    if table.shape != expected.shape or not torch.allclose(table, expected, rtol=0, atol=1e-6):
        raise ValueError(
            f'{POSITIONS} of shape {tuple(table.shape)} is not linspace(0, 1, {DEPTH_SIZE}) for '
            f'each of {NUM_JOINTS} joints, shape {tuple(expected.shape)}: the weights belong to '
            'another soft-argmax than HEMletsHead has.'
        )
    return {key: value for key, value in state_dict.items() if key != POSITIONS}


def authors_test_config(base: str, source: str) -> str:
    """Write the config that tests the converted checkpoint as its authors did.

    Args:
        base (str): Path of the config of the network, from the folder of the new one.
        source (str): Name of the authors' checkpoint.

    Returns:
        str: Python source of the new config.
    """
    lines = [
        f"# Tests {source!r} of HEMlets Pose's authors, converted by hemlets2mmpose.py, as they",
        '# did. Research and education only, no redistribution: their notice.',
        f'_base_ = [{base!r}]',
        '',
        'model = dict(',
        '    data_preprocessor=dict(',
        '        mean=[123.675, 116.28, 103.53],',
        '        std=[58.395, 57.12, 57.375],',
        '        bgr_to_rgb=True),',
        '    test_cfg=dict(flip_test=True))',
    ]
    return '\n'.join(lines) + '\n'


def convert(source: Path, config_path: Path, destination: Path) -> Path:
    """Convert one checkpoint.

    Args:
        source (Path): The authors' checkpoint.
        config_path (Path): Config of the same network.
        destination (Path): The checkpoint to write.

    Returns:
        Path: The config that was written beside it.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the checkpoint cannot be read safely or does not fit the config.
        OSError: If a file cannot be written.
    """
    config = Config.fromfile(config_path)
    check_destination(source, config_path, destination)
    _check_head(config_path, config)
    converted = rename_keys(drop_positions(load_state_dict(source)), PREFIXES)
    check_fit(
        converted,
        build_meta_model(config.model),
        f'{source} holds a ResNet-50 and the full head for 18 joints and 14 parts. '
        f'{config_path} describes another network: take configs/hemlets with a ResNet-50.',
    )
    base = base_of_new_config(config_path, destination)
    text = authors_test_config(base, source.name)
    return save_converted(converted, destination, config_text=text, source=source)


def _check_head(config_path: Path, config: Config) -> None:
    """Refuse a head that would run the authors' weights in another way than they do."""
    head = config.model.get('head', {})
    if head.get('type') != 'HEMletsHead':
        raise ValueError(
            f'{config_path} has the head {head.get("type")}, expected HEMletsHead. Take a config '
            'of configs/hemlets.'
        )
    for name, expected in HEAD_SETTINGS.items():
        value = head.get(name, expected)
        value = tuple(value) if isinstance(value, Sequence) and name != 'align' else value
        if value != expected:
            raise ValueError(
                f'{config_path} sets {name} of the head to {value!r}, but the weights were '
                f'trained with {expected!r}.'
            )


if __name__ == '__main__':
    run_converter(convert, __doc__)
