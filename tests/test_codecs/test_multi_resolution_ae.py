"""The codec of several resolutions: encoding, refusals, and the way to decoding."""

import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS

from mmpose_ext.codecs import multi_resolution_ae
from mmpose_ext.codecs.functional.ae_targets import crowd_heatmaps, keypoint_indices
from mmpose_ext.codecs.multi_resolution_ae import (
    PUBLISHED_ORDER,
    MultiResolutionAssociativeEmbedding,
    published_order,
)

SMALL = dict(input_size=(64, 48), heatmap_sizes=[(16, 12), (32, 24)])


def build(**options):
    config = dict(type='MultiResolutionAssociativeEmbedding', **{**SMALL, **options})
    return KEYPOINT_CODECS.build(config)


def people(num_people, num_keypoints=17, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform((-6, -6), (70, 54), (num_people, num_keypoints, 2))
    return points.astype(np.float32), np.ones((num_people, num_keypoints), np.float32)


@pytest.mark.parametrize('num_people', [0, 1, 7, 35])
@pytest.mark.parametrize('num_keypoints', [1, 14, 17])
def test_encodes_each_level(num_people, num_keypoints):
    points, visible = people(num_people, num_keypoints)
    encoded = build().encode(points, visible)
    assert [maps.shape for maps in encoded['heatmaps']] == [
        (num_keypoints, 12, 16),
        (num_keypoints, 24, 32),
    ]
    assert {maps.dtype for maps in encoded['heatmaps']} == {np.dtype('float32')}
    assert encoded['keypoint_indices'].shape == (min(num_people, 30), num_keypoints, 2)
    assert encoded['keypoint_indices'].dtype == np.int64
    for maps, size, stride in zip(encoded['heatmaps'], [(16, 12), (32, 24)], (4, 2), strict=True):
        np.testing.assert_array_equal(maps, crowd_heatmaps(points / stride, visible, size))
    if num_people <= 30:
        indices = keypoint_indices(points / 4, visible, (16, 12))
        np.testing.assert_array_equal(encoded['keypoint_indices'], indices)


def test_all_people_are_labelled_by_default_and_nothing_is_changed():
    points, visible = people(3)
    before = points.copy()
    encoded = build().encode(points, flip=True)
    np.testing.assert_array_equal(points, before)
    np.testing.assert_array_equal(
        encoded['heatmaps'][0], build().encode(points, visible, True)['heatmaps'][0]
    )


@pytest.mark.parametrize(
    ('direction', 'axes'),
    [(None, [0]), ('horizontal', [0]), ('vertical', [1]), ('diagonal', [0, 1])],
)
def test_flip_mirrors_the_pixels_of_each_level(direction, axes):
    points, visible = people(4)
    mirrored = points.copy()
    mirrored[..., axes] = (np.array([64, 48]) - 1 - points)[..., axes]
    flipped = build().encode(mirrored, visible, flip=True, flip_direction=direction)
    for maps, size, stride in zip(flipped['heatmaps'], [(16, 12), (32, 24)], (4, 2), strict=True):
        level = points / stride
        level[..., axes] = (np.array(size) - 1 - level)[..., axes]
        np.testing.assert_array_equal(maps, crowd_heatmaps(level, visible, size))


def test_flip_in_input_pixels_is_mmposes():
    points, visible = people(4)
    codec = build(flip_mode='input', center='round', heatmap_sizes=[(16, 12)])
    stock = KEYPOINT_CODECS.build(
        dict(type='AssociativeEmbedding', input_size=(64, 48), heatmap_size=(16, 12), sigma=2.0)
    )
    encoded = codec.encode(points, visible, flip=True, flip_direction='horizontal')
    np.testing.assert_array_equal(encoded['heatmaps'][0], stock.encode(points, visible)['heatmaps'])
    by_level = build(center='round', heatmap_sizes=[(16, 12)]).encode(points, visible, flip=True)
    assert (by_level['heatmaps'][0] != encoded['heatmaps'][0]).any()


@pytest.mark.parametrize(
    ('num_keypoints', 'options', 'expected'),
    [
        (17, {}, dict(order=list(PUBLISHED_ORDER))),
        (14, {}, dict(order=list(PUBLISHED_ORDER[:14]))),
        (
            3,
            dict(
                decode_keypoint_order=[2, 0, 1],
                decode_keypoint_thr=0.12,
                decode_tag_thr=0.7,
                decode_nms_kernel=3,
                max_people=4,
                decode_adjust=False,
                decode_refine=False,
            ),
            dict(
                order=[2, 0, 1],
                keypoint_thr=0.12,
                tag_thr=0.7,
                nms_kernel=3,
                max_people=4,
                adjust=False,
                refine=False,
            ),
        ),
    ],
)
def test_options_reach_the_decoder(monkeypatch, num_keypoints, options, expected):
    published = dict(
        keypoint_thr=0.1, tag_thr=1.0, nms_kernel=5, max_people=30, adjust=True, refine=True
    )
    calls = []

    def decode(heatmaps, tags, **given):
        calls.append((heatmaps, tags, given))
        return np.ones((2, num_keypoints, 2)), np.ones((2, num_keypoints)), np.ones(2)

    monkeypatch.setattr(multi_resolution_ae, 'decode_crowd', decode)
    heatmaps = torch.rand(1, num_keypoints, 6, 8)
    tags = torch.rand(1, 2 * num_keypoints, 6, 8)
    keypoints, scores, person_scores = build(**options).batch_decode(heatmaps, tags, stride=2.0)
    ((first, first_tags, given),) = calls
    assert given == {**published, **expected}
    torch.testing.assert_close(first, heatmaps[0])
    torch.testing.assert_close(first_tags[1], tags[0, num_keypoints:])
    assert (keypoints[0] == 2).all()
    assert (scores[0].shape, person_scores[0].shape) == ((2, num_keypoints), (2,))


def test_flip_direction_without_a_flip_does_nothing():
    points, visible = people(4)
    plain = build().encode(points, visible)
    same = build().encode(points, visible, False, 'vertical')
    np.testing.assert_array_equal(plain['heatmaps'][1], same['heatmaps'][1])


@pytest.mark.parametrize('flip', [False, True, None])
def test_goes_through_generate_target_and_packing(flip):
    points, visible = people(3)
    sample = dict(
        keypoints=points,
        keypoints_visible=visible,
        img=np.zeros((48, 64, 3), np.uint8),
        heatmap_mask=[np.ones((1, 12, 16), np.float32), np.ones((1, 24, 32), np.float32)],
    )
    if flip is not None:
        sample.update(flip=flip, flip_direction='horizontal' if flip else None)
    config = dict(type='MultiResolutionAssociativeEmbedding', **SMALL)
    sample = TRANSFORMS.build(dict(type='GenerateTarget', encoder=config))(sample)
    packed = TRANSFORMS.build(dict(type='PackPoseInputs'))(sample)['data_samples']
    expected = build().encode(points, visible, flip)
    for level in (0, 1):
        np.testing.assert_array_equal(
            packed.gt_fields.heatmaps[level].numpy(), expected['heatmaps'][level]
        )
        assert packed.gt_fields.heatmap_mask[level].shape[0] == 1
    np.testing.assert_array_equal(
        packed.gt_instance_labels.keypoint_indices.numpy(), expected['keypoint_indices']
    )


@pytest.mark.parametrize('visibility', [0.0, 1.0])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_refuses_coordinates_that_are_no_numbers(value, visibility):
    points, visible = people(2)
    points[1, 4, 0], visible[1, 4] = value, visibility
    with pytest.raises(ValueError, match=r'keypoint 4 of instance 1 .*finite'):
        build().encode(points, visible)


def test_refuses_wrong_shapes():
    with pytest.raises(ValueError, match='shape'):
        build().encode(np.zeros((17, 2)))
    with pytest.raises(ValueError, match='shape'):
        build().encode(np.zeros((1, 17, 2)), np.zeros((1, 16)))


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('input_size', (64,), r'input_size .*\(64,\)'),
        ('input_size', 64, r'input_size .*64'),
        ('input_size', (64, 48.5), r'input_size .*48\.5'),
        ('input_size', (64, 64), 'aspect ratio'),
        ('heatmap_sizes', [], r'at least one'),
        ('heatmap_sizes', (16, 12), r'heatmap size .*16'),
        ('heatmap_sizes', [(32, 24), (16, 12)], 'lowest resolution'),
        ('heatmap_sizes', [(16, 12), (16, 12)], 'lowest resolution'),
        ('heatmap_sizes', [(128, 96)], 'none above input_size'),
        ('heatmap_sizes', [(16, 12), (0, 0)], r'\(0, 0\)'),
        ('sigma', 0, 'sigma .*0'),
        ('sigma', float('nan'), 'sigma .*nan'),
        ('center', 'floor', 'center .*floor'),
        ('flip_mode', 'none', 'flip_mode .*none'),
        ('max_people', 0, 'max_people .*0'),
        ('max_people', 2.5, r'max_people .*2\.5'),
        ('decode_keypoint_order', [0, 0, 1], r'once.*\[0, 0, 1\]'),
        ('decode_keypoint_thr', -0.1, r'decode_keypoint_thr .*-0\.1'),
        ('decode_tag_thr', 0, 'decode_tag_thr .*0'),
        ('decode_nms_kernel', 4, 'decode_nms_kernel .*odd.*4'),
        ('decode_nms_kernel', -1, 'decode_nms_kernel .*-1'),
    ],
)
def test_refuses_impossible_options(option, value, message):
    with pytest.raises(ValueError, match=message):
        MultiResolutionAssociativeEmbedding(**{**SMALL, option: value})


