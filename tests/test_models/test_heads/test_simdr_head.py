import copy

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads import SimCCHead
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.codecs import SimDRLabel
from mmpose_ext.models import SimDRHead

SIZE = (64, 96)
FLIP = [0, 2, 1, 4, 3]
SIGMA = (5.0, 7.0)
AS_MMPOSE = {
    'type': 'SimDRLabel',
    'input_size': SIZE,
    'smoothing_type': 'gaussian',
    'sigma': SIGMA,
    'round_center': True,
    'score_type': 'raw',
    'score_reduction': 'min',
    'reject_nonpositive': True,
}
KL = {'type': 'SimDRKLLoss', 'reduction': 'batch_sum'}


def make_head(decoder=None, **options):
    """A head for feature maps of stride 4, without deconvolutions."""
    options = {
        'in_channels': 8,
        'out_channels': 5,
        'input_size': SIZE,
        'in_featuremap_size': (16, 24),
        'deconv_out_channels': None,
        'decoder': decoder or {'type': 'SimDRLabel', 'input_size': SIZE},
        **options,
    }
    return SimDRHead(**options)


def features(batch=3):
    return (torch.randn(batch, 8, 24, 16),)


def make_samples(codec, batch=3):
    """Samples with the codec's labels, some keypoints unlabelled."""
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(batch):
        keypoints = rng.uniform(0, 63, (1, 5, 2)).astype(np.float32)
        visible = (rng.random((1, 5)) < 0.7).astype(np.float32)
        sample = PoseDataSample(metainfo={'flip_indices': FLIP, 'input_size': SIZE})
        sample.gt_instance_labels = InstanceData(**codec.encode(keypoints, visible)).to_tensor()
        samples.append(sample)
    return samples


# The published networks.


def hrnet(width):
    branches = [(width,), (width, 2 * width), (width, 2 * width, 4 * width)]
    channels = [(64,), *branches[1:], (width, 2 * width, 4 * width, 8 * width)]
    extra = {}
    for stage, (modules, width_of) in enumerate(zip((1, 1, 4, 3), channels, strict=True), start=1):
        extra[f'stage{stage}'] = {
            'num_modules': modules,
            'num_branches': stage,
            'block': 'BOTTLENECK' if stage == 1 else 'BASIC',
            'num_blocks': (4,) * stage,
            'num_channels': width_of,
        }
    return {'type': 'HRNet', 'in_channels': 3, 'extra': extra}


RES50 = {'type': 'ResNet', 'depth': 50}


