import json

import numpy as np
import pytest

from mmpose_ext.apis.box_files import BoxFile
from mmpose_ext.apis.detection import Boxes

SIZE = (100, 80)
PERSON, DOG = 1, 18


def write(folder, content, name='boxes.json'):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco(**changes):
    images = [
        dict(id=7, file_name='val/a.jpg', width=100, height=80),
        dict(id=8, file_name='val/b.jpg', width=100, height=80),
    ]
    annotations = [
        dict(id=1, image_id=7, category_id=PERSON, iscrowd=0, bbox=[10, 20, 30, 40]),
        dict(id=2, image_id=7, category_id=PERSON, iscrowd=1, bbox=[0, 0, 90, 70]),
        dict(id=3, image_id=7, category_id=DOG, iscrowd=0, bbox=[1, 2, 3, 4]),
        dict(id=4, image_id=7, category_id=PERSON, bbox=[1, 2, 3, 4]),
    ]
    categories = [dict(id=PERSON, name='person'), dict(id=DOG, name='dog')]
    return {**dict(images=images, annotations=annotations, categories=categories), **changes}


def results():
    return [
        dict(image_id=7, category_id=PERSON, bbox=[10, 20, 30, 40], score=0.4),
        dict(image_id=7, category_id=PERSON, bbox=[1, 2, 3, 4], score=0.9),
        dict(image_id=7, category_id=DOG, bbox=[1, 2, 3, 4], score=0.95),
        dict(image_id=8, category_id=DOG, bbox=[1, 2, 3, 4], score=0.95),
    ]


@pytest.mark.parametrize('name', ['val/a.jpg', 'a.jpg', '/data/coco/val/a.jpg', 'data\\val\\a.jpg'])
def test_people_of_coco_annotations(tmp_path, name):
    found = BoxFile(write(tmp_path, coco())).find(name, None, SIZE)
    np.testing.assert_array_equal(found.boxes, [[10, 20, 40, 60], [1, 2, 4, 6]])
    np.testing.assert_array_equal(found.scores, [1, 1])


def test_nobody_in_a_picture_of_coco_annotations(tmp_path):
    found = BoxFile(write(tmp_path, coco())).find('b.jpg', None, SIZE)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)


def test_results_with_a_table_of_images(tmp_path):
    path = write(tmp_path, results())
    found = BoxFile(path, write(tmp_path, coco(), 'val.json')).find('x/val/a.jpg', None, SIZE)
    np.testing.assert_array_equal(found.boxes, [[1, 2, 4, 6], [10, 20, 40, 60]])
    np.testing.assert_array_equal(found.scores, [0.9, 0.4])
    assert len(BoxFile(path).find('images/000000000008.jpg', None, SIZE)) == 0


@pytest.mark.parametrize('name', ['7.jpg', 'images/000000000007.jpg'])
def test_results_without_a_table_of_images(tmp_path, name):
    found = BoxFile(write(tmp_path, results()), score_thr=0.5).find(name, None, SIZE)
    np.testing.assert_array_equal(found.boxes, [[1, 2, 4, 6]])
    np.testing.assert_array_equal(found.scores, [0.9])


def test_boxes_by_name(tmp_path):
    content = {'a.jpg': [[1, 2, 30, 40]], 'b.jpg': [[1, 2, 3, 4, 0.2], [5, 6, 7, 8, 0.3]], 'c': []}
    boxes = BoxFile(write(tmp_path, content))
    assert len(boxes) == 3
    np.testing.assert_array_equal(boxes.find('a.jpg', None, SIZE).scores, [1])
    np.testing.assert_array_equal(boxes.find('b.jpg', None, SIZE).scores, [0.3, 0.2])
    np.testing.assert_array_equal(boxes.find('b.jpg', None, SIZE).boxes[1], [1, 2, 3, 4])
    assert len(boxes.find('c', None, SIZE)) == 0


def test_frames_of_a_video(tmp_path):
    content = {'v.mp4': [[1, 2, 30, 40]], 'v.mp4#3': [[5, 6, 7, 8]]}
    boxes = BoxFile(write(tmp_path, content))
    assert boxes.find('in/v.mp4', 3, SIZE).boxes[0, 0] == 5
    assert boxes.find('in/v.mp4', 4, SIZE).boxes[0, 0] == 1
    with pytest.raises(KeyError, match=r'no boxes for w.mp4#4 or w.mp4'):
        boxes.find('w.mp4', 4, SIZE)


def test_a_picture_that_is_not_in_the_file(tmp_path):
    with pytest.raises(KeyError, match=r'no boxes for val/z.jpg. Add it, .* such as val/a.jpg'):
        BoxFile(write(tmp_path, coco())).find('val/z.jpg', None, SIZE)


def test_a_name_that_could_be_two_pictures(tmp_path):
    boxes = BoxFile(write(tmp_path, {'x/a.jpg': [], 'y/a.jpg': []}))
    assert len(boxes.find('data/y/a.jpg', None, SIZE)) == 0
    with pytest.raises(ValueError, match=r'several pictures that could be a.jpg: x/a'):
        boxes.find('a.jpg', None, SIZE)


def test_a_wrong_box_is_the_error_of_its_picture_only(tmp_path):
    content = {'a.jpg': [[1, 2, 3]], 'b.jpg': [[1, 2, 3, 4]], 'c.jpg': [[1, 2, 0, 4]], 'd.jpg': 'x'}
    boxes = BoxFile(write(tmp_path, content))
    assert len(boxes.find('b.jpg', None, SIZE)) == 1
    for name, message in (
        ('a.jpg', r'boxes.json, a.jpg: boxes must be \(N, 4\)'),
        ('c.jpg', r'boxes.json, c.jpg: .* x1 < x2 .* got \[1.0, 2.0, 0.0, 4.0\]'),
        ('d.jpg', r'boxes.json, d.jpg: boxes must be numbers'),
    ):
        with pytest.raises(ValueError, match=message):
            boxes.find(name, None, SIZE)


