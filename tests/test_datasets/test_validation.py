import copy
import json
import math

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmpose_ext.datasets.validation import (
    KINDS,
    Keypoints,
    Report,
    check_coco,
    validate_coco_file,
    validate_config,
    write_reports,
)

NAMES = ('nose', 'left_hand', 'right_hand')
KEYPOINTS = Keypoints(3, NAMES)


def sound():
    """A file of two images with a person each."""
    person = {
        'category_id': 1,
        'bbox': [10, 20, 30, 40],
        'area': 600,
        'iscrowd': 0,
        'keypoints': [20, 25, 2, 12, 40, 1, 0, 0, 0],
        'num_keypoints': 2,
    }
    image = {'width': 80, 'height': 100}
    return {
        'images': [
            {'id': 1, 'file_name': 'a.jpg', **image},
            {'id': 2, 'file_name': 'b.png', **image},
        ],
        'annotations': [
            {'id': 7, 'image_id': 1, **copy.deepcopy(person)},
            {'id': 8, 'image_id': 2, **copy.deepcopy(person)},
        ],
        'categories': [
            {'id': 1, 'name': 'person', 'keypoints': list(NAMES), 'skeleton': [[1, 2], [1, 3]]}
        ],
    }


def findings_of(content, keypoints=KEYPOINTS):
    report = Report('some.json')
    check_coco(content, keypoints, report)
    return {kind: [f.message for f in found] for kind, found in report.by_kind().items()}, report


def changed(path, value):
    """The sound file with one entry changed; ``...`` takes it away."""
    content = sound()
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


def test_a_sound_file():
    found, report = findings_of(sound())
    assert found == {}
    assert report.counts == {
        'images': 2,
        'annotations': 2,
        'people with keypoints': 2,
        'keypoints each': 3,
    }
    assert 'all is well' in report.to_text()


PERSON = ('annotations', 0)
IMAGE = ('images', 0)


@pytest.mark.parametrize(
    ('path', 'value', 'kind', 'says'),
    [
        (('images',), ..., 'file', 'None'),
        (('annotations',), {}, 'file', 'no list'),
        (('categories',), 'person', 'file', 'no list'),
        (IMAGE, 'a.jpg', 'image-entry', 'a.jpg'),
        ((*IMAGE, 'id'), '1', 'image-entry', "'1'"),
        ((*IMAGE, 'id'), [1], 'image-entry', '[1]'),
        ((*IMAGE, 'file_name'), ..., 'image-entry', 'None'),
        ((*IMAGE, 'width'), 0, 'image-entry', '0'),
        ((*IMAGE, 'height'), ..., 'image-entry', 'None'),
        ((*IMAGE, 'id'), 2, 'image-id-twice', 'a.jpg'),
        ((*IMAGE, 'file_name'), 'b.png', 'image-twice', '2 times'),
        (PERSON, None, 'annotation-entry', 'None'),
        ((*PERSON, 'id'), ..., 'annotation-entry', 'image_id'),
        ((*PERSON, 'id'), 8, 'annotation-id-twice', 'annotations[1]'),
        ((*PERSON, 'id'), 0, 'annotation-id-zero', 'annotations[0]'),
        ((*PERSON, 'image_id'), 3, 'annotation-without-image', '3'),
        ((*PERSON, 'image_id'), {}, 'annotation-without-image', '{}'),
        ((*PERSON, 'category_id'), 2, 'category', '[1]'),
        ((*PERSON, 'bbox'), ..., 'box', 'None'),
        ((*PERSON, 'bbox'), [1, 2, 3], 'box', '4 numbers'),
        ((*PERSON, 'bbox'), [1, 2, math.nan, 4], 'box', 'finite'),
        ((*PERSON, 'bbox'), [1, 2, 10**400, 4], 'box', 'should be a finite number'),
        ((*PERSON, 'bbox'), [10, 20, -5, 40], 'box', 'negative'),
        ((*PERSON, 'bbox'), [10, 20, 0, 40], 'box-zero', '80x100'),
        ((*PERSON, 'bbox'), [90, 20, 30, 40], 'box-zero', '80x100'),
        ((*PERSON, 'bbox'), [10, 20, 75, 40], 'box-outside', '80x100'),
        ((*PERSON, 'bbox'), [60, 70, 10, 20], 'keypoint-far', '[20.0, 25.0]'),
        ((*PERSON, 'area'), ..., 'area', 'no area'),
        ((*PERSON, 'area'), 0, 'area', '0'),
        ((*PERSON, 'area'), math.inf, 'area', 'finite'),
        ((*PERSON, 'keypoints'), ..., 'keypoints', 'None'),
        ((*PERSON, 'keypoints'), [20, 25, 2] * 2, 'keypoint-count', '6 numbers, 9'),
        ((*PERSON, 'keypoints'), [math.nan, 25, 2] * 3, 'keypoints', 'finite'),
        ((*PERSON, 'keypoints'), ['20', 25, 2] * 3, 'keypoints', "'20'"),
        ((*PERSON, 'keypoints'), [20, 25, 3] * 3, 'visibility', '3.0'),
        ((*PERSON, 'keypoints'), [20, 25, 1, 90, 40, 1, 0, 0, 0], 'keypoint-outside', '[90.0'),
        ((*PERSON, 'num_keypoints'), 0, 'num-keypoints-zero', '2 are labelled'),
        ((*PERSON, 'num_keypoints'), 3, 'num-keypoints', '2 are labelled'),
        ((*PERSON, 'num_keypoints'), ..., 'num-keypoints', 'None'),
        (('categories', 0, 'keypoints'), NAMES[::-1], 'category-keypoints', 'no list'),
        (('categories', 0, 'keypoints'), [*NAMES, 'tail'], 'category-keypoints', '4 in the'),
        (('categories', 0, 'keypoints'), [*NAMES[:2], 'foot'], 'category-keypoints', "'foot'"),
        (('categories', 0, 'skeleton'), [[0, 1]], 'category-skeleton', '[0, 1]'),
        (('categories', 0, 'id'), 'person', 'file', "'person'"),
    ],
)
def test_finds(path, value, kind, says):
    found, report = findings_of(changed(path, value))
    assert kind in found
    assert any(says in message for message in found[kind])
    assert KINDS[kind].cure in report.to_text()


