import json

import numpy as np
import pytest

from mmpose_ext.datasets.datasets.part_polarity import (
    UNKNOWN,
    check_parts,
    load_part_polarity,
    write_part_polarity,
)
from mmpose_ext.skeletons import human36m18

PARTS = ((0, 1), (1, 2), (2, 3))
PEOPLE = [
    {'id': 4, 'file_name': 'a.jpg', 'polarity': [1, 0, -1]},
    {'id': 9, 'file_name': 'train/b.jpg', 'polarity': [-2, 1, 1]},
]
CONTENT = {'format': 'part_polarity/1', 'parts': PARTS, 'closer_is': 1, 'people': PEOPLE}


def load(tmp_path, content, **options):
    path = tmp_path / 'polarity.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_part_polarity(path, **{'parts': PARTS, **options})


def test_writes_what_it_reads(tmp_path):
    polarity = np.random.default_rng(0).integers(-2, 2, (5, 14))
    path = tmp_path / 'folder' / 'polarity.json'
    write_part_polarity(path, range(5), [f'im{k}.jpg' for k in range(5)], polarity)
    table = load_part_polarity(path)
    assert table.ids == [0, 1, 2, 3, 4]
    assert table.file_names[3] == 'im3.jpg'
    np.testing.assert_array_equal(table.polarity, polarity)
    assert table.polarity.dtype == np.int64
    assert json.loads(path.read_text())['parts'] == [list(part) for part in human36m18.PARTS]
    assert [entry.name for entry in path.parent.iterdir()] == ['polarity.json']


@pytest.mark.parametrize(('file', 'wanted', 'sign'), [(1, 1, 1), (-1, -1, 1), (1, -1, -1)])
def test_turns_signs_to_what_is_wanted(tmp_path, file, wanted, sign):
    table = load(tmp_path, {**CONTENT, 'closer_is': file}, closer_is=wanted)
    assert table.polarity.tolist() == [[sign, 0, -sign], [UNKNOWN, sign, sign]]


def test_no_people_is_a_table(tmp_path):
    table = load(tmp_path, {**CONTENT, 'people': []})
    assert table.align([1, 2], ['a.jpg', 'b.jpg']).tolist() == [[UNKNOWN] * 3] * 2


def test_aligns_with_a_dataset(tmp_path):
    aligned = load(tmp_path, CONTENT).align([9, 7, 4], ['x/train/b.jpg', 'x/c.jpg', 'x/a.jpg'])
    assert aligned.tolist() == [[-2, 1, 1], [-2, -2, -2], [1, 0, -1]]


def test_refuses_people_that_the_dataset_has_not(tmp_path):
    with pytest.raises(ValueError, match=r'json: id 9 \(train/b\.jpg\) is unknown: none .* 1 ann'):
        load(tmp_path, CONTENT).align([4], ['a.jpg'])


@pytest.mark.parametrize('image', ['x/val/b.jpg', 'b.jpg', 'x/train/bb.jpg'])
def test_refuses_another_image(tmp_path, image):
    with pytest.raises(ValueError, match=f"id 9: file_name is 'train/b.jpg', but .* '{image}'"):
        load(tmp_path, CONTENT).align([9, 4], [image, 'a.jpg'])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'polarity': [1, 0]}, r'people\[1\] \(id 9\): polarity should have 3 codes.* got 2'),
        ({'polarity': 'none'}, "polarity should have 3 codes, one a part, got 'none'"),
        ({'polarity': [1, 0, 2]}, r'people\[1\] \(id 9\): polarity\[2\] should be one of .* got 2'),
        ({'polarity': [-3, 0, 1]}, r'polarity\[0\] should be one of \(-2, -1, 0, 1\)'),
        ({'polarity': [1.0, 0, 1]}, r'polarity\[0\] should be one of .* got 1\.0'),
        ({'polarity': [True, 0, 1]}, r'polarity\[0\] should be one of .* got True'),
        ({'polarity': [None, 0, 1]}, r'polarity\[0\] should be one of .* got None'),
        ({'id': 4}, 'id 4 stands there twice'),
        ({'id': '9'}, r"people\[1\]\.id should be a whole number, got '9'"),
        ({'file_name': ''}, "file_name should name an image, got ''"),
        ({'file_name': 3}, 'file_name should name an image, got 3'),
    ],
)
def test_refuses_a_broken_person(tmp_path, changes, message):
    people = [PEOPLE[0], {**PEOPLE[1], **changes}]
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, {**CONTENT, 'people': people})
    assert 'polarity.json: ' in str(caught.value)


