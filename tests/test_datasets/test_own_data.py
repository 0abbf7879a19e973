import pytest
from mmengine.config import Config
from mmpose.datasets.datasets import CocoDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_ext.datasets.own_data import as_python, metainfo_of, split_coco, swapped_names


def export(number=10):
    images = [{'id': 3 * i, 'file_name': f'{i}.jpg'} for i in range(number)]
    people = [{'id': n, 'image_id': 3 * (n // 2)} for n in range(2 * number)]
    return {'images': images, 'annotations': people, 'categories': [1], 'info': 'x'}


def ids(content):
    return [image['id'] for image in content['images']]


@pytest.mark.parametrize(('fraction', 'expected'), [(0.2, 2), (0.01, 1), (0.99, 9), (0.5, 5)])
def test_split(fraction, expected):
    train, val = split_coco(export(), fraction)
    assert len(ids(val)) == expected
    assert sorted(ids(train) + ids(val)) == list(range(0, 30, 3))
    for part in (train, val):
        assert [a['image_id'] for a in part['annotations']] == [i for i in ids(part) for _ in 'ab']
        assert (part['categories'], part['info']) == ([1], 'x')


def test_a_seed_repeats():
    first, again, other = (ids(split_coco(export(30), 0.5, seed)[1]) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize('fraction', [0, 1, -0.1, float('nan')])
def test_refuses_shares(fraction):
    with pytest.raises(ValueError, match='val_fraction'):
        split_coco(export(), fraction)


def test_refuses_people_of_images_that_are_not_there():
    """They would be in neither split, without a word."""
    content = export()
    content['annotations'].append({'id': 99, 'image_id': 77})
    with pytest.raises(ValueError, match=r'not in the file: \[77\]'):
        split_coco(content, 0.5)


def test_refuses_a_single_image():
    with pytest.raises(ValueError, match='two images'):
        split_coco(export(1), 0.5)


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        ('left_eye', 'right_eye'),
        ('LeftHand', 'RightHand'),
        ('hand_L', 'hand_R'),
        ('LShoulder', 'RShoulder'),
        ('l_ear', 'r_ear'),
        ('knee-LEFT', 'knee-RIGHT'),
        ('front left paw', 'front right paw'),
    ],
)
def test_sides(left, right):
    assert swapped_names(['nose', left, right]) == ['', right, left]


def test_what_has_no_partner_is_not_swapped():
    assert swapped_names(['bright', 'left_hand', 'tail', 'LIP', 'collar']) == [''] * 5


def test_metainfo_is_cocos_for_its_own_category(tmp_path):
    """Read back by MMPose: the same keypoints, partners, links and sigmas as it has itself."""
    coco = parse_pose_metainfo(CocoDataset.METAINFO)
    names = [coco['keypoint_id2name'][index] for index in range(17)]
    skeleton = [[a + 1, b + 1] for a, b in coco['skeleton_links']]
    category = {'name': 'a person', 'keypoints': names, 'skeleton': skeleton}
    path = tmp_path / 'keypoints.py'
    path.write_text(as_python(metainfo_of(category)))
    assert Config.fromfile(path).dataset_info.dataset_name == 'a_person'
    ours = parse_pose_metainfo(dict(from_file=str(path)))
    for key in ('keypoint_id2name', 'flip_indices', 'flip_pairs', 'skeleton_links'):
        assert ours[key] == coco[key]
    assert ours['sigmas'].tolist() == coco['sigmas'].tolist()


def test_other_keypoints_have_a_sigma_of_ours():
    assert metainfo_of({'keypoints': ['tail', 'LKnee', 'RKnee']})['sigmas'] == [0.05, 0.087, 0.087]


@pytest.mark.parametrize(
    ('category', 'says'),
    [
        ({'name': 'person'}, 'names no keypoints'),
        ({'keypoints': 'nose'}, 'names no keypoints'),
        ({'keypoints': ['nose', 3]}, 'letters'),
        ({'keypoints': ["'] + [print('"]}, 'letters'),
        ({'keypoints': ['{{ x }}']}, 'letters'),
        ({'keypoints': ['nose', 'nose']}, 'twice'),
        ({'keypoints': ['nose'], 'skeleton': [[0, 1]]}, 'counted from 1'),
        ({'keypoints': ['nose'], 'skeleton': [['nose', 'ear']]}, 'pairs of numbers'),
        ({'keypoints': ['nose'], 'skeleton': 5}, 'pairs of numbers'),
    ],
)
def test_refuses_categories(category, says):
    with pytest.raises(ValueError, match=says):
        metainfo_of(category)
