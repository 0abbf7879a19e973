import pytest
import torch
from crowd_heads import CODEC, FLIP, HEADS, features, make_head, make_samples
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import AssociativeEmbeddingHead
from mmpose.structures import PoseDataSample

from mmpose_ext.models import HigherHRNetHead, SWAHRHead

every_head = pytest.mark.parametrize('head_type', HEADS)


# Layers.


def test_layers_named_as_the_authors():
    names = {name.rsplit('.', 1)[0] for name, _ in make_head().named_parameters()}
    block = 'deconv_layers.0.1.0'
    assert names == {
        *('final_layers.0', 'final_layers.1', 'deconv_layers.0.0.0', 'deconv_layers.0.0.1'),
        *(f'{block}.conv1', f'{block}.bn1', f'{block}.conv2', f'{block}.bn2'),
    }


def test_published_initialisation():
    head = make_head()
    head.init_weights()
    for name, parameter in head.named_parameters():
        if name.endswith('bias'):
            assert (parameter == 0).all()
        elif 'bn' in name or name.startswith('deconv_layers.0.0.1'):
            assert (parameter == 1).all()
        else:
            assert 0.0005 < parameter.std() < 0.002


@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize('size', [(16, 16), (12, 20)])
def test_shapes(batch, size):
    w, h = size
    level0, level1 = make_head()(features(batch, size))
    assert level0.shape == (batch, 6, h, w)
    assert level1.shape == (batch, 3, 2 * h, 2 * w)


def test_the_next_level_is_made_of_features_then_maps():
    """The order of the channels in the authors' weights."""
    head, feats, seen = make_head(), features(), []
    head.deconv_layers[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    maps = head(feats)[0]
    assert torch.equal(seen[0], torch.cat([feats[0], maps], dim=1))


@pytest.mark.parametrize('kernel_size', [2, 3, 4])
def test_each_level_doubles_the_one_before(kernel_size):
    options = dict(deconv_out_channels=(8, 4), deconv_kernel_sizes=(kernel_size, 4), decoder=None)
    maps = make_head(**options)(features())
    assert [level.shape[1:] for level in maps] == [(6, 16, 16), (3, 32, 32), (3, 64, 64)]


def test_single_resolution():
    codec = CODEC | dict(heatmap_sizes=[(16, 16)])
    head = make_head(deconv_out_channels=(), decoder=codec).eval()
    (maps,) = head(features())
    assert maps.shape == (2, 6, 16, 16)
    assert len(head.predict(features(), make_samples())) == 2


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(deconv_kernel_sizes=(4, 4)), 'must have the same length'),
        (dict(deconv_kernel_sizes=(5,)), r'kernel of \[2, 3, 4\], got 5'),
        (dict(deconv_out_channels=()), r'has 1 level\(s\)'),
        (dict(deconv_out_channels=(8, 8)), r'has 3 level\(s\)'),
        (
            dict(decoder=CODEC | dict(input_size=(64, 64), heatmap_sizes=[(16, 16), (64, 64)])),
            r'twice as large as the one before: \[\(16, 16\), \(32, 32\)\]',
        ),
        (dict(num_keypoints=5, decoder=CODEC | dict(decode_keypoint_order=[0, 1])), 'has 2'),
        (
            dict(
                decoder=dict(
                    type='AssociativeEmbedding', input_size=(64, 64), heatmap_size=(16, 16)
                )
            ),
            'AssociativeEmbedding has no heatmap_sizes; use the codec Multi',
        ),
    ],
)
def test_refuses_what_does_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


# Loss.


@every_head
@pytest.mark.parametrize('people', [(2, 3), (1,), (0, 0), (0, 4, 1)])
def test_loss_runs_and_reaches_every_parameter(head_type, people):
    head = make_head(head_type)
    losses = head.loss(features(len(people)), make_samples(people))
    names = {'loss_heatmap_0', 'loss_heatmap_1', 'loss_pull', 'loss_push'}
    if head_type is SWAHRHead:
        names |= {'loss_scale_0', 'loss_scale_1'}
    assert set(losses) == names
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if sum(people) > 1:
            assert (parameter.grad != 0).any(), name


