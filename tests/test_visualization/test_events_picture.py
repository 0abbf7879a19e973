import numpy as np
import pytest

from mmpose_ext.visualization import draw_events, draw_flow, draw_flow_wheel


def test_newer_events_are_darker():
    events = np.zeros((4, 2, 3), np.uint8)
    events[0, 0, 0] = events[3, 0, 1] = events[:, 1, 2] = 1
    picture = draw_events(events)
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == np.uint8
    assert picture[0, 0].tolist() == [205] * 3
    assert picture[0, 1].tolist() == picture[1, 2].tolist() == [25] * 3
    assert (picture[1, :2] == 255).all()


def test_polarity_is_red_and_blue():
    events = np.zeros((2, 1, 4), np.float32)
    events[:, 0] = [[1, -1, 1, 0], [1, -2, -1, 0]]
    blue, green, red = np.moveaxis(draw_events(events).astype(int), -1, 0)[:, 0]
    assert red[0] > blue[0] + 50
    assert blue[1] > red[1] + 50
    # What cancels out and where nothing is stay white.
    assert (np.stack((blue, green, red))[:, 2:] == 255).all()
    # Asked for, unsigned counts are all positive.
    counts = draw_events(np.ones((1, 1, 1), np.uint8), 'polarity')[0, 0]
    assert counts.tolist() == [40, 40, 220]


@pytest.mark.parametrize('kind', [bool, np.uint8, np.float32])
def test_draws_events_of_any_type(kind):
    assert (draw_events(np.ones((1, 2, 2), kind)) == 25).all()


@pytest.mark.parametrize(
    ('events', 'style', 'match'),
    [
        (np.zeros((4, 4)), None, r'\(4, 4\)'),
        (np.zeros((0, 4, 4)), None, r'\(0, 4, 4\)'),
        (np.full((1, 2, 2), np.nan), None, 'finite'),
        (np.zeros((1, 2, 2)), 'rainbow', 'rainbow'),
    ],
)
def test_refuses_events(events, style, match):
    with pytest.raises(ValueError, match=match):
        draw_events(events, style)


def test_flow_has_the_colours_of_the_wheel():
    # Golden case 38, RGB.
    flow = np.array([[(1, 0), (0, 1), (-1, 0), (0, -1), (0, 0)]], float).transpose(2, 0, 1)
    expected = [(255, 0, 0), (255, 229, 0), (0, 209, 255), (88, 0, 255), (255, 255, 255)]
    picture = draw_flow(flow)[0, :, ::-1].astype(int)
    assert np.abs(picture - expected).max() <= 1


def test_flow_has_a_scale():
    flow = np.zeros((2, 1, 4), np.float32)
    flow[0, 0] = 1, 2, 4, np.nan
    own, wide, narrow = draw_flow(flow), draw_flow(flow, 8.0), draw_flow(flow, 2.0)
    # The longest of a field has full colour; with another scale it has what its length says.
    assert own[0, 2].tolist() == [0, 0, 255]
    assert np.abs(wide[0, 2].astype(int) - own[0, 1]).max() <= 1
    assert narrow[0, 1].tolist() == narrow[0, 2].tolist() == [0, 0, 255]
    assert own[0, 3].tolist() == [0, 0, 0]
    assert np.isnan(flow[0, 0, 3])
    assert flow[0, 0, 2] == 4
    assert (draw_flow(np.zeros((2, 3, 3))) == 255).all()


def test_wheel_is_a_disk():
    wheel = draw_flow_wheel(33)
    assert wheel.shape == (33, 33, 3)
    assert (wheel[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert (wheel[16, 16] == 255).all()
    assert np.abs(wheel[16, 32].astype(int) - (0, 0, 255)).max() <= 1
    assert np.abs(wheel[32, 16].astype(int) - (0, 229, 255)).max() <= 1


@pytest.mark.parametrize(
    ('call', 'match'),
    [
        (lambda: draw_flow(np.zeros((3, 2, 2))), r'\(3, 2, 2\)'),
        (lambda: draw_flow(np.zeros((2, 2, 2)), 0), 'max_flow'),
        (lambda: draw_flow_wheel(0), 'size'),
    ],
)
def test_refuses_flow(call, match):
    with pytest.raises(ValueError, match=match):
        call()
