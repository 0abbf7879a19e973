import numpy as np
import pytest
import torch

from mmpose_ext.models.body_models import SMPLBody
from mmpose_ext.models.body_models.cameras import project_weak_perspective
from mmpose_ext.models.body_models.fitting import FitOptions, geman_mcclure, refine_smpl
from mmpose_ext.models.body_models.pose_prior import PosePrior, hyperextension
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from mmpose_ext.synthetic.activities import draw_pose
from mmpose_ext.synthetic.poses import angles_to_pose

B = 6
CAMERA = (0.8, 0.1, -0.05)


@pytest.fixture(scope='module')
def body():
    return SMPLBody('mannequin-coarse')


@pytest.fixture(scope='module')
def prior():
    return PosePrior.from_mannequin()


@pytest.fixture(scope='module')
def people():
    """Poses (B, 24, 3, 3), facing the camera or so, and betas (B, 10)."""
    rng = np.random.default_rng(3)
    pose = angles_to_pose(np.stack([draw_pose(rng).angles for _ in range(B)]))
    pose[:, 0] = [np.pi - 0.02, 0, 0] + 0.3 * rng.standard_normal((B, 3))
    return axis_angle_to_matrix(torch.tensor(pose).float()), torch.tensor(
        rng.standard_normal((B, 10))
    ).float()


def noise(sigma, *shape, seed=0):
    return sigma * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope='module')
def guess(people):
    """The people as a network may see them."""
    pose, betas = people
    return axis_angle_to_matrix(noise(0.15, B, 24, 3)) @ pose, betas + noise(0.5, B, 10)


def posed(body, pose, betas):
    """Joints (B, 18, 3) and vertices (B, V, 3) in metres, relative to the pelvis."""
    output = body(pose[:, :1], pose[:, 1:], betas)
    root = output.joints[:, :1]
    return output.joints - root, output.vertices - root


def errors(body, one, other):
    """Mean distances (B,) of joints and vertices in mm."""
    pairs = zip(posed(body, *one), posed(body, *other), strict=True)
    return [1000 * (a - b).norm(dim=-1).mean(1) for a, b in pairs]


def test_fits_noisy_joints(body, prior, people, guess):
    joints, _ = posed(body, *people)
    noisy = joints + noise(0.015, B, 18, 3, seed=1)
    before = errors(body, guess, people)
    after = errors(body, refine_smpl(body, *guess, noisy, prior=prior), people)
    for kind, least in zip(range(2), (0.35, 0.4), strict=True):
        assert (after[kind] < before[kind]).all()
        assert after[kind].mean() < least * before[kind].mean()


def test_fits_exact_joints_without_a_prior(body, people, guess):
    joints, _ = posed(body, *people)
    free = dict(start_pose_sigma=None, start_betas_sigma=None, shape_weight=0, root_sigma=1e-4)
    pose, betas = refine_smpl(body, *guess, joints, joint_sigma=0.005, **free)
    assert errors(body, (pose, betas), people)[0].max() < 5
    assert torch.det(pose).sub(1).abs().max() < 1e-4
    assert (pose @ pose.mT - torch.eye(3)).abs().max() < 1e-4


def test_right_guesses_stay(body, prior, people):
    joints, _ = posed(body, *people)
    pose, betas = refine_smpl(body, *people, joints, prior=prior, steps=20)
    assert torch.equal(pose, people[0])
    assert torch.equal(betas, people[1])


def test_never_worse(body, prior, people, guess):
    """Ten wild steps throw most bodies off; these keep the guess, and the rest come closer."""
    joints, _ = posed(body, *people)
    pose, betas = refine_smpl(body, *guess, joints, prior=prior, steps=2, lr=0.4)
    kept = torch.tensor([torch.equal(pose[k], guess[0][k]) for k in range(B)])
    before = (posed(body, *guess)[0] - joints).norm(dim=-1).sum(1)
    after = (posed(body, pose, betas)[0] - joints).norm(dim=-1).sum(1)
    assert kept.any()
    assert (after[kept] == before[kept]).all()
    assert (after[~kept] < before[~kept]).all()
    assert torch.equal(betas[kept], guess[1][kept])


