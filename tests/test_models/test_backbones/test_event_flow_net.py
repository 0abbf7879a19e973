import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.backbones import EventFlowNet


def net(**options):
    """A small one whose batch statistics are not those of a fresh one."""
    small = EventFlowNet(**{'base_channels': 4, **options})
    for module in small.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return small.eval()


def events(batch=2, height=32, width=48, channels=8):
    return (torch.rand(batch, channels, height, width) > 0.7).float()


def test_size_and_names():
    """Golden case 2: those of the authors."""
    full = EventFlowNet()
    weights = full.state_dict()
    assert sum(p.numel() for p in full.parameters()) == 3_337_984
    assert len(weights) == 112
    assert weights['encoders.0.conv_block.0.weight'].shape == (32, 8, 3, 3)
    assert weights['residual.conv_block.3.weight'].shape == (256, 256, 3, 3)
    assert weights['decoders.0.conv_block.0.weight'].shape == (512, 128, 3, 3)
    assert weights['decoders.1.conv_block.0.weight'].shape == (258, 64, 3, 3)
    assert weights['flows.0.conv_block.0.weight'].shape == (2, 128, 1, 1)
    half = EventFlowNet(base_channels=16)
    assert sum(p.numel() for p in half.parameters()) == 836_672


def test_pyramid_of_256_pixels():
    """Golden case 2."""
    with torch.no_grad():
        flows = EventFlowNet(base_channels=2)(events(2, 256, 256))
    assert [tuple(flow.shape) for flow in flows] == [(2, 2, n, n) for n in (32, 64, 128, 256)]


@pytest.mark.parametrize('batch', [1, 3])
def test_shapes_that_are_not_square(batch):
    flows = net(in_channels=5)(events(batch, 32, 48, 5))
    assert [tuple(flow.shape[2:]) for flow in flows] == [(4, 6), (8, 12), (16, 24), (32, 48)]
    assert all(len(flow) == batch and flow.std() > 0 for flow in flows)


def test_other_numbers_of_levels():
    flows = net(num_levels=2)(events(1, 12, 20))
    assert [tuple(flow.shape[2:]) for flow in flows] == [(6, 10), (12, 20)]


def test_residual_adds_to_what_it_gets():
    """One that adds 0 might as well not be there."""
    network, inputs = net(), events()
    before = network(inputs)
    torch.nn.init.zeros_(network.residual.conv_block[4].weight)
    torch.nn.init.zeros_(network.residual.conv_block[4].bias)
    flows = network(inputs)
    network.residual = torch.nn.Identity()
    for flow, expected, other in zip(flows, network(inputs), before, strict=True):
        assert torch.equal(flow, expected)
        assert flow.std() > 0
        assert not torch.equal(flow, other)


def test_decoders_see_features_then_flow_then_the_encoder():
    """The order of the channels in the authors' weights."""
    network, seen = net(max_flow=1.0), {}
    for name in ('encoders.2', 'flows.0', 'decoders.1'):
        network.get_submodule(name).register_forward_hook(
            lambda _, args, output, name=name: seen.update({name: (args[0], output)})
        )
    network(events())
    features, flow = seen['flows.0']
    expected = torch.cat([features, flow, seen['encoders.2'][1]], 1)
    assert torch.equal(seen['decoders.1'][0], expected)


def test_largest_flow():
    """Every scale has the same factor, by default the input's height."""
    network, inputs = net(), events()
    flows = network(inputs)
    network.max_flow = 8
    for flow, small in zip(flows, network(inputs), strict=True):
        torch.testing.assert_close(flow / 32, small / 8)
    for head in network.flows:
        torch.nn.init.constant_(head.conv_block[0].weight, 1e4)
    assert [flow.abs().max().item() for flow in network(inputs)] == [8, 8, 8, 8]


def test_length_of_the_window():
    network, inputs = net(), events()
    dt = torch.tensor([1.0, 4.0])
    plain = network(inputs)
    torch.testing.assert_close(network(inputs, dt), plain)
    network.dt_mode = 'divide'
    torch.testing.assert_close(network(inputs), plain)
    for flow, divided in zip(plain, network(inputs, dt), strict=True):
        torch.testing.assert_close(divided, flow / dt.view(2, 1, 1, 1))


def test_a_sample_does_not_depend_on_its_batch():
    network, inputs = net(), events(3)
    whole = network(inputs)
    for flow, alone in zip(whole, network(inputs[1:2]), strict=True):
        torch.testing.assert_close(flow[1:2], alone, atol=1e-5, rtol=1e-4)


def test_gradients_reach_all_weights():
    network = net().train()
    sum(flow.square().mean() for flow in network(events())).backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


def test_autocast_gives_float32():
    network, inputs = net(), events()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        flows = network(inputs)
    for flow, exact in zip(flows, network(inputs), strict=True):
        assert flow.dtype == torch.float32
        assert (flow - exact).abs().max() < 0.02 * 32


def test_stage_1_enters_by_init_cfg(tmp_path):
    source = net()
    weights = {f'flow_net.{key}': value for key, value in source.state_dict().items()}
    torch.save({'state_dict': weights}, tmp_path / 'stage1.pth')
    pretrained = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'stage1.pth'), prefix='flow_net.'
    )
    copy = MODELS.build(dict(type='EventFlowNet', base_channels=4, init_cfg=pretrained))
    copy.init_weights()
    inputs = events()
    for flow, expected in zip(copy.eval()(inputs), source(inputs), strict=True):
        assert torch.equal(flow, expected)


@pytest.mark.parametrize(
    ('shape', 'match'),
    [
        ((1, 8, 24, 32), 'multiples of 16, got 24 x 32: pad or resize'),
        ((1, 8, 32, 40), 'multiples of 16, got 32 x 40'),
        ((1, 4, 32, 32), r'\(B, 8, H, W\), got \(1, 4, 32, 32\)'),
        ((8, 32, 32), r'\(B, 8, H, W\), got \(8, 32, 32\)'),
    ],
)
def test_refuses_events(shape, match):
    with pytest.raises(ValueError, match=match):
        net()(torch.zeros(shape))


def test_refuses_lengths():
    with pytest.raises(ValueError, match=r'each of 2 windows, got \(3,\)'):
        net()(events(), torch.ones(3))


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(in_channels=0), 'at least 1, got 0, 32 and 4'),
        (dict(num_levels=0), 'at least 1'),
        (dict(max_flow=0), 'max_flow must be a positive number of px or None, got 0'),
        (dict(max_flow=float('nan')), 'max_flow must be'),
        (dict(dt_mode='times'), r"dt_mode must be one of \('none', 'divide'\), got 'times'"),
    ],
)
def test_refuses_options(options, match):
    with pytest.raises(ValueError, match=match):
        EventFlowNet(**options)
