import pytest
import torch
from torch.nn.functional import interpolate

from mmpose_ext.models.heads.crowd_maps import aggregate_maps

K = 3
FLIP = [0, 2, 1]


def outputs(size, batch=2, views=1, levels=2):
    """Outputs of all levels for images of four times the size, (w, h)."""
    w, h = size
    channels = [2 * K] + [K] * (levels - 1)
    return [
        torch.randn(views * batch, channel, h << i, w << i) for i, channel in enumerate(channels)
    ]


def resized(maps, w, h):
    return interpolate(maps, size=(h, w), mode='bilinear', align_corners=False)


def published_aggregate(pyramid, scales, flip, size):
    """The authors' test step by step: each view to the image's size, scales from large to small.

    ``size`` is None where the maps stay at the size of the base image's last level.
    """
    base = pyramid[scales.index(1)][-1].shape
    w, h = size or (base[3], base[2])
    total, tags = 0, None
    for scale, levels in sorted(zip(scales, pyramid, strict=True), key=lambda pair: -pair[0]):
        heat_views, tag_views = [], []
        for view in range(2 if flip else 1):
            low, *high = (level.chunk(2 if flip else 1)[view] for level in levels)
            if view == 1:
                low, *high = (level.flip(3) for level in (low, *high))
                low = torch.cat([low[:, :K][:, FLIP], low[:, K:][:, FLIP]], dim=1)
                high = [level[:, FLIP] for level in high]
            last = high[-1] if high else low
            resized_levels = [
                resized(level, last.shape[3], last.shape[2]) for level in (low, *high)
            ]
            heat = sum(level[:, :K] for level in resized_levels) / len(resized_levels)
            heat_views.append(resized(heat, w, h))
            tag_views.append(resized(resized_levels[0][:, K:], w, h))
        total = total + sum(heat_views) / len(heat_views)
        if scale == 1:
            tags = torch.cat(tag_views, dim=1)
    return total / len(scales), tags


@pytest.mark.parametrize('size', [(32, 48), None])
@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('levels', [1, 2, 3])
@pytest.mark.parametrize('scales', [[1], [1, 0.5, 2], [1, 2]])
def test_equals_the_authors_steps(scales, levels, flip, size):
    pyramid = [
        outputs((int(8 * scale), int(12 * scale)), 2, 2 if flip else 1, levels) for scale in scales
    ]
    ours = aggregate_maps(pyramid, K, FLIP if flip else None, size)
    theirs = published_aggregate(pyramid, scales, flip, size)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours[1].shape[1] == (2 if flip else 1) * K


def test_maps_of_half_precision_are_aggregated_in_single():
    pyramid = [[level.bfloat16() for level in outputs((8, 12))]]
    heatmaps, tags = aggregate_maps(pyramid, K, None, (32, 48))
    assert {heatmaps.dtype, tags.dtype} == {torch.float32}


def test_refuses_other_flip_indices():
    with pytest.raises(ValueError, match=r'3 keypoints need as many flip_indices, got 2: \[1, 0\]'):
        aggregate_maps([outputs((8, 12), views=2)], K, [1, 0])