@pytest.mark.parametrize(
    ('backbone', 'options', 'parameters'),
    [
        (RES50, {'in_channels': 2048, 'size': (192, 256), 'stride': 32}, 36_753_105),
        (hrnet(32), {'in_channels': 32, 'size': (192, 256)}, 31_289_521),
        (hrnet(32), {'in_channels': 32, 'size': (64, 64), 'ratio': 3}, 28_634_801),
        (hrnet(48), {'in_channels': 48, 'size': (288, 384), 'ratio': 1.5}, 70_564_049),
        (RES50, {'in_channels': 2048, 'size': (192, 256), 'stride': 32, 'maps': 28}, 25_688_476),
    ],
)
def test_published_numbers_of_parameters(backbone, options, parameters):
    stride = options.get('stride', 4)
    has_deconv = stride == 32 and 'maps' not in options
    head = {
        'type': 'SimDRHead',
        'in_channels': options['in_channels'],
        'out_channels': 17,
        'input_size': options['size'],
        'in_featuremap_size': tuple(s // stride for s in options['size']),
        'simcc_split_ratio': options.get('ratio', 2),
        'channels_per_keypoint': options.get('maps', 1),
    }
    if not has_deconv:
        head['deconv_out_channels'] = None
    with torch.device('meta'):
        model = torch.nn.ModuleList([MODELS.build(backbone), MODELS.build(head)])
    assert sum(p.numel() for p in model.parameters()) == parameters
    names = {'final_layer', 'mlp_head_x', 'mlp_head_y'}
    if has_deconv:
        names = {'deconv_head', 'mlp_head_x', 'mlp_head_y'}
        assert 'deconv_head.deconv_layers.6.weight' in model[1].state_dict()
        assert 'deconv_head.final_layer.bias' in model[1].state_dict()
    assert {name.split('.')[0] for name in model[1].state_dict()} == names


def test_channels_are_keypoint_major():
    head = make_head(channels_per_keypoint=3)
    (feature,) = features(2)
    x, y = head((feature,))
    maps = head.final_layer(feature)
    for k in range(5):
        joined = maps[:, 3 * k : 3 * k + 3].reshape(2, -1)
        torch.testing.assert_close(x[:, k], head.mlp_head_x(joined))
        torch.testing.assert_close(y[:, k], head.mlp_head_y(joined))


@pytest.mark.parametrize('maps', [1, 4])
@pytest.mark.parametrize('deconv', [None, (16, 16)])
@pytest.mark.parametrize('batch', [1, 3])
def test_shapes_of_the_predictions(batch, deconv, maps):
    kernels = deconv and (4, 4)
    head = make_head(
        deconv_out_channels=deconv, deconv_kernel_sizes=kernels, channels_per_keypoint=maps
    )
    x, y = head(features(batch))
    assert (x.shape, y.shape) == ((batch, 5, 128), (batch, 5, 192))
    assert head.out_channels == 5


@pytest.mark.parametrize('linear_init', ['default', 'normal'])
def test_initialization(linear_init):
    head = make_head(linear_init=linear_init)
    head.init_weights()
    assert head.final_layer.weight.std().item() == pytest.approx(0.001, rel=0.3)
    assert (head.final_layer.bias == 0).all()
    if linear_init == 'normal':
        assert head.mlp_head_x.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert (head.mlp_head_x.bias == 0).all()
    else:  # uniform in +-1/sqrt(in_features)
        limit = 384**-0.5
        assert head.mlp_head_x.weight.abs().max().item() == pytest.approx(limit, rel=0.01)
        assert head.mlp_head_x.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)
        assert head.mlp_head_x.bias.any()


# MMPose's numbers.


@pytest.fixture
def pair():
    """The same head in MMPose's class and, with its numbers, in ours."""
    theirs = SimCCHead(
        *(8, 5, SIZE, (16, 24)),
        deconv_out_channels=None,
        decoder={'type': 'SimCCLabel', 'input_size': SIZE, 'sigma': SIGMA},
    )
    ours = make_head(AS_MMPOSE, linear_init='normal', loss=KL)
    ours.load_state_dict(theirs.state_dict())
    return theirs.eval(), ours.eval()


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('heatmaps', [False, True])
def test_predicts_bit_for_bit_like_mmpose(pair, flip, heatmaps):
    _theirs, ours = pair
    # Lowered, so that some scores are above 0 and some below.
    for head in pair:
        head.mlp_head_x.bias.data.sub_(1.0)
    feats = [features(), features()] if flip else features()
    samples = make_samples(ours.decoder)
    config = {'flip_test': flip, 'output_heatmaps': heatmaps, 'shift_bins': 0}
    expected, preds = (head.predict(feats, samples, config) for head in pair)
    if heatmaps:
        (expected, fields), (preds, our_fields) = expected, preds
        for a, b in zip(our_fields, fields, strict=True):
            torch.testing.assert_close(a.heatmaps, b.heatmaps, rtol=0, atol=0)
    scores = np.concatenate([instance.keypoint_scores for instance in expected])
    assert scores.min() <= 0 < scores.max()
    for a, b in zip(preds, expected, strict=True):
        assert set(a.keys()) == set(b.keys())
        for key, value in b.items():
            np.testing.assert_array_equal(a[key], value, strict=True)


def test_loss_and_accuracy_equal_mmpose(pair):
    theirs, ours = pair
    feats, samples = features(), make_samples(SimDRLabel(SIZE, 'gaussian', round_center=True))
    expected, losses = theirs.loss(feats, samples), ours.loss(feats, samples)
    assert losses.keys() == expected.keys()
    torch.testing.assert_close(losses['loss_kpt'], expected['loss_kpt'])
    assert losses['acc_pose'].item() == pytest.approx(expected['acc_pose'].item())


