"""Masks of crowds, which MMPose leaves out, at the heatmaps' sizes."""

import copy

import cv2
import numpy as np
import pytest
import xtcocotools.mask as coco_mask
from mmpose.registry import TRANSFORMS

POLYGON = [[2.0, 2, 20, 2, 20, 14, 2, 14]]
SHAPE = (48, 64)


def crowd_rle(form='bytes'):
    region = np.zeros(SHAPE, np.uint8)
    region[10:40, 30:60] = 1
    rle = coco_mask.encode(np.asfortranarray(region))
    if form == 'str':
        rle['counts'] = rle['counts'].decode()
    elif form == 'list':
        # Column after column: 30 columns and 10 pixels, 30 masked, 18 not, ...
        rle['counts'] = [30 * 48 + 10, *[30, 18] * 29, 30, 8 + 4 * 48]
    return region > 0, rle


def sample(segs, levels=((12, 16), (24, 32)), **more):
    heatmaps = [np.zeros((17, *shape), np.float32) for shape in levels]
    base = dict(
        img_path='street.jpg',
        img_shape=SHAPE,
        ori_shape=SHAPE,
        input_size=(64, 48),
        invalid_segs=segs,
        heatmaps=heatmaps,
    )
    return {**base, **more}


def masks(results, **options):
    done = TRANSFORMS.build(dict(type='CrowdHeatmapMask', **options))(copy.deepcopy(results))
    return done['heatmap_mask']


@pytest.mark.parametrize('form', ['bytes', 'str', 'list'])
def test_masks_the_crowd_that_mmpose_does_not(form):
    region, rle = crowd_rle(form)
    results = sample([rle], warp_mat=np.eye(3)[:2])
    stock = TRANSFORMS.build(dict(type='BottomupGetHeatmapMask'))(copy.deepcopy(results))
    assert all(level.all() for level in stock['heatmap_mask']), 'MMPose masks crowds now'
    ours = masks({**results, 'heatmaps': [np.zeros((1, *SHAPE))]})[0]
    np.testing.assert_array_equal(ours[0] == 0, region)
    for level, size in zip(masks(results), [(12, 16), (24, 32)], strict=True):
        assert level.shape == (1, *size)
        assert level.dtype == np.float32
        assert level.mean() == pytest.approx(1 - region.mean(), abs=0.04)


def test_polygons_are_masked_as_by_mmpose():
    results = sample([POLYGON], levels=[SHAPE], warp_mat=np.eye(3)[:2])
    stock = TRANSFORMS.build(dict(type='BottomupGetHeatmapMask'))(copy.deepcopy(results))
    np.testing.assert_array_equal(masks(results)[0][0] > 0, stock['heatmap_mask'][0])


def test_several_people_and_crowds_add_up():
    region, rle = crowd_rle()
    both = masks(sample([POLYGON, None, rle, []]))
    apart = masks(sample([POLYGON])), masks(sample([rle]))
    for level, person, crowd in zip(both, *apart, strict=True):
        np.testing.assert_array_equal(level, person * crowd)
    assert region.any()


@pytest.mark.parametrize('segs', [[], [None], [[]], [{'size': [48, 64], 'counts': []}]])
def test_nothing_to_mask(segs):
    assert all((level == 1).all() for level in masks(sample(segs)))
    assert all((level == 0).all() for level in masks(sample(segs), get_invalid=True))


def test_without_invalid_segs_and_heatmaps():
    results = sample([])
    del results['invalid_segs'], results['heatmaps']
    mask = masks(results)
    assert mask.shape == (1, 48, 64)
    assert mask.all()
    single = masks({**sample([]), 'heatmaps': np.zeros((17, 12, 16))})
    assert single.shape == (1, 12, 16)


def test_warps_straight_to_each_level_as_published():
    region, rle = crowd_rle()
    warp_mat = cv2.getRotationMatrix2D((30, 20), 20, 1.3)
    results = sample([rle], levels=[(16, 16), (32, 32)], input_size=(64, 64), warp_mat=warp_mat)
    for level, side in zip(masks(results), (16, 32), strict=True):
        published = cv2.warpAffine(
            (~region).astype(np.uint8) * 255, warp_mat * side / 64, (side, side)
        )
        np.testing.assert_array_equal(level[0], published / 255 > 0.5)
    # A matrix (3, 3), as MMPose's crops give, is the same.
    square = {**results, 'warp_mat': np.vstack([warp_mat, [0, 0, 1]])}
    np.testing.assert_array_equal(masks(square)[0], masks(results)[0])


def test_outside_the_picture_nothing_counts():
    shift = np.array([[1.0, 0, 32], [0, 1, 0]])
    mask = masks(sample([], levels=[SHAPE], warp_mat=shift))[0][0]
    assert not mask[:, :32].any()
    assert mask[:, 32:].all()


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_flips_with_the_picture(direction):
    results = sample([crowd_rle()[1]], warp_mat=np.eye(3)[:2])
    flipped = masks({**results, 'flip': True, 'flip_direction': direction})
    axes = {'horizontal': 2, 'vertical': 1, 'diagonal': (1, 2)}[direction]
    for level, mirrored in zip(masks(results), flipped, strict=True):
        np.testing.assert_array_equal(np.flip(level, axes), mirrored)
        assert mirrored.flags.c_contiguous
    same = masks({**results, 'flip': False, 'flip_direction': None})
    np.testing.assert_array_equal(same[0], masks(results)[0])


def test_refuses_a_mask_of_another_size():
    rle = {**crowd_rle()[1], 'size': [64, 48]}
    with pytest.raises(ValueError, match=r'street\.jpg.*\[64, 48\].*\[48, 64\]'):
        masks(sample([rle]))


def test_refuses_a_broken_segmentation():
    with pytest.raises(ValueError, match=r'street\.jpg.*annotation file'):
        masks(sample([{'size': [48, 64], 'counts': [3, 10_000_000]}]))
