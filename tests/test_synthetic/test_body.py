import numpy as np
import pytest

from mmpose_ext.synthetic import build_body
from mmpose_ext.synthetic.anatomy import body_field
from mmpose_ext.synthetic.deformation import shape_of_joints
from mmpose_ext.synthetic.skeleton import (
    COCO_MIXTURE,
    COCO_NAMES,
    H36M_MIXTURE,
    H36M_NAMES,
    JOINT_NAMES,
    PARENTS,
    mirror_order,
    rest_joints,
)
from mmpose_ext.synthetic.skinning import pose_body

LEVELS = ['coarse', 'full']


def edges(faces):
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


@pytest.mark.parametrize('level', LEVELS)
def test_mesh_is_one_closed_surface(level):
    body = build_body(level)
    directed = edges(body.faces)
    assert len(np.unique(directed, axis=0)) == len(directed)
    undirected, uses = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    assert (uses == 2).all()
    # Euler's formula for a surface without handles.
    assert body.num_vertices - len(undirected) + len(body.faces) == 2


@pytest.mark.parametrize('level', LEVELS)
def test_faces_look_outwards(level):
    body = build_body(level)
    p = body.v_template[body.faces]
    cross = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    volume = np.einsum('fd,fd->', p[:, 0], cross) / 6
    assert 0.05 < volume < 0.08  # 50 to 80 litres: an adult
    outwards = np.einsum('fd,fd->f', cross, body.normals[body.faces].sum(1)) > 0
    assert outwards.mean() > 0.999


@pytest.mark.parametrize('level', LEVELS)
def test_vertices_lie_on_the_skin(level):
    assert np.abs(body_field(build_body(level).v_template)).max() < 1e-6


def test_levels():
    assert build_body('full').num_vertices == 6890
    assert 1000 < build_body('coarse').num_vertices < 1700
    with pytest.raises(ValueError, match=r"level must be one of .* got 'fine'"):
        build_body('fine')


def test_body_is_shared_and_read_only():
    assert build_body('coarse') is build_body('coarse')
    with pytest.raises(ValueError, match='read-only'):
        build_body('coarse').v_template[0] = 0


@pytest.mark.parametrize('level', LEVELS)
def test_weights(level):
    body = build_body(level)
    assert body.weights.min() >= 0
    np.testing.assert_allclose(body.weights.sum(1), 1, atol=1e-12)
    assert (body.weights.max(0) > 0.5).all(), 'every joint moves some skin'


@pytest.mark.parametrize('level', LEVELS)
def test_joint_regressor_is_exact_for_every_shape(level):
    body = build_body(level)
    np.testing.assert_allclose(body.J_regressor.sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(body.J_regressor @ body.v_template, rest_joints(), atol=1e-12)
    moves = np.einsum('jv,vdb->jdb', body.J_regressor, body.shapedirs)
    np.testing.assert_allclose(moves, shape_of_joints(), atol=1e-12)


@pytest.mark.parametrize('name', ['J_regressor_coco', 'J_regressor_h36m'])
def test_keypoint_regressors(name):
    coarse, full = build_body('coarse'), build_body('full')
    for body in (coarse, full):
        assert getattr(body, name).shape == (17, body.num_vertices)
        np.testing.assert_allclose(getattr(body, name).sum(1), 1, atol=1e-12)
    np.testing.assert_allclose(
        getattr(coarse, name) @ coarse.v_template, getattr(full, name) @ full.v_template, atol=1e-12
    )


@pytest.mark.parametrize(
    ('names', 'mixture'), [(COCO_NAMES, COCO_MIXTURE), (H36M_NAMES, H36M_MIXTURE)]
)
def test_left_is_left(names, mixture):
    body = build_body('coarse')
    sources = np.concatenate([rest_joints(), body.v_template[body.landmark_ids]])
    points = mixture @ sources
    for name, point in zip(names, points, strict=True):
        side = {'left': 1, 'right': -1}.get(name.split('_')[0], 0)
        assert np.sign(np.round(point[0], 9)) == side, name
    np.testing.assert_allclose(points[mirror_order(names)] * (-1, 1, 1), points, atol=1e-9)


def test_skeleton_is_a_tree_in_order():
    assert len(JOINT_NAMES) == len(PARENTS) == 24
    assert (PARENTS[1:] < np.arange(1, 24)).all()
    assert PARENTS[0] == -1


def test_proportions():
    """Stature and span of an adult, the face in front, toes ahead of heels."""
    body = build_body('full')
    height, span = np.ptp(body.v_template[:, 1]), np.ptp(body.v_template[:, 0])
    assert 1.65 < height < 1.75
    assert 0.95 < span / height < 1.06
    nose = body.v_template[body.landmark_ids[0]]
    assert nose[2] > 0.08


def test_shapes_of_people_are_plausible():
    body = build_body('coarse')
    rng = np.random.default_rng(0)
    betas = np.clip(rng.standard_normal((200, 10)), -2.5, 2.5)
    vertices, _, _ = pose_body(body, betas, np.zeros((200, 24, 3)), np.zeros((200, 3)))
    heights = np.ptp(vertices[..., 1], axis=1)
    assert heights.min() > 1.4
    assert heights.max() < 2.1
    assert 0.05 < heights.std() < 0.11


def test_rest_pose_is_the_template():
    body = build_body('coarse')
    vertices, joints, normals = pose_body(
        body, np.zeros((1, 10)), np.zeros((1, 24, 3)), np.zeros((1, 3))
    )
    np.testing.assert_allclose(vertices[0], body.v_template, atol=1e-12)
    np.testing.assert_allclose(joints[0], rest_joints(), atol=1e-12)
    np.testing.assert_allclose(normals[0], body.normals, atol=1e-12)


def test_normals_have_unit_length_in_any_pose():
    pose = np.random.default_rng(1).standard_normal((2, 24, 3))
    *_, normals = pose_body(build_body('coarse'), np.zeros((2, 10)), pose, np.zeros((2, 3)))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-12)


def test_pelvis_stays_at_transl():
    body = build_body('coarse')
    rng = np.random.default_rng(1)
    transl = rng.standard_normal((5, 3))
    pose = rng.standard_normal((5, 24, 3))
    _, joints, _ = pose_body(body, rng.standard_normal((5, 10)), pose, transl)
    np.testing.assert_allclose(joints[:, 0], transl, atol=1e-12)


def test_levels_move_alike():
    rng = np.random.default_rng(2)
    arguments = (
        rng.standard_normal((3, 10)),
        0.5 * rng.standard_normal((3, 24, 3)),
        rng.standard_normal((3, 3)),
    )
    points = []
    for level in LEVELS:
        body = build_body(level)
        vertices, joints, _ = pose_body(body, *arguments)
        points.append(np.concatenate([joints, vertices[:, body.landmark_ids]], axis=1))
    np.testing.assert_allclose(points[0], points[1], atol=1e-10)


def test_pose_body_refuses_wrong_shapes():
    with pytest.raises(ValueError, match=r'need betas \(B, 10\)'):
        pose_body(build_body('coarse'), np.zeros(10), np.zeros((1, 24, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r'got \(1, 10\), \(2, 24, 3\)'):
        pose_body(build_body('coarse'), np.zeros((1, 10)), np.zeros((2, 24, 3)), np.zeros((1, 3)))
