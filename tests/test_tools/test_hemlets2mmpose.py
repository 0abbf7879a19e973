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
from torch import nn

from mmpose_ext.apis.checkpoint_conversion import build_meta_model

# The published network with settings that are not the authors'.
CONFIG = """
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[0, 0, 0], std=[1, 1, 1]),
    backbone=dict(type='ResNet', depth=50),
    head=dict(type='HEMletsHead', in_channels=2048, decoder=dict(type='HEMletsLabel')),
    test_cfg=dict(flip_test=False))
"""


# The authors' network, written anew in plain torch under their names.


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if stride > 1 or inputs != 4 * width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x):
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        out = self.bn3(self.conv3(out))
        return (out + (self.downsample(x) if hasattr(self, 'downsample') else x)).relu()


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 1 and block == 0 else 1
                layers.append(Bottleneck(inputs, width, stride))
                inputs = 4 * width
            setattr(self, f'layer{stage}', nn.Sequential(*layers))

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class Branch(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        layers = []
        for inputs in (2048, 256, 256):
            layers += [nn.ConvTranspose2d(inputs, 256, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(256), nn.ReLU()]
        self.conv_body = nn.Sequential(*layers)
        self.conv_tail = nn.Conv2d(256, outputs, 3, padding=1)

    def forward(self, x):
        return self.conv_tail(self.conv_body(x))


class VolumeRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer('dis_map', torch.linspace(0, 1, 64).repeat(1, 18, 1))

    def forward(self, volume):
        """(B, 1152, 64, 64) to (B, 18, 3), one axis after the other; sums of float64."""
        p = volume.double().reshape(len(volume), 18, -1).softmax(-1).reshape(-1, 18, 64, 64, 64)
        x = (p.sum((2, 3)) * self.dis_map).sum(-1)
        y = (p.sum((2, 4)) * self.dis_map).sum(-1)
        z = (p.sum((3, 4)) * self.dis_map).sum(-1)
        return (torch.stack([x, y, z], -1) - 0.5).float()


class AuthorsNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet50()
        self.conv_feature = Branch(1024)
        self.conv_FBI = Branch(60)
        self.FBI_encoder = nn.Sequential(
            nn.Conv2d(60, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU()
        )
        self.conv_tail = nn.Sequential(
            *(nn.Conv2d(1280, 1024, 1), nn.BatchNorm2d(1024), nn.ReLU()),
            nn.Conv2d(1024, 1152, 1),
        )
        self.volume_reg = VolumeRegression()

    def forward(self, image):
        x = self.backbone(image)
        maps = self.conv_FBI(x)
        fused = torch.cat([self.conv_feature(x), self.FBI_encoder(maps)], 1)
        return self.volume_reg(self.conv_tail(fused)), maps


@pytest.fixture(scope='module')
def authors():
    """Their network with random weights and BN statistics, its volumes with clear peaks."""
    torch.manual_seed(0)
    model = AuthorsNetwork()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            module.momentum = 1.0
    nn.init.normal_(model.conv_tail[3].weight, std=0.1)
    with torch.no_grad():
        model(torch.randn(2, 3, 256, 256))  # takes over the statistics
    return model.eval()


@pytest.fixture(scope='module')
def weights(authors):
    return authors.state_dict()


@pytest.fixture(scope='module')
def tool(request):
    path = request.config.rootpath / 'tools/checkpoint_converters/hemlets2mmpose.py'
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture
def folder():
    """With a config in it. Unlike pytest's own, gone after the test: checkpoints are large."""
    with TemporaryDirectory() as name:
        (Path(name) / 'config.py').write_text(CONFIG)
        yield Path(name)


def test_converted_network_is_the_authors(tool, folder, authors, weights):
    assert len(weights) == 375
    assert sum(parameter.numel() for parameter in authors.parameters()) == 49614844
    torch.save(weights, folder / 'hemlets_h36m_lastest.pth')

    written = tool.convert(
        folder / 'hemlets_h36m_lastest.pth', folder / 'config.py', folder / 'ours.pth'
    )

    ours = build_meta_model(Config.fromfile(written).model).to_empty(device='cpu').eval()
    load_checkpoint(ours, str(folder / 'ours.pth'), map_location='cpu', strict=True)
    image = torch.randn(1, 3, 256, 256)
    with torch.inference_mode():
        coords, maps = authors(image)
        outputs = ours.head(ours.backbone(image))
    assert (coords.shape, maps.shape) == ((1, 18, 3), (1, 60, 64, 64))
    # Nothing would be proved by coordinates that are all near 0.
    assert (coords.std(dim=1) > 0.01).all()
    torch.testing.assert_close(outputs['coords'], coords, rtol=0, atol=1e-5)
    torch.testing.assert_close(outputs['maps'], maps, rtol=0, atol=1e-5 * maps.abs().max())


def test_every_weight_is_copied_unchanged(tool, folder, weights):
    torch.save(weights, folder / 'x.pth')
    tool.convert(folder / 'x.pth', folder / 'config.py', folder / 'ours.pth')
    content = torch.load(folder / 'ours.pth', weights_only=True)
    assert content['meta']['converted_from'] == 'x.pth'
    converted = content['state_dict']
    assert len(converted) == 374
    for theirs, ours in [
        ('backbone.layer3.0.downsample.0.weight', 'backbone.layer3.0.downsample.0.weight'),
        ('conv_feature.conv_body.7.running_var', 'head.feature_branch.deconv_layers.7.running_var'),
        ('conv_feature.conv_tail.bias', 'head.feature_branch.final_layer.bias'),
        ('conv_FBI.conv_body.0.weight', 'head.hemlets_branch.deconv_layers.0.weight'),
        ('conv_FBI.conv_tail.weight', 'head.hemlets_branch.final_layer.weight'),
        ('FBI_encoder.1.num_batches_tracked', 'head.hemlets_encoder.1.num_batches_tracked'),
        ('conv_tail.3.bias', 'head.volume_layers.3.bias'),
    ]:
        assert torch.equal(converted[ours], weights[theirs]), theirs
    total = sum(value.double().sum() for value in converted.values())
    kept = (value for key, value in weights.items() if key != 'volume_reg.dis_map')
    assert total == pytest.approx(sum(value.double().sum() for value in kept).item())


def test_command_line(run_python, root, folder, weights):
    """A wrapped checkpoint of DataParallel opens in MMPose and is tested as the authors do."""
    config = 'configs/hemlets/h36m/hemlets_res50_8xb32-25e_h36m-mpii-256x256.py'
    parallel = {f'module.{key}': value for key, value in weights.items()}
    torch.save({'epoch': 7, 'state_dict': parallel}, folder / 'x.pth')
    tool = 'tools/checkpoint_converters/hemlets2mmpose.py'
    done = run_python(tool, folder / 'x.pth', config, folder / 'out/y.pth')
    assert 'out/y.py' in done.stdout
    model = init_model(str(folder / 'out/y.py'), str(folder / 'out/y.pth'), device='cpu')
    assert torch.equal(model.backbone.conv1.weight, weights['backbone.conv1.weight'])
    assert model.dataset_meta['num_keypoints'] == 18
    written, given = Config.fromfile(folder / 'out/y.py'), Config.fromfile(root / config)
    assert written.model.test_cfg == dict(flip_test=True)
    assert written.to_dict() == given.to_dict()


def test_command_line_tells_what_is_wrong(tool, folder, monkeypatch):
    files = folder / 'none.pth', folder / 'config.py', folder / 'y.pth'
    monkeypatch.setattr('sys.argv', ['hemlets2mmpose.py', *map(str, files)])
    with pytest.raises(SystemExit, match='hemlets2mmpose: There is no checkpoint'):
        tool.run_converter(tool.convert, tool.__doc__)


def test_written_config_tests_as_the_authors_do(tool, folder):
    """Whatever the given one says."""
    (folder / 'x.py').write_text(tool.authors_test_config('config.py', 'x.pth'))
    written = Config.fromfile(folder / 'x.py').model
    assert written.test_cfg == dict(flip_test=True)
    preprocessor = written.data_preprocessor
    assert preprocessor.bgr_to_rgb is True
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert preprocessor.std == [58.395, 57.12, 57.375]
    assert written.head == Config.fromfile(folder / 'config.py').model.head


def refused(tool, folder, match, config='config.py'):
    with pytest.raises(ValueError, match=match):
        tool.convert(folder / 'x.pth', folder / config, folder / 'out/x.pth')
    assert not (folder / 'out').exists()


@pytest.mark.parametrize(
    ('key', 'match'),
    [
        ('conv_tail.3.bias', '1 missing: head.volume_layers.3.bias'),
        ('backbone.bn1.running_mean', '1 missing: backbone.bn1.running_mean'),
        ('FBI_encoder.0.weight', '1 missing: head.hemlets_encoder.0.weight'),
        ('volume_reg.dis_map', 'no checkpoint of .*: it has no volume_reg.dis_map'),
    ],
)
def test_refuses_a_missing_key(tool, folder, weights, key, match):
    torch.save({k: v for k, v in weights.items() if k != key}, folder / 'x.pth')
    refused(tool, folder, match)


@pytest.mark.parametrize(
    ('key', 'match'),
    [
        ('backbone.fc.weight', '1 unexpected: backbone.fc.weight'),
        ('conv_tail.4.weight', '1 unexpected: head.volume_layers.4.weight'),
        ('smpl.betas', 'No rule for 1 keys of the source: smpl.betas'),
        ('volume_reg.bias', 'No rule for 1 keys of the source: volume_reg.bias'),
    ],
)
def test_refuses_an_extra_key(tool, folder, weights, key, match):
    torch.save({**weights, key: torch.ones(1)}, folder / 'x.pth')
    refused(tool, folder, match)


@pytest.mark.parametrize(
    'table',
    [
        torch.arange(64).div(64).repeat(1, 18, 1),
        torch.linspace(0, 1, 64).repeat(1, 17, 1),
        torch.full((1, 18, 64), torch.nan),
    ],
)
def test_refuses_another_soft_argmax(tool, folder, weights, table):
    torch.save({**weights, 'volume_reg.dis_map': table}, folder / 'x.pth')
    refused(tool, folder, r'dis_map of shape .* is not linspace\(0, 1, 64\)')


@pytest.mark.parametrize(
    ('old', 'new', 'match'),
    [
        ('depth=50', 'depth=101', 'missing: backbone.layer3.6.*holds a ResNet-50'),
        ('in_channels=2048', 'in_channels=2048, use_hemlets=False', 'of another shape: head.hemle'),
        ('in_channels=2048', "in_channels=2048, align='left'", "align of the head to 'left'"),
        ('in_channels=2048', 'in_channels=2048, heatmap_size=[32, 32]', r'heatmap_size .*\(32, 32'),
        ('HEMletsHead', 'HeatmapHead', 'has the head HeatmapHead, expected HEMletsHead'),
    ],
)
def test_refuses_another_network(tool, folder, weights, old, new, match):
    torch.save(weights, folder / 'x.pth')
    (folder / 'other.py').write_text(CONFIG.replace(old, new))
    refused(tool, folder, f'(?s){match}', 'other.py')


def test_refuses_unsafe_and_truncated_files(tool, folder, weights):
    torch.save({'state_dict': weights, 'hook': os.path.join}, folder / 'x.pth')
    refused(tool, folder, r'x\.pth was refused')
    (folder / 'x.pth').write_bytes((folder / 'x.pth').read_bytes()[:-5000])
    refused(tool, folder, r'x\.pth cannot be read')


def test_refuses_to_write_over_its_input(tool, folder, weights):
    torch.save(weights, folder / 'x.pth')
    before = (folder / 'x.pth').stat()
    for destination in ('x.pth', 'config.pth'):
        with pytest.raises(ValueError, match='would replace'):
            tool.convert(folder / 'x.pth', folder / 'config.py', folder / destination)
    assert (folder / 'config.py').read_text() == CONFIG
    assert (folder / 'x.pth').stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_name_cannot_put_code_into_the_config(tool):
    text = tool.authors_test_config('base.py', 'x.pth\nimport os')
    assert not any(line.startswith('import') for line in text.splitlines())
