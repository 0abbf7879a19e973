import math

import torch
from scipy.spatial.transform import Rotation

from mmpose_ext.models.body_models.cameras import project_weak_perspective
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, geodesic_angle
from mmpose_ext.models.heads.posh_flip import average_smpl, mean_rotation, unmirror_smpl
from mmpose_ext.synthetic.skeleton import JOINT


def rotations(*shape, seed=0):
    matrices = Rotation.random(math.prod(shape), random_state=seed).as_matrix()
    return torch.tensor(matrices).view(*shape, 3, 3)


def parameters(batch=4, seed=0):
    torch.manual_seed(seed)
    return {
        'pose': rotations(batch, 24, seed=seed),
        'betas': torch.randn(batch, 10, dtype=torch.float64),
        'camera': torch.rand(batch, 3, dtype=torch.float64) + 0.5,
    }


def test_mean_rotation_lies_half_way():
    first, second = rotations(50), rotations(50, seed=1)
    mean = mean_rotation(first, second)
    between = geodesic_angle(first, second)
    torch.testing.assert_close(geodesic_angle(first, mean), between / 2)
    torch.testing.assert_close(geodesic_angle(second, mean), between / 2)


def test_mean_rotation_of_known_angles():
    axis = torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64)
    first, second, expected = (axis_angle_to_matrix(angle * axis) for angle in (0.2, 1.4, 0.8))
    torch.testing.assert_close(mean_rotation(first, second), expected)


def test_mean_rotation_is_always_a_rotation():
    """Also half a turn apart, where there is no mean, and of the same rotation twice."""
    first = rotations(20)
    turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
    for second in (first @ turn, first):
        mean = mean_rotation(first, second)
        torch.testing.assert_close(torch.linalg.det(mean), torch.ones(20, dtype=torch.float64))
        torch.testing.assert_close(mean @ mean.mT, torch.eye(3).double().expand(20, 3, 3))
    torch.testing.assert_close(mean_rotation(first, first), first)


def test_mean_rotation_under_autocast():
    first, second = rotations(5).float(), rotations(5, seed=1).float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mean = mean_rotation(first, second)
    torch.testing.assert_close(mean, mean_rotation(first, second))


def test_mirrored_twice_is_unchanged():
    smpl = parameters()
    twice = unmirror_smpl(unmirror_smpl(smpl, 64), 64)
    for name, value in smpl.items():
        torch.testing.assert_close(twice[name], value)


def test_the_left_arm_of_a_mirrored_person_is_the_right_one():
    """Turns about y and z change their sign."""
    turn = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    smpl = parameters(1)
    smpl['pose'] = torch.eye(3, dtype=torch.float64).repeat(1, 24, 1, 1)
    expected = smpl['pose'].clone()
    smpl['pose'][0, JOINT['left_shoulder']] = axis_angle_to_matrix(turn)
    expected[0, JOINT['right_shoulder']] = axis_angle_to_matrix(turn * torch.tensor([1, -1, -1]))
    torch.testing.assert_close(unmirror_smpl(smpl, 64)['pose'], expected)


def test_the_mirrored_camera_pictures_mirrored_points():
    """Pixel x of a picture of width w lies at w - 1 - x in the mirrored one."""
    camera = parameters()['camera']
    points = torch.randn(4, 7, 3, dtype=torch.float64)
    mirrored = unmirror_smpl(parameters(), 64)['camera']
    x, y = ((project_weak_perspective(points, camera) + 1) * 32).unbind(-1)
    flipped = points * torch.tensor([-1.0, 1.0, 1.0])
    mx, my = ((project_weak_perspective(flipped, mirrored) + 1) * 32).unbind(-1)
    torch.testing.assert_close(mx, 63 - x)
    torch.testing.assert_close(my, y)


def test_average():
    first, second = parameters(), parameters(seed=1)
    mean = average_smpl(first, second)
    torch.testing.assert_close(mean['betas'], (first['betas'] + second['betas']) / 2)
    torch.testing.assert_close(mean['camera'], (first['camera'] + second['camera']) / 2)
    torch.testing.assert_close(mean['pose'], mean_rotation(first['pose'], second['pose']))
    assert mean['pose'].shape == (4, 24, 3, 3)
