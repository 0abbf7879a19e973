import json

import numpy as np
import pytest
from mmpose.datasets.datasets import MpiiDataset

from mmpose_ext.datasets import StrictMpiiDataset

PERSON = {
    'image': '015601864.jpg',
    'center': [594.0, 257.0],
    'scale': 3.0,
    'joints': [[float(600 + k), float(200 + k)] for k in range(16)],
    'joints_vis': [1] * 15 + [0],
}


def load(tmp_path, content, cls=StrictMpiiDataset):
    path = tmp_path / 'people.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return cls(ann_file=str(path), data_prefix={'img': ''}, lazy_init=False)


def test_gives_what_the_stock_dataset_gives(tmp_path):
    content = [PERSON, {**PERSON, 'scale': 1, 'image': '7.jpg'}]
    ours, stock = load(tmp_path, content), load(tmp_path, content, MpiiDataset)
    assert len(ours) == len(stock) == 2
    for index in range(2):
        one, other = ours.get_data_info(index), stock.get_data_info(index)
        assert one['img_path'] == other['img_path']
        for name in ('keypoints', 'keypoints_visible', 'bbox'):
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'joints': PERSON['joints'][:15]}, 'should be a list of 16 points, got 15'),
        ({'joints': [[1.0, 2.0, 3.0]] * 16}, r'joints\[0\] should have 2 numbers, got 3'),
        ({'joints': [[float('nan'), 2.0]] * 16}, r'joints\[0\]\[0\] .* got nan'),
        ({'joints': [*PERSON['joints'][:15], [1.0, None]]}, r'joints\[15\]\[1\] .* got None'),
        ({'joints': 'none'}, "list of 16 points, got 'none'"),
        ({'joints_vis': [1] * 15}, 'joints_vis should have 16 numbers, got 15'),
        ({'joints_vis': [1] * 15 + [2]}, r'joints_vis should be 0 or 1, got \[1\.0, 2\.0\]'),
        ({'center': [float('inf'), 1]}, r'center\[0\] .* got inf'),
        ({'scale': 0}, 'scale should be positive, got 0'),
        ({'scale': None}, r'scale\[0\] should be a finite number, got None'),
        ({'image': 'a.jpg'}, "got 'a.jpg'"),
        ({'image': 3}, 'got 3'),
    ],
)
def test_refuses_a_broken_annotation_by_index(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path, [PERSON, {**PERSON, **changes}])
    assert 'people.json: annotation 1 cannot be used: ' in str(caught.value)


@pytest.mark.parametrize('name', PERSON)
def test_refuses_an_annotation_without_a_field(tmp_path, name):
    broken = {key: value for key, value in PERSON.items() if key != name}
    with pytest.raises(ValueError, match=f'annotation 0 cannot be used: it has no {name}$'):
        load(tmp_path, [broken])


@pytest.mark.parametrize('content', ['[{"image": ', '{}', '[]', '"text"', '[3]'])
def test_refuses_what_is_no_annotation_file(tmp_path, content):
    with pytest.raises(ValueError, match=r'people\.json'):
        load(tmp_path, content)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json'):
        StrictMpiiDataset(ann_file=str(tmp_path / 'none.json'), lazy_init=False)
