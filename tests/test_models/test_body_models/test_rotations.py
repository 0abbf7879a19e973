import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from mmpose_ext.models.body_models.rotations import (
    SMPL_FLIP_INDICES,
    axis_angle_to_matrix,
    geodesic_angle,
    matrix_to_axis_angle,
    matrix_to_rotation_6d,
    mirror_smpl_pose,
    rotation_6d_to_matrix,
)
from mmpose_ext.synthetic.skeleton import JOINT_NAMES, mirror_order

IDENTITY = torch.eye(3)
# Angles where formulas break: none, tiny, around where the series starts, pi and around it.
ANGLES = (0.0, 1e-12, 1e-6, 9.9e-3, 1.01e-2, 1.0, math.pi - 1e-6, math.pi)
DEGENERATE = {
    'zero': [0.0, 0, 0, 0, 0, 0],
    'no first': [0.0, 0, 0, 1, 2, 3],
    'no first, second is x': [0.0, 0, 0, 2, 0, 0],
    'no second': [1.0, 2, 3, 0, 0, 0],
    'parallel': [1.0, 2, 3, 2, 4, 6],
    'opposite': [1.0, 2, 3, -1, -2, -3],
    'nearly parallel': [1.0, 2, 3, 1, 2, 3.0001],
    'tiny': [1e-30, 0, 0, 0, 1e-30, 1e-30],
    'small': [1e-10, 0, 0, 0, 1e-10, 1e-10],
    'huge': [1e30, 1e30, 0, 0, 1e30, 0],
}


def axes(number=16, seed=0):
    v = torch.randn(number, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat([v / v.norm(dim=-1, keepdim=True), torch.eye(3).double()])


def assert_rotations(matrices, tolerance=1e-5):
    torch.testing.assert_close(
        matrices @ matrices.mT,
        torch.eye(3).to(matrices).expand_as(matrices),
        atol=tolerance,
        rtol=0,
    )
    assert (torch.linalg.det(matrices) > 0.99).all()


@pytest.mark.parametrize('angle', ANGLES)
def test_axis_angle_agrees_with_scipy(angle):
    vectors = axes() * angle
    expected = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    torch.testing.assert_close(axis_angle_to_matrix(vectors), expected, atol=1e-14, rtol=0)
    found = axis_angle_to_matrix(vectors.float())
    torch.testing.assert_close(found, expected.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize('angle', ANGLES)
def test_axis_angle_comes_back(angle):
    vectors = axes() * angle
    back = matrix_to_axis_angle(axis_angle_to_matrix(vectors))
    if angle == math.pi:  # both signs are the same rotation
        back = back * (back * vectors).sum(-1, keepdim=True).sign()
    torch.testing.assert_close(back, vectors, atol=1e-9, rtol=0)


def test_axis_angle_is_the_shorter_turn():
    back = matrix_to_axis_angle(axis_angle_to_matrix(torch.tensor([0.0, 4.0, 0.0])))
    torch.testing.assert_close(back, torch.tensor([0.0, 4.0 - 2 * math.pi, 0.0]))


@pytest.mark.parametrize('shape', [(), (0,), (5,), (2, 24)])
def test_shapes(shape):
    vectors = torch.randn(*shape, 3)
    matrices = axis_angle_to_matrix(vectors)
    assert matrices.shape == (*shape, 3, 3)
    assert matrix_to_axis_angle(matrices).shape == (*shape, 3)
    assert matrix_to_rotation_6d(matrices).shape == (*shape, 6)
    assert rotation_6d_to_matrix(torch.randn(*shape, 6)).shape == (*shape, 3, 3)
    assert geodesic_angle(matrices, matrices).shape == shape


def test_6d_of_the_spec():
    # Golden case 32.
    assert torch.equal(rotation_6d_to_matrix(torch.tensor([1.0, 0, 0, 0, 1, 0])), IDENTITY)
    interleaved = rotation_6d_to_matrix(torch.tensor([1.0, 0, 0, 1, 0, 0]), layout='interleaved')
    assert torch.equal(interleaved, IDENTITY)
    expected = [[0.2673, 0.8729, -0.4082], [0.5345, 0.2182, 0.8165], [0.8018, -0.4364, -0.4082]]
    found = rotation_6d_to_matrix(torch.arange(1.0, 7.0))
    torch.testing.assert_close(found, torch.tensor(expected), atol=5e-5, rtol=0)
    swapped = torch.tensor([1.0, 4, 2, 5, 3, 6])
    torch.testing.assert_close(rotation_6d_to_matrix(swapped, layout='interleaved'), found)


@pytest.mark.parametrize('layout', ['columns', 'interleaved'])
def test_6d_comes_back(layout):
    matrices = axis_angle_to_matrix(axes() * 2)
    back = rotation_6d_to_matrix(matrix_to_rotation_6d(matrices, layout), layout)
    torch.testing.assert_close(back, matrices, atol=1e-14, rtol=0)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('name', DEGENERATE)
def test_any_6d_is_a_rotation_with_finite_gradients(name, dtype):
    # Golden case 32.
    vectors = torch.tensor(DEGENERATE[name], dtype=dtype, requires_grad=True)
    matrix = rotation_6d_to_matrix(vectors)
    assert_rotations(matrix)
    (matrix * torch.arange(9, dtype=dtype).view(3, 3)).sum().backward()
    assert vectors.grad.isfinite().all()


def test_random_6d_are_rotations():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(10000, 6, generator=generator) ** 5
    assert_rotations(rotation_6d_to_matrix(vectors))


def test_6d_does_not_care_for_length():
    vectors = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)).double()
    scaled = torch.cat([1e9 * vectors[:, :3], 1e-9 * vectors[:, 3:]], 1)
    torch.testing.assert_close(rotation_6d_to_matrix(scaled), rotation_6d_to_matrix(vectors))


