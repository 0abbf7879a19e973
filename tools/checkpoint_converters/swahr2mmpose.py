"""Convert a checkpoint of SWAHR or HigherHRNet for MMPose.

    python tools/checkpoint_converters/swahr2mmpose.py SRC CONFIG DST

SRC is one of SWAHR's authors (github.com/greatlog/SWAHR-HumanPose), of HigherHRNet's
(github.com/HRNet/HigherHRNet-Human-Pose-Estimation), or of HigherHRNet in MMPose 0.x.
CONFIG is the one of configs/swahr that describes it: swahr_* for SWAHR, higherhrnet_* for
HigherHRNet, of the same width and keypoints. DST is written, such as x.pth, and beside it
x.py, the config to test it with as its authors did.

Every weight of SRC is used exactly once and every weight of CONFIG's model is filled, or
nothing is written. Weights are renamed, none is changed.

The weights do not tell the size of the images: take the config of that too. Nor do they tell
MMPose's UDP models, which want another codec than the configs have and are not for this one.
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
    load_state_dict,
    rename_keys,
    run_converter,
    save_converted,
    strip_prefix,
)

HEADS = ('HigherHRNetHead', 'SWAHRHead')
# New prefix by the authors'; all else is the trunk's.
AUTHORS_PREFIXES = {
    **{f'{part}.': f'head.{part}.' for part in ('final_layers', 'deconv_layers')},
    'conv_scale_layers.': 'head.conv_scale_layers.',
    '': 'backbone.',
}
MMPOSE_0X_PREFIXES = {'backbone.': 'backbone.', 'keypoint_head.': 'head.'}


def rename_weights(state_dict: Mapping[str, Tensor]) -> StateDict:
    """Give the weights of any of the three sources the names of our model.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under their authors' names; ``1.`` before all
            of them is of HigherHRNet's training in half precision.

    Returns:
        dict[str, Tensor]: The same weights.

    Raises:
        ValueError: If a name belongs to none of the sources.
    """
    weights = strip_prefix(state_dict, '1.')
    is_mmpose = any(key.startswith('keypoint_head.') for key in weights)
    return rename_keys(weights, MMPOSE_0X_PREFIXES if is_mmpose else AUTHORS_PREFIXES)


def describe(weights: Mapping[str, Tensor]) -> str:
    """Say in words what network the weights are of.

    Args:
        weights (Mapping[str, Tensor]): Weights under the names of our model.

    Returns:
        str: Such as ``'SWAHR, HRNet-W32, 17 keypoints, 2 resolutions'``.

    Raises:
        ValueError: If they are neither SWAHR's nor HigherHRNet's.
    """
    levels = [key for key in weights if _is_weight_of(key, 'head.final_layers.')]
    if not levels or not any(key.startswith('head.deconv_layers.0.0.0.') for key in weights):
        raise ValueError(
            'This is no checkpoint of SWAHR or HigherHRNet: it has no final_layers and '
            'deconv_layers. Associative embedding at one resolution is another network.'
        )
    channels, width = weights['head.final_layers.0.weight'].shape[:2]
    method = 'SWAHR' if _has_scales(weights) else 'HigherHRNet'
    # Level 0 has a heatmap and a tag of each keypoint.
    return f'{method}, HRNet-W{width}, {channels // 2} keypoints, {len(levels)} resolutions'


def _is_weight_of(key: str, part: str) -> bool:
    return key.startswith(part) and key.endswith('.weight')


def _has_scales(weights: Mapping[str, Tensor]) -> bool:
    return any(key.startswith('head.conv_scale_layers.') for key in weights)


def authors_score_thr(weights: Mapping[str, Tensor]) -> float:
    """Heat above which the authors take a pixel for a keypoint.

    Args:
        weights (Mapping[str, Tensor]): Weights under the names of our model.

    Returns:
        float: .12 for SWAHR-W32 on COCO, .1 for all others.
    """
    channels, width = weights['head.final_layers.0.weight'].shape[:2]
    return 0.12 if _has_scales(weights) and (width, channels) == (32, 2 * 17) else 0.1


def authors_test_config(keypoint_thr: float, base: str, source: str) -> str:
    """Write the config that tests a converted checkpoint as its authors did.

    Args:
        keypoint_thr (float): See :func:`authors_score_thr`.
        base (str): Path of the config of the network, from the folder of the new config.
        source (str): Name of the authors' checkpoint.

    Returns:
        str: Python source of the new config.
    """
    lines = [
        f'# Tests {source!r}, converted by swahr2mmpose.py, as its authors did.',
        f'_base_ = [{base!r}]',
        '',
        f'codec = dict(decode_keypoint_thr={keypoint_thr})',
        'model = dict(',
        '    data_preprocessor=dict(',
        '        mean=[123.675, 116.28, 103.53],',
        '        std=[58.395, 57.12, 57.375],',
        '        bgr_to_rgb=True),',
        '    head=dict(decoder=codec),',
        '    test_cfg=dict(flip_test=True, project2image=True))',
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
    head = config.model.get('head', {}).get('type')
    if head not in HEADS:
        raise ValueError(
            f'{config_path} has the head {head}, expected {" or ".join(HEADS)}. Take a config of '
            'configs/swahr/coco or configs/swahr/crowdpose.'
        )
    weights = rename_weights(load_state_dict(source))
    description = describe(weights)
    check_fit(
        weights,
        build_meta_model(config.model),
        f'{source} holds: {description}. {config_path} describes another network: take the config '
        'of its width and keypoints, swahr_* for SWAHR, higherhrnet_* for HigherHRNet.',
    )
    base = base_of_new_config(config_path, destination)
    text = authors_test_config(authors_score_thr(weights), base, source.name)
    return save_converted(weights, destination, config_text=text, source=source)


if __name__ == '__main__':
    run_converter(convert, __doc__)
