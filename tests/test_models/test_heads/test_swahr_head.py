import copy

import pytest
import torch
from crowd_heads import features, make_head, make_samples
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_ext.models import HigherHRNetHead, SWAHRHead


@pytest.mark.parametrize(
    ('name', 'channels', 'parameters', 'branch'),
    [('w32', 32, 28_649_309, 3_978), ('w48', 48, 63_831_661, 4_522)],
)
def test_published_network(root, name, channels, parameters, branch):
    """The sizes of the authors' networks, and the number of keys in their checkpoints."""
    cfg = Config.fromfile(root / f'configs/_base_/backbones/hrnet-{name}.py').backbone
    cfg.pop('init_cfg', None)
    with torch.device('meta'):
        trunk = MODELS.build(cfg)
        head = SWAHRHead(in_channels=channels, deconv_out_channels=(channels,))
        plain = HigherHRNetHead(in_channels=channels, deconv_out_channels=(channels,))

    def count(*modules):
        return sum(parameter.numel() for module in modules for parameter in module.parameters())

    assert count(trunk, head) == parameters
    assert count(trunk, plain) == parameters - branch
    assert count(head.conv_scale_layers) == branch
    assert len(trunk.state_dict()) == 1752
    assert len(trunk.state_dict()) + len(head.state_dict()) == 1828


def test_branch_named_as_the_authors():
    ours, plain = make_head(SWAHRHead).state_dict(), make_head().state_dict()
    convs = {f'{i}.{kind}' for i in (0, 3) for kind in ('weight', 'bias')}
    norms = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
    branch = {f'{i}.{key}' for i in (0, 1) for key in convs | {f'1.{norm}' for norm in norms}}
    assert set(ours) - set(plain) == {f'conv_scale_layers.{key}' for key in branch}


@pytest.mark.parametrize('initialised', [True, False])
def test_scales_start_at_zero(initialised):
    head = SWAHRHead(in_channels=8, num_keypoints=3, deconv_out_channels=(8,), num_blocks=1)
    if initialised:
        head.init_weights()
    feats, samples = features(), make_samples()
    for level in head.forward_with_scales(feats):
        assert torch.equal(level[:, :3], torch.zeros_like(level[:, :3]))
    losses = head.loss(feats, samples)
    assert losses['loss_scale_0'].item() == losses['loss_scale_1'].item() == 0
    # The loss is HigherHRNet's with weights.
    plain = HigherHRNetHead(
        in_channels=8,
        num_keypoints=3,
        deconv_out_channels=(8,),
        num_blocks=1,
        heatmap_loss=dict(type='SWAHRHeatmapLoss'),
    )
    plain.load_state_dict(head.state_dict(), strict=False)
    for name, loss in plain.loss(feats, samples).items():
        assert loss == losses[name]


def test_outputs_with_scales_as_the_authors_order_them():
    head, feats = make_head(SWAHRHead).eval(), features()
    level0, level1 = head.forward_with_scales(feats)
    assert level0.shape == (2, 9, 16, 16)
    assert level1.shape == (2, 6, 32, 32)
    maps = head(feats)
    assert torch.equal(level0[:, 3:], maps[0])
    assert torch.equal(level1[:, 3:], maps[1])
    assert torch.equal(level0[:, :3], head.conv_scale_layers[0](feats[0]))


def test_features_of_a_level_do_not_see_the_scales():
    """The scale maps are not among what the deconvolution reads."""
    feats = features()
    head = make_head(SWAHRHead).eval()
    other = copy.deepcopy(head)
    for parameter in other.conv_scale_layers.parameters():
        torch.nn.init.normal_(parameter)
    for ours, theirs in zip(head(feats), other(feats), strict=True):
        assert torch.equal(ours, theirs)
    assert not torch.equal(head.forward_with_scales(feats)[0], other.forward_with_scales(feats)[0])


def test_prediction_leaves_the_branch_out(monkeypatch):
    head = make_head(SWAHRHead).eval()
    monkeypatch.setattr(SWAHRHead, '_predict_scales', None)
    head.predict(features(), make_samples())


def test_loss_sees_the_scales():
    feats, samples = features(), make_samples()
    adaptive = make_head(SWAHRHead)
    losses = adaptive.loss(feats, samples)
    scaled = adaptive.forward_with_scales(feats)
    for i, level in enumerate(scaled):
        heatmaps = torch.stack([sample.gt_fields[i].heatmaps for sample in samples])
        mask = torch.stack([sample.gt_fields[i].heatmap_mask for sample in samples])
        expected, penalty = adaptive.heatmap_loss(level[:, 3:6], heatmaps, mask, level[:, :3])
        torch.testing.assert_close(losses[f'loss_heatmap_{i}'], expected)
        torch.testing.assert_close(losses[f'loss_scale_{i}'], penalty)
        assert penalty > 0


def test_each_part_of_the_method_alone():
    """SAHR: scales without weights; WAHR: weights without scales."""
    feats, samples = features(), make_samples()
    sahr = make_head(SWAHRHead, heatmap_loss=dict(type='SWAHRHeatmapLoss', weight_adaptive=False))
    assert 'loss_scale_0' in sahr.loss(feats, samples)
    wahr = make_head(heatmap_loss=dict(type='SWAHRHeatmapLoss'))
    assert 'loss_scale_0' not in wahr.loss(feats, samples)
    assert sahr.heatmap_loss.weight_adaptive is False
    assert wahr.heatmap_loss.weight_adaptive is True
