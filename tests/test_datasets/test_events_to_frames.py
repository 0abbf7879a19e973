import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from mmpose_ext.events import EventStream, events_to_frames


def some_events():
    rng = np.random.default_rng(0)
    t = rng.integers(0, 1000, 200)
    x, y, p = (rng.integers(0, side, 200) for side in (11, 10, 2))
    return EventStream(t, x, y, p, (10, 10))


def test_stream_becomes_frames_and_a_report():
    transform = TRANSFORMS.build(dict(type='EventsToFrames', size=(5, 5)))
    results = transform(dict(stream=some_events(), t_range=(100, 900)))
    events = some_events()
    inside = events[events.x < 10]
    expected = events_to_frames(inside, 8, (5, 5), t_range=(100, 900))
    np.testing.assert_array_equal(results['events'], expected)
    assert results['events'].shape == (8, 5, 5)
    report = results['event_report']
    assert (report.num_events, report.outside) == (200, 200 - len(inside))
    assert report.unsorted > 0
    assert "'size': (5, 5)" in repr(transform)


def test_without_a_range_the_events_say_it():
    transform = TRANSFORMS.build(dict(type='EventsToFrames', num_bins=3, drop_last=False))
    frames = transform(dict(stream=some_events()))['events']
    assert frames.shape == (3, 10, 10)
    assert frames.any()


@pytest.mark.parametrize('options', [dict(reduce='mean'), dict(num_bins=0), dict(percentile=101)])
def test_refusals(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        TRANSFORMS.build(dict(type='EventsToFrames', **options))


def test_other_streams_are_refused():
    with pytest.raises(TypeError, match='EventStream, got list'):
        TRANSFORMS.build(dict(type='EventsToFrames'))(dict(stream=[]))
