import copy
import json

import cv2
import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from mmpose_ext.datasets import HSJPCocoDataset
from mmpose_ext.datasets.datasets.hsjp_coco import hsjp_metainfo

IMAGE = {'id': 1, 'file_name': 'a.jpg', 'width': 200, 'height': 160}
PERSON = {'id': 5, 'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 50, 80], 'iscrowd': 0}
FILE = {
    'images': [IMAGE],
    'categories': [{'id': 1, 'name': 'person'}, {'id': 2, 'name': 'dog'}],
    'annotations': [PERSON],
}
DETECTION = {'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 50, 80], 'score': 0.75}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def load(tmp_path, content, detections=None, **options):
    if detections is not None:
        options['bbox_file'] = write(tmp_path / 'boxes.json', detections)
    path = write(tmp_path / 'people.json', content)
    # Serializing collects garbage, which takes longer than all else.
    fixed = dict(ann_file=path, data_prefix={'img': 'pictures'}, serialize_data=False)
    return HSJPCocoDataset(**fixed, **options)


def with_people(*people):
    numbered = [{**PERSON, 'id': 5 + number, **one} for number, one in enumerate(people)]
    return {**FILE, 'annotations': numbered}


def ids(dataset):
    return [dataset.get_data_info(number)['id'] for number in range(len(dataset))]


LABELS = {
    'keypoints': [20.0, 30.0, 2.0] * 17,
    'num_keypoints': 17,
    'segmentation': [[10, 10, 60, 10, 60, 90]],
    'area': 2000.0,
}


@pytest.mark.parametrize('labels', [{}, LABELS, {**LABELS, 'num_keypoints': 0}])
def test_samples_are_boxes_and_nothing_else(tmp_path, labels):
    sample = load(tmp_path, with_people(labels)).load_data_list()[0]
    assert set(sample) == {'img_id', 'img_path', 'bbox', 'bbox_score', 'id', 'category_id'}
    assert sample['bbox'].tolist() == [[10, 10, 60, 90]]
    assert sample['bbox'].dtype == sample['bbox_score'].dtype == np.float32
    assert sample['bbox_score'].tolist() == [1]
    assert (sample['id'], sample['img_id'], sample['category_id']) == (5, 1, 1)
    assert sample['img_path'] == 'pictures/a.jpg'


def test_boxes_end_at_the_pictures_border(tmp_path):
    sample = load(tmp_path, with_people({'bbox': [-20, -5, 300, 100]})).get_data_info(0)
    assert sample['bbox'].tolist() == [[0, 0, 199, 95]]


def test_leaves_out_crowds_small_boxes_and_other_things(tmp_path):
    content = with_people(
        {},
        {'iscrowd': 1, 'bbox': None},
        {'category_id': 2, 'bbox': 'what dogs have is not looked at'},
        {'bbox': [10, 10, 31.9, 80]},
        {'bbox': [10, 10, 80, 31.9]},
        {'bbox': [10, 10, 32, 32]},
        {'bbox': [170, 10, 90, 80]},  # 29 px of it are inside
        {'bbox': [200, 10, 50, 80]},
        {'bbox': [10, 10, 0, 80]},
    )
    assert ids(load(tmp_path, content)) == [5, 10]
    assert ids(load(tmp_path, content, min_bbox_size=0)) == [5, 8, 9, 10, 11]


def test_tells_what_it_left_out(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        'mmpose_ext.datasets.datasets.hsjp_coco.print_log', lambda text, **_: told.append(text)
    )
    content = with_people({}, {'iscrowd': 1}, {'bbox': [1, 1, 5, 5]}, {'bbox': [1, 1, 6, 6]})
    load(tmp_path, content)
    assert told[0].endswith(
        'people.json: 1 boxes of people; left out: 1 crowds, 2 smaller than 32 px.'
    )


@pytest.mark.parametrize('name', ['person', 'mannequin', 'pedestrian'])
def test_the_only_category_may_have_any_name(tmp_path, name):
    content = {**FILE, 'categories': [{'id': 1, 'name': name}]}
    assert ids(load(tmp_path, content)) == [5]


def test_another_category_of_several(tmp_path):
    content = with_people({}, {'category_id': 2})
    assert ids(load(tmp_path, content, category='dog')) == [6]
    with pytest.raises(ValueError, match=r"people\.json: none .* named 'human'.*: dog, person"):
        load(tmp_path, content, category='human')


def test_a_file_without_categories(tmp_path):
    content = with_people({}, {})
    del content['categories']
    assert ids(load(tmp_path, content)) == [5, 6]
    content['annotations'][1]['category_id'] = 3
    with pytest.raises(ValueError, match=r"named 'person'.*: 1, 3"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ('labels', 'kept'),
    [
        ({'num_keypoints': 3}, True),
        ({'num_keypoints': 0}, False),
        ({'keypoints': [1, 1, 0, 5, 5, 2]}, True),
        ({'keypoints': [0, 0, 0]}, False),
        ({}, False),
    ],
)
def test_only_labelled_people(tmp_path, labels, kept):
    content = with_people({'num_keypoints': 1}, labels)
    assert ids(load(tmp_path, content, labelled_only=True)) == [5, 6][: 1 + kept]
    assert ids(load(tmp_path, content)) == [5, 6]


# Detections.


@pytest.mark.parametrize('test_mode', [False, True])
def test_detections_instead_of_annotations(tmp_path, test_mode):
    detections = [
        DETECTION,
        {**DETECTION, 'category_id': 2},
        {**DETECTION, 'bbox': [1, 1, 5, 5]},
        {**DETECTION, 'score': 0.25},
    ]
    content = {**FILE, 'annotations': []}
    dataset = load(tmp_path, content, detections, test_mode=test_mode)
    assert ids(dataset) == [0, 3]
    sample = dataset.get_data_info(1)
    assert sample['bbox'].tolist() == [[10, 10, 60, 90]]
    assert sample['bbox_score'].tolist() == [0.25]
    assert not {'keypoints', 'keypoints_visible'} & set(sample)
    sure = load(tmp_path, content, detections, filter_cfg=dict(bbox_score_thr=0.5))
    assert ids(sure) == [0]


@pytest.mark.parametrize(
    ('detections', 'message'),
    [
        ('[{', 'boxes.json is no JSON file'),
        ({'images': []}, 'it holds a dict'),
        ([], 'it holds a list'),
        ([{**DETECTION, 'score': None}], r'score\[0\] should be a finite'),
        ([{'image_id': 1}], 'annotation 0 of image 1 .* it has no category_id'),
        ([{**DETECTION, 'image_id': 9}], r'in images \[9\], which .*people.json lacks'),
        ([{**DETECTION, 'bbox': [1, 2, 3]}], 'boxes.json: annotation 0 of image 1 cannot'),
        ([{**DETECTION, 'bbox': [1, 1, 9, 9]}], 'boxes.json has 0 boxes .* 1 smaller than 32 px'),
    ],
)
def test_refuses_broken_detections(tmp_path, detections, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, FILE, detections)


# Refusals.


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'bbox': [10, 10, -5, 80]}, r'got \[10, 10, -5, 80\]'),
        ({'bbox': [10, 10, 5]}, 'bbox should have 4 numbers, got 3'),
        ({'bbox': [10, float('nan'), 50, 80]}, r'bbox\[1\] should be a finite number, got nan'),
        ({'bbox': [10, 10, '50', 80]}, r"bbox\[2\] should be a finite number, got '50'"),
        ({'bbox': None}, 'bbox should be a list of 4 numbers'),
    ],
)
def test_refuses_a_broken_box_by_name(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, with_people({}, changes))
    assert 'people.json: annotation 6 of image 1 cannot be used' in str(caught.value)


