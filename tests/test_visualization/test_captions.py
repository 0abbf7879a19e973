import numpy as np
import pytest

from mmpose_ext.visualization.captions import header, text_width, write


def inked(picture):
    return np.argwhere(picture.min(-1) < 200)


@pytest.mark.parametrize(('anchor', 'shift'), [('left', 0.5), ('center', 0.0), ('right', -0.5)])
def test_text_lies_at_its_anchor(anchor, shift):
    paper = np.full((60, 300, 3), 255, np.uint8)
    write(paper, 'right hip', (150, 30), 16, anchor=anchor)
    ink = inked(paper)
    middle = (ink.min(0) + ink.max(0)) / 2
    assert middle[1] == pytest.approx(150 + shift * text_width('right hip', 16), abs=3)
    assert middle[0] == pytest.approx(30, abs=4)


@pytest.mark.parametrize('position', [(-20, 5), (95, 5), (50, 0), (50, 19), (500, 500), (-500, 5)])
def test_text_may_leave_the_picture(position):
    paper = np.full((20, 100, 3), 255, np.uint8)
    write(paper, 'a long line of words', position, 14)
    assert paper.shape == (20, 100, 3)


def test_text_has_its_color():
    paper = np.zeros((40, 200, 3), np.uint8)
    write(paper, 'words', (10, 20), 20, color=(10, 200, 90))
    assert (paper.max((0, 1)) == (10, 200, 90)).all()


def test_titles_do_not_touch():
    titles = ['a very long title of a picture', 'another long title, as long']
    strip = header(titles, width=90, gap=4)
    assert strip.shape == (26, 2 * 94 + 4, 3)
    columns = set(inked(strip)[:, 1].tolist())
    assert columns
    assert not columns & set(range(92, 99))
