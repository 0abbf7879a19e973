"""Files of events: every layout gives the same, damaged ones are refused by name."""

import sys
import types

import event_recording_files as recordings
import h5py
import numpy as np
import pytest
from event_recording_files import SIZE, some_events

from mmpose_ext.events import EventStream, open_events

OTHER_NAMES = ('events/ts', 'events/xs', 'events/ys', 'events/ps')
SENSOR = dict(width=SIZE[0], height=SIZE[1])
WRITERS = {
    'ours.npz': recordings.write_npz,
    'ours.h5': lambda path, events: recordings.write_hdf5(path, events, **SENSOR),
    'plain.hdf5': lambda path, events: recordings.write_hdf5(path, events, tuple('txyp'), **SENSOR),
    'e2vid.h5': lambda path, events: recordings.write_hdf5(path, events, OTHER_NAMES, **SENSOR),
    'prophesee.h5': recordings.write_table,
    'table.hdf5': lambda path, events: recordings.write_table(path, events, 'events'),
    'camera.dat': recordings.write_dat,
}
SIZELESS = {'newer.npz': recordings.write_newer_npz, 'celex.csv': recordings.write_csv}


def assert_equal(stream, expected):
    assert stream.size == expected.size
    for ours, theirs in zip(stream.arrays, expected.arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('name', [*WRITERS, *SIZELESS])
def test_every_layout_gives_the_same(tmp_path, name):
    events = some_events()
    (WRITERS | SIZELESS)[name](tmp_path / name, events)
    with open_events(tmp_path / name, SIZE if name in SIZELESS else None) as recording:
        assert recording.num_events == len(events)
        assert recording.t_range == (events.t[0], events.t[-1])
        assert_equal(recording.read(), events)
        assert recording.report.num_kept == len(events)


def test_celex_knows_its_sensor(tmp_path):
    events = some_events(10)
    recordings.write_csv(tmp_path / 'a.csv', events)
    assert open_events(tmp_path / 'a.csv').size == (800, 1280)
    wide = EventStream(events.t, events.x + 1000, events.y, events.p, (1280, 800))
    recordings.write_csv(tmp_path / 'b.csv', wide)
    assert open_events(tmp_path / 'b.csv').size == (1280, 800)


def test_csv_of_three_columns_and_an_empty_one(tmp_path):
    (tmp_path / 'a.csv').write_text('5,7,100\n6,8,101\n')
    stream = open_events(tmp_path / 'a.csv').read()
    assert [array.tolist() for array in stream.arrays] == [[100, 101], [7, 8], [5, 6], [1, 1]]
    (tmp_path / 'b.csv').write_text('')
    assert len(open_events(tmp_path / 'b.csv').read()) == 0
    (tmp_path / 'c.csv').write_text('\n5,7,100,0,0\n')
    assert open_events(tmp_path / 'c.csv').read().p.tolist() == [0]


def test_dat_has_14_bits_for_a_pixel_and_4_for_the_polarity(tmp_path):
    row = np.array([7, 16383 | 9000 << 14 | 2 << 28], '<u4')
    (tmp_path / 'a.dat').write_bytes(b'% Data file\n' + bytes([12, 8]) + row.tobytes())
    with open_events(tmp_path / 'a.dat', (16384, 16384)) as recording:
        stream = recording.read()
        assert [array.tolist() for array in stream.arrays] == [[7], [16383], [9000], [1]]
        assert recording.report.bad_polarity == 1


def test_dsec_offset_is_added(tmp_path):
    events = some_events(100)
    recordings.write_hdf5(tmp_path / 'a.h5', events, t_offset=10**9)
    with open_events(tmp_path / 'a.h5', SIZE) as recording:
        np.testing.assert_array_equal(recording.read().t, events.t + 10**9)


@pytest.mark.parametrize(('unit', 'factor'), [('s', 1e-6), ('ms', 1e-3), ('ns', 1000)])
def test_units_of_time(tmp_path, unit, factor):
    events = some_events(100)
    recordings.write_npz(tmp_path / 'a.npz', events, t=events.t * factor)
    stream = open_events(tmp_path / 'a.npz', time_unit=unit).read()
    np.testing.assert_array_equal(stream.t, events.t)
    if unit != 'ns':
        with pytest.raises(ValueError, match='time_unit'):
            open_events(tmp_path / 'a.npz').read()


@pytest.mark.parametrize('suffix', ['npz', 'h5', 'dat'])
@pytest.mark.parametrize('share', [0.02, 0.4, 0.7, 0.97])
def test_files_that_are_cut_off_are_refused_by_name(tmp_path, suffix, share):
    path = tmp_path / f'cut.{suffix}'
    WRITERS[{'npz': 'ours.npz', 'h5': 'ours.h5', 'dat': 'camera.dat'}[suffix]](path, some_events())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share) | 1])
    with pytest.raises(ValueError, match=rf'cut\.{suffix}'), open_events(path, SIZE) as recording:
        recording.read()


