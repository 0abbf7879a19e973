import json
import runpy

import cv2
import numpy as np
import pytest

PERSON = dict(
    id=1,
    image_id=1,
    category_id=1,
    bbox=[1, 1, 20, 20],
    area=200,
    keypoints=[5, 5, 2],
    num_keypoints=1,
    iscrowd=0,
)


@pytest.fixture(scope='module')
def validate(root):
    return runpy.run_path(str(root / 'tools/validate_dataset.py'))['main']


@pytest.fixture
def data(tmp_path):
    """Options for a file of one picture with one person, and a function that changes him."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((32, 32, 3), np.uint8))

    def write(**changes):
        content = {
            'images': [{'id': 1, 'file_name': 'a.png', 'width': 32, 'height': 32}],
            'annotations': [{**PERSON, **changes}],
            'categories': [{'id': 1, 'name': 'person', 'keypoints': ['nose']}],
        }
        (tmp_path / 'some.json').write_text(json.dumps(content))
        return ['--ann', str(tmp_path / 'some.json'), '--images', str(tmp_path)]

    return write


def test_exit_status_and_report(validate, data, tmp_path, capsys):
    assert validate(data()) == 0
    assert 'all is well' in capsys.readouterr().out
    assert validate([*data(num_keypoints=5), '--json', str(tmp_path / 'r.json')]) == 0
    assert 'WARNING num-keypoints (1)' in capsys.readouterr().out
    assert json.loads((tmp_path / 'r.json').read_text())[0]['warnings'] == 1
    assert validate(data(bbox=[1, 1, 0, 20])) == 1
    assert 'ERROR box-zero (1)' in capsys.readouterr().out
    assert validate([*data(), '--num-keypoints', '17']) == 1
    assert 'ERROR keypoint-count (1)' in capsys.readouterr().out


def test_pictures_are_read_unless_it_is_told_not_to(validate, data, tmp_path):
    (tmp_path / 'a.png').write_text('no picture')
    assert validate(data()) == 1
    assert validate([*data(), '--skip-reading']) == 0


def test_a_config(validate, data, tmp_path, capsys):
    ann, images = data()[1::2]
    dataset = dict(type='StrictCocoDataset', ann_file=ann, data_prefix=dict(img=images))
    config = tmp_path / 'config.py'
    config.write_text(f"default_scope = 'mmpose'\ntrain_dataloader = dict(dataset={dataset})\n")
    assert validate([str(config), '--split', 'train']) == 1
    # COCO's 17 keypoints against the one of the file.
    assert 'ERROR category-keypoints (1)' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='no dataset for val'):
        validate([str(config), '--split', 'val'])
    with pytest.raises(SystemExit, match=r'none\.py'):
        validate([str(tmp_path / 'none.py')])


@pytest.mark.parametrize(
    'words',
    [
        [],
        ['config.py', '--ann', 'a.json', '--images', '.'],
        ['--ann', 'a.json'],
        ['config.py', '--num-keypoints', '3'],
        ['--ann', 'a.json', '--images', '.', '--split', 'val'],
        ['--ann', 'a.json', '--images', '.', '--num-keypoints', '0'],
    ],
)
def test_refuses_options_that_do_not_go_together(validate, words, capsys):
    with pytest.raises(SystemExit) as caught:
        validate(words)
    assert caught.value.code == 2
    assert 'error: ' in capsys.readouterr().err
