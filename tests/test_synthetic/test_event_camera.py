import numpy as np
import pytest

from mmpose_ext.synthetic import EventCamera, frames_to_events
from mmpose_ext.synthetic.event_camera import Events, binary_frames, to_gray, to_linear

C, EPS = 0.15, 0.02


def picture(level, shape=(3, 4)):
    """A picture whose log(I + eps) is ``level`` everywhere, or a (H, W) of levels."""
    return np.exp(np.broadcast_to(level, shape)) - EPS


def drift(steps=40, shape=(6, 7), seed=0):
    """Levels of a video that wander, and their times."""
    rng = np.random.default_rng(seed)
    levels = np.cumsum(rng.normal(0, 0.2, (steps, *shape)), 0)
    return -2 + np.sin(levels), 1000 * np.arange(steps)


def test_constant_pictures_give_nothing():
    camera = EventCamera(threshold_noise=0.05)
    events = frames_to_events([picture(-1.0)] * 5, range(5), camera)
    assert [len(part) for part in events] == [0, 0, 0, 0]
    assert [part.dtype for part in events] == [np.int64, np.int16, np.int16, np.uint8]


def test_step_of_three_and_a_half_thresholds():
    """Golden case 36: three events, and half a threshold is kept for later."""
    camera = EventCamera(C)
    levels = np.full((3, 4), -2.0)
    camera.see(picture(levels), 0)
    levels[1, 2] += 3.5 * C
    events = camera.see(picture(levels), 7000)
    assert (events.x == 2).all()
    assert (events.y == 1).all()
    assert events.p.tolist() == [1, 1, 1]
    # Linear in time: thresholds at 1, 2 and 3 of 3.5.
    np.testing.assert_allclose(events.t, [2000, 4000, 6000], atol=1)
    levels[1, 2] += 0.49 * C
    assert not len(camera.see(picture(levels), 8000).t)
    levels[1, 2] += 0.02 * C
    assert len(camera.see(picture(levels), 9000).t) == 1
    levels[1, 2] -= 2.1 * C
    assert camera.see(picture(levels), 10000).p.tolist() == [0, 0]


def test_events_are_before_the_picture_that_shows_them():
    """A threshold that is reached with the picture itself: log 2 from 0 + 1 to 1 + 1."""
    camera = EventCamera(float(np.log(2.0)), log_eps=1.0)
    camera.see(np.zeros((2, 3)), 0)
    assert camera.see(np.ones((2, 3)), 1000).t.tolist() == [999] * 6


def test_events_add_up_to_the_change():
    """Golden case 36: at each pixel the sum of polarities times C is within C of the change."""
    levels, times = drift()
    events = frames_to_events(map(picture, levels, [(6, 7)] * 40), times, EventCamera(C))
    total = np.zeros((6, 7))
    np.add.at(total, (events.y, events.x), C * (2.0 * events.p - 1))
    assert len(events.t) > 500
    assert np.abs(total - (levels[-1] - levels[0])).max() < C * (1 + 1e-9)


def plain_events(levels, times, refractory=0.0):
    """The rule pixel by pixel and event by event."""
    out = []
    for y, x in np.ndindex(levels.shape[1:]):
        reference, last = levels[0, y, x], -np.inf
        for k in range(1, len(levels)):
            before, now = levels[k - 1, y, x], levels[k, y, x]
            sign = 1 if now > reference else -1
            while abs(now - reference) >= C:
                reference += sign * C
                t = times[k - 1] + (reference - before) / (now - before) * (times[k] - times[k - 1])
                if t - last >= refractory:
                    last = t
                    out.append((min(int(np.floor(t)), times[k] - 1), y, x, int(sign > 0)))
    return sorted(out)


@pytest.mark.parametrize('refractory', [0, 130, 1000, 2500])
def test_equals_the_plain_rule(refractory):
    levels, times = drift()
    camera = EventCamera(C, refractory_us=refractory)
    events = frames_to_events(map(picture, levels, [(6, 7)] * 40), times, camera)
    assert (np.diff(events.t) >= 0).all()
    wanted = plain_events(levels, times, refractory)
    assert sorted(zip(events.t, events.y, events.x, events.p, strict=True)) == wanted


