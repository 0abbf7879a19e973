"""Raw recordings become the layout that the data set reads."""

import json
import runpy
import sys

import cv2
import numpy as np
import pytest

from mmpose_ext.events import EventStream, events_to_frames, square_pad
from mmpose_ext.events.event_file import EventFile

SENSOR = (64, 48)


@pytest.fixture(scope='module')
def convert(root):
    return runpy.run_path(str(root / 'tools/dataset_converters/events.py'))['main']


def some_events(number=3000, sensor=SENSOR):
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 990_000, number))
    t[0], t[-1] = 0, 989_999
    x, y = (rng.integers(0, side, number).astype(np.int16) for side in sensor)
    return EventStream(t, x, y, rng.integers(0, 2, number).astype(np.uint8), sensor)


def write_npz(path, events, **changed):
    arrays = {key: getattr(events, key) for key in 'txyp'}
    np.savez(path, **arrays | dict(width=events.size[0], height=events.size[1]) | changed)
    return str(path)


def stored(root, index, size=32, name='walk'):
    picture = cv2.imread(
        str(root / f'events_{size}/{name}/event{index:04d}.png'), cv2.IMREAD_UNCHANGED
    )
    return picture.transpose(2, 0, 1)


def test_intervals_by_the_clock(convert, tmp_path, capsys):
    events = some_events()
    path = write_npz(tmp_path / 'a.npz', events)
    out = tmp_path / 'out'
    convert([path, '--out', str(out), '--name', 'walk', '--size', '32', '--fps', '10'])
    assert len(list((out / 'events_32/walk').iterdir())) == 10
    for index in range(10):
        expected = events_to_frames(
            *(events, 4, (32, 32), 'max', square_pad(SENSOR)),
            t_range=(100_000 * index, 100_000 * (index + 1)),
        )
        np.testing.assert_array_equal(stored(out, index), expected)
    with np.load(out / 'annotations/walk.npz') as annotations:
        assert annotations['event_frames'].tolist() == list(range(10))
        assert annotations['event_counts'][9] == expected.sum() > 0
    content = json.loads((out / 'dataset.json').read_text())
    assert content['size'] == [32, 32]
    assert content['focal'][0] == pytest.approx(1679.3 * 32 / 1280)
    assert json.loads((out / 'train.json').read_text())['recordings'][0]['name'] == 'walk'
    said = capsys.readouterr().out
    assert '10 intervals; 3000 events, 3000 kept' in said
    assert 'left out' not in said


def test_gray_frames_and_their_times(convert, tmp_path, capsys):
    path = write_npz(tmp_path / 'a.npz', some_events())
    (tmp_path / 'gray').mkdir()
    for index in range(3):
        picture = np.full((48, 64), 50 + 50 * index, np.uint8)
        cv2.imwrite(str(tmp_path / f'gray/{index}.png'), picture)
    (tmp_path / 'times.txt').write_text('1000\n400000\n700000\n')
    out = tmp_path / 'out'
    convert(
        (
            f'{path} --out {out} --name walk --size 32 --split test --quiet '
            f'--gray {tmp_path}/gray --gray-times {tmp_path}/times.txt '
            '--focal 100 90 --principal-pt 32 24 --sensor 64 48'
        ).split()
    )
    events = some_events()
    expected = events_to_frames(
        events, 4, (32, 32), pad=square_pad(SENSOR), t_range=(400_000, 700_000)
    )
    np.testing.assert_array_equal(stored(out, 1), expected)
    gray = cv2.imread(str(out / 'full_pic_32/walk/fullpic0002.png'), cv2.IMREAD_GRAYSCALE)
    assert gray[16, 16] == 150
    assert not gray[:4].any()
    content = json.loads((out / 'dataset.json').read_text())
    assert content['focal'] == [50, 45]
    assert content['principal_pt'] == [16, 16]
    outside = ((events.t < 1000) | (events.t >= 700_000)).sum()
    assert f'{outside} events belong to no interval' in capsys.readouterr().out


def test_intervals_of_the_authors(convert, tmp_path, capsys):
    sensor = (800, 1280)
    paths = []
    for index in range(2):
        events = some_events(500, sensor)
        rows = np.stack([events.y, events.x, events.t + index, events.t, events.p], 1)
        paths.append(str(tmp_path / f'{index}.csv'))
        np.savetxt(paths[-1], rows, fmt='%d', delimiter=',')
    (tmp_path / 'nothing.csv').write_text('')
    paths.append(str(tmp_path / 'nothing.csv'))
    out = tmp_path / 'out'
    convert(
        (
            f'{" ".join(paths)} --out {out} --name walk --sensor 800 1280 --quiet '
            '--per-interval --rotate180 --reduce nearest'
        ).split()
    )
    expected = events_to_frames(events, 4, (256, 256), 'nearest', (240, 0, 240, 0), rotate180=True)
    assert expected.sum() > 5
    np.testing.assert_array_equal(stored(out, 1, 256), expected)
    # The last event of each file is left out, as the authors do.
    said = capsys.readouterr().out
    assert '2 events belong to no interval' in said
    assert '3 intervals; 1000 events, 1000 kept; 1 windows without events' in said
    assert not stored(out, 2, 256).any()