def test_takes_mmposes_codec_and_loss(pair):
    theirs, _ = pair
    ours = make_head(
        {'type': 'SimCCLabel', 'input_size': SIZE},
        loss={'type': 'KLDiscretLoss', 'use_target_weight': True},
    )
    ours.load_state_dict(theirs.state_dict())
    feats, samples = features(), make_samples(ours.decoder)
    assert ours.loss(feats, samples)['loss_kpt'] == theirs.loss(feats, samples)['loss_kpt']
    for a, b in zip(
        ours.predict(feats, samples, {}), theirs.predict(feats, samples, {}), strict=True
    ):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)


# Flip test.


@pytest.mark.parametrize(
    ('smoothing_type', 'config', 'shift', 'average'),
    [
        ('index', {}, 1, 'probability'),
        ('gaussian', {}, 1, 'logit'),
        ('index', {'shift_bins': 0, 'flip_average': 'logit'}, 0, 'logit'),
        ('gaussian', {'shift_bins': 2, 'flip_average': 'probability'}, 2, 'probability'),
    ],
)
def test_flip_test_as_published(smoothing_type, config, shift, average):
    decoder = {'type': 'SimDRLabel', 'input_size': SIZE, 'smoothing_type': smoothing_type}
    head = make_head(decoder).eval()
    first, second = features(), features()
    preds = head.predict([first, second], make_samples(head.decoder), {'flip_test': True, **config})
    (x, y), (x_flip, y_flip) = head(first), head(second)
    x_flip, y_flip = x_flip[:, FLIP].flip(-1), y_flip[:, FLIP]
    if shift:
        x_flip = torch.cat([x_flip[..., shift:], x_flip[..., -shift:]], dim=-1)
    if average == 'probability':
        p = [(a.softmax(-1) + b.softmax(-1)) / 2 for a, b in ((x, x_flip), (y, y_flip))]
    else:
        p = [((a + b) / 2).softmax(-1) for a, b in ((x, x_flip), (y, y_flip))]
    peaks, bins = zip(*(q.max(-1) for q in p), strict=True)
    reduce = torch.minimum if smoothing_type == 'gaussian' else torch.maximum
    scores = np.concatenate([instance.keypoint_scores for instance in preds])
    keypoints = np.concatenate([instance.keypoints for instance in preds])
    np.testing.assert_allclose(scores, reduce(*peaks).detach(), rtol=1e-5)
    np.testing.assert_array_equal(keypoints, torch.stack(bins, -1) / 2)


@pytest.mark.parametrize('deconv', [None, (8,)])
def test_flip_test_runs_the_head_once_with_equal_numbers(deconv, monkeypatch):
    kernels = {} if deconv is None else {'deconv_kernel_sizes': (4,), 'in_featuremap_size': (8, 12)}
    head = make_head(deconv_out_channels=deconv, **kernels)
    size = (12, 8) if deconv else (24, 16)
    pair = [(torch.randn(3, head.in_channels, *size),) for _ in range(2)]
    with torch.no_grad():
        head(pair[0])  # moves the statistics of the batch norms
        head.eval()
        expected = head(pair[0]), head(pair[1])
        calls = []
        forward = head.forward
        monkeypatch.setattr(head, 'forward', lambda feats: calls.append(feats) or forward(feats))
        preds = head._forward_pair(*pair)
        assert [len(feats[-1]) for feats in calls] == [6]
        torch.testing.assert_close(preds, expected, rtol=1e-5, atol=1e-6)
        head.train()
        head._forward_pair(*pair)
    assert [len(feats[-1]) for feats in calls] == [6, 3, 3]


