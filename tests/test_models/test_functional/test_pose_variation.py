import pytest
import torch

from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, rotation_6d_to_matrix
from mmpose_ext.models.functional import accumulate_translation, compose_rotations


def rotation(*vector):
    return axis_angle_to_matrix(torch.tensor(vector))


def test_left_composition():
    """Golden case 12; the right product would be another matrix."""
    start, turn = rotation(0, 0, 0.3), rotation(0.2, 0, 0)
    found = compose_rotations(start[None, None], turn.expand(1, 2, 1, 3, 3))[0, -1, 0]
    expected = [[0.9553, -0.2955, 0], [0.2722, 0.8799, -0.3894], [0.1151, 0.3720, 0.9211]]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)
    assert (start @ turn @ turn - found).abs().max() > 0.05


def test_each_step_and_each_joint_on_its_own():
    torch.manual_seed(0)
    start = axis_angle_to_matrix(torch.randn(2, 24, 3))
    deltas = axis_angle_to_matrix(torch.randn(2, 5, 24, 3))
    found = compose_rotations(start, deltas)
    assert found.shape == (2, 5, 24, 3, 3)
    expected = deltas[1, 2, 7] @ deltas[1, 1, 7] @ deltas[1, 0, 7] @ start[1, 7]
    torch.testing.assert_close(found[1, 2, 7], expected)


def test_authors_6d():
    """Golden case 11: columns, not the interleaved layout."""
    vectors = torch.tensor([[1.0, 0, 0, 0, 1, 0], [1, 2, 3, 4, 5, 6]])
    second = [[0.2673, 0.8729, -0.4082], [0.5345, 0.2182, 0.8165], [0.8018, -0.4364, -0.4082]]
    expected = torch.stack([torch.eye(3), torch.tensor(second)])
    torch.testing.assert_close(rotation_6d_to_matrix(vectors), expected, atol=1e-4, rtol=0)


def test_authors_rodrigues():
    """Golden case 13."""
    expected = [[0.8595, -0.4980, -0.1149], [0.4399, 0.8353, -0.3298], [0.2602, 0.2329, 0.9370]]
    found = rotation(0.3, -0.2, 0.5)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-4, rtol=0)


def test_translation_adds_up():
    """Golden case 15."""
    found = accumulate_translation(torch.tensor([[0.0, 0, 3]]), torch.full((1, 8, 3), 0.01))
    torch.testing.assert_close(found[0, -1], torch.tensor([0.08, 0.08, 3.08]))
    torch.testing.assert_close(found[0, 0], torch.tensor([0.01, 0.01, 3.01]))


def test_gradients():
    torch.manual_seed(0)
    start = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    deltas = torch.randn(1, 3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(compose_rotations, (start, deltas))


@pytest.mark.parametrize('steps', [(2, 4, 24, 3, 3), (1, 0, 24, 3, 3), (1, 24, 3, 3)])
def test_rotations_refuse_shapes(steps):
    with pytest.raises(ValueError, match='T at least 1, got'):
        compose_rotations(torch.eye(3).expand(1, 24, 3, 3), torch.zeros(steps))


def test_translation_refuses_shapes():
    with pytest.raises(ValueError, match=r'\(2, 3\) and \(1, 8, 3\)'):
        accumulate_translation(torch.zeros(2, 3), torch.zeros(1, 8, 3))