def test_second_recording_joins_the_first(convert, tmp_path):
    path = write_npz(tmp_path / 'a.npz', some_events())
    common = [path, '--out', str(tmp_path / 'out'), '--size', '32', '--quiet']
    for name in ('walk', 'run'):
        convert([*common, '--name', name, '--subject', 'ann'])
    recordings = json.loads((tmp_path / 'out/train.json').read_text())['recordings']
    assert recordings == [dict(name=name, subject='ann', action=name) for name in ('walk', 'run')]
    with pytest.raises(SystemExit, match='is there already'):
        convert([*common, '--name', 'walk'])
    with pytest.raises(SystemExit, match='another kind'):
        convert([*common, '--name', 'jump', '--fps', '30'])


def test_what_was_wrong_is_told(convert, tmp_path, capsys):
    events = some_events()
    events.x[5] = 64
    events.t[[10, 20]] = events.t[[20, 10]]
    path = write_npz(tmp_path / 'a.npz', events)
    convert([path, '--out', str(tmp_path / 'out'), '--name', 'a', '--size', '32', '--quiet'])
    said = capsys.readouterr().out
    assert '1 outside of the sensor (dropped)' in said
    assert 'not in order' in said
    assert '3000 events, 2999 kept' in said


def test_intervals_do_not_drift_and_bursts_are_told(convert, tmp_path, capsys):
    # At 15 a second: a usual event in each third of 200 ms, and just before and at its end.
    t = np.concatenate([200_000 * k + np.array([0, 70_000, 140_000, 199_999]) for k in range(40)])
    burst = np.full(100, 190_000)
    t = np.sort(np.concatenate([t, 200_000 * 30 + burst]))
    zeros = np.zeros(len(t), np.int64)
    path = write_npz(tmp_path / 'a.npz', EventStream(t, zeros, zeros, zeros, (64, 64)))
    convert([path, '--out', str(tmp_path / 'out'), '--name', 'a', '--size', '32', '--quiet'])
    with np.load(tmp_path / 'out/annotations/a.npz') as annotations:
        # The last of each 200 ms lies in the last bin of the third interval.
        assert annotations['event_counts'].tolist()[:90] == [1, 1, 2] * 30
        assert len(annotations['event_counts']) == 120
    said = capsys.readouterr().out
    assert '1 windows with many times the usual events' in said


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['missing.npz'], 'there is no file missing.npz'),
        (['{0}', '{0}'], '--per-interval'),
        (['{0}', '--size', '65'], 'larger than the sensor'),
        (['{0}', '--focal', '1', '1'], '--principal-pt'),
        (['{0}', '--gray-times', '{1}'], 'increasing times'),
        (['{0}', '--time-unit', 's'], 'is the unit'),
        (['{0}', '--fps', '0'], '--fps should be above 0'),
        (['{0}', '--fps', 'nan'], '--fps should be above 0'),
        (['{0}', '--name', '../a'], 'file name'),
        (['{0}', '--gray-times', '{0}'], 'a time in us in each line'),
        (
            ['{0}', '{2}', '--per-interval', '--size', '32'],
            r'\(48, 64\) pixels, those before of \(64, 48\)',
        ),
    ],
)
def test_refusals(convert, tmp_path, arguments, message):
    path = write_npz(tmp_path / 'a.npz', some_events())
    upright = write_npz(tmp_path / 'b.npz', some_events(sensor=(48, 64)))
    (tmp_path / 'times.txt').write_text('5\n3\n')
    arguments = [one.format(path, tmp_path / 'times.txt', upright) for one in arguments]
    with pytest.raises(SystemExit, match=message):
        convert(['--name', 'a', *arguments, '--out', str(tmp_path / 'out'), '--quiet'])
    assert not (tmp_path / 'out/train.json').exists()


def test_missing_library_is_told(convert, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'evlib', None)
    (tmp_path / 'a.raw').write_bytes(b'')
    with pytest.raises(SystemExit, match=r'pip install mmpose_ext\[events\]'):
        convert([str(tmp_path / 'a.raw'), '--out', str(tmp_path / 'out'), '--name', 'a'])


def test_memory_is_that_of_blocks(convert, tmp_path, monkeypatch):
    # All goes through pieces: nothing asks for the events of a whole window, let alone file.
    monkeypatch.delattr(EventFile, 'between')
    monkeypatch.delattr(EventFile, 'read')
    path = write_npz(tmp_path / 'a.npz', some_events())
    convert([path, '--out', str(tmp_path / 'out'), '--name', 'a', '--size', '32', '--quiet'])