def test_refractory_time_is_kept_and_loses_events():
    levels, times = drift()
    counts = []
    for refractory in (0, 700):
        camera = EventCamera(C, refractory_us=refractory)
        events = frames_to_events(map(picture, levels, [(6, 7)] * 40), times, camera)
        counts.append(len(events.t))
        for pixel in np.unique(7 * events.y + events.x):
            gaps = np.diff(events.t[7 * events.y + events.x == pixel])
            assert gaps.min() >= refractory - 1
    assert counts[1] < counts[0]


def test_thresholds_differ_from_pixel_to_pixel_and_by_polarity():
    levels = np.stack([np.full((40, 40), -2.0), np.full((40, 40), -1.0), np.full((40, 40), -2.0)])
    camera = EventCamera(C, threshold_noise=0.03, seed=3)
    camera.see(picture(levels[0], (40, 40)), 0)
    up = camera.see(picture(levels[1], (40, 40)), 1000)
    down = camera.see(picture(levels[2], (40, 40)), 2000)
    counts = [np.bincount(40 * e.y.astype(int) + e.x, minlength=1600) for e in (up, down)]
    assert counts[0].std() > 0.5
    assert abs(counts[0].mean() - 1 / C) < 1
    assert (counts[0] != counts[1]).mean() > 0.3
    again = EventCamera(C, threshold_noise=0.03, seed=3)
    again.see(picture(levels[0], (40, 40)), 0)
    np.testing.assert_array_equal(again.see(picture(levels[1], (40, 40)), 1000).t, up.t)


def test_no_threshold_is_below_a_tenth_of_the_mean():
    camera = EventCamera(C, threshold_noise=5 * C)
    camera.see(picture(-2.0, (20, 20)), 0)
    events = camera.see(picture(-1.0, (20, 20)), 1000)
    counts = np.bincount(20 * events.y.astype(int) + events.x, minlength=400)
    assert counts.max() == int(1 / (0.1 * C))


def test_a_video_at_once_or_in_parts():
    levels, times = drift()
    pictures = [picture(each, (6, 7)) for each in levels]
    whole = frames_to_events(pictures, times, EventCamera(C, 0.02, 300))
    camera = EventCamera(C, 0.02, 300)
    parts = [camera.see(*pair) for pair in zip(pictures, times, strict=True)]
    for part, wanted in zip(zip(*parts, strict=True), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(part), wanted)
    camera.reset()
    np.testing.assert_array_equal(frames_to_events(pictures, times, camera).t, whole.t)


def test_binary_frames():
    events = Events(*map(np.array, ([0, 9, 10, 19, 30], [0, 1, 2, 3, 0], [0, 0, 1, 1, 1], [1] * 5)))
    frames = binary_frames(events, np.array([0, 10, 20, 30]), (2, 4))
    assert frames.dtype == np.uint8
    wanted = [[(0, 0), (0, 1)], [(1, 2), (1, 3)], []]
    assert [list(map(tuple, np.argwhere(frame))) for frame in frames] == wanted


def test_gray_levels_and_back():
    gray = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_gray(to_linear(gray)), gray)
    assert to_gray(np.array([-1.0, 2.0])).tolist() == [0, 255]


@pytest.mark.parametrize(
    'options',
    [
        dict(threshold=0),
        dict(threshold=np.nan),
        dict(log_eps=0),
        dict(threshold_noise=-0.1),
        dict(refractory_us=-1),
    ],
)
def test_refuses_settings(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        EventCamera(**options)


@pytest.mark.parametrize(
    ('image', 'time', 'match'),
    [
        (np.ones((3, 5)), 1, r'\(3, 4\).*\(3, 5\)'),
        (np.ones((3, 4)), 0, 'rise'),
        (np.ones((3, 4, 3)), 1, r'\(H, W\)'),
        (np.full((3, 4), np.nan), 1, 'finite'),
        (np.full((3, 4), np.inf), 1, 'finite'),
        (np.full((3, 4), -0.1), 1, 'negative'),
    ],
)
def test_refuses_pictures(image, time, match):
    camera = EventCamera()
    camera.see(np.ones((3, 4)), 0)
    with pytest.raises(ValueError, match=match):
        camera.see(image, time)


def test_refuses_no_video():
    with pytest.raises(ValueError, match='at least one'):
        frames_to_events([], [], EventCamera())
