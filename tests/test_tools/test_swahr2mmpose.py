import os
import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from plain_higherhrnet import random_network

from mmpose_ext.apis.checkpoint_conversion import build_meta_model

COCO, CROWDPOSE = 'configs/swahr/coco/', 'configs/swahr/crowdpose/'
SWAHR_W32 = COCO + 'swahr_hrnet-w32_8xb20-300e_coco-512x512.py'
SWAHR_W48 = COCO + 'swahr_hrnet-w48_8xb10-300e_coco-640x640.py'
PLAIN_W32 = COCO + 'higherhrnet_hrnet-w32_8xb20-300e_coco-512x512.py'
CROWDPOSE_W32 = CROWDPOSE + 'swahr_hrnet-w32_8xb20-300e_crowdpose-512x512.py'


def as_mmpose_0x(weights):
    heads = ('final_layers.', 'deconv_layers.')
    return {
        ('keypoint_head.' if key.startswith(heads) else 'backbone.') + key: value
        for key, value in weights.items()
    }


def as_half_training(weights):
    return {f'module.1.{key}': value for key, value in weights.items()}


# Config, width, keypoints, scale branch, how the file names things, keys, parameters
# (spec: 1828 keys and 28,649,309 or 63,831,661 parameters with the branch, which has 3,978
# or 4,522 of them in 18 keys; 14 keypoints from the layers' shapes).
NETWORKS = {
    'SWAHR-W32': (SWAHR_W32, 32, 17, True, dict, 1828, 28_649_309),
    'SWAHR-W48': (SWAHR_W48, 48, 17, True, dict, 1828, 63_831_661),
    'HigherHRNet-W32': (PLAIN_W32, 32, 17, False, as_half_training, 1810, 28_649_309 - 3_978),
    'MMPose 0.x': (PLAIN_W32, 32, 17, False, as_mmpose_0x, 1810, 28_649_309 - 3_978),
    'CrowdPose': (
        *(CROWDPOSE_W32, 32, 14, True, dict, 1828),
        # Three keypoints fewer: two heatmaps and a tag, the deconvolution's input, and at both
        # levels of the scale branch a 1x1 kernel, batch norm and a 9x9 kernel.
        28_649_309 - 3 * 3 * 33 - 6 * 32 * 16 - 2 * 3 * (33 + 2 + 82),
    ),
}


@pytest.fixture(scope='module')
def tool(request):
    path = request.config.rootpath / 'tools/checkpoint_converters/swahr2mmpose.py'
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture
def folder():
    """Unlike pytest's own, gone after the test: checkpoints are large."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope='module')
def swahr_w32():
    return random_network(32, 17, scales=True).state_dict()


@pytest.mark.parametrize('name', NETWORKS)
def test_converted_network_is_the_authors(tool, root, folder, name):
    config, width, keypoints, scales, rename, num_keys, num_parameters = NETWORKS[name]
    theirs = random_network(width, keypoints, scales)
    assert len(theirs.state_dict()) == num_keys
    assert sum(p.numel() for p in theirs.parameters()) == num_parameters
    torch.save(rename(theirs.state_dict()), folder / 'theirs.pth')

    written = tool.convert(folder / 'theirs.pth', root / config, folder / 'ours.pth')

    ours = build_meta_model(Config.fromfile(written).model).to_empty(device='cpu').eval()
    load_checkpoint(ours, str(folder / 'ours.pth'), map_location='cpu', strict=True)
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = theirs(image)
        feats = ours.backbone(image)
        outputs = ours.head.forward_with_scales(feats) if scales else ours.head(feats)
        plain = ours.head(feats)
    for output, value, tested in zip(outputs, expected, plain, strict=True):
        assert torch.isfinite(value).all()
        assert value.std() > 0
        assert (output - value).abs().max() == 0.0
        assert torch.equal(tested, value[:, keypoints * scales :])


@pytest.mark.parametrize(
    ('method', 'width', 'keypoints', 'thr'),
    [
        ('SWAHR', 32, 17, 0.12),
        ('SWAHR', 48, 17, 0.1),
        ('SWAHR', 32, 14, 0.1),
        ('HigherHRNet', 32, 17, 0.1),
    ],
)
def test_threshold_and_description(tool, method, width, keypoints, thr):
    weights = {
        'head.final_layers.0.weight': torch.ones(2 * keypoints, width, 1, 1),
        'head.final_layers.1.weight': torch.ones(keypoints, width, 1, 1),
        'head.deconv_layers.0.0.0.weight': torch.ones(1),
    }
    if method == 'SWAHR':
        weights['head.conv_scale_layers.0.0.weight'] = torch.ones(1)
    assert tool.authors_score_thr(weights) == thr
    description = f'{method}, HRNet-W{width}, {keypoints} keypoints, 2 resolutions'
    assert tool.describe(weights) == description


def test_written_config_tests_as_the_authors_do(tool, root, folder):
    """A user's own settings do not stay, and nothing else changes."""
    base = os.path.relpath(root / PLAIN_W32, folder)
    (folder / 'user.py').write_text(
        f'_base_ = [{base!r}]\n'
        'model = dict(data_preprocessor=dict(bgr_to_rgb=False), test_cfg=dict(flip_test=False))\n'
    )
    (folder / 'x.py').write_text(tool.authors_test_config(0.25, 'user.py', 'model_best.pth'))
    written, given = Config.fromfile(folder / 'x.py'), Config.fromfile(root / PLAIN_W32)
    assert written.codec.decode_keypoint_thr == 0.25
    assert written.model.head.decoder == written.codec
    assert written.model.data_preprocessor == given.model.data_preprocessor
    assert written.model.test_cfg == {'flip_test': True, 'project2image': True}
    given.codec.decode_keypoint_thr = given.model.head.decoder.decode_keypoint_thr = 0.25
    given.model.test_cfg = written.model.test_cfg
    assert written.to_dict() == given.to_dict()


