"""Events to frames: the authors' numbers, plain formulas, pieces, other devices' code."""

import cv2
import numpy as np
import pytest
import torch

from mmpose_ext.events import (
    EventFrameBuilder,
    EventStream,
    events_to_frames,
    events_to_frames_torch,
    regroup_channels,
    square_pad,
)

REDUCTIONS = ('nearest', 'max', 'count', 'voxel')


def random_events(number=4000, size=(60, 40), span=10_000, seed=0):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, span, number)) + 77
    x, y = (rng.integers(0, side, number).astype(np.int16) for side in size)
    return EventStream(t, x, y, rng.integers(0, 2, number).astype(np.uint8), size)


def golden_8():
    v, u, t = np.array([(0, 0, 0), (1, 1, 10), (2, 2, 25), (3, 3, 99), (0, 1, 100)]).T
    return EventStream(t, u, v, np.ones(5, np.uint8), (4, 4))


def set_pixels(frames):
    return [sorted(map(tuple, np.argwhere(frame).tolist())) for frame in frames]


@pytest.mark.parametrize('reduce', ['nearest', 'max'])
def test_golden_8_bins_of_the_authors(reduce):
    frames = events_to_frames(golden_8(), 4, reduce=reduce, rotate180=True)
    assert frames.dtype == np.uint8
    assert set_pixels(frames) == [[(2, 2), (3, 3)], [(1, 1)], [], [(0, 0)]]


def test_bins_begin_at_the_next_whole_microsecond():
    # dt = 2.5: bins begin at 0, 2.5, 5 and 7.5.
    t = np.array([2, 3, 4, 5, 7, 8])
    events = EventStream(t, np.arange(6), np.zeros(6, int), np.ones(6, int), (6, 1))
    frames = events_to_frames(events, 4, t_range=(0, 10))
    assert frames[:, 0].tolist() == [
        *([1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]),
        *([0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1]),
    ]


def test_square_pad_is_on_both_sides():
    assert square_pad((800, 1280)) == (240, 0, 240, 0)
    assert square_pad((1280, 800)) == (0, 240, 0, 240)
    assert square_pad((4, 7)) == (1, 0, 2, 0)


def test_golden_8_last_event_may_be_kept():
    frames = events_to_frames(golden_8(), 4, rotate180=True, drop_last=False)
    assert set_pixels(frames)[3] == [(0, 0), (3, 2)]


@pytest.mark.parametrize(
    ('row', 'reduce', 'expected'),
    [(5, 'nearest', [(1, 2)]), (6, 'nearest', []), (5, 'max', [(1, 2)]), (6, 'max', [(1, 2)])],
)
def test_golden_9_nearest_keeps_every_fifth_pixel(row, reduce, expected):
    one = np.array([10])
    events = EventStream(np.array([3]), one, np.array([row]), np.array([1]), (1280, 1280))
    frames = events_to_frames(events, 1, (256, 256), reduce, t_range=(0, 9))
    assert set_pixels(frames) == [expected]


