"""Segmentations as masks: equal to pycocotools where they are sound, refused where not."""

import numpy as np
import pytest
import xtcocotools.mask as coco_mask

from mmpose_ext.datasets.transforms.segmentation import (
    polygons_mask,
    run_lengths,
    segmentation_mask,
)


def compressed(mask):
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))


@pytest.mark.parametrize('share', [0, 0.001, 0.5, 0.99, 1])
@pytest.mark.parametrize('shape', [(1, 1), (4, 5), (300, 217), (1, 500)])
@pytest.mark.parametrize('form', ['bytes', 'str', 'list'])
def test_run_lengths_equal_pycocotools(share, shape, form):
    mask = np.random.default_rng(0).random(shape) < share
    if shape[0] > 100:
        mask[50:200, 40:90] = True
    rle = compressed(mask)
    if form == 'str':
        rle['counts'] = rle['counts'].decode()
    elif form == 'list':
        flat = mask.T.ravel()
        ends = np.flatnonzero(np.diff(flat, append=~flat[-1:])) + 1
        rle['counts'] = ([0] if flat[0] else []) + np.diff(ends, prepend=0).tolist()
    np.testing.assert_array_equal(segmentation_mask(rle, shape), mask)


def test_polygons_equal_pycocotools():
    polygons = [[10, 10, 60.5, 12, 40, 55], [-20, 30, 30, 30, 30, 200, -20, 200], [70, 5] * 3]
    rle = coco_mask.merge(coco_mask.frPyObjects(polygons, 80, 100))
    mask = polygons_mask(polygons, (80, 100))
    np.testing.assert_array_equal(mask, coco_mask.decode(rle) > 0)
    assert mask.any()
    # A polygon of two corners is a box to pycocotools; it covers nothing.
    np.testing.assert_array_equal(polygons_mask([*polygons, [0, 0, 9, 9]], (80, 100)), mask)


@pytest.mark.parametrize(
    'empty',
    [
        None,
        [],
        [[]],
        {'size': [4, 5], 'counts': []},
        {'size': [4, 5], 'counts': ''},
        {'size': [4, 5], 'counts': b''},
        {'size': [4, 5], 'counts': [20]},
    ],
)
def test_nothing_masks_nothing(empty):
    mask = segmentation_mask(empty, (4, 5))
    assert mask.shape == (4, 5)
    assert not mask.any()


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        ({'size': [4, 5]}, 'counts'),
        ({'size': [5, 4], 'counts': [20]}, r'\[5, 4\].*\[4, 5\]'),
        # pycocotools reads and writes past its memory with each of these.
        ({'size': [4, 5], 'counts': [3, 4]}, '7 pixels instead of 20'),
        ({'size': [4, 5], 'counts': [3, 4000000]}, '4000003 pixels instead of 20'),
        ({'size': [4, 5], 'counts': [-3, 23]}, 'negative.*-3'),
        ({'size': [4, 5], 'counts': '0PPPPPPPPPP1ooooooo'}, 'cut off'),
        ({'size': [4, 5], 'counts': '0PPPPPPPPPP1'}, 'bits'),
        ({'size': [4, 5], 'counts': '34P'}, 'cut off'),
        ({'size': [4, 5], 'counts': '3 4'}, 'no compressed'),
        ({'size': [4, 5], 'counts': [1.5, 18.5]}, 'whole numbers'),
        ({'size': [4, 5], 'counts': [2**63 + 20, 2**63]}, 'negative|instead of 20'),
        ({'size': [4, 5], 'counts': [2**80]}, 'whole numbers'),
        ({'size': [4, 5], 'counts': 20}, 'whole numbers'),
        ({'size': 20, 'counts': [20]}, '20'),
        ([[1, 1, 3, 1, 3]], r'\[1, 1, 3, 1, 3\]'),
        ([1, 1, 3, 1, 3, 3], 'polygon should be'),
        ([[1, 1, 3, 1, 3, float('nan')]], 'finite'),
        ([[1, 1, 3, 1, 3, 1e9]], 'finite'),
        ([['a', 'b', 'c', 'd', 'e', 'f']], 'polygon should be'),
        ('everything', 'list of polygons'),
    ],
)
def test_refuses_what_is_broken(broken, message):
    with pytest.raises(ValueError, match=message):
        segmentation_mask(broken, (4, 5))


def test_random_strings_never_pass_for_another_picture():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        text = bytes(rng.integers(48, 112, rng.integers(1, 12)).astype(np.uint8))
        try:
            assert segmentation_mask({'size': [4, 5], 'counts': text}, (4, 5)).shape == (4, 5)
        except ValueError:
            refused += 1
    assert refused > 450


def test_long_runs():
    assert run_lengths(compressed(np.zeros((3000, 4000)))['counts']).tolist() == [12_000_000]