def test_people_do_not_touch_each_other(body, prior, people, guess):
    joints, _ = posed(body, *people)
    together = refine_smpl(body, *guess, joints, prior=prior, steps=10)
    alone = refine_smpl(body, guess[0][2:3], guess[1][2:3], joints[2:3], prior=prior, steps=10)
    for many, one in zip(together, alone, strict=True):
        torch.testing.assert_close(many[2:3], one, rtol=0, atol=1e-4)
    again = refine_smpl(body, *guess, joints, prior=prior, steps=10)
    assert all(torch.equal(a, b) for a, b in zip(together, again, strict=True))


def test_joints_without_weight_do_not_count(body, prior, people, guess):
    joints, _ = posed(body, *people)
    weights = torch.ones(B, 18)
    weights[:, 16] = 0
    weights[3] = 0
    unknown = joints.masked_fill(weights[..., None] == 0, torch.nan)
    elsewhere = joints.masked_fill(weights[..., None] == 0, 5.0)
    first = refine_smpl(body, *guess, unknown, weights, prior, steps=10)
    second = refine_smpl(body, *guess, elsewhere, weights, prior, steps=10)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].isfinite().all()
    assert torch.equal(first[0][3], guess[0][3])
    assert not torch.equal(first[0][2], guess[0][2])


def test_prior_straightens_impossible_elbows(body, prior, people):
    """Of an arm, only shoulder and wrist are known: the guess bends the elbow the wrong way."""
    pose = matrix_to_axis_angle(people[0]).clone()
    pose[:, 18] = torch.tensor([0, 1.0, 0])
    guess = axis_angle_to_matrix(pose), people[1]
    joints, _ = posed(body, *people)
    weights = torch.ones(B, 18)
    weights[:, 12] = 0
    bent = {}
    for name, held in (('with', prior), ('without', None)):
        fitted, _ = refine_smpl(body, *guess, joints, weights, held)
        moved = (fitted != guess[0]).flatten(1).any(1)
        assert moved.all()
        bent[name] = hyperextension(matrix_to_axis_angle(fitted[:, 1:]).flatten(1))[:, 0]
    assert bent['with'].max() < 0.15
    assert bent['without'].mean() > 2 * bent['with'].mean()


def test_shape_prior_and_nearness_to_the_guess(body, people, guess):
    joints, _ = posed(body, *people)

    def fit(**options):
        return refine_smpl(body, *guess, joints, steps=40, **options)

    assert fit(shape_weight=50.0)[1].norm() < 0.6 * fit(shape_weight=0.0)[1].norm()
    moved = [
        (matrix_to_axis_angle(fit(start_pose_sigma=sigma)[0]) - matrix_to_axis_angle(guess[0]))
        .flatten(1).norm(dim=1)
        for sigma in (0.02, None)
    ]  # fmt: skip
    assert (moved[0] < 0.7 * moved[1]).all()


def test_keypoints_alone(displaced_body, prior, people, guess):
    body = SMPLBody(displaced_body)
    camera = torch.tensor([CAMERA]).expand(B, 3)

    def seen(pose, betas):
        return project_weak_perspective(posed(body, pose, betas)[0], camera)

    keypoints = seen(*people)
    unknown = torch.full((B, 18, 3), torch.nan)
    weights = torch.ones(B, 18)
    weights[:, 9] = 0
    keypoints[:, 9] = torch.nan
    fitted = refine_smpl(
        body, *guess, unknown, torch.zeros(B, 18), prior, keypoints, weights, camera
    )
    kept = weights[0] > 0
    before, after = (
        (seen(*each) - keypoints)[:, kept].norm(dim=-1).mean(1) for each in (guess, fitted)
    )
    assert (after < 0.4 * before).all()


