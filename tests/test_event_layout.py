import json

import cv2
import numpy as np
import pytest

from mmpose_ext import event_layout as layout


def test_intrinsics_of_the_authors():
    """335.86 and 128.2 at 256 pixels."""
    np.testing.assert_allclose(layout.intrinsics(256), (335.86, 128.2))
    np.testing.assert_allclose(layout.intrinsics(1280), (1679.3, 641))


def test_event_frames_come_back(tmp_path):
    events = (np.random.default_rng(0).random((3, 4, 16, 32)) < 0.1).astype(np.uint8)
    notes = layout.write_event_frames(tmp_path, 'a', events)
    assert notes['event_frames'].tolist() == [0, 1, 2]
    assert notes['event_counts'].tolist() == events.sum((1, 2, 3)).tolist()
    for index, wanted in enumerate(events):
        path = tmp_path / f'events_32/a/event{index:04d}.png'
        back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(back.transpose(2, 0, 1), wanted)
    assert len(list(tmp_path.rglob('*'))) == 5


def test_gray_frames_come_back(tmp_path):
    gray = np.random.default_rng(0).integers(0, 256, (3, 16, 32)).astype(np.uint8)
    layout.write_gray_frames(tmp_path, 'a', gray)
    for index, wanted in enumerate(gray):
        path = tmp_path / f'full_pic_32/a/fullpic{index:04d}.png'
        np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), wanted)


@pytest.mark.parametrize(
    ('shape', 'kind', 'match'),
    [
        ((3, 5, 16, 16), np.uint8, r'4 bins.*\(5, 16, 16\)'),
        ((4, 16, 16), np.uint8, r'4 bins.*\(16, 16\)'),
        ((3, 4, 16, 16), np.float32, 'got .* float32'),
    ],
)
def test_refuses_other_event_frames(tmp_path, shape, kind, match):
    with pytest.raises(ValueError, match=match):
        layout.write_event_frames(tmp_path, 'a', np.zeros(shape, kind))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('shape', 'kind'), [((3, 4, 16, 16), np.uint8), ((3, 16, 16), float)])
def test_refuses_other_gray_frames(tmp_path, shape, kind):
    with pytest.raises(ValueError, match=r'need gray frames \(H, W\) uint8, got'):
        layout.write_gray_frames(tmp_path, 'a', np.zeros(shape, kind))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['', 'a/b', '..', '/a', '.'])
def test_refuses_names_that_lead_elsewhere(name):
    with pytest.raises(ValueError, match='file name'):
        layout.check_recording_name(name)
    layout.check_recording_name('subject01_group1_time1')


def test_same_bytes(tmp_path):
    for name in ('a', 'b'):
        layout.write_raw_events(tmp_path, name, [np.arange(4)] * 4, (3, 5))
    one, two = (tmp_path / f'raw_events/{name}.npz' for name in 'ab')
    assert one.read_bytes() == two.read_bytes()
    with np.load(one, allow_pickle=False) as data:
        assert (data['width'], data['height']) == (5, 3)
        assert [data[key].dtype for key in 'txyp'] == [np.int64, np.int16, np.int16, np.uint8]


def test_dataset_file_is_of_one_kind(tmp_path):
    layout.write_dataset_file(tmp_path, (64, 64), (84, 84), (32, 32), 15, 'video')
    layout.write_dataset_file(tmp_path, (64, 64), (84.0, 84.0), (32.0, 32.0), 15.0, 'video')
    assert json.loads((tmp_path / 'dataset.json').read_text())['bins'] == 4
    with pytest.raises(FileExistsError, match='another kind'):
        layout.write_dataset_file(tmp_path, (64, 64), (84, 84), (32, 32), 30, 'video')


def test_splits(tmp_path):
    assert layout.read_split(tmp_path, 'train') == []
    recordings = [{'name': 'a', 'subject': 's', 'action': 'walking'}]
    layout.write_split(tmp_path, 'train', recordings)
    assert layout.read_split(tmp_path, 'train') == recordings
    with pytest.raises(ValueError, match='val'):
        layout.write_split(tmp_path, 'val', recordings)
    for text in ('{"recordings": [', '[]', '{"recordings": 3}'):
        (tmp_path / 'test.json').write_text(text)
        with pytest.raises(ValueError, match=r'test\.json'):
            layout.read_split(tmp_path, 'test')