def test_a_file_name_cannot_put_code_into_the_config(tool):
    text = tool.authors_test_config(0.1, 'base.py', 'x.pth\nimport os')
    assert not any(line.startswith('import') for line in text.splitlines())


def test_command_line(run_python, root, folder, swahr_w32):
    """A whole training checkpoint, as the authors' train script writes it."""
    parallel = {f'module.{key}': value for key, value in swahr_w32.items()}
    whole = {'epoch': 300, 'model': 'pose_higher_hrnet', 'state_dict': parallel, 'perf': 0.7}
    torch.save({**whole, 'best_state_dict': swahr_w32}, folder / 'checkpoint.pth.tar')
    converter = 'tools/checkpoint_converters/swahr2mmpose.py'
    done = run_python(converter, folder / 'checkpoint.pth.tar', SWAHR_W32, folder / 'out/x.pth')
    assert 'out/x.py' in done.stdout
    converted = torch.load(folder / 'out/x.pth', weights_only=True)['state_dict']
    assert torch.equal(converted['backbone.conv1.weight'], swahr_w32['conv1.weight'])
    assert len(converted) == len(swahr_w32)

    done = run_python(converter, folder / 'none.pth', SWAHR_W32, folder / 'y.pth', check=False)
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith('swahr2mmpose: There is no checkpoint')


def refused(tool, root, folder, weights, match, config=SWAHR_W32):
    torch.save(weights, folder / 'x.pth')
    with pytest.raises(ValueError, match=f'(?s){match}'):
        tool.convert(folder / 'x.pth', root / config, folder / 'out' / 'x.pth')
    assert not (folder / 'out').exists()


@pytest.mark.parametrize(
    ('remove', 'add', 'match'),
    [
        (['conv_scale_layers.1.3.bias'], [], '1 missing: head.conv_scale_layers.1.3.bias'),
        ([], ['fc.weight'], '1 unexpected: backbone.fc.weight'),
        (['bn1.running_mean'], ['bn1.mean'], '1 missing: backbone.bn1.running_mean.*1 unexp'),
        (['deconv_layers.0.0.0.weight'], [], 'no checkpoint of SWAHR or HigherHRNet'),
        ([], ['1.conv1.weight'], 'Some keys begin with "1."'),
        ([], ['keypoint_head.final_layers.0.weight'], 'No rule for 1828 keys'),
    ],
)
def test_refuses_a_missing_or_an_extra_key(tool, root, folder, swahr_w32, remove, add, match):
    kept = {key: value for key, value in swahr_w32.items() if key not in remove}
    refused(tool, root, folder, {**kept, **{key: torch.ones(1) for key in add}}, match)


@pytest.mark.parametrize(
    ('config', 'match'),
    [
        (PLAIN_W32, 'unexpected: head.conv_scale_layers.*SWAHR, HRNet-W32.*take the config'),
        (SWAHR_W48, r'of another shape.*HRNet-W32, 17 keypoints'),
        (CROWDPOSE_W32, r'final_layers.0.weight \(34, 32, 1, 1\) instead of \(28'),
        ('configs/simdr/coco/simdr_hrnet-w32_4xb32-210e_coco-64x64.py', 'the head SimDRHead'),
    ],
)
def test_refuses_another_architecture(tool, root, folder, swahr_w32, config, match):
    refused(tool, root, folder, swahr_w32, match, config)


def test_refuses_plain_weights_for_swahr(tool, root, folder, swahr_w32):
    plain = {k: v for k, v in swahr_w32.items() if not k.startswith('conv_scale_layers.')}
    refused(tool, root, folder, plain, 'missing: head.conv_scale_layers.*higherhrnet_')
