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


def test_refuses_other_numbers_of_bins(tmp_path):
    with pytest.raises(ValueError, match=r'4 bins.*\(3, 5, 16, 16\)'):
        layout.write_event_frames(tmp_path, 'a', np.zeros((3, 5, 16, 16), np.uint8))


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