def test_order_of_grouping():
    coco = [0, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]
    assert published_order(17) == coco
    assert published_order(14) == coco[:14]
    assert published_order(7) == list(range(7))
    assert published_order(10) == list(range(10))
    assert published_order(18) == list(range(18))


def tagged(encoded, level=0):
    """Perfect predictions: a level's heatmaps, and around each joint the number of its person."""
    heatmaps = torch.from_numpy(encoded['heatmaps'][level].copy())
    width = heatmaps.shape[2]
    tags = torch.zeros_like(heatmaps)
    for person, joints in enumerate(encoded['keypoint_indices']):
        for joint, (index, valid) in enumerate(joints):
            if valid:
                y, x = divmod(int(index), width)
                tags[joint, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 3.0 * person
    return heatmaps, tags


@pytest.mark.parametrize('num_tags', [1, 2])
def test_decodes_what_it_encoded(num_tags):
    rng = np.random.default_rng(1)
    columns = np.arange(3) * 80 + 40
    points = rng.uniform(-28, 28, (3, 17, 2)) + np.stack([columns, [128, 100, 150]], -1)[:, None]
    codec = build(input_size=(256, 256), heatmap_sizes=[(64, 64), (128, 128)])
    heatmaps, tags = tagged(codec.encode(points.astype(np.float32)))
    batch = heatmaps[None].repeat(2, 1, 1, 1), tags[None].repeat(2, num_tags, 1, 1)
    keypoints, scores, person_scores = codec.batch_decode(*batch, stride=4)
    assert codec.support_batch_decoding
    assert [array.shape for array in keypoints] == [(3, 17, 2)] * 2
    order = keypoints[0].mean(1)[:, 0].argsort()
    # Half a pixel of the map and a quarter of one to a side, in input pixels.
    assert np.abs(keypoints[0][order] - points).max() <= 0.75 * 4
    assert keypoints[0].dtype == np.float32
    np.testing.assert_allclose(scores[0], 1)
    np.testing.assert_allclose(person_scores[0], 1)
    single = codec.decode(heatmaps.numpy(), batch[1][0].numpy())
    np.testing.assert_array_equal(single[0] * 4, keypoints[1])


def test_nobody_is_found_in_empty_maps():
    keypoints, scores, person_scores = build().batch_decode(
        torch.zeros(1, 17, 12, 16), torch.zeros(1, 17, 12, 16)
    )
    assert [keypoints[0].shape, scores[0].shape] == [(0, 17, 2), (0, 17)]
    assert person_scores[0].shape == (0,)


@pytest.mark.parametrize(
    ('heatmaps', 'tags'),
    [
        ((2, 17, 8, 8), (2, 18, 8, 8)),
        ((2, 17, 8, 8), (1, 17, 8, 8)),
        ((2, 17, 8, 8), (2, 17, 8, 4)),
        ((2, 17, 8, 8), (2, 0, 8, 8)),
        ((17, 8, 8), (17, 8, 8)),
    ],
)
def test_refuses_predictions_that_do_not_fit(heatmaps, tags):
    with pytest.raises(ValueError, match='shape'):
        build().batch_decode(torch.zeros(heatmaps), torch.zeros(tags))


@pytest.mark.parametrize('order', [[], [0, 1, 2]])
def test_refuses_an_order_of_other_keypoints(order):
    codec = build(decode_keypoint_order=order)
    with pytest.raises(ValueError, match='decode_keypoint_order'):
        codec.batch_decode(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8))
