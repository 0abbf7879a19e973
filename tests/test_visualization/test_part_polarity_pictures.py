import numpy as np
import pytest

from mmpose_ext.visualization.part_polarity import (
    COLORS,
    draw_part_polarity,
    polarity_card,
    polarity_legend,
)

# Two joints, one horizontal part from (20, 30) to (80, 30).
POINTS = np.array([[20.0, 30.0], [80.0, 30.0]])
PART = ((0, 1),)


def draw(code, points=POINTS, parts=PART, **kwargs):
    image = np.full((60, 100, 3), 255, np.uint8)
    drawn = draw_part_polarity(image, points, np.atleast_1d(code), parts, line_width=6, **kwargs)
    assert (image == 255).all()
    return drawn


def thickness(picture, x):
    """Pixels of a column that are no background."""
    return int((picture[:, x] < 240).any(axis=1).sum())


@pytest.mark.parametrize(('code', 'is_child_broad'), [(1, True), (-1, False)])
def test_the_near_end_is_broad(code, is_child_broad):
    picture = draw(code)
    assert (picture[30, 50] == COLORS[code]).all()
    parent, child = thickness(picture, 22), thickness(picture, 78)
    assert (child > parent + 4) if is_child_broad else (parent > child + 4)


def test_level_and_unknown():
    level = draw(0)
    assert (level[30, 50] == COLORS[0]).all()
    assert thickness(level, 22) == thickness(level, 78)
    unknown = draw(-2)
    drawn = [thickness(unknown, x) > 0 for x in range(20, 80)]
    assert 0.3 < np.mean(drawn) < 0.8
    assert max(thickness(unknown, x) for x in range(100)) < thickness(level, 50)


def test_the_other_sign_draws_the_same():
    np.testing.assert_array_equal(draw(1), draw(-1, closer_is=-1))
    np.testing.assert_array_equal(draw(-2), draw(-2, closer_is=-1))


@pytest.mark.parametrize(
    ('points', 'visible'),
    [(POINTS, [1, 0]), ([[20, 30], [np.nan, 30]], None), ([[np.inf, 3], [8, 30]], None)],
)
def test_a_part_without_an_end_is_left_out(points, visible):
    assert (draw(1, np.array(points, float), visible=visible) == 255).all()


def test_far_outside_and_without_length():
    assert (draw(1, np.array([[20.0, 30.0], [1e9, 30.0]]))[30, 60] == COLORS[1]).all()
    point = draw(-1, np.array([[50.0, 30.0], [50.0, 30.0]]))
    assert (point[30, 50] == COLORS[-1]).all()


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(code=[1, 0]), r'polarity must be \(1,\), a code per part, got \(2,\)'),
        (dict(code=2), r'-2 \(unknown\), -1, 0 and 1, got \[2\]'),
        (dict(code=1, closer_is=0), 'closer_is must be 1 or -1, got 0'),
        (dict(code=1, parts=((0, 2),)), r'parts \[\(0, 2\)\] name joints that are not'),
        (dict(code=1, visible=[1]), r'visible must be \(2,\), got \(1,\)'),
        (dict(code=1, points=np.zeros(2)), r'points must be \(joints, 2\)'),
    ],
)
def test_refuses(kwargs, message):
    with pytest.raises(ValueError, match=message):
        draw(**kwargs)


def test_refuses_other_images():
    with pytest.raises(ValueError, match='a BGR uint8 image is needed'):
        draw_part_polarity(np.zeros((5, 5)), POINTS, np.array([1]), PART)


def test_legend_shows_every_kind():
    legend = polarity_legend(300, row_height=20)
    assert legend.shape == (80, 300, 3)
    for row, code in enumerate((1, 0, -1, -2)):
        colors = legend[20 * row : 20 * row + 20].reshape(-1, 3).tolist()
        assert list(COLORS[code]) in colors


def test_card():
    points = np.random.default_rng(0).uniform(10, 90, (18, 2))
    image = np.zeros((100, 100, 3), np.uint8)
    cards = [
        polarity_card(image, points, np.full(14, code), np.ones(18), ['id 1', 'x.jpg'], size=200)
        for code in (1, -1)
    ]
    assert cards[0].shape == cards[1].shape
    assert (cards[0] != cards[1]).any()
    with pytest.raises(ValueError, match=r'id 1: no joint is labelled'):
        polarity_card(image, points, np.ones(14), np.zeros(18), ['id 1'])