@pytest.mark.parametrize('key', ['bbox', 'category_id'])
def test_refuses_an_annotation_without(tmp_path, key):
    content = copy.deepcopy(FILE)
    del content['categories']  # the COCO API itself stumbles over those
    del content['annotations'][0][key]
    with pytest.raises(ValueError, match=f'annotation 5 of image 1 .* it has no {key}'):
        load(tmp_path, content)


@pytest.mark.parametrize('changes', [{'width': None}, {'width': 'x'}, {'height': 0}])
def test_refuses_a_picture_without_a_size(tmp_path, changes):
    with pytest.raises(ValueError, match=r'annotation 5 .* size'):
        load(tmp_path, {**FILE, 'images': [{**IMAGE, **changes}]})


@pytest.mark.parametrize('content', ['{"images": [', '[1, 2]', '{"images": [{}]}', '"text"'])
@pytest.mark.parametrize('detections', [None, [DETECTION]])
def test_refuses_what_is_no_annotation_file(tmp_path, content, detections):
    with pytest.raises((ValueError, AssertionError), match=r'people.json|annotation file'):
        load(tmp_path, content, detections)


def test_refuses_a_file_without_people(tmp_path):
    with pytest.raises(ValueError, match='0 boxes of people; left out: 1 crowds'):
        load(tmp_path, with_people({'iscrowd': 1}))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(grid=(0, 3)), 'grid must be'),
        (dict(min_bbox_size=-1), 'min_bbox_size must be'),
        (dict(metainfo=dict(dataset_name='x')), 'takes no metainfo'),
        (dict(data_mode='bottomup'), "data_mode must be topdown, got 'bottomup'"),
        (dict(labelled_only=True, bbox_file='b.json'), 'labelled_only needs the annotations'),
    ],
)
def test_refuses_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, FILE, **options)


