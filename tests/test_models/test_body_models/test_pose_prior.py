import math

import numpy as np
import pytest
import torch

from mmpose_ext.models.body_models.pose_prior import NUM_POSE, PosePrior, hyperextension
from mmpose_ext.synthetic.activities import draw_pose
from mmpose_ext.synthetic.poses import angles_to_pose, pose_vector
from mmpose_ext.synthetic.skeleton import JOINT


def body_pose(angles):
    """SMPL's body pose (1, 69) of anatomical angles."""
    return torch.tensor(angles_to_pose(angles[None])[:, 1:].reshape(1, NUM_POSE)).float()


def bent(joint, axis, degrees):
    """A T-pose but for one joint, (1, 69)."""
    pose = torch.zeros(1, 23, 3)
    pose[0, JOINT[joint] - 1, 'xyz'.index(axis)] = math.radians(degrees)
    return pose.flatten(1)


def test_known_energies():
    """Half a squared distance in standard deviations: that of 2 σ in one coordinate is 2."""
    prior = PosePrior(np.zeros(NUM_POSE), np.eye(NUM_POSE) / 0.25)
    poses = torch.cat([bent('head', 'y', math.degrees(1.0)), torch.zeros(1, NUM_POSE)])
    torch.testing.assert_close(prior(poses), torch.tensor([2.0, 0.0]))
    # A knee 0.1 rad the wrong way: 0.02 of the Gaussian and half a σ² of its own.
    knee = bent('left_knee', 'x', -math.degrees(0.1))
    torch.testing.assert_close(prior(knee), torch.tensor([0.02 + 0.5]))
    torch.testing.assert_close(prior(-knee), torch.tensor([0.02]))
    elsewhere = PosePrior(poses[0], np.eye(NUM_POSE) / 0.25)
    torch.testing.assert_close(elsewhere(poses), torch.tensor([0.0, 2.0]))


def test_floor_is_a_standard_deviation():
    """0.4 instead of 0.2 rad adds 0.16 - 0.04 rad² to each variance and nothing else."""
    precisions = (PosePrior.from_mannequin(200, floor=f).precision.double() for f in (0.2, 0.4))
    narrow, wide = map(torch.linalg.inv, precisions)
    expected = 0.12 * torch.eye(NUM_POSE, dtype=torch.float64)
    torch.testing.assert_close(wide - narrow, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ('joint', 'axis', 'right_way', 'column'),
    [
        ('left_elbow', 'y', -60, 0),
        ('right_elbow', 'y', 60, 1),
        ('left_knee', 'x', 60, 2),
        ('right_knee', 'x', 60, 3),
    ],
)
def test_hyperextension(joint, axis, right_way, column):
    assert (hyperextension(bent(joint, axis, right_way)) == 0).all()
    wrong = hyperextension(bent(joint, axis, -right_way))[0]
    assert wrong[column].item() == pytest.approx(math.radians(60))
    assert wrong.count_nonzero() == 1
    prior = PosePrior.from_mannequin()
    energies = [prior(bent(joint, axis, sign * right_way)).item() for sign in (1, -1)]
    assert energies[1] > energies[0] + 30


def test_mannequins_are_likely_and_contortions_are_not():
    prior = PosePrior.from_mannequin()
    rng = np.random.default_rng(99)
    drawn = torch.cat([body_pose(draw_pose(rng).angles) for _ in range(50)])
    assert (hyperextension(drawn) == 0).all()
    usual = prior(drawn)
    assert usual.max() < NUM_POSE / 2 * 1.5
    assert prior(body_pose(pose_vector())) < usual.max()
    anything = 0.8 * torch.randn(50, NUM_POSE, generator=torch.Generator().manual_seed(0))
    assert prior(anything).min() > usual.max()


def test_is_the_same_each_time_and_not_in_checkpoints():
    first, second = PosePrior.from_mannequin(200), PosePrior.from_mannequin(200)
    assert torch.equal(first.precision, second.precision)
    assert not torch.equal(first.mean, PosePrior.from_mannequin(200, seed=1).mean)
    first.mean.add_(1)  # what one holds is its own
    assert torch.equal(second.mean, PosePrior.from_mannequin(200).mean)
    assert not first.state_dict()
    assert not list(first.parameters())


def test_gradient():
    prior = PosePrior.from_mannequin(200).double()
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(2, NUM_POSE, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(prior, pose)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(mean=np.zeros(72)), r'mean \(69,\).*got \(72,\)'),
        (dict(precision=np.eye(23)), r'got \(69,\) and \(23, 23\)'),
        (dict(mean=np.full(NUM_POSE, np.nan)), 'finite'),
        (dict(precision=np.triu(np.ones((NUM_POSE, NUM_POSE)))), 'symmetric'),
        (dict(precision=-np.eye(NUM_POSE)), 'negative eigenvalue, got -1'),
        (dict(hyperextension_sigma=0.0), r'positive, got 0\.0'),
    ],
)
def test_refuses(change, message):
    arguments = dict(mean=np.zeros(NUM_POSE), precision=np.eye(NUM_POSE)) | change
    with pytest.raises(ValueError, match=message):
        PosePrior(**arguments)


def test_refuses_other_poses_and_too_few():
    with pytest.raises(ValueError, match=r'\(B, 69\), got \(2, 72\)'):
        PosePrior(np.zeros(NUM_POSE), np.eye(NUM_POSE))(torch.zeros(2, 72))
    with pytest.raises(ValueError, match='num=10'):
        PosePrior.from_mannequin(10)
    with pytest.raises(ValueError, match='floor=0'):
        PosePrior.from_mannequin(floor=0)