@pytest.mark.parametrize('text', ['1,2,3,4,1\n1,2\n', '1,2,3,4,1\n1,2,x,4,1\n', 'row,column,t\n'])
def test_damaged_csv_is_refused_by_name(tmp_path, text):
    (tmp_path / 'cut.csv').write_text(text)
    with pytest.raises(ValueError, match=r'cut\.csv is no csv of whole numbers'):
        open_events(tmp_path / 'cut.csv')


def test_damage_within_an_hdf5_file_is_refused(tmp_path):
    path = recordings.write_hdf5(tmp_path / 'a.h5', some_events())
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        chunk = file['events/x'].id.get_chunk_info(2)
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = b'\xff' * chunk.size
    path.write_bytes(data)
    with open_events(path, SIZE) as recording, pytest.raises(ValueError, match=r'a\.h5') as error:
        recording.read()
    assert str(error.value).count('a.h5') == 1


@pytest.mark.parametrize(
    ('name', 'arrays', 'message'),
    [
        ('a.npz', dict(t=[1], x=[1]), 'neither y nor xy'),
        ('a.npz', dict(x=[1], y=[1]), 'has no t'),
        ('a.npz', dict(t=[1, 2], x=[1], y=[1]), 'one length'),
        ('a.npz', dict(t=['1'], x=[1], y=[1]), 'numbers'),
        ('a.npz', dict(t=[1], x=[1], y=[1]), 'give size'),
        ('a.npz', dict(t=[1], xy=np.zeros((1, 3))), 'xy'),
        ('a.npz', dict(t=np.array([{}]), x=[1], y=[1]), 'plain arrays'),
        ('a.h5', dict(other=[1]), 'no events under'),
        ('a.h5', dict(t=[1, 2], x=[1], y=[1]), 'one length'),
        ('a.h5', dict(t=[1], x=[1], y=[1], p=[1]), 'give size'),
        (
            'a.h5',
            dict(t=[1], x=[1], y=[1], width=[1, 2], height=3),
            'should be one number',
        ),
        (
            'a.npz',
            dict(t=[1], x=[1], y=[1], width=[1, 2], height=3),
            'should be one number',
        ),
        (
            'a.npz',
            dict(t=[1], x=[1], y=[1], width='a', height=3),
            'should be one number',
        ),
        ('a.npz', dict(t=[1], x=[1], y=[1], width=0, height=3), 'from 1 to'),
        ('a.h5', dict(t=[1], x=[1], y=[1], width=2.5, height=3), 'whole pixels'),
    ],
)
def test_files_that_are_something_else_are_refused(tmp_path, name, arrays, message):
    if name.endswith('npz'):
        np.savez(tmp_path / name, **arrays)
    else:
        with h5py.File(tmp_path / name, 'w') as file:
            for key, array in arrays.items():
                file[key] = array
    with pytest.raises(ValueError, match=message) as refusal:
        open_events(tmp_path / name)
    assert name in str(refusal.value)


