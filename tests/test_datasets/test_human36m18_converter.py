import numpy as np
import pytest
from mmpose.datasets.datasets import CocoDataset, MpiiDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.datasets.transforms import KeypointConverter, RandomFlip

from mmpose_ext.datasets import Human36m18Converter
from mmpose_ext.skeletons import human36m18, lsp14

NUM_SOURCE = {'mpii': 16, 'coco': 17, 'lsp': 14}
# Left out of 18, and the sources of some that are known by their names.
MISSING = {'mpii': [7, 9], 'coco': [7, 8, 10], 'lsp': [7, 9]}
KNOWN = {
    'mpii': {10: 9, 0: 6, 17: 7, 3: 0, 13: 15},
    'coco': {9: 0, 11: 5, 14: 6, 3: 16, 6: 15},
    'lsp': {10: 13, 8: 12, 3: 0, 13: 11},
}
# Image's left to right, so that a person stays itself when mirrored and swapped.
SWAPS = {
    'mpii': [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10],
    'coco': [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    'lsp': [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13],
}


def sample(source):
    count = NUM_SOURCE[source]
    keypoints = np.arange(2 * count, dtype=np.float32).reshape(1, count, 2)
    visible = np.ones((1, count), dtype=np.int64)
    return {'keypoints': keypoints, 'keypoints_visible': visible, 'flip_indices': SWAPS[source]}


@pytest.mark.parametrize('source', sorted(NUM_SOURCE))
def test_joints_land_where_they_belong(source):
    given = sample(source)['keypoints'][0]
    result = Human36m18Converter(source).transform(sample(source))
    keypoints, visible = result['keypoints'][0], result['keypoints_visible'][0, :, 0]
    assert keypoints.shape == (18, 2)
    assert keypoints.dtype == visible.dtype == np.float32
    assert np.flatnonzero(visible == 0).tolist() == MISSING[source]
    for target, index in KNOWN[source].items():
        np.testing.assert_array_equal(keypoints[target], given[index])
    assert result['flip_indices'] == list(human36m18.FLIP_INDICES)


@pytest.mark.parametrize(('source', 'dataset'), [('mpii', MpiiDataset), ('coco', CocoDataset)])
def test_joints_keep_their_names(source, dataset):
    names = parse_pose_metainfo(dataset.METAINFO)['keypoint_id2name']
    assert_same_names(source, [names[index] for index in range(NUM_SOURCE[source])])


def test_joints_of_lsp_keep_their_names():
    assert_same_names('lsp', lsp14.NAMES)


def assert_same_names(source, names):
    result = Human36m18Converter(source).transform(sample(source))
    given = sample(source)['keypoints'][0]
    shared = set(names) & set(human36m18.NAMES)
    assert len(shared) >= 13
    for name in shared:
        found = result['keypoints'][0, human36m18.NAMES.index(name)]
        np.testing.assert_array_equal(found, given[list(names).index(name)], name)


@pytest.mark.parametrize('source', ['coco', 'lsp'])
def test_means_need_both_joints(source):
    given = sample(source)
    left_hip = human36m18.FROM_COCO[4] if source == 'coco' else human36m18.FROM_LSP[4]
    given['keypoints_visible'][0, left_hip] = 0
    result = Human36m18Converter(source).transform(given)
    np.testing.assert_allclose(
        result['keypoints'][0, 0], result['keypoints'][0, (1, 4), :].mean(axis=0)
    )
    assert result['keypoints_visible'][0, (0, 1, 4, 17), 0].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize('source', sorted(NUM_SOURCE))
def test_a_flip_after_it_is_a_flip_before_it(source):
    image = {'img': np.zeros((100, 80, 3), np.uint8), 'img_shape': (100, 80)}
    flip, convert = RandomFlip(prob=1.0), Human36m18Converter(source)
    after = flip.transform(convert.transform({**image, **sample(source)}))
    before = convert.transform(flip.transform({**image, **sample(source)}))
    seen = before['keypoints_visible'][0, :, 0] == 1
    np.testing.assert_array_equal(after['keypoints'][0, seen], before['keypoints'][0, seen])
    np.testing.assert_array_equal(
        after['keypoints_visible'][..., 0], before['keypoints_visible'][..., 0]
    )


def test_the_stock_transform_breaks_on_lsp():
    """The reason for ours, beside wrong flips: it writes past the end of LSP's flip indices."""
    stock = KeypointConverter(18, human36m18.keypoint_mapping(human36m18.FROM_LSP))
    with pytest.raises(IndexError):
        stock.transform(sample('lsp'))


def test_does_not_touch_the_flip_indices_of_the_dataset():
    given = sample('coco')
    indices = given['flip_indices']
    Human36m18Converter('coco').transform(given)
    assert indices == [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]


def test_refuses_unknown_sources():
    with pytest.raises(ValueError, match=r"source should be one of .*'lsp', 'mpii'.* got 'aic'"):
        Human36m18Converter('aic')


def test_refuses_other_numbers_of_keypoints():
    with pytest.raises(ValueError, match=r"source 'mpii' should be \(N, 16, 2\), got \(1, 17, 2\)"):
        Human36m18Converter('mpii').transform(sample('coco'))