def test_nearest_equals_opencv_behind_full_size_frames():
    events = random_events()
    pad = square_pad(events.size)
    full = events_to_frames(events, 3, pad=pad)
    assert full.shape == (3, 60, 60)
    assert not full[:, :10].any()
    expected = [cv2.resize(one, (23, 17), interpolation=cv2.INTER_NEAREST) for one in full]
    frames = events_to_frames(events, 3, (23, 17), 'nearest', pad)
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize('polarity', [False, True])
@pytest.mark.parametrize('reduce', ['max', 'count'])
def test_counts_equal_a_histogram(reduce, polarity):
    events = random_events()
    t_range = (1000, 9000)
    counts, _ = np.histogramdd(
        np.stack([events.t, events.p, events.y, events.x], 1).astype(float),
        [np.linspace(*t_range, 5), [0, 1, 2], np.arange(0, 41, 4), np.arange(0, 61, 5)],
    )
    # The last bin of a histogram is closed.
    late = events.t == t_range[1]
    for p, y, x in zip(events.p[late], events.y[late], events.x[late], strict=True):
        counts[-1, p, y // 4, x // 5] -= 1
    counts = counts.reshape(8, 10, 12) if polarity else counts.sum(1)
    frames = events_to_frames(events, 4, (12, 10), reduce, t_range=t_range, polarity=polarity)
    expected = counts > 0 if reduce == 'max' else np.log1p(counts)
    np.testing.assert_allclose(frames, expected, rtol=1e-6)


def test_voxels_share_events_in_time():
    # A third of the way between points 0 and 1, and on points 2 and 3.
    t = np.array([0, 100, 600, 900])
    events = EventStream(t, np.arange(4), np.zeros(4, int), np.ones(4, int), (4, 1))
    frames = events_to_frames(events, 4, reduce='voxel', percentile=100)
    expected = np.zeros((4, 1, 4))
    expected[0, 0, 0] = expected[2, 0, 2] = expected[3, 0, 3] = 1
    expected[:2, 0, 1] = 2 / 3, 1 / 3
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames, expected, atol=1e-7)


def test_voxels_are_clipped_at_the_percentile():
    events = random_events(size=(6, 5))
    raw = events_to_frames(events, reduce='voxel', percentile=100).astype(float)
    limit = np.percentile(raw[raw > 0], 60)
    frames = events_to_frames(events, reduce='voxel', percentile=60)
    np.testing.assert_allclose(frames, np.minimum(raw, limit) / limit, rtol=1e-5)
    assert frames.max() == 1


@pytest.mark.parametrize('reduce', REDUCTIONS)
def test_order_pieces_and_torch_change_nothing(reduce):
    events = random_events()
    options = dict(num_bins=5, size=(20, 20), reduce=reduce, pad=square_pad(events.size))
    for polarity in (False, True):
        expected = events_to_frames(events, polarity=polarity, **options)
        assert expected.any()
        mixed = events[np.random.default_rng(1).permutation(len(events))]
        for other in (
            events_to_frames(mixed, polarity=polarity, **options),
            events_to_frames(events, polarity=polarity, max_events=7, **options),
            events_to_frames_torch(
                *map(torch.from_numpy, mixed.arrays), mixed.size, polarity=polarity, **options
            ).numpy(),
        ):
            assert other.dtype == expected.dtype
            np.testing.assert_allclose(other, expected, rtol=1e-6)