@pytest.mark.parametrize('name', ['id', 'file_name', 'polarity'])
def test_refuses_a_person_without_a_field(tmp_path, name):
    person = {key: value for key, value in PEOPLE[1].items() if key != name}
    with pytest.raises(ValueError, match=rf'people\[1\] has no {name}$'):
        load(tmp_path, {**CONTENT, 'people': [PEOPLE[0], person]})


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (
            {'format': 'part_polarity/2'},
            "format should be 'part_polarity/1', got 'part_polarity/2'",
        ),
        ({'parts': [[0, 1], [1, 2], [2, 18]]}, r'part \(2, 18\) names unknown joints \[18\]'),
        ({'parts': [[0, 1], [1, 2], [-1, 3]]}, r'names unknown joints \[-1\]'),
        ({'parts': [[0, 1], [1, 2], [3, 2]]}, r'parts should be those of the codec, \(\(0, 1\)'),
        ({'parts': [[0, 1], [2, 3], [1, 2]]}, 'parts should be those of the codec'),
        ({'parts': [[0, 1], [1, 2]]}, 'parts should be those of the codec'),
        ({'parts': None}, 'parts should be a list of pairs of joints, got None'),
        ({'parts': [[0, 1], [1], [2, 3]]}, r'parts should be pairs .* got \[1\]'),
        ({'parts': [[0, 1], [1.5, 2], [2, 3]]}, r'parts should be pairs .* got \[1\.5, 2\]'),
        ({'closer_is': 0}, 'closer_is should be 1 or -1, got 0'),
        ({'people': {}}, 'people should be a list, got {}'),
        ({'people': [3]}, r'people\[0\] should be a JSON object, got 3'),
    ],
)
def test_refuses_a_broken_file(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, {**CONTENT, **changes})
    assert 'polarity.json' in str(caught.value)


@pytest.mark.parametrize('content', ['{"format": ', '[]', '3', '{}'])
def test_refuses_what_is_no_such_file(tmp_path, content):
    with pytest.raises(ValueError, match=r'polarity\.json'):
        load(tmp_path, content)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json; derive_part_polarity\.py makes one'):
        load_part_polarity(tmp_path / 'none.json')


def test_refuses_parts_of_one_joint():
    with pytest.raises(ValueError, match=r'part \(3, 3\) should join two different joints'):
        check_parts([(0, 1), (3, 3)])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'ids': [1, 1]}, 'id 1 stands there twice'),
        ({'polarity': np.full((2, 3), 5)}, r'polarity\[0\] should be one of'),
        ({'polarity': np.zeros((2, 2))}, r'expected polarities \(2, 3\)'),
        ({'polarity': np.zeros((2, 3))}, r'should be one of .* got 0\.0'),
        ({'file_names': ['a.jpg']}, '2 file names, got .* and 1'),
        ({'closer_is': 2}, 'closer_is should be 1 or -1, got 2'),
    ],
)
def test_writes_nothing_that_could_not_be_read(tmp_path, changes, message):
    arguments = {
        'ids': [1, 2],
        'file_names': ['a.jpg', 'b.jpg'],
        'polarity': np.zeros((2, 3), dtype=int),
        'parts': PARTS,
    }
    with pytest.raises(ValueError, match=message):
        write_part_polarity(tmp_path / 'p.json', **{**arguments, **changes})
    assert not list(tmp_path.iterdir())