def test_finds_nothing_else_where_one_thing_is_wrong():
    """One broken person is one finding, and the other one is looked at all the same."""
    found, report = findings_of(changed((*PERSON, 'keypoints'), [1, 2, 2]))
    assert list(found) == ['keypoint-count']
    assert report.counts['people with keypoints'] == 1
    (finding,) = report.findings
    assert finding.where == 'annotation 7 of image 1 (a.jpg)'


def test_normalised_coordinates_are_one_finding():
    content = sound()
    content['annotations'][0].update(
        bbox=[0.1, 0.2, 0.3, 0.4], keypoints=[0.2, 0.25, 2, 0.1, 0.4, 1, 0, 0, 0]
    )
    assert list(findings_of(content)[0]) == ['normalised']


def test_people_without_labels_and_crowds_may_lack_the_rest():
    content = sound()
    crowd = dict(bbox=[0, 0, 0, 0], area=0, keypoints=[0] * 9, num_keypoints=0, iscrowd=1)
    content['annotations'][0].update(crowd)
    assert findings_of(content)[0] == {}
    content['annotations'][1].update(crowd)
    assert list(findings_of(content)[0]) == ['no-people']


def test_repeated_people_and_empty_images():
    content = sound()
    content['annotations'][1].update(image_id=1)
    assert list(findings_of(content)[0]) == ['image-without-people', 'annotation-twice']


def test_without_a_dataset_the_category_says_how_many_keypoints():
    content = changed(('categories', 0, 'keypoints'), ['nose'])
    found, report = findings_of(content, keypoints=None)
    assert len(found['keypoint-count']) == 2
    assert report.counts['keypoints each'] == 1
    del content['categories'][0]['keypoints']
    assert findings_of(content, keypoints=None)[0] == {}


def test_of_another_kind_of_json():
    for content in ([], 'text', 3):
        assert list(findings_of(content)[0]) == ['file']


@pytest.fixture
def folder(tmp_path):
    """A sound file with its pictures."""
    picture = np.random.default_rng(0).integers(0, 255, (100, 80, 3), dtype=np.uint8)
    for name in ('a.jpg', 'b.png'):
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / 'some.json').write_text(json.dumps(sound()))
    return tmp_path


def kinds_of(folder, **options):
    report = validate_coco_file(folder / 'some.json', folder, KEYPOINTS, **options)
    return {kind: len(found) for kind, found in report.by_kind().items()}


def test_sound_pictures(folder):
    assert kinds_of(folder) == {}
    report = validate_coco_file(folder / 'some.json', folder)
    assert report.pictures == [folder / 'a.jpg', folder / 'b.png']