def test_coco_boxes_of_wrong_lengths(tmp_path):
    entries = [dict(image_id=7, category_id=PERSON, bbox=[1, 2, 3])] * 4
    boxes = BoxFile(write(tmp_path, coco(annotations=entries)))
    with pytest.raises(ValueError, match=r'val/a.jpg: bbox should be \[x, y, width, height\]'):
        boxes.find('a.jpg', None, SIZE)


@pytest.mark.parametrize(
    ('size', 'message'),
    [((80, 100), 'in 100 x 80 pixels, but the picture has 80 x 100'), ((100, 80), None)],
)
def test_a_picture_of_another_size(tmp_path, size, message):
    boxes = BoxFile(write(tmp_path, coco()))
    if message is None:
        assert len(boxes.find('a.jpg', None, size)) == 2
    else:
        with pytest.raises(ValueError, match=message):
            boxes.find('a.jpg', None, size)


def test_a_box_outside_the_picture(tmp_path):
    boxes = BoxFile(write(tmp_path, {'a.jpg': [[120, 2, 130, 40]]}))
    with pytest.raises(ValueError, match='outside the picture of 100 x 80'):
        boxes.find('a.jpg', None, SIZE)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('no json', 'is no JSON file'),
        ('3', 'should be COCO annotations'),
        ('[3]', r'is no file of boxes \(TypeError'),
        ('[{"image_id": 3}]', "KeyError: 'category_id'"),
        (coco(images=[dict(id=1)]), "KeyError: 'file_name'"),
        (coco(categories=[dict(id=1, name='cat')]), 'no category named person .*: cat'),
        (coco(images=[]), 'a box of the image 7, which is not among the images'),
    ],
)
def test_refuses_what_is_no_file_of_boxes(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        BoxFile(write(tmp_path, content))


def test_refuses_a_missing_file_and_a_table_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'missing\.json is missing; it should be COCO'):
        BoxFile(tmp_path / 'missing.json')
    path, other = write(tmp_path, results()), write(tmp_path, {'a': []}, 'other.json')
    with pytest.raises(ValueError, match='it has no images'):
        BoxFile(path, other)
    with pytest.raises(ValueError, match='holds no detection results'):
        BoxFile(other, path)
    with pytest.raises(ValueError, match='score_thr is from 0 to 1, got 2'):
        BoxFile(path, score_thr=2)


def test_boxes_of_arrays():
    assert len(Boxes.of([])) == len(Boxes.of(np.zeros((0, 5)))) == 0
    boxes = Boxes.of(np.array([[1, 2, 3, 4, 0.5]], np.float32))
    assert boxes.boxes.dtype == np.float64
    assert boxes.scores.tolist() == [0.5]
    assert Boxes.of(boxes) is boxes
    assert Boxes.of([[1, 2, 3, 4]], [0.25]).scores.tolist() == [0.25]


@pytest.mark.parametrize(
    ('boxes', 'scores', 'message'),
    [
        ([1, 2, 3, 4], None, r'\(N, 4\)'),
        ([[1, 2, 3]], None, r'\(N, 4\) as x1, y1, x2, y2, got \(1, 3\)'),
        ([[1, 2, 3, np.nan]], None, 'got .*nan'),
        ([[3, 2, 1, 4]], None, 'x1 < x2'),
        ([[1, 2, 3, 4]], [1, 2], r'scores must be \(1,\)'),
        ([[1, 2, 3, 4]], [1.5], r'from 0 to 1, got \[1.5\]'),
        ('text', None, 'boxes must be numbers'),
    ],
)
def test_boxes_refuse(boxes, scores, message):
    with pytest.raises(ValueError, match=message):
        Boxes.of(boxes, scores)


@pytest.mark.parametrize(
    ('table', 'message'),
    [
        ('no json', r'^\S*val\.json is no JSON file'),
        ({'a': []}, r'^\S*val\.json is no COCO annotation file: it has no images'),
        (coco(images=[dict(id=1)]), r'^\S*val\.json is no COCO .* of \S*boxes\.json \(KeyError'),
        (coco(categories=[dict(id=1, name='cat')]), r'^\S*val\.json is no COCO .*named person'),
        (coco(images=[]), r'^\S*boxes\.json has a box of the image 7, which is not among'),
    ],
)
def test_blames_the_file_that_is_wrong(tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        BoxFile(write(tmp_path, results()), write(tmp_path, table, 'val.json'))


def test_blames_the_boxes_where_the_table_is_sound(tmp_path):
    path, table = write(tmp_path, [{'category_id': 1}]), write(tmp_path, coco(), 'val.json')
    with pytest.raises(ValueError, match=r"boxes\.json is no file of boxes \(KeyError: 'image_id'"):
        BoxFile(path, table)
    with pytest.raises(FileNotFoundError, match=r'gone\.json is missing; .* name the pictures'):
        BoxFile(path, tmp_path / 'gone.json')


def test_a_person_without_a_box(tmp_path):
    content = coco(annotations=[dict(id=1, image_id=7, category_id=PERSON)])
    with pytest.raises(ValueError, match=r'boxes\.json, val/a\.jpg: each person needs a bbox'):
        BoxFile(write(tmp_path, content)).find('a.jpg', None, SIZE)
