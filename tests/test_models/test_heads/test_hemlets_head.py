import copy

import pytest
import torch
from hemlets_heads import ABLATIONS, CODEC, ablations, features, make_head, make_samples
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.models import HEMletsHead
from mmpose_ext.models.functional import soft_argmax_3d

# The published network.


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_published_network():
    with torch.device('meta'):
        backbone = MODELS.build({'type': 'ResNet', 'depth': 50})
        head = HEMletsHead(2048)
    assert {name: count(module) for name, module in head.named_children()} == {
        'feature_branch': 12847616,
        'hemlets_branch': 10625596,
        'hemlets_encoder': 139008,
        'volume_layers': 2494592,
        'loss_module': 0,
    }
    assert count(backbone) == 23508032
    assert count(backbone) + count(head) == 49614844
    assert len(backbone.state_dict()) + len(head.state_dict()) == 374


@ablations
def test_parameters_of_the_ablations(ablation):
    options, maps = ABLATIONS[ablation]
    with torch.device('meta'):
        head = HEMletsHead(2048, **options)
    branch = 10625596 - (60 - maps) * (9 * 256 + 1)
    encoder = 139008 - (60 - maps) * 9 * 256
    tail = 2494592 if maps else 2494592 - 256 * 1024
    assert count(head) == 12847616 + (branch + encoder if maps else 0) + tail
    assert hasattr(head, 'hemlets_branch') == hasattr(head, 'hemlets_encoder') == bool(maps)


def test_initialization():
    head = make_head()
    head.init_weights()
    for module in head.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.001, rel=0.2)
            assert module.bias is None or not module.bias.any()
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()


@ablations
@pytest.mark.parametrize('batch', [1, 3])
def test_shapes(batch, ablation):
    options, maps = ABLATIONS[ablation]
    pred = make_head(**options)(features(batch))
    assert pred['coords'].shape == (batch, 18, 3)
    assert pred['maps'].shape == (batch, maps, 16, 16)
    assert pred['coords'].abs().max() <= 0.5