def test_works_where_gradients_are_off(body, prior, people, guess):
    joints, _ = posed(body, *people)
    expected = refine_smpl(body, *guess, joints, prior=prior, steps=3)
    with torch.inference_mode(), torch.autocast('cpu'):
        inner = [each.clone() for each in guess]
        found = refine_smpl(body, *inner, joints.clone(), prior=prior, steps=3)
    learnt = [each.clone().requires_grad_() for each in guess]
    again = refine_smpl(body, *learnt, joints, prior=prior, steps=3)
    for a, b, c in zip(expected, found, again, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
        assert not c.requires_grad
        assert a.dtype == torch.float32
    assert torch.equal(learnt[0], guess[0])


@pytest.mark.parametrize('joints', ['h36m18', 'coco17', 'smpl24'])
def test_joints_are_the_same_without_the_skin(people, joints):
    pose, betas = people
    whole = SMPLBody('mannequin-coarse', joints=joints)
    slim = whole.without_skin()
    assert slim.num_vertices < 10 < whole.num_vertices
    expected, found = (each(pose[:, :1], pose[:, 1:], betas) for each in (whole, slim))
    torch.testing.assert_close(found.joints, expected.joints, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.smpl_joints, expected.smpl_joints, rtol=0, atol=1e-6)
    assert expected.vertices.shape[1] == whole.num_vertices > len(found.vertices[0])


def test_geman_mcclure():
    found = geman_mcclure(torch.tensor([0.0, 1.0, 9.0, 1e8]), 3.0)
    torch.testing.assert_close(found, torch.tensor([0.0, 0.9, 4.5, 9.0]), rtol=1e-5, atol=0)


def test_a_wild_joint_pulls_little(body, prior, people, guess):
    joints, _ = posed(body, *people)
    wild = joints.clone()
    wild[:, 13] += 1.0
    robust, plain = (
        errors(body, refine_smpl(body, *guess, wild, prior=prior, robust=scale), people)[1].mean()
        for scale in (5.0, None)
    )
    assert robust < 0.6 * plain


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(pose=torch.zeros(B, 23, 3, 3)), r'pose \(6, 24, 3, 3\), got \(6, 23, 3, 3\)'),
        (dict(betas=torch.zeros(5, 10)), r'pose \(5, 24, 3, 3\), got \(6'),
        (dict(betas=torch.zeros(10)), r'betas'),
        (dict(pose=torch.full((B, 24, 3, 3), torch.nan)), r'pose.*finite, got nan at \[0, 0, 0'),
        (dict(betas=torch.full((B, 10), torch.inf)), r'betas must be finite, got inf'),
        (dict(target_joints=torch.zeros(B, 18, 2)), r'target_joints \(B, J, 3\), got \(6, 18, 2\)'),
        (dict(target_joints=torch.zeros(B, 17, 3)), r'target_joints \(6, 18, 3\), got \(6, 17, 3'),
        (dict(target_joints=torch.zeros(2, 18, 3)), r'target_joints \(6, 18, 3\), got \(2'),
        (dict(target_joints=torch.full((B, 18, 3), torch.nan)), 'target_joints must be finite'),
        (dict(weights=torch.ones(B, 17)), r'weights of target_joints \(6, 18\), got \(6, 17\)'),
        (dict(weights=-torch.ones(B, 18)), r'not be negative, got -1'),
        (dict(weights=torch.full((B, 18), torch.nan)), 'weights of target_joints must be finite'),
        (dict(keypoints_2d=torch.zeros(B, 18, 2)), 'need the camera'),
        (
            dict(keypoints_2d=torch.zeros(B, 17, 2), camera=torch.ones(B, 3)),
            r'keypoints_2d \(6, 18, 2\), got \(6, 17, 2\)',
        ),
        (
            dict(keypoints_2d=torch.zeros(B, 18, 2), camera=torch.ones(B, 2)),
            r'camera \(6, 3\), got \(6, 2\)',
        ),
        (
            dict(keypoints_2d=torch.zeros(B, 18, 2), camera=torch.full((B, 3), torch.nan)),
            'camera must be finite',
        ),
        (dict(steps=0), 'steps must be positive, got 0'),
        (dict(joint_sigma=-0.1), r'joint_sigma must be positive, got -0\.1'),
        (dict(shape_weight=-1), 'shape_weight must not be negative, got -1'),
    ],
)
def test_refuses(body, people, change, message):
    arguments = dict(pose=people[0], betas=people[1], target_joints=torch.zeros(B, 18, 3))
    with pytest.raises(ValueError, match=message):
        refine_smpl(body, **arguments | change)


def test_refuses_options_that_it_does_not_know(body, people):
    with pytest.raises(TypeError, match='sigma'):
        refine_smpl(body, *people, torch.zeros(B, 18, 3), sigma=1)
    assert FitOptions(robust=None).robust is None