def test_loss_of_higherhrnet_is_masked_mse_and_tags():
    head, feats, samples = make_head(), features(), make_samples()
    losses = head.loss(feats, samples)
    level0, level1 = head(feats)
    for i, maps in enumerate((level0[:, :3], level1)):
        heatmaps, mask = (
            torch.stack([sample.gt_fields.get(name)[i] for sample in samples])
            for name in ('heatmaps', 'heatmap_mask')
        )
        expected = ((maps - heatmaps) ** 2 * mask).mean()
        torch.testing.assert_close(losses[f'loss_heatmap_{i}'], expected)
    indices = [sample.gt_instance_labels.keypoint_indices for sample in samples]
    pull, push = head.tag_loss(level0[:, 3:], indices)
    assert losses['loss_pull'] == pull
    assert losses['loss_push'] == push


def test_loss_without_masks():
    samples = make_samples()
    for sample in samples:
        del sample.gt_fields.heatmap_mask
    losses = make_head().loss(features(), samples)
    assert all(loss.isfinite() for loss in losses.values())


def test_loss_refuses_samples_that_do_not_fit():
    samples = make_samples()
    with pytest.raises(ValueError, match=r'the head has 3 level\(s\), but .* of \[2\]'):
        make_head(deconv_out_channels=(8, 8), decoder=None).loss(features(), samples)
    del samples[0].gt_fields.heatmap_mask
    with pytest.raises(ValueError, match='1 of 2 samples of a batch have a heatmap_mask'):
        make_head().loss(features(), samples)


@every_head
def test_loss_under_autocast(head_type):
    head, feats, samples = make_head(head_type), features(), make_samples()
    expected = head.loss(feats, samples)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = head.loss(feats, samples)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(expected[name].item(), rel=0.05, abs=1e-4)


def test_mmposes_head_trains_nothing_and_ours_does():
    """The first fault: weights (sum N, K) where the loss takes (B, K)."""
    options = dict(in_channels=8, num_keypoints=3, deconv_out_channels=None)
    mmpose = AssociativeEmbeddingHead(
        **options,
        keypoint_loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='AssociativeEmbedding', input_size=(64, 64), heatmap_size=(16, 16)),
    )
    theirs = []
    for sample in make_samples():
        labels = sample.gt_instance_labels
        labels.keypoint_weights = labels.keypoint_indices[..., 1].float()
        fields = sample.gt_fields
        theirs.append(PoseDataSample(gt_instance_labels=labels))
        theirs[-1].gt_fields = PixelData(
            heatmaps=fields.heatmaps[0], heatmap_mask=fields.heatmap_mask[0]
        )
    with pytest.raises(AssertionError):
        mmpose.loss(features(), theirs)
    make_head().loss(features(), make_samples())


# Prediction.


def test_predicts_people():
    preds = make_head().eval().predict(features(), make_samples())
    assert len(preds) == 2
    for pred in preds:
        assert isinstance(pred, InstanceData)
        N = len(pred)
        assert pred.keypoints.shape == (N, 3, 2)
        assert pred.keypoint_scores.shape == (N, 3)
        assert pred.bbox_scores.shape == (N,)


def peaks_at(points, tags, size=(16, 16)):
    """Level 0 and 1 of an image, with keypoint k of person i at points[i][k] (input px)."""
    w, h = size
    codec = CODEC | dict(input_size=(4 * w, 4 * h), heatmap_sizes=[(w, h), (2 * w, 2 * h)])
    encoded = make_head(decoder=codec).decoder.encode(torch.tensor(points).numpy())
    level0, level1 = (torch.from_numpy(maps)[None] for maps in encoded['heatmaps'])
    tag_maps = torch.zeros(1, 3, h, w)
    for person, tag in zip(encoded['keypoint_indices'], tags, strict=True):
        y, x = person[0, 0] // w, person[0, 0] % w
        tag_maps[:, :, max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] = tag
    return torch.cat([level0, tag_maps], dim=1), level1


