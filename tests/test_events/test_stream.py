"""Check of events: order, place, polarity, clock; nothing is dropped unseen."""

import numpy as np
import pytest

from mmpose_ext.events import (
    EventReport,
    EventStream,
    check_events,
    concatenate_events,
    unwrap_clock,
)

SIZE = (8, 6)


def stream_of(t, x=None, y=None, p=None, size=SIZE):
    t = np.asarray(t)
    zeros = np.zeros(len(t), np.int64)
    return EventStream(t, *(zeros if one is None else np.asarray(one) for one in (x, y, p)), size)


def test_clean_events_pass_unchanged():
    events = stream_of([3, 3, 7], [0, 7, 2], [5, 0, 1], [1, 0, 1])
    checked, report = check_events(events)
    assert [array.dtype for array in checked.arrays] == [np.int64, np.int16, np.int16, np.uint8]
    for before, after in zip(events.arrays, checked.arrays, strict=True):
        np.testing.assert_array_equal(before, after)
    assert report == EventReport(num_events=3, num_kept=3)
    assert report.is_clean
    assert str(report) == '3 events, 3 kept'


def test_unsorted_events_are_sorted_and_equal_times_keep_their_order():
    checked, report = check_events(stream_of([5, 2, 9, 2], [0, 1, 2, 3]))
    assert checked.t.tolist() == [2, 2, 5, 9]
    assert checked.x.tolist() == [1, 3, 0, 2]
    assert (report.unsorted, report.longest_step_back, report.num_kept) == (2, 7, 4)
    assert '2 not in order, by up to 7 us' in str(report)
    # Many, as small arrays are sorted by what keeps the order in any case.
    x = np.arange(1000)
    checked, _ = check_events(stream_of(np.arange(1000)[::-1] // 500, x, size=(1000, 6)))
    assert checked.x.tolist() == [*range(500, 1000), *range(500)]


def test_events_outside_are_dropped_and_counted():
    checked, report = check_events(stream_of(range(5), [0, -1, 8, 7, 3], [0, 0, 0, 6, 5]))
    assert checked.t.tolist() == [0, 4]
    assert (report.num_events, report.num_kept, report.outside) == (5, 2, 3)
    assert 'outside of the sensor (dropped)' in str(report)


@pytest.mark.parametrize(('x', 'y'), [(8, 0), (-1, 0), (0, 6), (0, -1)])
def test_each_side_of_the_sensor_counts(x, y):
    checked, report = check_events(stream_of([1, 2], [0, x], [0, y]))
    assert (checked.t.tolist(), report.outside) == ([1], 1)


@pytest.mark.parametrize(
    ('p', 'expected', 'bad'),
    [
        ([0, 1, 1], [0, 1, 1], 0),
        ([-1, 1, -1], [0, 1, 0], 0),
        ([False, True, True], [0, 1, 1], 0),
        (np.array([0.0, 1.0, 1.0]), [0, 1, 1], 0),
        ([0, 2, 1], [0, 1, 1], 1),
        ([-1, 0, 1], [0, 0, 1], 1),
        ([-3, 1, 1], [0, 1, 1], 1),
    ],
)
def test_polarities_become_0_and_1(p, expected, bad):
    checked, report = check_events(stream_of(range(3), p=p))
    assert checked.p.tolist() == expected
    assert report.bad_polarity == bad
    assert report.num_kept == 3


def test_equal_events_are_kept_and_counted():
    t = [1, 1, 1, 1, 2, 4, 4]
    x, p = [3, 2, 3, 3, 3, 1, 1], [1, 1, 1, 0, 1, 0, 0]
    _, report = check_events(stream_of(t, x, p=p))
    assert (report.duplicates, report.num_kept) == (2, 7)
    assert check_events(stream_of(t, x, p=p), count_duplicates=False)[1].is_clean


def test_events_that_differ_in_one_thing_are_not_equal():
    # Pairs of one time each: other columns, rows, polarities; then the first again, later.
    t, x, y, p = np.array(
        [(1, 0, 0, 0), (1, 1, 0, 0), (2, 0, 0, 0), (2, 0, 1, 0), (3, 0, 0, 0), (3, 0, 0, 1)]
    ).T
    assert check_events(stream_of(t, x, y, p))[1].is_clean


def test_no_events_are_reported():
    checked, report = check_events(EventStream.empty(SIZE))
    assert len(checked) == 0
    assert report == EventReport(empty=1)


def test_clock_that_starts_anew_goes_on():
    period = 2**24
    t = np.array([period - 5, period - 1, 3, 4])
    checked, report = check_events(stream_of(t), clock_bits=24)
    assert checked.t.tolist() == [period - 5, period - 1, period + 3, period + 4]
    assert (report.clock_wraps, report.unsorted) == (1, 0)
    # Without being told, it is disorder, and the step back is named.
    _, report = check_events(stream_of(t))
    assert (report.unsorted, report.longest_step_back) == (1, period - 4)


def test_late_event_of_before_the_restart_goes_where_it_belongs():
    period = 2**24
    t, wraps = unwrap_clock(np.array([period - 2, 1, period - 1, 2]), 24)
    assert t.tolist() == [period - 2, period + 1, period - 1, period + 2]
    assert wraps == 1


def test_clock_goes_on_from_chunk_to_chunk():
    rng = np.random.default_rng(0)
    true = np.cumsum(rng.integers(0, 100, 1000))  # many turns of 8 bits
    parts, last = [], None
    for chunk in np.array_split(true % 256, 13):
        t, _ = unwrap_clock(chunk, 8, last)
        parts.append(t)
        last = int(t[-1])
    np.testing.assert_array_equal(np.concatenate(parts), true)


def test_chunk_without_a_restart_goes_on():
    assert unwrap_clock(np.array([7, 9]), 8, after=3 * 256 + 5)[0].tolist() == [775, 777]


def test_streams_are_joined_and_cut():
    parts = [stream_of([0, 4]), stream_of([4, 9])]
    joined = concatenate_events(parts)
    assert joined.t.tolist() == [0, 4, 4, 9]
    assert joined.between(4, 9).t.tolist() == [4, 4]
    with pytest.raises(ValueError, match='one sensor'):
        concatenate_events([stream_of([0]), stream_of([1], size=(9, 9))])


def test_reports_add_up():
    one, other = EventReport(3, 2, longest_step_back=5), EventReport(4, 4, longest_step_back=2)
    assert one + other == EventReport(7, 6, longest_step_back=5)


@pytest.mark.parametrize(
    ('events', 'options', 'message'),
    [
        (stream_of([3, 1]), dict(on_disorder='raise'), 'event 1 at 1 us comes after one at 3'),
        (stream_of([3], [8]), dict(on_outside='raise'), r'event 0 at \(8, 0\) is outside'),
        (stream_of([3], p=[7]), dict(on_polarity='raise'), 'polarity 7'),
        (stream_of([3]), dict(on_disorder='drop'), 'on_disorder'),
        (stream_of([0.5]), {}, 'time_unit'),
        (stream_of([np.nan]), {}, 'whole microseconds'),
        (stream_of([3.0, 1.0, np.inf]), {}, 'got inf at event 2'),
        (stream_of(np.array([2**63], np.uint64)), {}, 'damaged'),
        (stream_of([3], np.array([0.5])), {}, 'whole pixels'),
        (stream_of([3]), dict(clock_bits=3), 'clock_bits=3'),
        (stream_of([]), dict(clock_bits=3), 'clock_bits=3'),
        (stream_of([300]), dict(clock_bits=8), 'do not fit'),
        (stream_of([256]), dict(clock_bits=8), 'do not fit'),
    ],
)
def test_refusals_name_what_and_how(events, options, message):
    with pytest.raises(ValueError, match=message):
        check_events(events, **options)


@pytest.mark.parametrize('size', [(0, 5), (5, 2**15), (5,), (2.5, 3)])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(ValueError, match=r'size|width'):
        EventStream.empty(size)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match='one length'):
        EventStream(np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3), SIZE)
