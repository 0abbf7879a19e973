import os
import pickle
import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from plain_eventhpe import PlainFlowNet, PlainShapeNet, shake

from mmpose_ext.apis import load_model
from mmpose_ext.models.body_models.rotations import rotation_6d_to_matrix

WIDTH, STEPS, SIZE = 8, 3, 64
CHANNELS = 32 * WIDTH
FLOW_CONFIG = """
model = dict(
    type='EventFlowEstimator',
    flow_net=dict(type='EventFlowNet', base_channels=4, max_flow=8))
"""
SHAPE_CONFIG = f"""
model = dict(
    type='EventHPE',
    flow_source='file',
    state_from='features',
    backbone=dict(
        type='ResNet', depth=50, in_channels=10, base_channels={WIDTH}, stem_channels={WIDTH},
        style='pytorch'),
    neck=dict(type='TemporalGRU', in_channels={CHANNELS}, hidden_channels={CHANNELS}),
    head=dict(
        type='ShapeVariationHead', in_channels={CHANNELS}, output_scale=0.1,
        body_model=dict(type='SMPLBody', model_path='mannequin-coarse')))
"""
BOTH_CONFIG = (
    SHAPE_CONFIG
    + """
model['flow_source'] = 'net'
model['flow_net'] = dict(type='EventFlowNet', base_channels=4, max_flow=8)
"""
)


@pytest.fixture(scope='module')
def tool(request):
    path = request.config.rootpath / 'tools/checkpoint_converters/eventhpe2mmpose.py'
    return SimpleNamespace(**runpy.run_path(str(path)))


@pytest.fixture
def folder():
    """Unlike pytest's own, gone after the test: checkpoints are large."""
    with TemporaryDirectory() as name:
        path = Path(name)
        for config, text in (('flow', FLOW_CONFIG), ('shape', SHAPE_CONFIG), ('both', BOTH_CONFIG)):
            (path / f'{config}.py').write_text(text)
        yield path


@pytest.fixture(scope='module')
def flow_net():
    torch.manual_seed(1)
    return shake(PlainFlowNet(base=4))


@pytest.fixture(scope='module')
def shape_net():
    torch.manual_seed(2)
    return shake(PlainShapeNet(width=WIDTH))


def as_trained(network, prefix=''):
    """A shape file as the authors' train script writes it, with SMPL and Adam's state."""
    weights = {prefix + key: value for key, value in network.state_dict().items()}
    weights[f'{prefix}smpl.v_template'] = torch.zeros(6890, 3)
    weights[f'{prefix}smpl.e3'] = torch.eye(3)
    optimizer = torch.optim.Adam(network.parameters())
    return {'model_state_dict': weights, 'optimizer_state_dict': optimizer.state_dict()}


def clip():
    torch.manual_seed(3)
    events = (torch.rand(2, STEPS, 8, SIZE, SIZE) > 0.9).float()
    flow = 40 * torch.rand(2, STEPS, 2, SIZE, SIZE) - 20
    start = dict(
        rotmats=rotation_6d_to_matrix(torch.randn(2, 24, 6), layout='columns'),
        transl=torch.randn(2, 3),
        betas=torch.zeros(2, 10),
        features=torch.randn(2, CHANNELS),
    )
    samples = [
        PoseDataSample(metainfo=dict(recording='a', frame_ids=list(range(0, 7, 2)))) for _ in '12'
    ]
    for index, sample in enumerate(samples):
        one = InstanceData(**{name: value[index : index + 1] for name, value in start.items()})
        sample.set_field(one, 'start', dtype=InstanceData)
    return events, flow, start, samples


