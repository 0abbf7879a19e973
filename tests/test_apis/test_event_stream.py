"""Poses of a stream of events, with a small network of random weights."""

import numpy as np
import pytest
import torch
from event_clips import clip, lively_event_hpe, standing

from mmpose_ext.apis import EventPoseStream
from mmpose_ext.models.body_models.smpl_body import SMPLBody

SENSOR = (32, 32)
# 15 frames a second, windows of 2.
WINDOW = 2 / 15 * 1e6


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return lively_event_hpe()


def noise(seconds=0.8, count=4000, seed=0, begin=0):
    """Events t, x, y, p, sorted."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(begin, begin + int(seconds * 1e6), count))
    t[0] = begin
    return t, *(rng.integers(0, side, count) for side in SENSOR), rng.integers(0, 2, count)


def stream_of(model, **options):
    return EventPoseStream(model, SENSOR, **(dict(start=standing()) | options))


def fed(stream, events, piece=None):
    """All poses of events that come in pieces."""
    poses, count = [], len(events[0])
    for first in range(0, count, piece or count):
        poses += stream.feed(*(array[first : first + (piece or count)] for array in events))
    return poses + stream.flush()


def same(poses, others):
    assert len(poses) == len(others)
    for one, other in zip(poses, others, strict=True):
        assert (one.start_us, one.num_events) == (other.start_us, other.num_events)
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_allclose(one.joints_cam, other.joints_cam, atol=1e-5)


def test_equals_the_whole_clip(model):
    events = noise()
    sample = clip()['data_samples']
    poses = fed(stream_of(model, start=sample.start), events, piece=333)
    assert len(poses) == 6
    assert poses[0].start_us == 0
    assert [pose.end_us for pose in poses[:3]] == [133334, 266667, 400000]
    assert all(pose.frames.shape == (8, 32, 32) for pose in poses)
    inputs = dict(events=torch.from_numpy(np.stack([pose.frames for pose in poses]))[None])
    del sample.gt_instances
    (whole,) = model.predict(inputs, [sample])
    for name in ('rotmats', 'transl', 'betas', 'joints_cam'):
        streamed = np.stack([getattr(pose, name) for pose in poses])
        np.testing.assert_allclose(streamed, getattr(whole.pred_instances, name), atol=1e-5)
    # Something moves.
    assert np.abs(poses[-1].rotmats - poses[0].rotmats).max() > 0.01


def test_frames_are_those_of_each_bin(model):
    t, x, y, p = noise(0.3)
    (pose, *_) = fed(stream_of(model), (t, x, y, p))
    for channel in range(8):
        low, high = (k * 1e6 / 15 / 4 for k in (channel, channel + 1))
        expected = np.zeros((32, 32), np.uint8)
        inside = (t >= low) & (t < high)
        expected[y[inside], x[inside]] = 1
        # The border of the two frames lies at a whole microsecond.
        assert (pose.frames[channel] != expected).sum() <= 1


@pytest.mark.parametrize('piece', [1, 97, 100_000])
def test_pieces_do_not_matter(model, piece):
    events = noise(0.3, 400)
    same(fed(stream_of(model), events, piece), fed(stream_of(model), events))


def test_keeps_the_state_until_reset(model):
    stream, events = stream_of(model), noise(0.5)
    first = fed(stream, events)
    later = tuple(array + add for array, add in zip(events, (10**6, 0, 0, 0), strict=True))
    assert np.abs(fed(stream, later)[0].transl - first[0].transl).max() > 1e-3
    stream.reset()
    same(fed(stream, events), first)
    assert stream.windows == len(first)
    other = standing() | dict(transl=torch.tensor([[0.0, 0.0, 4.0]]))
    stream.reset(other)
    assert stream.feed(*events)[0].transl[2] - first[0].transl[2] == pytest.approx(1, abs=1e-4)


def test_gives_vertices(model):
    pose = fed(stream_of(model), noise(0.2))[0]
    body = model.head.body_model
    assert isinstance(body, SMPLBody)
    vertices = pose.vertices(body)
    assert vertices.shape == (1600, 3)
    # The skin is about the joints.
    assert np.abs(vertices.mean(0) - pose.joints_cam.mean(0)).max() < 0.3


def test_empty_windows_give_poses(model):
    stream = stream_of(model)
    events = [np.array(column) for column in ([0, 10**6], [1, 2], [3, 4], [0, 1])]
    poses = stream.feed(*events)
    assert [pose.num_events for pose in poses] == [1, 0, 0, 0, 0, 0, 0]
    assert not poses[1].frames.any()
    assert np.isfinite(poses[-1].joints_cam).all()
    assert (stream.report.empty, stream.windows) == (6, 7)
    assert [pose.num_events for pose in stream.flush()] == [1]
    assert stream.flush() == []


def test_clock_without_events(model):
    stream = stream_of(model)
    assert stream.flush() == []
    assert stream.feed(*np.zeros((4, 0), int)) == []
    assert stream.advance(5_000_000) == []
    assert len(stream.advance(5_000_000 + 3 * WINDOW + 1)) == 3
    with pytest.raises(ValueError, match='time_us'):
        stream.advance(np.inf)


def test_a_long_pause_does_not_hang(model):
    stream = stream_of(model, max_gap_s=1.0)
    t = np.array([0, 10**15, 10**15 + 10, 10**15 + 300_000])
    poses = stream.feed(t, *np.ones((3, 4), int))
    assert [pose.num_events for pose in poses] == [1, 2, 0]
    assert poses[1].start_us <= t[1] < poses[1].end_us
    assert stream.skipped_windows == pytest.approx(10**15 / WINDOW, rel=1e-6)
    assert 'windows of pauses' in str(stream)


def test_a_clock_that_goes_back_begins_anew(model):
    stream, events = stream_of(model, max_gap_s=1.0), noise(0.3)
    late = tuple(array + add for array, add in zip(events, (10**9, 0, 0, 0), strict=True))
    first = stream.feed(*late)
    poses = stream.feed(*events)
    assert stream.clock_restarts == 1
    assert len(first) == 2
    # The window that was open, then those of the new clock.
    assert [pose.start_us for pose in poses[1:]] == [0, 133334]
    assert sum(p.num_events for p in first + poses + stream.flush()) == 2 * len(events[0])


def test_a_clock_that_wraps_goes_on(model):
    t, x, y, p = noise(0.5, begin=2**24 - 200_000)
    wrapped = stream_of(model, clock_bits=24)
    poses = fed(wrapped, (t % 2**24, x, y, p), piece=500)
    assert wrapped.report.clock_wraps == 1
    same(poses, fed(stream_of(model), (t, x, y, p)))


def test_disorder_is_counted_and_sorted(model):
    events = noise(0.3)
    order = np.random.default_rng(0).permutation(len(events[0]))
    stream = stream_of(model, origin_us=0)
    same(fed(stream, [array[order] for array in events]), fed(stream_of(model), events))
    assert stream.report.unsorted > 1000
    assert stream.report.num_kept == len(order)


def test_late_events_are_counted(model):
    t, x, y, p = noise(0.3)
    stream = stream_of(model)
    stream.feed(t, x, y, p)
    stream.feed(t[:5], x[:5], y[:5], p[:5])
    assert stream.report.late == 5
    assert stream.report.num_kept == len(t)
    assert '5 later than their window' in str(stream)


def test_slack_waits_for_late_events(model):
    t, x, y, p = noise(0.3)
    swapped = np.concatenate([np.arange(0, 4000, 2), np.arange(1, 4000, 2)])
    events = [array[swapped] for array in (t, x, y, p)]
    stream = stream_of(model, slack_us=400_000)
    same(fed(stream, events, piece=2000), fed(stream_of(model), (t, x, y, p)))
    assert stream.report.late == 0
    assert stream.report.unsorted >= 1


def test_bad_events_are_counted(model):
    t, x, y, p = noise(0.3)
    x[3], y[4] = 99, -1
    stream = stream_of(model)
    poses = fed(stream, (t, x, y, 2 * p - 1))
    assert stream.report.outside == 2
    assert sum(pose.num_events for pose in poses) == len(t) - 2
    assert stream.report.num_events == len(t)


def test_memory_does_not_grow_with_a_burst(model):
    stream = stream_of(model, max_gap_s=1.0)
    t, x, y, p = noise(0.1, 50_000)
    for _ in range(5):
        assert stream.feed(t, x, y, p) == []
        assert len(stream._pending) == 0
    assert stream.flush()[0].num_events == 250_000


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(fps=0), 'fps'),
        (dict(bins=-1), 'bins'),
        (dict(skip=1.5), 'skip'),
        (dict(slack_us=-1), 'slack_us'),
        (dict(max_gap_s=0.1), 'max_gap_s'),
        (dict(reduce='median'), 'median'),
        (dict(start=None), 'needs a start'),
        (dict(start=dict(betas=torch.zeros(1, 10))), 'missing'),
        (dict(start=standing() | dict(transl=torch.zeros(2, 3))), 'transl'),
        (dict(start=standing() | dict(transl=torch.full((1, 3), np.nan))), 'NaN'),
    ],
)
def test_refuses(model, options, match):
    with pytest.raises(ValueError, match=match):
        stream_of(model, **options)


def test_refuses_models_that_cannot_stream(model):
    with pytest.raises(ValueError, match='body_model'):
        EventPoseStream(torch.nn.Linear(1, 1), SENSOR)
    with pytest.raises(ValueError, match="flow_source='file'"):
        stream_of(lively_event_hpe(flow_net=None, flow_source='file'))


def test_refuses_arrays_that_do_not_belong_together(model):
    with pytest.raises(ValueError, match='length'):
        stream_of(model).feed(np.zeros(3, int), *np.zeros((3, 2), int))