@pytest.mark.parametrize('reduce', REDUCTIONS)
@pytest.mark.parametrize('options', [dict(t_range=(500, 8000)), dict(drop_last=False)])
def test_torch_follows_the_time_range(reduce, options):
    events = random_events()
    expected = events_to_frames(events, reduce=reduce, rotate180=True, **options)
    frames = events_to_frames_torch(
        *map(torch.from_numpy, events.arrays), events.size, reduce=reduce, rotate180=True, **options
    )
    np.testing.assert_allclose(frames.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize('reduce', REDUCTIONS)
def test_builder_takes_a_window_in_parts(reduce):
    events = random_events()
    options = dict(t_range=(1000, 9000), num_bins=4, size=(20, 20), reduce=reduce)
    builder = EventFrameBuilder(events.size, **options)
    for part in np.array_split(np.random.default_rng(0).permutation(len(events)), 9):
        builder.add(events[part])
    expected = events_to_frames(events, **options)
    np.testing.assert_allclose(builder.frames(), expected, rtol=1e-6)
    assert expected.any()


@pytest.mark.parametrize('reduce', REDUCTIONS)
@pytest.mark.parametrize('t_range', [None, (5, 10)])
def test_no_events_give_zeros(reduce, t_range):
    events = EventStream.empty((8, 6))
    frames = events_to_frames(events, 4, (4, 3), reduce, t_range=t_range, polarity=True)
    other = events_to_frames_torch(
        *map(torch.from_numpy, events.arrays),
        *(events.size, 4, (4, 3), reduce),
        t_range=t_range,
        polarity=True,
    )
    assert frames.shape == other.shape == (8, 3, 4)
    assert not frames.any()
    assert not other.any()
    assert frames.dtype == other.numpy().dtype


@pytest.mark.parametrize('reduce', REDUCTIONS)
@pytest.mark.parametrize('number', [1, 3])
def test_events_of_one_moment_do_not_crash(reduce, number):
    ones = np.ones(number, np.int64)
    events = EventStream(ones * 50, ones, ones, ones, (4, 4))
    dropped = events_to_frames(events, reduce=reduce)
    kept = events_to_frames(events, reduce=reduce, drop_last=False)
    assert kept.any()
    assert dropped.any() == (reduce == 'voxel')
    other = events_to_frames_torch(
        *map(torch.from_numpy, events.arrays), events.size, reduce=reduce, drop_last=False
    )
    np.testing.assert_allclose(other.numpy(), kept, rtol=1e-6)


def test_times_since_1970_are_exact():
    epoch = 1_700_000_000_000_000
    events = golden_8()
    later = EventStream(events.t + epoch, *events.arrays[1:], events.size)
    np.testing.assert_array_equal(events_to_frames(later), events_to_frames(events))


def test_regrouping_joins_neighbours():
    frames = np.zeros((20, 2, 2), np.uint8)
    frames[[0, 1, 3, 17, 19], 0, [0, 0, 1, 0, 1]] = 1
    last = regroup_channels(frames, 8)
    assert last.shape == (8, 2, 2)
    assert last.max() == 1
    assert set_pixels(last) == [[(0, 0)], [(0, 1)], [], [], [], [], [], [(0, 0), (0, 1)]]
    assert set_pixels(regroup_channels(frames, 8, 'drop'))[7] == []
    np.testing.assert_array_equal(regroup_channels(frames[:8]), frames[:8])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_bins=0), 'num_bins'),
        (dict(reduce='mean'), 'reduce'),
        (dict(percentile=0), 'percentile'),
        (dict(pad=-1), 'pad'),
        (dict(pad=(1, 2)), 'pad'),
        (dict(size=(61, 40)), 'larger than the sensor'),
        (dict(size=(0, 4)), 'width'),
        (dict(t_range=(5, 5)), 't_range'),
    ],
)
def test_refusals(options, message):
    events = random_events(10)
    with pytest.raises(ValueError, match=message):
        events_to_frames(events, **options)
    with pytest.raises(ValueError, match=message):
        events_to_frames_torch(*map(torch.from_numpy, events.arrays), events.size, **options)


@pytest.mark.parametrize('x', [-1, 4])
def test_events_outside_are_refused(x):
    one = np.ones(1, np.int64)
    events = EventStream(one, one * x, one, one, (4, 4))
    with pytest.raises(ValueError, match='check_events'):
        events_to_frames(events, t_range=(0, 9))
    with pytest.raises(ValueError, match='check_events'):
        events_to_frames_torch(*map(torch.from_numpy, events.arrays), (4, 4), t_range=(0, 9))


@pytest.mark.parametrize('p', [-1, 2])
def test_polarities_of_no_frame_are_refused(p):
    one = np.ones(1, np.int64)
    events = EventStream(one, one, one, one * p, (4, 4))
    options = dict(t_range=(0, 9), polarity=True)
    with pytest.raises(ValueError, match=f'polarities from {p} to {p} .* check_events'):
        events_to_frames(events, **options)
    with pytest.raises(ValueError, match=f'polarities from {p} to {p} .* check_events'):
        events_to_frames_torch(*map(torch.from_numpy, events.arrays), (4, 4), **options)
    assert events_to_frames(events, t_range=(0, 9)).sum() == 1


@pytest.mark.parametrize('options', [dict(channels=30), dict(remainder='first')])
def test_regrouping_refuses(options):
    with pytest.raises(ValueError, match=r'channels|remainder'):
        regroup_channels(np.zeros((20, 2, 2)), **options)
