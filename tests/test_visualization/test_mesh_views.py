import numpy as np
import pytest
from meshes import ball, box
from PIL import Image

from mmpose_ext.visualization import turntable, view_mesh, write_gif
from mmpose_ext.visualization.stage3d import View

FRONT, RIGHT = View('front', 0.0, 0.0), View('right', 90.0, 0.0)
RED = (0.0, 0.0, 255.0)


def extent(picture):
    """Left, top, right, bottom of what is red."""
    picture = picture.astype(int)
    rows, columns = np.nonzero(picture[..., 2] - picture[..., 0] > 60)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(('view', 'width'), [(FRONT, 0.4), (RIGHT, 0.8)])
def test_to_scale(view, width):
    picture = view_mesh(*box(0.4, 1.2, 0.8), view, 190, color=RED, reach=1900)
    left, top, right, bottom = extent(picture)
    # 100 pixels to the metre.
    assert right - left == pytest.approx(100 * width, abs=1)
    assert bottom - top == pytest.approx(120, abs=1)
    assert (left + right) / 2 == pytest.approx(95, abs=1)
    assert (picture[0] == 255).all()


def test_near_hides_far():
    # From the camera's right, what is on the right is near.
    near, faces = box(0.2, 0.2, 0.2, (0.5, 0, 4))
    far, _ = box(0.1, 0.1, 0.1, (-0.5, 0, 4))
    vertices, both = np.concatenate((near, far)), np.concatenate((faces, faces + 8))
    alone = view_mesh(near, faces, RIGHT, 190, color=RED)
    together = view_mesh(vertices, both, RIGHT, 190, color=RED)
    assert extent(together) == extent(alone)
    assert np.abs(together.astype(int) - alone).max() <= 1
    # From the front both are seen, the small one on the left.
    left, _, right, _ = extent(view_mesh(vertices, both, FRONT, 190, color=RED))
    assert right - left == pytest.approx(115, abs=1)


def test_floor_lies_below_the_feet():
    picture = view_mesh(*box(0.4, 1.2, 0.4), View('above', 0.0, 20.0), 190, color=RED)
    _, _, _, bottom = extent(picture)
    gray = picture.astype(int)
    floor = (gray.max(-1) - gray.min(-1) < 3) & (gray[..., 0] < 250)
    rows = np.nonzero(floor.any(1))[0]
    assert rows.min() < bottom <= rows.max()
    # A shadow about the feet is darker than the lines of the floor, which are 208.
    assert gray[..., 1][floor].min() < 200


def test_levels():
    # The camera looks down by 30 degrees: upright people lean in its axes.
    down = np.array((0.0, np.cos(np.pi / 6), np.sin(np.pi / 6)))
    vertices, faces = box(0.2, 1.0, 0.2, (0, 0, 0))
    turn = np.stack(((1, 0, 0), down, np.cross((1, 0, 0), down)))
    leaning = vertices @ turn + (0, 0, 4)
    upright = extent(view_mesh(leaning, faces, RIGHT, 190, color=RED, down=down))
    askew = extent(view_mesh(leaning, faces, RIGHT, 190, color=RED))
    assert upright[2] - upright[0] == pytest.approx(20, abs=1)
    assert askew[2] - askew[0] > 50


def test_turns_round():
    vertices, faces = box(0.2, 1.2, 0.8)
    frames = turntable(vertices, faces, 96, 8, color=RED, reach=1600)
    assert [frame.shape for frame in frames] == [(96, 96, 3)] * 8
    widths = [extent(frame)[2] - extent(frame)[0] for frame in frames]
    assert widths[0] == pytest.approx(12, abs=1)
    assert widths[2] == pytest.approx(48, abs=1)
    assert widths[:4] == pytest.approx(widths[4:], abs=1)
    # It does not sway.
    middles = [(extent(frame)[0] + extent(frame)[2]) / 2 for frame in frames]
    assert middles == pytest.approx([48] * 8, abs=1)


def test_writes_an_animation(tmp_path):
    frames = turntable(*ball(), 64, 5)
    write_gif(tmp_path / 'ball.gif', frames, fps=20)
    with Image.open(tmp_path / 'ball.gif') as image:
        assert (image.n_frames, image.info['duration'], image.info['loop']) == (5, 50, 0)
        image.seek(2)
        shown = np.asarray(image.convert('RGB'))[..., ::-1].astype(int)
    assert np.abs(shown - frames[2]).mean() < 4
    assert [path.name for path in tmp_path.iterdir()] == ['ball.gif']


def test_refuses(tmp_path):
    vertices, faces = ball()
    with pytest.raises(ValueError, match=r'\(V, 3\) in metres, got \(1'):
        view_mesh(vertices[None], faces)
    with pytest.raises(ValueError, match='at least 1 frame, got 0'):
        turntable(vertices, faces, frames=0)
    with pytest.raises(ValueError, match='down must be a direction'):
        view_mesh(vertices, faces, down=(0, 0, 0))
    picture = np.zeros((8, 8, 3), np.uint8)
    for arguments, message in (
        (('x.png', [picture]), 'is a .gif'),
        (('x.gif', []), 'of one size'),
        (('x.gif', [picture, picture[:4]]), 'of one size'),
        (('x.gif', [picture], 0), '1 to 50, got 0'),
    ):
        with pytest.raises(ValueError, match=message):
            write_gif(tmp_path / arguments[0], *arguments[1:])
    assert not list(tmp_path.iterdir())
