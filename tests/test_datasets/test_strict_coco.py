import copy
import json

import numpy as np
import pytest
from mmpose.datasets.datasets import CocoDataset

from mmpose_ext.datasets import StrictCocoDataset
from mmpose_ext.datasets.datasets.annotation_checks import numbers_of

PERSON = {
    'id': 5,
    'image_id': 1,
    'category_id': 1,
    'bbox': [10, 10, 50, 80],
    'area': 4000,
    'iscrowd': 0,
    'num_keypoints': 17,
    'keypoints': [float(v) for k in range(17) for v in (10 + k, 20 + k, 2)],
}
FILE = {
    'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 100, 'height': 100}],
    'categories': [{'id': 1, 'name': 'person'}],
    'annotations': [PERSON],
}


def load(tmp_path, content, cls=StrictCocoDataset, data_mode='topdown'):
    path = tmp_path / 'people.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return cls(ann_file=str(path), data_mode=data_mode, data_prefix={'img': ''})


def with_person(**changes):
    content = copy.deepcopy(FILE)
    person = content['annotations'][0]
    person.update(changes)
    for key in [key for key, value in person.items() if value is None]:
        del person[key]
    return content


def test_gives_what_the_stock_dataset_gives(tmp_path):
    content = copy.deepcopy(FILE)
    content['annotations'].append({**PERSON, 'id': 6, 'num_keypoints': 0, 'keypoints': [0] * 51})
    ours = load(tmp_path, content)
    stock = load(tmp_path, content, CocoDataset)
    assert len(ours) == len(stock) == 1
    np.testing.assert_array_equal(
        ours.get_data_info(0)['keypoints'], stock.get_data_info(0)['keypoints']
    )


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'keypoints': None}, 'it has no keypoints'),
        ({'bbox': None}, 'it has no bbox'),
        ({'keypoints': [1.0] * 50}, 'should have 51 numbers, got 50'),
        ({'keypoints': [[1, 2, 2]] * 17}, 'should have 51 numbers, got 17'),
        ({'keypoints': [float('nan'), *[1.0] * 50]}, r'keypoints\[0\] .* got nan'),
        ({'keypoints': [1.0, 'x', *[1.0] * 49]}, r"keypoints\[1\] .* got 'x'"),
        ({'keypoints': [1.0, 1.0, 7.0] * 17}, r'visibilities should be 0, 1 or 2, got \[7.0\]'),
        ({'keypoints': 'none'}, 'should be a list of 51 numbers'),
        ({'bbox': [10, 10, -5, 8]}, r'got \[10, 10, -5, 8\]'),
        ({'bbox': [10, 10, 5]}, 'bbox should have 4 numbers, got 3'),
        ({'bbox': [10, 10, 0, 8]}, r'has no area: \[10, 10, 0, 8\]'),
        ({'bbox': [10, 10, 8, 0.0]}, r'has no area: \[10, 10, 8, 0\.0\]'),
    ],
)
def test_refuses_a_broken_annotation_by_name(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, with_person(**changes))
    assert 'people.json: annotation 5 of image 1' in str(caught.value)


@pytest.mark.parametrize('changes', [{'iscrowd': 1}, {'num_keypoints': 0, 'keypoints': [0] * 51}])
def test_crowds_and_unlabelled_people_may_have_an_empty_box(tmp_path, changes):
    content = with_person(bbox=[10, 10, 0, 0], **changes)
    content['annotations'].append({**PERSON, 'id': 6})
    assert len(load(tmp_path, content)) == len(load(tmp_path, content, CocoDataset)) == 1


@pytest.mark.parametrize('content', ['{"images": [', '[1, 2]', '{"images": []}', '"text"'])
def test_refuses_what_is_no_annotation_file(tmp_path, content):
    with pytest.raises((ValueError, AssertionError), match=r'people.json|annotation file'):
        load(tmp_path, content)


def test_refuses_a_file_without_people(tmp_path):
    with pytest.raises(ValueError, match='1 images but no annotated person'):
        load(tmp_path, {**FILE, 'annotations': []})


def test_people_of_an_image_with_and_without_a_segmentation(tmp_path):
    """Where MMPose's dataset dies."""
    outline = {**PERSON, 'segmentation': [[1, 1, 9, 1, 9, 9]]}
    hidden = {**PERSON, 'id': 6, 'num_keypoints': 0, 'keypoints': [0] * 51, 'segmentation': None}
    content = {**FILE, 'annotations': [outline, hidden]}
    with pytest.raises(TypeError):
        load(tmp_path, content, CocoDataset, 'bottomup')
    image = load(tmp_path, content, data_mode='bottomup').get_data_info(0)
    assert image['invalid_segs'] == [[]]
    assert image['keypoints'].shape == (2, 17, 2)


def test_null_is_unknown(tmp_path):
    """As some exporters write it; the stock dataset would make NaN of the area."""
    nothing = dict.fromkeys(('area', 'iscrowd', 'num_keypoints', 'segmentation'))
    found = load(tmp_path, {**FILE, 'annotations': [{**PERSON, **nothing}]}).get_data_info(0)
    absent = load(tmp_path, with_person(**nothing)).get_data_info(0)
    assert found['area'] == absent['area'] > 0
    assert found['num_keypoints'] == 17
    assert found['iscrowd'] == 0


def test_refuses_missing_files(tmp_path):
    options = dict(data_prefix={'img': ''}, test_mode=True)
    with pytest.raises(FileNotFoundError, match=r'there is no file .*gone\.json'):
        StrictCocoDataset(ann_file=str(tmp_path / 'gone.json'), **options)
    load(tmp_path, FILE)
    with pytest.raises(FileNotFoundError, match=r'there is no file .*found\.json'):
        StrictCocoDataset(
            ann_file=str(tmp_path / 'people.json'),
            bbox_file=str(tmp_path / 'found.json'),
            **options,
        )


@pytest.mark.parametrize('values', [[1, 2.5, 10**400], [1, float('inf'), 2], [1, True, 2]])
def test_one_wrong_number_among_many(values):
    index = next(k for k, value in enumerate(values) if value not in (1, 2, 2.5) or value is True)
    with pytest.raises(ValueError, match=rf'a\[{index}\] should be a finite number'):
        numbers_of('a', values, 3)