@pytest.mark.parametrize('size', [(16, 8), (8, 16)])
def test_maps_need_not_be_square(size):
    w, h = size
    head = make_head(heatmap_size=size, decoder=None)
    pred = head((torch.randn(2, 8, h // 4, w // 4),))
    assert pred['maps'].shape == (2, 60, h, w)


class Fixed(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, _):
        return self.output


def test_a_channel_of_the_volume_is_a_joint_and_a_depth():
    """Channel 16 j + d is depth d of joint j, rows are y and columns are x."""
    head = make_head()
    volume = torch.zeros(1, 18 * 16, 16, 16)
    places = [(j % 16, (3 * j + 1) % 16, (5 * j + 2) % 16) for j in range(18)]  # x, y, z
    for joint, (x, y, z) in enumerate(places):
        volume[0, 16 * joint + z, y, x] = 1000.0
    head.volume_layers = Fixed(volume)
    expected = torch.tensor(places) / 15 - 0.5
    torch.testing.assert_close(head(features(1))['coords'][0], expected)


def test_fusion_is_the_published_one():
    """Raw predicted maps are encoded and stand behind the features."""
    head = make_head().eval()
    feats = features()
    pred = head(feats)
    maps = head.hemlets_branch(feats)
    fused = torch.cat([head.feature_branch(feats), head.hemlets_encoder(maps)], dim=1)
    volume = head.volume_layers(fused).reshape(3, 18, 16, 16, 16)
    torch.testing.assert_close(pred['maps'], maps)
    torch.testing.assert_close(pred['coords'], soft_argmax_3d(volume))
    assert maps.min() < 0


def test_coordinates_train_the_hemlets_branch():
    head = make_head()
    head(features())['coords'][..., 2].sum().backward()
    for name, parameter in head.named_parameters():
        # A constant of a whole volume does not move its soft-argmax, nor do biases before a
        # batch norm; the last layer's is one for each depth.
        if not name.endswith('bias') or name == 'volume_layers.3.bias':
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize('order', ['heatmaps_first', 'hemlets_first'])
def test_order_of_the_maps(order):
    head = make_head(map_order=order)
    maps = torch.arange(60.0).view(1, 60, 1, 1).expand(2, 60, 16, 16)
    split = head.split_maps(maps)
    heatmaps, hemlets = (split[name][0, :, 0, 0].tolist() for name in ('heatmaps', 'hemlets'))
    joined = heatmaps + hemlets if order == 'heatmaps_first' else hemlets + heatmaps
    assert (len(heatmaps), len(hemlets)) == (18, 42)
    assert joined == list(range(60))


# Other backbones.


def test_hrnet_without_deconvolutions(root):
    head = {
        'type': 'HEMletsHead',
        'in_channels': 32,
        'heatmap_size': (16, 16),
        'depth_size': 16,
        'deconv_out_channels': (),
        'feature_channels': 16,
        'tail_channels': 16,
        'decoder': CODEC,
    }
    stage = {'num_modules': 1, 'block': 'BASIC'}
    extra = {
        'stage1': {
            'num_modules': 1,
            'num_branches': 1,
            'block': 'BOTTLENECK',
            'num_blocks': (1,),
            'num_channels': (64,),
        },
        'stage2': {'num_branches': 2, 'num_blocks': (1, 1), 'num_channels': (32, 64), **stage},
        'stage3': {'num_branches': 3, 'num_blocks': (1,) * 3, 'num_channels': (32, 64, 128)},
        'stage4': {'num_branches': 4, 'num_blocks': (1,) * 4, 'num_channels': (32, 64, 128, 256)},
    }
    extra['stage3'].update(stage)
    extra['stage4'].update(stage)
    model = MODELS.build(
        {
            'type': 'TopdownPoseEstimator',
            'backbone': {'type': 'HRNet', 'extra': extra},
            'head': head,
            'test_cfg': {'flip_test': True, 'output_heatmaps': True},
        }
    )
    images = torch.randn(2, 3, 64, 64)
    losses = model.loss(images, make_samples(2))
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    assert model.backbone.conv1.weight.grad.any()
    assert isinstance(model.head.feature_branch.deconv_layers, nn.Identity)
    model.eval()
    with torch.no_grad():
        results = model.predict(images, make_samples(2))
    assert results[0].pred_instances.keypoints.shape == (1, 18, 3)
    assert results[0].pred_fields.hemlets.shape == (42, 16, 16)


# Training.


@ablations
def test_losses_equal_the_formula(ablation):
    options, _ = ABLATIONS[ablation]
    head, feats, samples = make_head(**options).eval(), features(), make_samples()
    pred, losses = head(feats), head.loss(feats, samples)
    coord = heatmap = hemlets = 0.0
    for i, sample in enumerate(samples):
        labels, fields = sample.gt_instance_labels, sample.gt_fields
        error = (pred['coords'][i] - labels.keypoint_labels[0]).abs()
        coord += (error[:, :2] * labels.keypoint_weights[0, :, None]).sum() / 3
        coord += (error[:, 2] * labels.keypoint_depth_weights[0]).sum() / 3
        maps = head.split_maps(pred['maps'][i : i + 1])
        if 'heatmaps' in maps:
            squares = (maps['heatmaps'][0] - fields.heatmaps) ** 2
            heatmap += 0.05 / 3 * (squares * labels.keypoint_weights[0, :, None, None]).sum()
        if 'hemlets' in maps:
            squares = ((maps['hemlets'][0] - fields.hemlets) ** 2).view(14, 3, 16, 16)
            hemlets += 0.05 / 3 * (squares * labels.part_weights[0, :, None, None, None]).sum()
    expected = {'loss_coord': coord, 'loss_heatmap': heatmap, 'loss_hemlets': hemlets}
    for name, value in expected.items():
        assert (name in losses) == bool(value)
        if value:
            torch.testing.assert_close(losses[name], value)
    assert losses.keys() - expected.keys() == {'acc_pose', 'mpjpe'}
    assert not losses['mpjpe'].requires_grad


@pytest.mark.parametrize('kind', ['2d', 'polarity'])
def test_the_depth_label_of_a_2d_sample_does_not_matter(kind):
    head, feats = make_head().eval(), features()
    gradients = []
    for depth in (0.0, 0.4):
        samples = make_samples(3, ['3d', kind])
        samples[1].gt_instance_labels.keypoint_labels[..., 2] = depth
        losses = head.loss(feats, samples)
        head.zero_grad()
        sum(value for name, value in losses.items() if name.startswith('loss')).backward()
        gradients.append([losses['loss_coord'], *(p.grad.clone() for p in head.parameters())])
    for first, second in zip(*gradients, strict=True):
        assert torch.equal(first, second)


def test_2d_samples_without_polarities_have_no_loss_of_hemlets():
    head, feats = make_head().eval(), features()
    assert head.loss(feats, make_samples(3, ['2d']))['loss_hemlets'] == 0
    assert head.loss(feats, make_samples(3, ['polarity']))['loss_hemlets'] > 0


def test_mpjpe_is_in_mm_over_joints_with_a_depth():
    head, feats, samples = make_head().eval(), features(), make_samples(3)
    first = samples[0].gt_instance_labels
    error = 2000 * (head(feats)['coords'][0] - first.keypoint_labels[0]).norm(dim=-1)
    expected = error[first.keypoint_depth_weights[0] > 0].mean()
    torch.testing.assert_close(head.loss(feats, samples)['mpjpe'], expected)


def test_accuracy_is_the_share_within_5_percent_of_the_crop():
    """Off in x and y: 0.048, 0.052 and 0.4 of the crop; the depth does not matter."""
    head, samples = make_head().eval(), make_samples(3, ['3d'])
    pred = head(features())
    labels = [sample.gt_instance_labels for sample in samples]
    truth, weights = (
        torch.cat([getattr(label, name) for label in labels])
        for name in ('keypoint_labels', 'keypoint_weights')
    )
    pred['coords'] = truth + torch.tensor([0.0, 0.0, 0.3])
    assert head.loss_by_feat(pred, samples)['acc_pose'] == 1
    for number, offset in enumerate(([0.0, 0.048], [0.052, 0.0], [0.24, -0.32])):
        pred['coords'][number, :, :2] += torch.tensor(offset)
    expected = weights[0].sum() / weights.sum()
    torch.testing.assert_close(head.loss_by_feat(pred, samples)['acc_pose'], expected)


def test_learns_a_batch():
    head, feats, samples = make_head(), features(), make_samples(3, ['3d'])
    optimizer = torch.optim.Adam(head.parameters(), lr=0.003)
    history = []
    for _ in range(150):
        losses = head.loss(feats, samples)
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if name.startswith('loss')).backward()
        optimizer.step()
        history.append(losses)
    for name in ('loss_coord', 'loss_heatmap', 'loss_hemlets', 'mpjpe'):
        assert history[-1][name] < 0.5 * history[0][name], name


def test_autocast_keeps_coordinates_and_losses_in_float32():
    head, feats, samples = make_head(), features(), make_samples()
    expected, losses = copy.deepcopy(head)(feats), head.loss(feats, samples)
    with torch.autocast('cpu', torch.bfloat16):
        pred = copy.deepcopy(head)(feats)
        low = head.loss(feats, samples)
    assert pred['coords'].dtype == torch.float32
    # The logits, which have 8 bits, reach far enough apart for this.
    error = (pred['coords'] - expected['coords']).abs()
    assert error.mean() < 0.05 * expected['coords'].std()
    for name, value in losses.items():
        assert low[name].dtype == torch.float32
        torch.testing.assert_close(low[name], value, rtol=0.05, atol=0.01)
    low['loss_coord'].backward()
    assert all(p.grad.isfinite().all() for p in head.parameters() if p.grad is not None)


# Bad input.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'align': 'center'}, "align .*'center'"),
        ({'map_order': 'mixed'}, "map_order .*'mixed'"),
        ({'heatmap_size': (16, 32)}, r'disagree: heatmap_size \(16, 32\) and \(16, 16\)'),
        ({'depth_size': 32}, 'disagree: depth_size 32 and 16'),
        ({'align': 'left'}, 'disagree: align left and corner'),
        ({'num_joints': 17}, 'disagree: num_joints 17 and 18'),
        ({'num_parts': 13}, 'disagree: num_parts 13 and 14'),
        ({'deconv_kernel_sizes': (4,)}, 'same length'),
    ],
)
def test_constructor_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_a_feature_map_that_does_not_fit():
    with pytest.raises(ValueError, match=r'\(2, 8, 8, 8\) gives maps of \(32, 32\).*\(16, 16\)'):
        make_head()((torch.zeros(2, 8, 8, 8),))


def test_config_lists_are_taken_for_tuples():
    decoder = {**CODEC, 'heatmap_size': [16, 16], 'input_size': [64, 64]}
    head = make_head(decoder=decoder, heatmap_size=[16, 16], deconv_out_channels=[8, 8])
    assert head(features())['maps'].shape == (3, 60, 16, 16)
