import numpy as np
import pytest
from mmpose.evaluation.functional import keypoint_mpjpe
from mmpose.evaluation.functional.mesh_eval import compute_similarity_transform

from mmpose_ext.evaluation.functional.pose3d_errors import (
    ALIGNMENTS,
    align_procrustes,
    joint_errors,
    keypoint_3d_auc,
    keypoint_3d_pck,
    mpjpe,
)


def poses(count=5, noise=120.0, seed=0):
    """Predicted and true root-relative joints (N, 17, 3) in mm."""
    rng = np.random.default_rng(seed)
    gt = rng.normal(0, 400, (count, 17, 3))
    pred = 0.9 * gt + rng.normal(0, noise, gt.shape)
    return pred - pred[:, :1], gt - gt[:, :1], np.ones((count, 17), bool)


def rotations(count, seed=1):
    """Proper rotations (N, 3, 3)."""
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(count, 3, 3)))[0]
    return q * np.linalg.det(q)[:, None, None]


def errors_by(alignment, pred, gt, mask):
    return mpjpe(joint_errors(pred, gt, mask, alignment), mask)


def procrustes_formula(target, source):
    """The authors' protocol 2 for one pose, in its textbook form."""
    mu_x, mu_y = target.mean(0), source.mean(0)
    x, y = target - mu_x, source - mu_y
    norm_x, norm_y = np.sqrt((x**2).sum()), np.sqrt((y**2).sum())
    u, s, vt = np.linalg.svd((x / norm_x).T @ (y / norm_y))
    v = vt.T
    turned = np.sign(np.linalg.det(v @ u.T))
    v[:, -1] *= turned
    s[-1] *= turned
    rotation = v @ u.T
    b = s.sum() * norm_x / norm_y
    c = mu_x - b * mu_y @ rotation
    return b * source @ rotation + c


@pytest.mark.parametrize('alignment', ALIGNMENTS)
def test_equals_mmpose_where_all_joints_are_valid(alignment):
    pred, gt, mask = poses()
    expected = keypoint_mpjpe(pred, gt, mask, alignment)
    assert expected > 50
    assert errors_by(alignment, pred, gt, mask) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('mirrored', [False, True])
def test_procrustes_equals_the_authors_formula(mirrored):
    pred, gt, mask = poses()
    pred = pred * (-1, 1, 1) if mirrored else pred
    expected = [procrustes_formula(g, p) for p, g in zip(pred, gt, strict=True)]
    np.testing.assert_allclose(align_procrustes(pred, gt, mask), expected, atol=1e-8)


@pytest.mark.parametrize('alignment', ALIGNMENTS)
def test_invalid_joints_take_no_part(alignment):
    pred, gt, mask = poses()
    mask[0, [3, 9]] = mask[2, 5:12] = False
    before = joint_errors(pred, gt, mask, alignment)[mask]
    # Each pose alone, with its invalid joints cut off, in MMPose's formula.
    whole = np.ones((1, 17), bool)
    cut = [
        keypoint_mpjpe(p[m][None], g[m][None], whole[:, : m.sum()], alignment) * m.sum()
        for p, g, m in zip(pred, gt, mask, strict=True)
    ]
    assert before.mean() == pytest.approx(sum(cut) / mask.sum(), rel=1e-9)
    pred[~mask] += 5000
    gt[~mask] -= 7000
    np.testing.assert_allclose(joint_errors(pred, gt, mask, alignment)[mask], before, atol=1e-8)


def test_mmposes_procrustes_does_let_invalid_joints_pull():
    # The reason for ours; should MMPose mend it, ours can go.
    pred, gt, mask = poses(1)
    mask[0, 4] = False
    pred[0, 4] += 3000
    theirs = np.linalg.norm(compute_similarity_transform(pred[0], gt[0]) - gt[0], axis=1)[mask[0]]
    assert theirs.mean() > 2 * errors_by('procrustes', pred, gt, mask)


def test_golden_27_larger_by_a_tenth():
    _, gt, mask = poses()
    errors = joint_errors(1.1 * gt, gt, mask)
    expected = 0.1 * np.linalg.norm(gt, axis=-1).mean()
    assert mpjpe(errors, mask) == pytest.approx(expected, abs=1e-6)
    assert errors_by('procrustes', 1.1 * gt, gt, mask) == pytest.approx(0, abs=1e-6)
    assert errors_by('scale', 1.1 * gt, gt, mask) == pytest.approx(0, abs=1e-6)


def test_golden_27_rotated():
    _, gt, mask = poses()
    turned = gt @ rotations(len(gt))
    assert errors_by('none', turned, gt, mask) > 100
    assert errors_by('scale', turned, gt, mask) > 100
    assert errors_by('procrustes', turned, gt, mask) == pytest.approx(0, abs=1e-6)


def test_golden_27_moved_and_mirrored():
    _, gt, mask = poses()
    moved = gt + np.array([30, -800, 4000])
    assert errors_by('procrustes', moved, gt, mask) == pytest.approx(0, abs=1e-6)
    assert errors_by('procrustes', gt * (1, 1, -1), gt, mask) > 50


def test_planar_and_collapsed_poses_have_finite_errors():
    _, gt, mask = poses()
    flat = gt * (1, 1, 0)
    assert errors_by('procrustes', flat @ rotations(len(gt)), flat, mask) == pytest.approx(
        0, abs=1e-6
    )
    collapsed = align_procrustes(np.full_like(gt, 7.0), gt, mask)
    np.testing.assert_allclose(collapsed, np.repeat(gt.mean(1, keepdims=True), 17, axis=1))
    assert np.isfinite(joint_errors(np.zeros_like(gt), gt, mask, 'scale')).all()
    lonely = np.zeros_like(mask)
    assert np.isfinite(joint_errors(gt, gt, lonely, 'procrustes')).all()


def test_pck_does_not_count_the_threshold_itself():
    errors = np.array([[0.0, 149.9999, 150.0, 500.0]])
    mask = np.ones((1, 4), bool)
    assert keypoint_3d_pck(errors, mask) == 50
    assert keypoint_3d_pck(errors, mask, 150.1) == 75
    mask[0, 3] = False
    assert keypoint_3d_pck(errors, mask) == pytest.approx(200 / 3)


def test_auc_averages_pck_over_31_thresholds():
    rng = np.random.default_rng(0)
    errors, mask = rng.uniform(0, 200, (6, 17)), rng.random((6, 17)) < 0.8
    errors[0, :3] = 0, 75, 150  # on thresholds
    mask[0, :3] = True
    each = [keypoint_3d_pck(errors, mask, threshold) for threshold in np.linspace(0, 150, 31)]
    assert keypoint_3d_auc(errors, mask) == pytest.approx(np.mean(each))
    assert keypoint_3d_auc(0 * errors, mask) == pytest.approx(100 * 30 / 31)
    # Below 80, 85, ..., 150: 15 of 31.
    assert keypoint_3d_auc(0 * errors + 75, mask) == pytest.approx(100 * 15 / 31)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda p, g, m: (p, g, m, 'rigid'), "got 'rigid'"),
        (lambda p, g, m: (p[..., :2], g, m, 'none'), r'\(5, 17, 2\)'),
        (lambda p, g, m: (p, g[:1], m, 'none'), r'\(1, 17, 3\)'),
        (lambda p, g, m: (p, g, m[:, :3], 'none'), 'bool mask'),
        (lambda p, g, m: (p, g, m.astype(float), 'none'), 'float64'),
    ],
)
def test_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        joint_errors(*change(*poses()))