def test_heatmaps_are_products_of_the_probabilities():
    head = make_head().eval()
    preds, fields = head.predict(features(), make_samples(head.decoder), {'output_heatmaps': True})
    for instance, field in zip(preds, fields, strict=True):
        x, y = instance.keypoint_x_labels, instance.keypoint_y_labels
        assert (x.shape, y.shape, field.heatmaps.shape) == ((1, 5, 128), (1, 5, 192), (5, 192, 128))
        np.testing.assert_allclose([x.sum(-1), y.sum(-1)], 1, rtol=1e-5)
        np.testing.assert_allclose(field.heatmaps, y[0, :, :, None] * x[0, :, None, :], rtol=1e-5)
        peak = field.heatmaps.flatten(1).argmax(-1)
        bins = torch.stack([peak % 128, peak // 128], -1)
        np.testing.assert_array_equal(instance.keypoints[0], bins / 2)


def test_predicts_visibilities():
    head = make_head({'type': 'SimDRLabel', 'input_size': SIZE, 'decode_visibility': True}).eval()
    (instance, *_) = head.predict(features(), make_samples(head.decoder))
    assert instance.keypoints_visible.shape == instance.keypoint_scores.shape == (1, 5)


# Training.


@pytest.mark.parametrize(
    ('smoothing_type', 'loss'),
    [('index', None), ('gaussian', {'type': 'SimDRKLLoss'}), ('standard', {'type': 'SimDRKLLoss'})],
)
def test_learns_a_batch(smoothing_type, loss):
    decoder = {'type': 'SimDRLabel', 'input_size': SIZE, 'smoothing_type': smoothing_type}
    head = make_head({**decoder, 'sigma': 2.0}, loss=loss)
    feats, samples = features(), make_samples(head.decoder)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    history = []
    for _ in range(60):
        losses = head.loss(feats, samples)
        optimizer.zero_grad()
        losses['loss_kpt'].backward()
        optimizer.step()
        history.append(losses['loss_kpt'].item())
    assert history[-1] < 0.5 * history[0]
    assert losses['acc_pose'].item() == 1.0


def test_accuracy_can_be_left_out():
    head = make_head()
    losses = head.loss(features(), make_samples(head.decoder), {'compute_acc': False})
    assert losses.keys() == {'loss_kpt'}


def test_loss_copies_no_logits_to_the_cpu(monkeypatch, pair):
    copied = []
    real = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda self: copied.append(self.shape) or real(self))
    theirs, ours = pair
    feats, samples = features(), make_samples(SimDRLabel(SIZE, 'gaussian'))
    ours.loss(feats, samples)
    assert copied == []
    theirs.loss(feats, samples)
    assert (3, 5, 128) in copied


# Bad input.


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'in_featuremap_size': (24, 16)}, r'\(24, 16\).*\(64, 96\).*\(16, 24\) for HRNet'),
        ({'in_featuremap_size': (16, 25)}, r'\(16, 25\)'),
        ({'in_featuremap_size': 16}, 'in_featuremap_size'),
        ({'simcc_split_ratio': 1.7}, '1.7.*108.8'),
        ({'channels_per_keypoint': 0}, 'channels_per_keypoint.*0'),
        ({'linear_init': 'xavier'}, "linear_init.*'xavier'"),
        ({'simcc_split_ratio': 3}, 'simcc_split_ratio 3 and its decoder 2.0'),
        (
            {'decoder': {'type': 'SimCCLabel', 'input_size': (96, 64)}},
            r'input_size \(64, 96\) and its decoder \(96, 64\)',
        ),
    ],
)
def test_constructor_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


@pytest.mark.parametrize('shape', [(2, 9, 24, 16), (2, 8, 16, 24), (2, 8, 6, 4)])
def test_forward_names_a_feature_map_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r'expected \(B, 8, 24, 16\)') as error:
        make_head()((torch.zeros(shape),))
    assert str(shape) in str(error.value)


def test_predict_refuses():
    head = make_head(AS_MMPOSE, loss=KL)
    samples = make_samples(head.decoder)
    pair = [features(), features()]
    with pytest.raises(ValueError, match='list of two'):
        head.predict(features(), samples, {'flip_test': True})
    with pytest.raises(ValueError, match="score_type='softmax'"):
        head.predict(pair, samples, {'flip_test': True, 'flip_average': 'probability'})
    with pytest.raises(ValueError, match="'median'"):
        head.predict(pair, samples, {'flip_test': True, 'flip_average': 'median'})
    short = copy.deepcopy(samples)
    short[0].set_metainfo({'flip_indices': FLIP[:4]})
    with pytest.raises(ValueError, match='4 flip_indices for 5 keypoints'):
        head.predict(pair, short, {'flip_test': True})


def test_config_lists_are_taken_for_tuples():
    decoder = {'type': 'SimDRLabel', 'input_size': list(SIZE)}
    head = make_head(decoder, in_featuremap_size=[16, 24])
    assert head(features())[0].shape == (3, 5, 128)
