import json

import numpy as np
import pytest
from scipy.io import savemat

from mmpose_ext.datasets import CocoPolarityDataset, LspPolarityDataset, MpiiPolarityDataset
from mmpose_ext.datasets.datasets.lsp import read_lsp
from mmpose_ext.datasets.datasets.part_polarity import UNKNOWN, write_part_polarity
from mmpose_ext.skeletons import human36m18, lsp14

NUM_PARTS = len(human36m18.PARTS)
CODES = np.random.default_rng(0).integers(-2, 2, (2, NUM_PARTS))


def mpii_file(folder):
    people = [
        {
            'image': f'{k:09d}.jpg',
            'center': [94.0, 57.0],
            'scale': 1.0,
            'joints': [[float(50 + j), float(60 + j)] for j in range(16)],
            'joints_vis': [1] * 16,
        }
        for k in range(3)
    ]
    (folder / 'people.json').write_text(json.dumps(people))
    return [0, 1, 2], [person['image'] for person in people]


def coco_file(folder):
    people = [
        {
            'id': 70 + k,
            'image_id': k,
            'category_id': 1,
            'iscrowd': 0,
            'bbox': [5, 5, 50, 60],
            'area': 3000,
            'keypoints': [10.0, 20.0, 2] * 17,
            'num_keypoints': 17,
        }
        for k in range(3)
    ]
    images = [{'id': k, 'file_name': f'{k}.jpg', 'width': 99, 'height': 98} for k in range(3)]
    content = {
        'images': images,
        'annotations': people,
        'categories': [{'id': 1, 'name': 'person'}],
    }
    (folder / 'people.json').write_text(json.dumps(content))
    return [70, 71, 72], [image['file_name'] for image in images]


def lsp_file(folder, extended=False, points=None):
    points = lsp_points() if points is None else points
    axes = (1, 2, 0) if extended else (2, 1, 0)
    savemat(folder / 'people.json', {'joints': points.transpose(axes)}, appendmat=False)
    digits = 5 if extended else 4
    return [0, 1, 2], [f'im{k + 1:0{digits}d}.jpg' for k in range(3)]


def lsp_points():
    """Three people as MATLAB has them: (3, 14, 3)."""
    points = np.random.default_rng(0).uniform(1, 100, (3, 14, 3))
    points[..., 2] = 1
    points[1, 3, 2] = 0
    return points


CASES = [
    (MpiiPolarityDataset, mpii_file),
    (CocoPolarityDataset, coco_file),
    (LspPolarityDataset, lsp_file),
]


def load(cls, folder, **options):
    return cls(
        ann_file='people.json', data_root=str(folder), data_prefix={'img': 'images'}, **options
    )


@pytest.mark.parametrize(('cls', 'write'), CASES)
def test_samples_have_polarities(tmp_path, cls, write):
    ids, names = write(tmp_path)
    write_part_polarity(tmp_path / 'p.json', [ids[2], ids[0]], [names[2], names[0]], CODES)
    dataset = load(cls, tmp_path, polarity_file='p.json')
    assert len(dataset) == 3
    for index, expected in enumerate((CODES[1], [UNKNOWN] * NUM_PARTS, CODES[0])):
        polarity = dataset[index]['part_polarity']
        np.testing.assert_array_equal(polarity, [expected])
        assert polarity.dtype == np.int64


@pytest.mark.parametrize(('cls', 'write'), CASES)
def test_without_a_file_there_are_none(tmp_path, cls, write):
    write(tmp_path)
    assert 'part_polarity' not in load(cls, tmp_path)[0]


@pytest.mark.parametrize(('cls', 'write'), CASES)
def test_refuses_the_file_of_other_people(tmp_path, cls, write):
    ids, names = write(tmp_path)
    write_part_polarity(tmp_path / 'p.json', [999], [names[0]], CODES[:1])
    with pytest.raises(ValueError, match=r'p\.json: id 999 .* is unknown'):
        load(cls, tmp_path, polarity_file='p.json')
    write_part_polarity(tmp_path / 'p.json', [ids[1]], [names[0]], CODES[:1])
    with pytest.raises(ValueError, match=rf'id {ids[1]}: file_name is .* but the image of that'):
        load(cls, tmp_path, polarity_file='p.json')


@pytest.mark.parametrize(('cls', 'write'), CASES)
def test_refuses_other_parts_and_missing_files(tmp_path, cls, write):
    ids, names = write(tmp_path)
    write_part_polarity(tmp_path / 'p.json', ids[:2], names[:2], CODES)
    with pytest.raises(ValueError, match='parts should be those of the codec'):
        load(cls, tmp_path, polarity_file='p.json', parts=[(0, 1), (1, 2)])
    with pytest.raises(FileNotFoundError, match=r'q\.json'):
        load(cls, tmp_path, polarity_file='q.json')
    with pytest.raises(ValueError, match='closer_is should be 1 or -1, got 3'):
        load(cls, tmp_path, closer_is=3)


