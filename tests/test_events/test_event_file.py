"""Windows of a recording: the same whatever the blocks, whatever the disorder."""

import tracemalloc

import numpy as np
import pytest
from event_recording_files import SIZE, some_events, write_hdf5

from mmpose_ext.events import BurstWatch, EventFrameBuilder, events_to_frames, open_events
from mmpose_ext.events.event_file import ArraySource, EventFile


def file_of(events, **options):
    return EventFile('a.npz', ArraySource(*events.arrays), events.size, **options)


@pytest.mark.parametrize('block', [10**6, 700, 13])
def test_windows_hold_what_lies_between_their_times(block):
    events = some_events(2000)
    recording = file_of(events, block=block)
    windows = list(recording.windows(7000))
    start = int(events.t[0])
    assert len(windows) == (events.t[-1] - start) // 7000 + 1
    for index, window in enumerate(windows):
        expected = events.between(start + index * 7000, start + (index + 1) * 7000)
        for ours, theirs in zip(window.arrays, expected.arrays, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert recording.report.num_events == recording.report.num_kept == 2000


@pytest.mark.parametrize('block', [10**6, 300])
def test_disorder_is_undone_and_counted_once(block):
    events = some_events(2000)
    order = np.random.default_rng(0).permutation(2000)
    recording = file_of(events[order], block=block)
    times = np.concatenate([window.t for window in recording.windows(5000)])
    np.testing.assert_array_equal(times, events.t)
    steps = np.diff(events.t[order])
    assert recording.report.unsorted == (steps < 0).sum()
    assert recording.report.longest_step_back == -steps.min()
    assert recording.report.num_events == recording.report.num_kept == 2000
    with pytest.raises(ValueError, match='times go back'):
        list(file_of(events[order], block=block, on_disorder='raise').windows(5000))


def test_clock_goes_on_across_blocks():
    events = some_events(2000)
    wrapped = events[:]
    wrapped.t[:] = events.t % 2**14
    true = some_events(2000).t
    recording = file_of(wrapped, block=170, clock_bits=14)
    np.testing.assert_array_equal(recording.read().t, true)
    assert recording.report.clock_wraps == true[-1] // 2**14
    assert recording.report.unsorted == 0


def test_outside_events_are_counted_once_however_often_they_are_read():
    events = some_events(300)
    events.x[::10] = SIZE[0]
    recording = file_of(events, block=50)
    for _ in range(3):
        assert len(recording.read()) == 270
    assert (recording.report.outside, recording.report.empty) == (30, 0)
    # A block without any event on the sensor is no empty window.
    events.x[:50] = SIZE[0]
    recording = file_of(events, block=50)
    recording.read()
    assert (recording.report.outside, recording.report.empty) == (75, 0)
    with pytest.raises(ValueError, match=r'a\.npz, from event 0 on: event 0 at'):
        file_of(events, block=50, on_outside='raise').read()


def test_empty_windows_and_bursts_are_told():
    rng = np.random.default_rng(0)
    usual = [
        rng.integers(1000 * index, 1000 * index + 1000, 50) for index in range(10) if index - 4
    ]
    burst = rng.integers(7000, 8000, 1000)
    t = np.sort(np.concatenate([[0], *usual, burst]))
    events = some_events(len(t))
    events.t[:] = t
    recording = file_of(events)
    sizes = [len(window) for window in recording.windows(1000)]
    assert sizes[4] == 0
    assert sizes[7] > 1000
    assert (recording.report.empty, recording.report.bursts) == (1, 1)
    assert '1 windows with many times the usual events' in str(recording.report)


def test_burst_does_not_become_usual():
    watch = BurstWatch(remembered=3)
    assert not any(watch.is_burst(10) for _ in range(3))
    assert all(watch.is_burst(1000) for _ in range(9))
    watch = BurstWatch(warm_up=3)
    assert [watch.is_burst(n) for n in (5000, 10, 10, 10, 101, 100, 5000)] == [
        *(False, False, False, False),
        *(True, False, True),
    ]


def test_empty_file():
    recording = file_of(some_events(0))
    assert list(recording.windows(1000)) == []
    assert len(recording.read()) == 0
    assert recording.t_range == (0, 0)


def test_damaged_time_does_not_make_windows_without_end():
    events = some_events(100)
    events.t[50] = 2**55
    with pytest.raises(ValueError, match='windows: is the unit'):
        next(file_of(events).windows(1000))
    with pytest.raises(ValueError, match='window is 1 us'):
        next(file_of(events).windows(0))


@pytest.mark.parametrize(
    'options', [dict(time_unit='minutes'), dict(on_disorder='drop'), dict(block=0)]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        file_of(some_events(3), **options)


@pytest.mark.parametrize('block', [1, 3])
def test_an_event_on_the_border_is_of_the_window_that_it_begins(block):
    events = some_events(6)
    events.t[:] = [0, 5, 10, 10, 15, 20]
    recording = file_of(events, block=block)
    windows = [window.t.tolist() for window in recording.windows(10)]
    assert windows == [[0, 5], [10, 10, 15], [20]]


def test_whole_numbers_of_any_type_keep_their_value():
    events = some_events(3)
    # Nanoseconds since 1970, which a float cannot hold, and an offset beyond the file's 32 bits.
    nano = ArraySource(1_700_000_000_123_456_999 + np.arange(3) * 1000, *events.arrays[1:])
    recording = EventFile('a.npz', nano, events.size, time_unit='ns')
    assert recording.read().t.tolist() == [1_700_000_000_123_456 + k for k in range(3)]
    short = ArraySource(np.array([0, 1, 2**32 - 1], np.uint32), *events.arrays[1:])
    recording = EventFile('a.npz', short, events.size, time_offset=5)
    assert recording.read().t.tolist() == [5, 6, 2**32 + 4]


def test_burst_is_counted_in_pieces_within_bounded_memory(tmp_path):
    events = some_events(600_000)
    path = write_hdf5(tmp_path / 'a.h5', events)
    first, end = int(events.t[0]), int(events.t[-1]) + 1
    expected = events_to_frames(events, t_range=(first, end), reduce='count')
    peaks = []
    for number in (1, 10):  # ten times the events in the one window
        until = int(events.t[len(events) * number // 10 - 1]) + 1
        tracemalloc.start()
        with open_events(path, SIZE, block=20_000) as recording:
            builder = EventFrameBuilder(SIZE, (first, end), reduce='count')
            for piece in recording.pieces(first, until):
                assert len(piece) <= 20_000
                builder.add(piece)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    np.testing.assert_array_equal(builder.frames(), expected)
    assert peaks[1] < 1.1 * peaks[0]