@pytest.mark.parametrize('angle', [0.0, 1e-12, 5e-3, 1.0, 3.0])
def test_gradients(angle):
    vectors = (axes(3) * angle).requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_matrix, vectors)
    assert torch.autograd.gradcheck(
        lambda v: matrix_to_axis_angle(axis_angle_to_matrix(v)), vectors
    )
    sixes = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)).double()
    assert torch.autograd.gradcheck(rotation_6d_to_matrix, sixes.requires_grad_())


@pytest.mark.parametrize('angle', ANGLES)
def test_gradients_are_finite_at_every_angle(angle):
    vectors = (axes() * angle).float().requires_grad_()
    matrices = axis_angle_to_matrix(vectors)
    total = matrix_to_axis_angle(matrices).sum() + geodesic_angle(matrices, IDENTITY).sum()
    total.backward()
    assert vectors.grad.isfinite().all()


@pytest.mark.parametrize('angle', ANGLES)
def test_geodesic_angle(angle):
    start = axis_angle_to_matrix(axes(seed=1) * 1.3)
    end = start @ axis_angle_to_matrix(axes() * angle)
    expected = torch.full((19,), angle, dtype=torch.float64)
    torch.testing.assert_close(geodesic_angle(start, end), expected, atol=1e-7, rtol=0)


def test_flip_indices_are_those_of_the_skeleton():
    assert tuple(mirror_order(JOINT_NAMES)) == SMPL_FLIP_INDICES


def test_mirrored_twice_is_the_same():
    pose = axis_angle_to_matrix(torch.randn(2, 24, 3, generator=torch.Generator().manual_seed(0)))
    mirrored = mirror_smpl_pose(pose)
    assert_rotations(mirrored)
    assert torch.equal(mirror_smpl_pose(mirrored), pose)
    # What axis-angle vectors do: SPIN's rule, y and z change sign.
    back = matrix_to_axis_angle(mirrored)
    expected = matrix_to_axis_angle(pose)[:, list(SMPL_FLIP_INDICES)] * torch.tensor([1.0, -1, -1])
    torch.testing.assert_close(axis_angle_to_matrix(back), axis_angle_to_matrix(expected))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: axis_angle_to_matrix(torch.zeros(2, 4)), r'axis_angle .*\(2, 4\)'),
        (lambda: matrix_to_axis_angle(torch.zeros(2, 9)), r'rotation .*\(2, 9\)'),
        (lambda: rotation_6d_to_matrix(torch.zeros(2, 3, 2)), r'vectors .*\(2, 3, 2\)'),
        (lambda: rotation_6d_to_matrix(torch.zeros(6), 'rows'), r"layout .*'rows'"),
        (lambda: matrix_to_rotation_6d(IDENTITY, 'rows'), r"layout .*'rows'"),
        (lambda: geodesic_angle(IDENTITY, torch.zeros(3)), r'second .*\(3,\)'),
        (lambda: mirror_smpl_pose(torch.zeros(2, 23, 3, 3)), r'rotation .*\(2, 23, 3, 3\)'),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
