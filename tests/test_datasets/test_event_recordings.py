"""Reading recordings of an event camera: what is there is checked by name."""

import json

import numpy as np
import pytest
from small_recordings import SIZE, write_recordings

from mmpose_ext.datasets.datasets.event_recordings import (
    Poses,
    read_event_source,
    read_poses,
    read_recordings,
)


@pytest.fixture
def root(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    return tmp_path


def read(root):
    source = read_event_source(root)
    return source, read_recordings(source, root / 'train.json')


def test_reads_what_was_written(root):
    source, (recording,) = read(root)
    assert source.size == (SIZE, SIZE)
    assert source.focal == (42.0, 42.0)
    assert source.principal_pt == (16.0, 15.0)
    assert (source.fps, source.bins, source.name) == (15.0, 4, 'test')
    assert (recording.name, recording.subject, recording.action) == ('rec0', 's0', 'walk')
    assert recording.event_frames.tolist() == list(range(6))
    assert {name: values.shape for name, values in recording.poses.arrays.items()} == {
        'theta': (7, 72),
        'betas': (7, 10),
        'transl': (7, 3),
        'joints': (7, 24, 3),
        'keypoints': (7, 24, 2),
    }
    assert source.events('rec0', 5).exists()
    assert source.gray('rec0', 6).exists()
    assert source.flow('rec0', 4, 'true').exists()


def test_takes_a_jpeg_where_there_is_no_png(root):
    source = read_event_source(root)
    png = source.gray('rec0', 0)
    png.rename(png.with_suffix('.jpg'))
    assert source.gray('rec0', 0).suffix == '.jpg'


def test_rows_of_frames():
    poses = Poses(np.array([3, 4, 9]), {})
    assert poses.rows(np.array([[3, 9], [2, 10]])).tolist() == [[0, 2], [-1, -1]]
    assert Poses(np.array([], int), {}).rows(np.array([0])).tolist() == [-1]


def change_json(root, name, **fields):
    path = root / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (dict(size=[32]), r'dataset\.json: size should be a list of 2 numbers'),
        (dict(size=[32, 0]), r'size should be whole and positive'),
        (dict(focal=['a', 1]), r'focal should be a list'),
        (dict(focal=[0, 1]), r'focal should be positive'),
        (dict(fps=None), r'fps should be a number'),
        (dict(bins=2.5), r'bins should be whole'),
    ],
)
def test_refuses_a_bad_source(root, fields, message):
    change_json(root, 'dataset.json', **fields)
    with pytest.raises(ValueError, match=message):
        read_event_source(root)


@pytest.mark.parametrize(
    ('recordings', 'message'),
    [
        ([], 'at least one'),
        ([{}], 'should be a file name, got None'),
        ([dict(name='../rec0')], "should be a file name, got '../rec0'"),
        ([dict(name='rec0'), dict(name='rec0')], 'rec0 is listed twice'),
    ],
)
def test_refuses_bad_recordings(root, recordings, message):
    change_json(root, 'train.json', recordings=recordings)
    with pytest.raises(ValueError, match=message):
        read(root)


def test_names_missing_files(root):
    (root / 'annotations' / 'rec0.npz').unlink()
    with pytest.raises(FileNotFoundError, match=r'rec0\.npz'):
        read(root)
    with pytest.raises(FileNotFoundError, match=r'there is no file .*dataset\.json'):
        read_event_source(root / 'nowhere')
    (root / 'dataset.json').write_text('{')
    with pytest.raises(ValueError, match='is no JSON file'):
        read_event_source(root)


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        ('theta', lambda a: a[:, :71], r'theta should be numbers of the shape \(7, 72\)'),
        ('transl', lambda a: np.where(np.arange(7)[:, None] == 3, np.nan, a), 'transl of frame 3'),
        ('frames', lambda a: a[::-1], 'frames should rise'),
        ('frames', lambda a: a + 0.5, 'frames should be whole numbers'),
        ('event_frames', lambda a: a - 1, 'event_frames should rise'),
        ('event_counts', lambda a: a[1:], 'event_counts should be 6 whole numbers'),
        ('betas', lambda a: None, 'has frames but no betas'),
        ('event_counts', lambda a: None, 'has no event_counts'),
    ],
)
def test_refuses_bad_annotations(root, name, change, message):
    path = root / 'annotations' / 'rec0.npz'
    arrays = dict(np.load(path))
    changed = change(arrays.pop(name))
    if changed is not None:
        arrays[name] = changed
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        read(root)


def test_reads_poses_of_networks(tmp_path):
    arrays = dict(frames=np.arange(3), theta=np.ones((3, 72)), betas=np.ones((3, 10)))
    np.savez(tmp_path / 'vibe.npz', **arrays, transl=np.ones((3, 3)))
    assert read_poses(tmp_path / 'vibe.npz').arrays['theta'].dtype == np.float32
    with pytest.raises(ValueError, match='has no features'):
        read_poses(tmp_path / 'vibe.npz', feature=True)