def test_broken_pictures(folder):
    data = (folder / 'a.jpg').read_bytes()
    (folder / 'a.jpg').write_bytes(data[: len(data) // 2])
    (folder / 'b.png').unlink()
    assert kinds_of(folder) == {'image-missing': 1, 'image-unreadable': 1}
    assert kinds_of(folder, read=False) == {'image-missing': 1}
    (folder / 'a.jpg').write_text('no picture')
    cv2.imwrite(str(folder / 'b.png'), np.zeros((80, 100, 3), np.uint8))
    assert kinds_of(folder) == {'image-unreadable': 1, 'image-size': 1}


@pytest.mark.parametrize('name', ['a' * 300 + '.jpg', 'a\0.jpg'])
def test_names_that_no_file_can_have(folder, name):
    content = sound()
    content['images'][0]['file_name'] = name
    (folder / 'some.json').write_text(json.dumps(content))
    for read in (True, False):
        (kind,) = kinds_of(folder, read=read)
        assert kind in ('image-unreadable', 'image-missing')


@pytest.mark.parametrize('text', ['', '{', '[' * 100_000, 'null', '\udcff'])
def test_files_that_are_none(folder, text):
    (folder / 'some.json').write_bytes(text.encode('utf-8', 'surrogateescape'))
    assert kinds_of(folder) == {'file': 1}


def test_a_missing_file(tmp_path):
    assert kinds_of(tmp_path) == {'file': 1}


def test_report_shows_examples_and_counts(tmp_path):
    report = Report('some.json', {'images': 5})
    for number in range(5):
        report.add('image-without-people', f'image {number}', 'nobody')
    report.add('box', 'annotation 1', 'bbox is 3')
    text = report.to_text(examples=2)
    assert text.index('ERROR box (1)') < text.index('WARNING image-without-people (5)')
    assert 'image 1: nobody' in text
    assert 'image 2' not in text
    assert '... and 3 more' in text
    assert text.endswith('1 errors, 5 warnings')
    write_reports(tmp_path / 'new/report.json', [report])
    (read,) = json.loads((tmp_path / 'new/report.json').read_text())
    assert (read['errors'], read['warnings'], read['counts']) == (1, 5, {'images': 5})
    assert read['kinds']['image-without-people']['count'] == 5
    assert read['kinds']['box']['findings'] == [{'where': 'annotation 1', 'message': 'bbox is 3'}]
    with pytest.raises(KeyError):
        report.add('no such kind', '', '')


def config_of(folder, **changes):
    dataset = dict(
        type='StrictCocoDataset',
        ann_file=str(folder / 'some.json'),
        data_prefix=dict(img=str(folder)),
        metainfo=dict(
            dataset_name='three',
            paper_info={},
            keypoint_info={
                i: dict(name=name, id=i, color=[0, 0, 0], type='', swap='')
                for i, name in enumerate(NAMES)
            },
            skeleton_info={},
            joint_weights=[1.0] * 3,
            sigmas=[0.05] * 3,
        ),
    )
    loader = dict(dataset=dataset)
    content = dict(
        default_scope='mmpose',
        model=dict(head=dict(type='SimDRHead', out_channels=3)),
        train_dataloader=dict(dataset=dict(type='RepeatDataset', times=3, dataset=dataset)),
        val_dataloader=loader,
        val_evaluator=dict(type='CocoMetric', ann_file=dataset['ann_file']),
    )
    config = Config(content)
    config.merge_from_dict(changes)
    return config


def kinds_in(config, *splits):
    reports = validate_config(config, splits or ('train', 'val', 'test'))
    return [list(report.by_kind()) for report in reports], reports


def test_a_config(folder):
    assert kinds_in(config_of(folder), 'train')[0] == [[]]
    found, (report,) = kinds_in(config_of(folder))
    assert found == [['splits-share']]
    assert report.source == f'{folder / "some.json"} (train, val)'


@pytest.mark.parametrize(
    ('changes', 'kind'),
    [
        ({'model.head.out_channels': 17}, 'model-keypoints'),
        ({'val_evaluator.ann_file': 'other.json'}, 'evaluator-file'),
        ({'val_dataloader.dataset.data_mode': 'sideways'}, 'dataset'),
        ({'val_dataloader.dataset.bbox_file': 'none.json'}, 'dataset'),
    ],
)
def test_a_config_that_does_not_fit(folder, changes, kind):
    changes = {**changes, 'val_dataloader.dataset.test_mode': True}
    assert kinds_in(config_of(folder, **changes), 'val')[0] == [[kind]]


def test_names_in_another_order_than_the_metainfo(folder):
    content = changed(('categories', 0, 'keypoints'), ['nose', 'right_hand', 'left_hand'])
    (folder / 'some.json').write_text(json.dumps(content))
    found, (report,) = kinds_in(config_of(folder), 'train')
    assert found == [['category-keypoints']]
    assert "1: 'right_hand' for 'left_hand'" in report.to_text()


def test_steps_may_convert_keypoints(folder):
    steps = [dict(type='KeypointConverter', num_keypoints=17, mapping=[(0, 0)])]
    changes = {'model.head.out_channels': 17, 'val_dataloader.dataset.pipeline': steps}
    assert kinds_in(config_of(folder, **changes), 'val')[0] == [[]]


def test_other_datasets_are_built_and_their_samples_looked_at(mannequins):
    def dataset_of(prefix):
        return dict(
            type='Human36mImageDataset',
            data_root=str(mannequins),
            ann_file='annotations/h36m_val.npz',
            camera_param_file='annotations/cameras.pkl',
            data_prefix=dict(img=prefix),
        )

    config = Config(dict(val_dataloader=dict(dataset=dataset_of('images/'))))
    found, (report,) = kinds_in(config, 'val')
    assert found == [[]]
    assert report.counts == {'samples': 8}
    config.val_dataloader.dataset.data_prefix.img = 'elsewhere/'
    assert kinds_in(config, 'val')[0] == [['image-missing']]
    config.val_dataloader.dataset.ann_file = 'none.npz'
    assert kinds_in(config, 'val')[0] == [['dataset']]


def test_refuses_what_is_no_split(folder):
    with pytest.raises(ValueError, match='nothing'):
        validate_config(config_of(folder), ['nothing'])
    with pytest.raises(ValueError, match='no dataset'):
        validate_config(config_of(folder), ['test'])