def test_full_size_of_the_authors_networks():
    """Golden cases 2 and 25: what the converter is checked against is of their sizes."""
    flow = PlainFlowNet()
    assert sum(p.numel() for p in flow.parameters()) == 3_337_984
    assert len(flow.state_dict()) == 112
    with torch.device('meta'):
        shape = PlainShapeNet()
    assert sum(p.numel() for p in shape.parameters()) == 49_009_299
    assert len(shape.img_encoder.state_dict()) == 318


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_flow_network_is_the_authors(tool, folder, flow_net, prefix):
    """Golden case 39, at a size that is not square and a window of 2 steps."""
    weights = {prefix + key: value for key, value in flow_net.state_dict().items()}
    torch.save(weights, folder / 'theirs.pkl')
    for _ in range(2):
        written = tool.convert(folder / 'theirs.pkl', folder / 'flow.py', folder / 'out/ours.pth')
        ours = load_model(written, folder / 'out/ours.pth')
    events = (torch.rand(2, 8, 64, 48) > 0.8).float()
    with torch.no_grad():
        for dt in (1, 2):
            theirs = flow_net(events, dt)
            flows = ours(dict(events=events, dt=torch.full((2,), float(dt))))
            for flow, expected in zip(flows, theirs, strict=True):
                assert expected.std() > 0.01
                torch.testing.assert_close(flow, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_shape_network_is_the_authors(tool, folder, shape_net, prefix):
    """Golden case 39."""
    torch.save(as_trained(shape_net, prefix), folder / 'theirs.pkl')
    written = tool.convert(folder / 'theirs.pkl', folder / 'shape.py', folder / 'out/ours.pth')
    ours = load_model(written, folder / 'out/ours.pth')
    events, flow, start, samples = clip()
    with torch.no_grad():
        poses, places = shape_net(
            events, flow, start['rotmats'], start['transl'], start['features']
        )
        pred = ours(dict(events=events, flow=flow), samples)
    assert poses.std(dim=1).mean() > 0.1
    torch.testing.assert_close(pred['rotmats'], poses, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pred['transl'], places, atol=1e-5, rtol=1e-5)


def test_both_networks_into_one_model(tool, folder, flow_net, shape_net):
    torch.save(flow_net.state_dict(), folder / 'flow.pkl')
    torch.save(as_trained(shape_net), folder / 'shape.pkl')
    files = (folder / 'shape.pkl', folder / 'both.py', folder / 'out/ours.pth')
    written = tool.convert(*files, flow=folder / 'flow.pkl')
    ours = load_model(written, folder / 'out/ours.pth')
    events, _, start, samples = clip()
    with torch.no_grad():
        flow = flow_net(events.flatten(0, 1))[-1].unflatten(0, events.shape[:2])
        poses, places = shape_net(
            events, flow, start['rotmats'], start['transl'], start['features']
        )
        pred = ours(dict(events=events), samples)
    torch.testing.assert_close(pred['rotmats'], poses, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(pred['transl'], places, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match=r'runs the flow network too: give .* as --flow'):
        tool.convert(*files)


def test_written_config_is_the_authors(tool, folder):
    """What a user has set otherwise does not stay, and nothing else changes."""
    (folder / 'x.py').write_text(tool.authors_test_config('EventHPE', True, 'both.py', 'y.pkl'))
    written, given = Config.fromfile(folder / 'x.py'), Config.fromfile(folder / 'both.py')
    given.model.head.output_scale = 1.0
    given.model.flow_net.update(max_flow=None, dt_mode='divide')
    assert written.to_dict() == given.to_dict()
    text = tool.authors_test_config('EventHPE', False, 'shape.py', 'x.pkl\nimport os')
    assert 'flow_net' not in text
    assert not any(line.startswith('import') for line in text.splitlines())


def test_command_line(run_python, folder, flow_net, shape_net):
    torch.save(flow_net.state_dict(), folder / 'flow.pkl')
    torch.save(as_trained(shape_net), folder / 'shape.pkl')
    done = run_python(
        *('tools/checkpoint_converters/eventhpe2mmpose.py', folder / 'shape.pkl'),
        *(folder / 'both.py', folder / 'out/x.pth', '--flow', folder / 'flow.pkl'),
    )
    assert 'x.py' in done.stdout
    converted = torch.load(folder / 'out/x.pth', weights_only=True)['state_dict']
    assert len(converted) == 112 + len(shape_net.state_dict())
    assert torch.equal(
        converted['head.dectrans.weight'], shape_net.state_dict()['regressor.dectrans.weight']
    )


def refused(tool, folder, weights, config, match, **options):
    torch.save(weights, folder / 'x.pkl')
    with pytest.raises(ValueError, match=f'(?s){match}'):
        tool.convert(folder / 'x.pkl', folder / config, folder / 'out/x.pth', **options)
    assert not (folder / 'out').exists()


def test_refuses_what_does_not_fit(tool, folder, flow_net, shape_net):
    flow, shape = flow_net.state_dict(), shape_net.state_dict()
    refused(tool, folder, flow, 'shape.py', 'flow network, 8 channels.*of EventHPE: take a config')
    refused(tool, folder, shape, 'flow.py', 'shape network, 10 channels.*take a config of EventHPE')
    wider = PlainFlowNet(base=8).state_dict()
    refused(tool, folder, wider, 'flow.py', 'of another shape.*8 channels of events, first layer')
    gray = PlainFlowNet(inputs=2, base=4).state_dict()
    refused(tool, folder, gray, 'flow.py', r'\(4, 2, 3, 3\) instead of \(4, 8, 3, 3\)')
    no_flow = PlainShapeNet(inputs=8, width=WIDTH).state_dict()
    refused(tool, folder, no_flow, 'shape.py', r'backbone.conv1.weight .* instead of .*8 channels')
    lacking = {key: value for key, value in shape.items() if 'bn1.running_var' not in key}
    refused(tool, folder, lacking, 'shape.py', 'missing: backbone.bn1.running_var')
    reverse = {**shape, 'tmp_encoder.gru.weight_ih_l0_reverse': torch.zeros(1)}
    refused(tool, folder, reverse, 'shape.py', '1 unexpected: neck.gru.weight_ih_l0_reverse')
    other = {**shape, 'tmp_encoder.linear.weight': torch.zeros(1)}
    refused(tool, folder, other, 'shape.py', 'No rule for 1 keys of the source: tmp_encoder.linear')
    refused(tool, folder, {'fc.weight': torch.zeros(1)}, 'flow.py', 'no checkpoint of EventHPE')
    flow_file = folder / 'y.pkl'
    torch.save(flow, flow_file)
    refused(tool, folder, flow, 'flow.py', 'no place for a second network', flow=flow_file)
    refused(tool, folder, shape, 'shape.py', 'no place for a second network', flow=flow_file)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ('executed',)


@pytest.mark.parametrize('legacy', [False, True])
def test_refuses_a_malicious_file(tool, folder, monkeypatch, legacy):
    """Golden case 39: refused, and nothing of it has run."""
    monkeypatch.chdir(folder)
    content = {'encoders.0.conv_block.0.weight': Malicious()}
    if legacy:
        (folder / 'x.pkl').write_bytes(pickle.dumps(content))
    else:
        torch.save(content, folder / 'x.pkl')
    with pytest.raises(ValueError, match=r'x\.pkl'):
        tool.convert(folder / 'x.pkl', folder / 'flow.py', folder / 'out/x.pth')
    assert not (folder / 'executed').exists()
    assert not (folder / 'out').exists()
