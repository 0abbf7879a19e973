"""Convert a checkpoint of SimDR's authors (github.com/leeyegy/SimCC) for MMPose.

    python tools/checkpoint_converters/simdr2mmpose.py SRC CONFIG DST

SRC is theirs: checkpoint.pth, model_best.pth or final_state.pth of an HRNet, a
ResNet, or a ResNet without upsampling. CONFIG is the one of configs/simdr/coco or
configs/simdr/mpii that describes it; it also tells SimDR from SA-SimDR, which the
weights do not. DST is written, such as x.pth, and beside it x.py, the config to test
it with as its authors did.

Every weight of SRC is used exactly once and every weight of CONFIG's model is
filled, or nothing is written.
"""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from torch import Tensor

from mmpose_ext.apis.checkpoint_conversion import (
    base_of_new_config,
    build_meta_model,
    check_destination,
    check_fit,
    load_state_dict,
    rename_keys,
    run_converter,
    save_converted,
)


def simdr_prefixes(state_dict: Mapping[str, Tensor]) -> dict[str, str]:
    """Tell which prefix of the authors' names becomes which of MMPose's.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under the authors' names.

    Returns:
        dict[str, str]: New prefix by old prefix; all else is the backbone's.
    """
    has_deconv = any(key.startswith('deconv_layers.') for key in state_dict)
    neck = 'head.deconv_head.' if has_deconv else 'head.'
    return {
        'deconv_layers.': f'{neck}deconv_layers.',
        'final_layer.': f'{neck}final_layer.',
        'mlp_head_x.': 'head.mlp_head_x.',
        'mlp_head_y.': 'head.mlp_head_y.',
        '': 'backbone.',
    }


def describe_simdr(state_dict: Mapping[str, Tensor]) -> str:
    """Say in words what network the authors' weights are of.

    Args:
        state_dict (Mapping[str, Tensor]): Weights under the authors' names.

    Returns:
        str: Such as ``'HRNet, 17 final channels, 384 x 512 bins'``.

    Raises:
        ValueError: If they are not a SimDR network's.
    """
    lacking = [
        name
        for name in ('final_layer', 'mlp_head_x', 'mlp_head_y')
        if f'{name}.weight' not in state_dict
    ]
    if lacking:
        raise ValueError(
            f'This is no SimDR checkpoint: it has no {" and no ".join(lacking)}. Heatmap '
            'baselines and TokenPose are other networks.'
        )
    if any(key.startswith('stage2.') for key in state_dict):
        trunk = 'HRNet'
    elif any(key.startswith('deconv_layers.') for key in state_dict):
        trunk = 'ResNet'
    else:
        trunk = 'ResNet without upsampling'
    channels = len(state_dict['final_layer.weight'])
    x, y = (len(state_dict[f'mlp_head_{axis}.weight']) for axis in 'xy')
    return f'{trunk}, {channels} final channels, {x} x {y} bins'


def authors_score_thr(codec: Mapping) -> float:
    """Keypoint score below which the authors leave a keypoint out of COCO's score.

    Args:
        codec (Mapping): Config of the ``SimDRLabel`` that decodes.

    Returns:
        float: .02 for inputs of 64 and 128 px, .01 above, .005 for SA-SimDR at 384x288.
    """
    longest = max(codec['input_size'])
    if longest <= 128:
        return 0.02
    is_gaussian = codec.get('smoothing_type') == 'gaussian'
    return 0.005 if is_gaussian and longest > 256 else 0.01


def authors_test_config(config: Config, base: str, source: str) -> str:
    """Write the config that tests a converted checkpoint as its authors did.

    Args:
        config (Config): The config that describes the network.
        base (str): Path of it, from the folder of the new config.
        source (str): Name of the authors' checkpoint.

    Returns:
        str: Python source of the new config.
    """
    # All of the authors' HRNets see RGB; their ResNets see BGR, normalized as if it were RGB.
    is_hrnet = config.model.backbone.type == 'HRNet'
    lines = [
        f"# Tests {source!r} of SimDR's authors, converted by simdr2mmpose.py, as they did.",
        f'_base_ = [{base!r}]',
        '',
        'model = dict(',
        '    data_preprocessor=dict(',
        '        mean=[123.675, 116.28, 103.53],',
        '        std=[58.395, 57.12, 57.375],',
        f'        bgr_to_rgb={is_hrnet}),',
        '    # The authors shift by one bin for every split ratio; exact is ratio - 1.',
        '    test_cfg=dict(flip_test=True, shift_bins=1))',
    ]
    if config.test_evaluator.type == 'CocoMetric':
        thr = authors_score_thr(config.model.head.decoder)
        lines += [
            '',
            f"val_evaluator = dict(keypoint_score_thr={thr}, nms_mode='oks_nms', nms_thr=0.9)",
            'test_evaluator = val_evaluator',
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
    weights = load_state_dict(source)
    description = describe_simdr(weights)
    converted = rename_keys(weights, simdr_prefixes(weights))
    check_fit(
        converted,
        build_meta_model(config.model),
        f'{source} holds: {description}. {config_path} describes another network: take the '
        'config of its backbone, input size and split ratio (bins are input size times ratio).',
    )
    base = base_of_new_config(config_path, destination)
    text = authors_test_config(config, base, source.name)
    return save_converted(converted, destination, config_text=text, source=source)


def _check_head(config_path: Path, config: Config) -> None:
    """Refuse a config that ignores what would be written."""
    head = config.model.get('head', {}).get('type')
    if head != 'SimDRHead':
        raise ValueError(
            f'{config_path} has the head {head}, expected SimDRHead: only that one tests as '
            'the authors do. Take a config of configs/simdr/coco or configs/simdr/mpii.'
        )


if __name__ == '__main__':
    run_converter(convert, __doc__)
