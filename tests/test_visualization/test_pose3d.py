import numpy as np
import pytest

from mmpose_ext.visualization import draw_pose3d
from mmpose_ext.visualization.pose3d import GHOST
from mmpose_ext.visualization.stage3d import (
    CAMERA_VIEW,
    SIDE_VIEW,
    View,
    level,
    look_from,
)

RED, BLUE = (255.0, 0.0, 0.0), (0.0, 0.0, 255.0)
FLAT = View('flat', 0.0, 0.0)
FLAT_SIDE = View('flat side', 90.0, 0.0)


def colored(picture, color):
    """Where a picture has a colour, paled by distance or not: rows and columns, float."""
    strong = np.array(color) > 0
    channels = picture.astype(float)
    bright = channels[..., strong].min(-1) - channels[..., ~strong].max(-1)
    return np.argwhere(bright > 100).astype(float)


def center(picture, color):
    found = colored(picture, color)
    assert len(found), f'nothing is drawn in {color}'
    return found.mean(0)[::-1]


@pytest.mark.parametrize(
    ('view', 'point', 'seen'),
    [
        (FLAT, (1, 2, 3), (1, 2, 3)),
        # Who stands on the camera's right sees what is far from the camera on his right, and what
        # is on the camera's right nearest.
        (FLAT_SIDE, (0, 0, 1), (1, 0, 0)),
        (FLAT_SIDE, (1, 0, 0), (0, 0, -1)),
        (View('behind', 180.0, 0.0), (1, 0, 2), (-1, 0, -2)),
        # From above, far means up in the picture.
        (View('above', 0.0, 90.0), (0, 0, 1), (0, -1, 0)),
        (View('above', 0.0, 30.0), (0, 0, 2), (0, -1, 3**0.5)),
    ],
)
def test_looks_from(view, point, seen):
    assert np.allclose(look_from(np.array(point, float), view), seen, atol=1e-12)


def test_a_view_keeps_lengths_and_handedness():
    axes = look_from(np.eye(3), View('any', 37.0, 21.0))
    assert np.allclose(axes @ axes.T, np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)


@pytest.mark.parametrize('down', [(0, 1, 0), (0.1, 0.9, 0.3), (-0.5, 2, -1)])
def test_levels(down):
    axes = level(np.eye(3), down)
    assert np.allclose(axes.T @ axes, np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)
    unit = np.array(down) / np.linalg.norm(down)
    assert np.allclose(level(unit, down), (0, 1, 0))
    # The heading stays: what the camera looks at is straight ahead.
    assert level(np.array((0.0, 0.0, 1.0)), down)[0] == pytest.approx(0)
    assert level(np.array((0.0, 0.0, 1.0)), down)[2] > 0


@pytest.mark.parametrize('down', [(0, 0, 0), (0, 0, 1), (0, 1), (0, np.nan, 0)])
def test_refuses_gravity(down):
    with pytest.raises(ValueError, match='down'):
        level(np.zeros((2, 3)), down)


@pytest.mark.parametrize(
    ('end', 'from_camera', 'from_right'),
    [
        # x is right, y down, z away; the pictures' rows grow downwards.
        ((600, 0, 0), (1, 0), (0, 0)),
        ((0, -600, 0), (0, -1), (0, -1)),
        ((0, 0, 600), (0, 0), (1, 0)),
        ((0, 0, -600), (0, 0), (-1, 0)),
    ],
)
def test_a_bone_points_where_it_should(end, from_camera, from_right):
    """A red bone leads from the root to a blue one of no length at its end."""
    joints = np.array([(0, 0, 0), end, end, (0, 900, 0)], float)
    for view, direction in ((FLAT, from_camera), (FLAT_SIDE, from_right)):
        root = center(draw_pose3d(joints, [(0, 0)], [RED], view), RED)
        tip = center(draw_pose3d(joints, [(1, 2)], [BLUE], view), BLUE)
        expected = np.array(direction) * 600 * 256 / 1900
        assert np.allclose(tip - root, expected, atol=1.0)