# Meta information and MMPose's tools.


def test_patches_are_the_keypoints(tmp_path):
    meta = load(tmp_path, FILE, grid=(2, 3)).metainfo
    assert meta['dataset_name'] == 'hsjp_2x3'
    assert meta['num_keypoints'] == 6
    assert meta['keypoint_id2name'][4] == 'patch_r1c1'
    assert meta['flip_indices'] == list(range(6))
    assert meta['skeleton_links'] == []
    assert len({tuple(color) for color in meta['keypoint_colors'].tolist()}) == 6
    assert meta['dataset_keypoint_weights'].tolist() == [1] * 6
    assert parse_pose_metainfo(HSJPCocoDataset.METAINFO)['dataset_name'] == 'hsjp_4x3'
    assert len(hsjp_metainfo((16, 12))['keypoint_info']) == 192


def test_reads_nothing_before_it_is_asked_to(tmp_path):
    dataset = HSJPCocoDataset(ann_file='nowhere.json', grid=(8, 6), lazy_init=True)
    assert dataset.metainfo['num_keypoints'] == 48


def test_a_sample_goes_through_the_pipeline(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (160, 200, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'a.jpg'), image)
    codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.25),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomBBoxTransform'),
        dict(type='TopdownAffine', input_size=(192, 256)),
        dict(type='HSJPShuffle'),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs'),
    ]
    dataset = DATASETS.build(
        dict(
            type='HSJPCocoDataset',
            ann_file=write(tmp_path / 'people.json', FILE),
            data_root=str(tmp_path),
            data_prefix=dict(img=''),
            pipeline=pipeline,
        )
    )
    packed = dataset[0]
    assert packed['inputs'].shape == (3, 256, 192)
    assert packed['data_samples'].gt_fields.heatmaps.shape == (12, 64, 48)
    assert packed['data_samples'].metainfo['dataset_name'] == 'hsjp_4x3'


@pytest.mark.parametrize('boxes', [None, 'boxes.json'])
def test_refuses_missing_files(tmp_path, boxes):
    options = dict(ann_file=str(tmp_path / 'gone.json'), data_prefix={'img': ''})
    if boxes:
        options['bbox_file'] = write(tmp_path / boxes, [DETECTION])
    with pytest.raises(FileNotFoundError, match=r'gone\.json'):
        HSJPCocoDataset(**options)