@pytest.mark.parametrize('test_cfg', [dict(), dict(project2image=False)])
def test_finds_the_people_that_its_maps_show(monkeypatch, test_cfg):
    points = [[[12.0, 14], [14, 16], [10, 16]], [[44.0, 46], [46, 48], [42, 48]]]
    head = make_head().eval()
    monkeypatch.setattr(HigherHRNetHead, 'forward', lambda *_: peaks_at(points, (3.0, -3.0)))
    (pred,) = head.predict(features(1), make_samples((2,)), test_cfg)
    assert len(pred) == 2
    found = torch.from_numpy(pred.keypoints)
    found = found[found[:, 0, 0].argsort()]
    assert (found - torch.tensor(points)).abs().max() < 2
    assert (torch.from_numpy(pred.bbox_scores) > 0.8).all()


def test_no_people():
    head = make_head().eval()
    for layer in head.final_layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    for pred in head.predict(features(), make_samples()):
        assert pred.keypoints.shape == (0, 3, 2)
        assert pred.bbox_scores.shape == (0,)


def test_maps_on_request():
    cfg = dict(output_heatmaps=True)
    head, samples = make_head().eval(), make_samples()
    _, fields = head.predict(features(), samples, cfg)
    assert [field.heatmaps.shape for field in fields] == [(3, 64, 64)] * 2
    assert [field.tags.shape for field in fields] == [(3, 64, 64)] * 2
    feats = [features(), features()]
    _, fields = head.predict(feats, samples, cfg | dict(flip_test=True))
    assert [field.tags.shape for field in fields] == [(6, 64, 64)] * 2
    _, fields = head.predict(features(), samples, cfg | dict(project2image=False))
    assert [field.heatmaps.shape for field in fields] == [(3, 32, 32)] * 2


@every_head
def test_mirrored_features_give_the_mirrored_maps(head_type):
    head, samples = make_head(head_type).eval(), make_samples()
    one, other = features(), features()
    cfg = dict(flip_test=True, output_heatmaps=True)
    _, maps = head.predict([one, other], samples, cfg)
    _, swapped = head.predict([other, one], samples, cfg)
    for image, mirrored in zip(maps, swapped, strict=True):
        heatmaps = mirrored.heatmaps.flip(-1)[FLIP]
        torch.testing.assert_close(image.heatmaps, heatmaps, rtol=0, atol=1e-6)
        # The sets of tags change places.
        tags = mirrored.tags.view(2, 3, 64, 64).flip((0, -1))[:, FLIP].reshape(6, 64, 64)
        torch.testing.assert_close(image.tags, tags, rtol=0, atol=1e-6)


def test_mmposes_head_needs_the_flip_test_and_ours_does_not():
    """The second fault: the features of one view are a tuple, which MMPose takes for no list."""
    mmpose = AssociativeEmbeddingHead(
        in_channels=8,
        num_keypoints=3,
        deconv_out_channels=None,
        decoder=dict(type='AssociativeEmbedding', input_size=(64, 64), heatmap_size=(16, 16)),
    )
    with pytest.raises(AssertionError):
        mmpose.predict(features(), make_samples(), dict(flip_test=False))
    make_head().eval().predict(features(), make_samples(), dict(flip_test=False))


@pytest.mark.parametrize(
    ('feats', 'cfg'),
    [
        (features(), dict(flip_test=True)),
        ([features()], dict(flip_test=True)),
        ([features(), features()], dict()),
        (features(), dict(multiscale_test=True)),
        ([features(), features()], dict(flip_test=True, multiscale_test=True)),
        ([[features()]], dict(multiscale_test=True)),
    ],
)
def test_refuses_features_that_are_nested_otherwise(feats, cfg):
    with pytest.raises(ValueError, match='the features are not nested so'):
        make_head().eval().predict(feats, make_samples(), cfg)


def test_refuses_batches_of_several_sizes():
    samples = make_samples((1,)) + make_samples((1,), size=(64, 128))
    with pytest.raises(ValueError, match=r'\[\(64, 64\), \(64, 128\)\] .*batch_size=1'):
        make_head().eval().predict(features(), samples)
    (padded,) = make_samples((1,))
    padded.set_metainfo(dict(batch_input_shape=(64, 96)))
    with pytest.raises(ValueError, match=r'\[\(64, 64\), \(96, 64\)\] .*pad_size_divisor'):
        make_head().eval().predict(features(1), [padded])


def test_refuses_to_decode_without_a_codec():
    with pytest.raises(RuntimeError, match=r'decoder=\.\.\.'):
        make_head(decoder=None).eval().predict(features(), make_samples())