def test_a_person_is_upright_and_not_mirrored():
    """Facing the camera: head above feet, the right hand on the picture's left."""
    head, foot, right_hand, left_hand = (0, -700, 0), (0, 900, 0), (-500, 0, 0), (500, 0, 0)
    joints = np.array([head, foot, right_hand, left_hand], float)
    for colors in ((RED, BLUE), (BLUE, RED)):
        picture = draw_pose3d(joints, [(0, 0), (1, 1)], list(colors), CAMERA_VIEW)
        assert center(picture, colors[0])[1] < center(picture, colors[1])[1] - 100
        picture = draw_pose3d(joints, [(2, 2), (3, 3)], list(colors), CAMERA_VIEW)
        assert center(picture, colors[0])[0] < center(picture, colors[1])[0] - 100


def test_the_nearer_bone_hides_the_farther():
    joints = np.array([(-300, 0, 0), (300, 0, 0), (-300, 0, 400), (300, 0, 400)], float)
    for order in ((0, 1), (1, 0)):
        bones = [((0, 1), RED), ((2, 3), BLUE)]
        links, colors = zip(*(bones[i] for i in order), strict=True)
        picture = draw_pose3d(joints, links, colors, FLAT)
        assert len(colored(picture, RED))
        assert not len(colored(picture, BLUE))


def test_gravity_makes_a_leaning_person_stand():
    # A camera that looks down by 30 degrees sees a standing person lean away from it at the feet.
    down = np.array((0, np.cos(np.pi / 6), np.sin(np.pi / 6)))
    joints = np.stack((-800 * down, 800 * down))
    drawn = [
        colored(draw_pose3d(joints, [(0, 1)], [RED], FLAT_SIDE, down=d), RED)
        for d in ((0, 1, 0), down)
    ]
    leaning, standing = (np.ptp(found[:, 1]) for found in drawn)
    assert leaning > 90
    assert standing < 10


def test_truth_is_a_grey_skeleton():
    joints = np.array([(0, -500, 0), (0, 900, 0)], float)
    truth = joints + np.array((400, 0, 0))
    drawn = draw_pose3d(joints, [(0, 1)], [RED], FLAT, truth=truth)
    grey = np.argwhere(np.abs(drawn.astype(int) - np.array(GHOST)).max(-1) < 12)
    # Edges of the red bone are grey too, here and there.
    offset = np.median(grey[:, 1]) - center(drawn, RED)[0]
    assert offset == pytest.approx(400 * 256 / 1900, abs=2)
    assert np.ptp(grey[:, 0]) == pytest.approx(1400 * 256 / 1900, abs=6)


def test_bones_of_unknown_joints_are_left_out():
    joints = np.array([(0, 0, 0), (300, 0, 0), (np.nan, 0, 0)])
    links, colors = [(0, 1), (1, 2)], [RED, BLUE]
    picture = draw_pose3d(joints, links, colors, truth=joints)
    assert (picture == draw_pose3d(joints[:2], links[:1], colors[:1], truth=joints[:2])).all()
    assert draw_pose3d(joints, links[1:], colors[1:]).shape == (256, 256, 3)


def test_two_sides_have_one_scale_and_show_all():
    joints = np.random.default_rng(0).normal(0, 700, (18, 3))
    links = [(i, i + 1) for i in range(17)]
    heights = []
    for view in (CAMERA_VIEW, SIDE_VIEW):
        picture = draw_pose3d(joints, links, [RED] * 17, view, size=200)
        assert picture.shape == (200, 200, 3)
        assert picture.dtype == np.uint8
        found = colored(picture, RED)
        assert found.min() >= 1
        assert found.max() <= 198
    upright = np.array([(0, -1500, 0), (0, 1500, 0), (800, 0, 0)], float)
    for view in (FLAT, FLAT_SIDE):
        heights.append(np.ptp(colored(draw_pose3d(upright, [(0, 1)], [RED], view), RED)[:, 0]))
    assert heights[0] == pytest.approx(heights[1], abs=1)


@pytest.mark.parametrize(
    ('joints', 'links', 'colors', 'message'),
    [
        (np.zeros((3, 2)), [(0, 1)], [RED], r'\(J, 3\)'),
        (np.full((3, 3), np.nan), [(0, 1)], [RED], r'joints \[0, 1, 2\] are NaN'),
        ([(0, 0, 0), (0, 0, np.inf)], [(0, 1)], [RED], r'joints \[1\] are NaN or infinite'),
        (np.zeros((3, 3)), [(0, 3)], [RED], r'\(0, 3\)'),
        (np.zeros((3, 3)), [(0, 1)], [], 'as many colours'),
    ],
)
def test_refuses(joints, links, colors, message):
    with pytest.raises(ValueError, match=message):
        draw_pose3d(joints, links, colors)
