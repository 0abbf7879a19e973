"""Skeletons as solid bodies: sizes, places, outsides, colours, files."""

import numpy as np
import pytest
import trimesh

from mmpose_ext.visualization.skeleton_mesh import export_skeletons, skeleton_mesh

LINKS = [(0, 1), (1, 2)]
COLORS = [(255, 0, 0), (0, 255, 0)]
JOINTS = np.array([[[0.0, 0, 0], [0, -500, 0], [300, -500, 400]]])


def bodies(vertices, faces):
    return trimesh.Trimesh(vertices, faces, process=False).split()


def test_balls_and_sticks_lie_where_the_joints_are():
    vertices, faces, colors = skeleton_mesh(JOINTS, LINKS, COLORS)
    parts = bodies(vertices, faces)
    assert len(parts) == 5
    middles = np.array([part.bounds.mean(axis=0) for part in parts])
    np.testing.assert_allclose(middles[:3], JOINTS[0] / 1000, atol=1e-6)
    np.testing.assert_allclose(middles[3], (0, -0.25, 0), atol=1e-6)
    np.testing.assert_allclose(middles[4], (0.15, -0.5, 0.2), atol=1e-3)
    # Each is closed and has its outside outside.
    assert all(part.is_watertight and part.volume > 0 for part in parts)
    # The second stick is 0.5 m long: the area of its ends tells its volume.
    assert parts[4].volume == pytest.approx(parts[3].volume, rel=1e-9)
    assert len(colors) == len(vertices)
    assert {tuple(color) for color in colors} == {(70, 70, 70), (255, 0, 0), (0, 255, 0)}


@pytest.mark.parametrize('direction', np.concatenate((np.eye(3), -np.eye(3))))
def test_a_stick_reaches_from_joint_to_joint(direction):
    joints = np.stack((np.zeros(3), 400 * direction))[None]
    vertices, faces, _ = skeleton_mesh(joints, [(0, 1)], COLORS[:1])
    stick = bodies(vertices, faces)[2]
    along = stick.vertices @ direction
    assert along.min() == pytest.approx(0, abs=1e-9)
    assert along.max() == pytest.approx(0.4)
    assert stick.volume > 0


def test_a_joint_that_is_not_known_takes_its_bones_along():
    joints = np.concatenate((JOINTS, JOINTS))
    joints[1, 2] = np.nan
    vertices, faces, _ = skeleton_mesh(joints, LINKS, COLORS)
    assert np.isfinite(vertices).all()
    assert len(bodies(vertices, faces)) == 5 + 3


def test_a_bone_without_length_is_left_out():
    vertices, faces, _ = skeleton_mesh(np.zeros((1, 2, 3)), [(0, 1)], COLORS[:1])
    assert np.isfinite(vertices).all()
    assert len(bodies(vertices, faces)) == 2


@pytest.mark.parametrize(
    ('joints', 'links', 'colors', 'message'),
    [
        (JOINTS[0], LINKS, COLORS, r'\(N, J, 3\)'),
        (JOINTS, [(0, 3)], COLORS[:1], 'names a joint'),
        (JOINTS, LINKS, COLORS[:1], '2 bones'),
    ],
)
def test_refuses(joints, links, colors, message):
    with pytest.raises(ValueError, match=message):
        skeleton_mesh(joints, links, colors)


def test_people_stand_side_by_side_upright(tmp_path):
    path = tmp_path / 'people.glb'
    export_skeletons(path, np.concatenate((JOINTS, JOINTS)), LINKS, COLORS, spacing=2000)
    mesh = trimesh.load(path, force='mesh')
    # y is up: the second joint, 500 mm above the first, camera axes being y down.
    np.testing.assert_allclose(mesh.bounds[:, 1], (-0.032, 0.532), atol=1e-3)
    np.testing.assert_allclose(mesh.bounds[:, 0], (-1.032, 1.332), atol=1e-3)
    assert mesh.visual.vertex_colors.shape[1] == 4


@pytest.mark.parametrize(
    ('name', 'joints', 'message'),
    [('a.obj', JOINTS, r"\.glb, got 'a.obj'"), ('a.glb', JOINTS[:0], 'nobody')],
)
def test_refuses_to_write(tmp_path, name, joints, message):
    with pytest.raises(ValueError, match=message):
        export_skeletons(tmp_path / name, joints, LINKS, COLORS)
    assert not list(tmp_path.iterdir())