def test_missing_and_unknown_files(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing'):
        open_events(tmp_path / 'nothing.h5')
    (tmp_path / 'a.txt').write_text('1')
    with pytest.raises(ValueError, match='format'):
        open_events(tmp_path / 'a.txt')


@pytest.mark.parametrize(('suffix', 'library'), [('raw', 'evlib'), ('aedat4', 'aedat')])
def test_missing_library_is_named_with_its_cure(tmp_path, monkeypatch, suffix, library):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / f'a.{suffix}').write_bytes(b'')
    with pytest.raises(ImportError, match=rf'{library}.*pip install mmpose_ext\[events\]'):
        open_events(tmp_path / f'a.{suffix}')


@pytest.mark.parametrize('write', [recordings.write_evt2, recordings.write_evt3])
def test_raw_is_read_by_evlib(tmp_path, write):
    pytest.importorskip('evlib', reason='reading RAW needs pip install mmpose_ext[events]')
    events = some_events(500)
    path = write(tmp_path / 'a.raw', events)
    assert_equal(open_events(path).read(), events)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r'a\.raw is cut off'):
        open_events(path)


def fake_aedat(events, stream_type='events'):
    """What the library gives, by its documentation."""
    rows = np.zeros(len(events), [('t', '<u8'), ('x', '<u2'), ('y', '<u2'), (('p', 'on'), '?')])
    for name, array in zip(rows.dtype.names, events.arrays, strict=True):
        rows[name] = array

    class Decoder:
        def __init__(self, path):
            self.path = path

        def id_to_stream(self):
            return {3: {'type': 'imus'}, 1: dict(type=stream_type, **SENSOR)}

        def __iter__(self):
            for part in np.array_split(rows, 3):
                yield {'stream_id': 3, 'imus': part}
                yield {'stream_id': 1, 'events': part}

    return types.SimpleNamespace(Decoder=Decoder)


def test_aedat4_takes_the_events_of_all_packets(tmp_path, monkeypatch):
    events = some_events(500)
    (tmp_path / 'a.aedat4').write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'aedat', fake_aedat(events))
    assert_equal(open_events(tmp_path / 'a.aedat4').read(), events)
    monkeypatch.setitem(sys.modules, 'aedat', fake_aedat(events, 'frame'))
    with pytest.raises(ValueError, match=r'a\.aedat4.*no stream of events'):
        open_events(tmp_path / 'a.aedat4')


def whole_but(name, **changes):
    def write(file):
        del file[name]
        file.create_dataset(name, **changes)

    return write


def linked(file):
    with h5py.File(str(file.filename).replace('a.h5', 'other.h5'), 'w') as other:
        other['t'] = file['events/t'][()]
    del file['events/t']
    file['events/t'] = h5py.ExternalLink('other.h5', '/t')


LARGE_CHUNK = dict(shape=(10,), maxshape=(None,), chunks=(2**28,), dtype='i8', compression='gzip')


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (linked, 'events/t|/t takes its data from other files'),
        (whole_but('events/t', **LARGE_CHUNK), 'would unpack to 2147483648'),
        (whole_but('t_offset', shape=(2**28,), dtype='i8', chunks=(2**20,)), 'would unpack to'),
        (whole_but('t_offset', shape=(3,), dtype='i8'), r't_offset should be one number.* \(3,\)'),
        (whole_but('width', shape=(2**28,), dtype='i8', chunks=(2**20,)), 'would unpack to'),
        (whole_but('width', shape=(3,), dtype='i8'), r'width should be one number.* \(3,\)'),
    ],
    ids=['link', 'chunk', 'offset, bomb', 'offsets', 'width, bomb', 'widths'],
)
def test_hdf5_that_would_fill_the_memory_or_leave_its_file(tmp_path, spoil, message):
    path = recordings.write_hdf5(tmp_path / 'a.h5', some_events(10), t_offset=5)
    with h5py.File(path, 'a') as file:
        file['width'], file['height'] = 64, 48
    with open_events(path) as recording:
        assert recording.size == (64, 48)
    with h5py.File(path, 'a') as file:
        spoil(file)
    with pytest.raises(ValueError, match=message) as caught:
        open_events(path)
    assert 'a.h5' in str(caught.value)
