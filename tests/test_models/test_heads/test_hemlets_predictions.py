"""What HEMletsHead predicts, with and without the flip test."""

import numpy as np
import pytest
import torch
from hemlets_heads import ABLATIONS, CODEC, FLIP, ablations, features, make_head, make_samples
from mmengine.structures import PixelData
from mmpose.registry import MODELS

from mmpose_ext.models.heads.hemlets_head import unmirror


@ablations
@pytest.mark.parametrize('flip', [False, True])
def test_predicts(flip, ablation):
    options, maps = ABLATIONS[ablation]
    head = make_head(**options).eval()
    feats, samples = features(), make_samples()
    config = {'flip_test': flip, 'output_heatmaps': True}
    preds = head.predict([feats, features()] if flip else feats, samples, config)
    preds, fields = preds if maps else (preds, [PixelData()] * 3)
    if not flip:
        coords = head(feats)['coords'].detach()
        keypoints = torch.from_numpy(np.concatenate([pred.keypoints for pred in preds]))
        torch.testing.assert_close(keypoints[..., :2], (coords[..., :2] + 0.5) * 64)
        torch.testing.assert_close(keypoints[..., 2], coords[..., 2] * 2000)
    for pred, field in zip(preds, fields, strict=True):
        assert (pred.keypoints.shape, pred.keypoint_scores.shape) == ((1, 18, 3), (1, 18))
        assert ((pred.keypoint_scores >= 0) & (pred.keypoint_scores <= 1)).all()
        if options.get('use_heatmap2d', True):
            peaks = field.heatmaps.amax((1, 2)).clamp(0, 1).numpy()
            np.testing.assert_array_equal(pred.keypoint_scores[0], peaks)
            assert field.heatmaps.shape == (18, 16, 16)
        if options.get('use_hemlets', True):
            assert field.hemlets.shape == (42, 16, 16)


def test_unmirror():
    coords = torch.zeros(1, 18, 3)
    coords[0, 1] = torch.tensor([0.1, 0.2, 0.3])
    turned = unmirror(coords, FLIP, 256)
    expected = torch.tensor([-0.10390625, 0.2, 0.3])
    torch.testing.assert_close(turned[0, 4], expected, rtol=0, atol=1e-6)
    assert (turned[0, 4, 0].item() + 0.5) * 256 == pytest.approx(101.4, abs=1e-4)
    coords = torch.randn(2, 18, 3, dtype=torch.float64)
    twice = unmirror(unmirror(coords, FLIP, 256), FLIP, 256)
    torch.testing.assert_close(twice, coords)


def test_flip_test_averages_what_is_turned_back():
    """Of a person and its exact mirror image the flip test makes that person."""
    head = make_head().eval()
    coords = torch.rand(2, 18, 3) - 0.5
    heatmaps, hemlets = torch.rand(2, 18, 16, 16), torch.rand(2, 14, 3, 16, 16)
    mirrored = coords[:, FLIP] * torch.tensor([-1.0, 1, 1]) - torch.tensor([1 / 64, 0, 0])
    part_flip = [3, 4, 5, 0, 1, 2, 6, 7, 11, 12, 13, 8, 9, 10]
    outputs = [
        {'coords': coords, 'maps': torch.cat([heatmaps, hemlets.flatten(1, 2)], dim=1)},
        {
            'coords': mirrored,
            'maps': torch.cat([heatmaps[:, FLIP], hemlets[:, part_flip].flatten(1, 2)], 1).flip(-1),
        },
    ]
    # Maps of mirrored images lie a pixel further, but for 1/4: pixel x of the input is w - 1 - x.
    outputs[1]['maps'] = outputs[1]['maps'].roll(1, -1)
    config = {'flip_test': True, 'output_heatmaps': True}
    head.forward = lambda feats: outputs[feats]
    preds, fields = head.predict([0, 1], make_samples(2), config)
    for i in range(2):
        expected, _ = head.decoder.decode(coords[i].numpy())
        np.testing.assert_allclose(preds[i].keypoints, expected, rtol=1e-5, atol=1e-3)
        kept = slice(1, None)  # of the first column nothing comes back
        torch.testing.assert_close(fields[i].heatmaps[..., kept], heatmaps[i][..., kept])
        torch.testing.assert_close(
            fields[i].hemlets[..., kept], hemlets[i].flatten(0, 1)[..., kept]
        )
    # Of two that differ it makes the mean.
    outputs[1]['coords'] = mirrored + torch.tensor([0.02, 0.04, 0.06])
    preds = head.predict([0, 1], make_samples(2), {'flip_test': True})
    expected, _ = head.decoder.decode((coords[0] + torch.tensor([-0.01, 0.02, 0.03])).numpy())
    np.testing.assert_allclose(preds[0].keypoints, expected, rtol=1e-5, atol=1e-3)


def test_the_estimator_puts_x_and_y_back_into_the_photograph():
    """Depth stays in mm relative to the root."""
    model = MODELS.build(
        {
            'type': 'TopdownPoseEstimator',
            'backbone': {'type': 'ResNet', 'depth': 18},
            'head': {
                'type': 'HEMletsHead',
                'in_channels': 512,
                'heatmap_size': (16, 16),
                'depth_size': 16,
                'deconv_out_channels': (8, 8, 8),
                'feature_channels': 8,
                'encoder_channels': 8,
                'tail_channels': 8,
                'decoder': CODEC,
            },
        }
    ).eval()
    images, samples = torch.randn(1, 3, 64, 64), make_samples(1)
    with torch.no_grad():
        coords = model.head(model.backbone(images))['coords'][0].numpy()
        (result,) = model.predict(images, samples)
    # The crop of 128 px around (300, 200).
    expected = coords * [128, 128, 2000] + [300, 200, 0]
    np.testing.assert_allclose(result.pred_instances.keypoints[0], expected, rtol=1e-5, atol=1e-3)


def test_predict_refuses():
    with pytest.raises(ValueError, match=r'list of two feature tuples, .* got tuple'):
        make_head().predict(features(), make_samples(), {'flip_test': True})
    with pytest.raises(ValueError, match='needs a decoder'):
        make_head(decoder=None).predict(features(), make_samples())