def test_turns_the_signs_of_a_file(tmp_path):
    ids, names = mpii_file(tmp_path)
    write_part_polarity(tmp_path / 'p.json', ids[:2], names[:2], CODES)
    dataset = load(MpiiPolarityDataset, tmp_path, polarity_file='p.json', closer_is=-1)
    expected = np.where(CODES[0] == UNKNOWN, UNKNOWN, -CODES[0])
    np.testing.assert_array_equal(dataset[0]['part_polarity'], [expected])


def test_polarities_need_annotated_people(tmp_path):
    coco_file(tmp_path)
    options = {'polarity_file': 'p.json', 'bbox_file': 'boxes.json', 'test_mode': True}
    with pytest.raises(ValueError, match='bbox_file replaces them by detected ones'):
        load(CocoPolarityDataset, tmp_path, **options)


@pytest.mark.parametrize('extended', [False, True])
def test_lsp_numbers(tmp_path, extended):
    points = lsp_points()
    lsp_file(tmp_path, extended, points)
    dataset = load(LspPolarityDataset, tmp_path, extended=extended)
    sample = dataset[1]
    labelled = np.arange(14) != 3 if extended else np.ones(14, dtype=bool)
    np.testing.assert_array_equal(sample['keypoints_visible'], labelled[None])
    expected = points[1, labelled, :2] - 1
    np.testing.assert_allclose(sample['keypoints'][0, labelled], expected, rtol=1e-6)
    box = np.concatenate([expected.min(axis=0), expected.max(axis=0)])
    np.testing.assert_allclose(sample['bbox'], box[None], rtol=1e-6)
    assert sample['img_path'].endswith('images/im00002.jpg' if extended else 'images/im0002.jpg')
    assert sample['num_keypoints'] == labelled.sum()


def test_lsp_flips():
    flip = lsp14.METAINFO['keypoint_info']
    names = [flip[k]['swap'] or flip[k]['name'] for k in range(14)]
    assert [lsp14.NAMES.index(name) for name in names] == [
        5,
        4,
        3,
        2,
        1,
        0,
        *range(11, 5, -1),
        12,
        13,
    ]


@pytest.mark.parametrize('extended', [False, True])
def test_lsp_refuses_the_layout_of_the_other(tmp_path, extended):
    lsp_file(tmp_path, not extended)
    with pytest.raises(ValueError, match='LSP-extended, with extended=True, has joints first'):
        load(LspPolarityDataset, tmp_path, extended=extended)


@pytest.mark.parametrize(
    ('value', 'axis', 'message'),
    [
        (np.nan, 0, 'person 2, head_top: its place should be finite'),
        (3, 2, 'person 2, head_top: its mark should be 0 or 1'),
    ],
)
def test_lsp_refuses_broken_people(tmp_path, value, axis, message):
    points = lsp_points()
    points[2, 13, axis] = value
    lsp_file(tmp_path, True, points)
    with pytest.raises(ValueError, match=message):
        load(LspPolarityDataset, tmp_path, extended=True)


def test_lsp_ignores_places_without_label(tmp_path):
    points = lsp_points()
    points[1, 3, :2] = np.nan
    lsp_file(tmp_path, True, points)
    assert np.isfinite(load(LspPolarityDataset, tmp_path, extended=True)[1]['keypoints']).all()


def test_lsp_refuses_people_without_a_box(tmp_path):
    points = lsp_points()
    points[2, 1:, 2] = 0
    lsp_file(tmp_path, True, points)
    with pytest.raises(ValueError, match='labelled joints of person 2; 1 of 14 are labelled'):
        load(LspPolarityDataset, tmp_path, extended=True)


@pytest.mark.parametrize('content', [b'', b'no matlab file', b'MATLAB 5.0 MAT-file, cut'])
def test_lsp_refuses_what_is_no_matlab_file(tmp_path, content):
    (tmp_path / 'people.json').write_bytes(content)
    with pytest.raises(ValueError, match=r'people\.json is no MATLAB file of LSP'):
        load(LspPolarityDataset, tmp_path)


def test_lsp_outlives_a_file_that_ends_its_reader(tmp_path, monkeypatch):
    """As scipy does over some bytes."""
    lsp_file(tmp_path)
    monkeypatch.setattr('mmpose_ext.datasets.datasets.lsp._READ', 'import os; os.abort()')
    with pytest.raises(ValueError, match=r'no MATLAB file of LSP \(its reader ended with -6\)'):
        read_lsp(str(tmp_path / 'people.json'), extended=False)


def test_lsp_refuses_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'people\.json'):
        load(LspPolarityDataset, tmp_path)
