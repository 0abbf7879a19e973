import math
import os
import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmpose.apis import init_model
from mmpose.models import HRNet, ResNet
from torch import nn

from mmpose_ext.apis.checkpoint_conversion import build_meta_model

COCO, MPII = 'configs/simdr/coco/', 'configs/simdr/mpii/'
HRNET_64 = COCO + 'simdr_hrnet-w32_4xb32-210e_coco-64x64.py'
RES50_64 = COCO + 'simdr_res50_4xb32-140e_coco-64x64.py'
UPFREE_64 = COCO + 'simdr_res50-upfree_4xb32-140e_coco-64x64.py'


class AuthorsHead(nn.Module):
    """The part of the authors' three networks after the trunk, under their names."""

    def add_head(self, features, size, k, keypoints, cpj=1, deconv=False, stride=4):
        layers = []
        for channels in (features, 256, 256) if deconv else ():
            layers += [
                nn.ConvTranspose2d(channels, 256, 4, 2, 1, bias=False),
                nn.BatchNorm2d(256),
                nn.ReLU(),
            ]
        self.cpj = cpj
        if deconv:
            self.deconv_layers = nn.Sequential(*layers)
            features, stride = 256, 4
        self.final_layer = nn.Conv2d(features, keypoints * cpj, 1)
        cells = cpj * (size[0] // stride) * (size[1] // stride)
        self.mlp_head_x = nn.Linear(cells, int(size[0] * k))
        self.mlp_head_y = nn.Linear(cells, int(size[1] * k))

    def head(self, x):
        if hasattr(self, 'deconv_layers'):
            x = self.deconv_layers(x)
        maps = self.final_layer(x)
        b, channels, h, w = maps.shape
        # b (k t) h w -> b k (t h w)
        maps = maps.view(b, channels // self.cpj, self.cpj, h, w).flatten(2)
        return self.mlp_head_x(maps), self.mlp_head_y(maps)


class AuthorsHRNet(HRNet, AuthorsHead):
    def forward(self, image):
        return self.head(super().forward(image)[0])


class AuthorsResNet(ResNet, AuthorsHead):
    def forward(self, image):
        return self.head(super().forward(image)[-1])


def authors_model(config, size, k, keypoints=17, **head):
    """Their network with random weights and BN statistics; trunk names are as in MMPose."""
    trunk = Config.fromfile(config).model.backbone
    trunk.pop('init_cfg')
    if trunk.pop('type') == 'HRNet':
        model, features = AuthorsHRNet(**trunk), trunk.extra.stage2.num_channels[0]
    else:
        model, features = AuthorsResNet(**trunk), 2048
        head.setdefault('stride', 32)
    model.add_head(features, size, k, keypoints, **head)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    model.eval()
    return model


@pytest.fixture(scope='module')
def tool(request):
    path = request.config.rootpath / 'tools/checkpoint_converters/simdr2mmpose.py'
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture
def folder():
    """Unlike pytest's own, gone after the test: checkpoints are large."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope='module')
def res50_64(root):
    return authors_model(root / RES50_64, (64, 64), 3, deconv=True).state_dict()


# Config, key and parameter counts of the authors' network (spec: 1758 for HRNet, 342 for
# ResNet-50), input size (w, h), bins per pixel, the head's own.
NETWORKS = {
    'HRNet-w32 64x64': (HRNET_64, 1758, 28634801, (64, 64), 3, {}),
    'HRNet-w32 256x192': (
        *(COCO + 'simdr_hrnet-w32_4xb32-210e_coco-256x192.py', 1758, 31289521),
        *((192, 256), 2, {}),
    ),
    'HRNet-w48 384x288': (
        *(COCO + 'simdr-sa_hrnet-w48_4xb32-210e_coco-384x288.py', 1758, 70564049),
        *((288, 384), 1.5, {}),
    ),
    'Res50 256x192': (
        *(COCO + 'simdr_res50_4xb32-140e_coco-256x192.py', 342, 36753105),
        *((192, 256), 2, {'deconv': True}),
    ),
    'Res50 upfree 256x192': (
        *(COCO + 'simdr_res50-upfree_4xb32-140e_coco-256x192.py', 324, 25688476),
        *((192, 256), 2, {'cpj': 28}),
    ),
    'MPII HRNet-w32 256x256': (
        *(MPII + 'simdr_hrnet-w32_4xb32-210e_mpii-256x256.py', 1758, 32731408),
        *((256, 256), 2, {'keypoints': 16}),
    ),
}


@pytest.mark.parametrize('name', NETWORKS)
def test_converted_network_is_the_authors(tool, root, folder, name):
    config, num_keys, num_parameters, size, k, head = NETWORKS[name]
    theirs = authors_model(root / config, size, k, **head)
    assert len(theirs.state_dict()) == num_keys
    assert sum(p.numel() for p in theirs.parameters()) == num_parameters
    torch.save(theirs.state_dict(), folder / 'model_best.pth')

    written = tool.convert(folder / 'model_best.pth', root / config, folder / 'ours.pth')

    ours = build_meta_model(Config.fromfile(written).model).to_empty(device='cpu')
    ours.eval()
    load_checkpoint(ours, str(folder / 'ours.pth'), map_location='cpu', strict=True)
    image = torch.randn(2, 3, size[1], size[0])
    with torch.inference_mode():
        expected = theirs(image)
        outputs = ours.head(ours.backbone(image))
    for output, value in zip(outputs, expected, strict=True):
        assert torch.isfinite(value).all()
        assert value.std() > 0
        assert (output - value).abs().max() == 0.0


@pytest.mark.parametrize(
    ('config', 'rgb', 'score_thr'),
    [
        (COCO + 'simdr_hrnet-w48_4xb32-210e_coco-64x64.py', True, 0.02),
        (COCO + 'simdr_hrnet-w48_4xb32-210e_coco-128x128.py', True, 0.02),
        (COCO + 'simdr-sa_hrnet-w48_4xb32-210e_coco-256x192.py', True, 0.01),
        (COCO + 'simdr-sa_hrnet-w48_4xb32-210e_coco-384x288.py', True, 0.005),
        (COCO + 'simdr_res50_4xb32-140e_coco-384x288.py', False, 0.01),
        (COCO + 'simdr-sa_res50_4xb32-140e_coco-384x288.py', False, 0.005),
        (UPFREE_64, False, 0.02),
        (MPII + 'simdr_hrnet-w32_4xb32-210e_mpii-64x64.py', True, None),
    ],
)
def test_written_config_tests_as_the_authors_do(tool, root, folder, config, rgb, score_thr):
    base = os.path.relpath(root / config, folder)
    given = Config.fromfile(root / config)
    # A user's own settings do not stay.
    given.model.data_preprocessor.bgr_to_rgb = not rgb
    (folder / 'x.py').write_text(tool.authors_test_config(given, base, 'model_best.pth'))
    written = Config.fromfile(folder / 'x.py')
    assert written.model.data_preprocessor.bgr_to_rgb is rgb
    assert written.model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert written.model.test_cfg == dict(flip_test=True, shift_bins=1)
    assert written.test_evaluator.get('keypoint_score_thr') == score_thr
    assert written.val_evaluator == written.test_evaluator
    # Nothing else changes.
    written.model.data_preprocessor = Config.fromfile(root / config).model.data_preprocessor
    written.model.test_cfg = given.model.test_cfg
    given.model.data_preprocessor.bgr_to_rgb = rgb
    assert written.to_dict() == given.to_dict()


def test_a_file_name_cannot_put_code_into_the_config(tool, root, folder):
    config = Config.fromfile(root / RES50_64)
    text = tool.authors_test_config(config, 'base.py', 'x.pth\nimport os')
    assert not any(line.startswith('import') for line in text.splitlines())


def test_command_line(run_python, root, folder, res50_64):
    """A whole training checkpoint, as the authors' train.py writes it, opens in MMPose."""
    parallel = {f'module.{key}': value for key, value in res50_64.items()}
    whole = {'epoch': 140, 'model': 'pose_resnet', 'state_dict': parallel, 'perf': 0.4}
    torch.save({**whole, 'best_state_dict': res50_64}, folder / 'checkpoint.pth')
    converter = 'tools/checkpoint_converters/simdr2mmpose.py'
    done = run_python(converter, folder / 'checkpoint.pth', RES50_64, folder / 'out/x.pth')
    assert 'out/x.py' in done.stdout
    model = init_model(str(folder / 'out/x.py'), str(folder / 'out/x.pth'), device='cpu')
    assert torch.equal(model.backbone.conv1.weight, res50_64['conv1.weight'])
    assert model.dataset_meta['dataset_name'] == 'coco'

    done = run_python(converter, folder / 'none.pth', RES50_64, folder / 'y.pth', check=False)
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith('simdr2mmpose: There is no checkpoint')


def refused(tool, root, folder, source, match, config=RES50_64):
    with pytest.raises(ValueError, match=match):
        tool.convert(source, root / config, folder / 'out' / 'x.pth')
    assert not (folder / 'out').exists()


def test_refuses_unsafe_and_truncated_files(tool, root, folder, res50_64):
    evil = {'state_dict': res50_64, 'perf': math.prod}
    torch.save(evil, folder / 'evil.pth')
    refused(tool, root, folder, folder / 'evil.pth', r'evil\.pth was refused')
    cut = folder / 'cut.pth'
    cut.write_bytes((folder / 'evil.pth').read_bytes()[:-5000])
    refused(tool, root, folder, cut, r'cut\.pth cannot be read')


def change(state_dict, remove=(), add=()):
    kept = {key: value for key, value in state_dict.items() if key not in remove}
    return {**kept, **{key: torch.ones(1) for key in add}}


@pytest.mark.parametrize(
    ('remove', 'add', 'match'),
    [
        (['mlp_head_y.bias'], [], '1 missing: head.mlp_head_y.bias'),
        ([], ['fc.weight'], '1 unexpected: backbone.fc.weight'),
        ([], ['final_layer.extra'], '1 unexpected: head.deconv_head.final_layer.extra'),
        (['bn1.running_mean'], ['bn1.mean'], '1 missing: backbone.bn1.running_mean\n.*1 unexp'),
        (['mlp_head_x.weight'], [], 'no SimDR checkpoint: it has no mlp_head_x'),
    ],
)
def test_refuses_a_missing_or_an_extra_key(tool, root, folder, res50_64, remove, add, match):
    torch.save(change(res50_64, remove, add), folder / 'x.pth')
    refused(tool, root, folder, folder / 'x.pth', match)


@pytest.mark.parametrize(
    ('config', 'match'),
    [
        (HRNET_64, 'missing.*unexpected.*ResNet, 17 final channels, 192 x 192 bins'),
        (UPFREE_64, 'missing: head.final_layer'),
        (COCO + 'simdr_res101_4xb32-140e_coco-64x64.py', 'missing: backbone.layer3.6'),
        (COCO + 'simdr_res50_4xb32-140e_coco-128x128.py', r'mlp_head_x.weight \(192, 256\) inst'),
        ('configs/simdr/mannequin/td-hm_res18-half_1xb32-15e_mannequin-64x64.py', 'HeatmapHead'),
    ],
)
def test_refuses_another_architecture(tool, root, folder, res50_64, config, match):
    torch.save(res50_64, folder / 'x.pth')
    refused(tool, root, folder, folder / 'x.pth', f'(?s){match}', config)


def test_refuses_to_write_over_its_input(tool, root, folder, res50_64):
    torch.save(res50_64, folder / 'x.pth')
    config = folder / 'config.py'
    config.write_text(f'_base_ = [{os.path.relpath(root / RES50_64, folder)!r}]\n')
    before = config.read_bytes(), (folder / 'x.pth').read_bytes()
    for destination in ('x.pth', 'config.pth'):
        with pytest.raises(ValueError, match='would replace'):
            tool.convert(folder / 'x.pth', config, folder / destination)
    assert before == (config.read_bytes(), (folder / 'x.pth').read_bytes())


@pytest.mark.parametrize(
    ('keys', 'description'),
    [
        (['stage2.0.weight'], 'HRNet, 4 final channels, 6 x 8 bins'),
        (['deconv_layers.0.weight'], 'ResNet, 4 final channels, 6 x 8 bins'),
        (['layer4.0.weight'], 'ResNet without upsampling, 4 final channels, 6 x 8 bins'),
    ],
)
def test_description(tool, keys, description):
    weights = {'final_layer.weight': torch.ones(4), 'mlp_head_x.weight': torch.ones(6)}
    weights['mlp_head_y.weight'] = torch.ones(8)
    assert tool.describe_simdr(change(weights, add=keys)) == description
