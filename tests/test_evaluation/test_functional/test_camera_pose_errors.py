import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmpose_ext.evaluation.functional import (
    align_hips,
    camera_mesh_errors,
    camera_pose_errors,
    fit_procrustes,
)
from mmpose_ext.skeletons import dhp19

SHIFT = np.array([0.3, -0.2, 1.5])


def poses(number=5, joints=24, seed=0):
    return np.random.default_rng(seed).normal([0, 0, 3], 0.4, (number, joints, 3))


def similar(points, scale=1.7):
    turn = Rotation.from_rotvec([0.4, -1.1, 0.8]).as_matrix()
    return scale * points @ turn.T + SHIFT


@pytest.mark.parametrize('joints', [24, 13])
def test_what_each_error_ignores(joints):
    """Golden case 28."""
    gt, pred = poses(joints=joints), poses(joints=joints, seed=1)
    errors = camera_pose_errors(pred, gt)
    moved = camera_pose_errors(pred + SHIFT, gt)
    np.testing.assert_allclose(moved['PEL-MPJPE'], errors['PEL-MPJPE'], atol=1e-12)
    assert np.abs(moved['MPJPE'] - errors['MPJPE']).mean() > 0.1
    turned = camera_pose_errors(similar(pred), gt)
    np.testing.assert_allclose(turned['PA-MPJPE'], errors['PA-MPJPE'], atol=1e-6)
    assert np.abs(turned['PEL-MPJPE'] - errors['PEL-MPJPE']).mean() > 0.1
    mirrored = camera_pose_errors(gt * [-1, 1, 1], gt)
    assert mirrored['PA-MPJPE'].mean() > 0.1
    np.testing.assert_allclose(camera_pose_errors(similar(gt), gt)['PA-MPJPE'], 0, atol=1e-9)


def test_hips():
    aligned = align_hips(poses())
    np.testing.assert_allclose(aligned[:, 1], -aligned[:, 2], atol=1e-12)
    full = poses()
    found = align_hips(full[:, list(dhp19.FROM_SMPL24)])
    np.testing.assert_allclose(found, align_hips(full)[:, list(dhp19.FROM_SMPL24)])
    with pytest.raises(ValueError, match=r'\(5, 17, 3\)'):
        align_hips(poses(joints=17))


def test_thresholds():
    """PCK at 100 mm; PCKh at the distance of neck and head; the torso's fifth. Hips aligned."""
    gt = poses(1)
    gt[0, 12] = [0, 0, 3]
    gt[0, 15], gt[0, 0] = [0, 0.2, 3], [0, -0.6, 3]
    gt[0, 3] = gt[0, 12]  # the spine's joint, which is not the pelvis
    pred = np.repeat(gt, 3, 0) + SHIFT
    pred[:, 20, 0] += [0.09, 0.11, 0.19]
    gt = np.repeat(gt, 3, 0)
    errors = camera_pose_errors(pred, gt)
    assert errors['PCK'][:, 20].tolist() == [1, 0, 0]
    assert errors['PCKh@0.5'][:, 20].tolist() == [1, 1, 1]
    assert errors['PCK-torso'][:, 20].tolist() == [1, 1, 0]
    pred[:, 20, 0] += 0.02
    farther = camera_pose_errors(pred, gt)
    assert farther['PCKh@0.5'][:, 20].tolist() == [1, 1, 0]
    assert farther['PCK-torso'][:, 20].tolist() == [1, 0, 0]
    assert errors['PCK'].mean() == pytest.approx(1 - 2 / 72)
    assert camera_pose_errors(pred, gt, pck_threshold=0.3)['PCK'].all()
    assert set(camera_pose_errors(poses(joints=13), poses(joints=13))) == {
        *('MPJPE', 'PEL-MPJPE', 'PA-MPJPE', 'PCK')
    }


def test_meshes_are_aligned_by_their_joints():
    """Golden case 30: under one similarity PA-PVE is 0 and PVE is not."""
    joints, vertices = poses(), poses(joints=200, seed=2)
    errors = camera_mesh_errors(similar(vertices), vertices, similar(joints), joints)
    np.testing.assert_allclose(errors['PA-PVE'], 0, atol=1e-9)
    assert errors['PVE'].mean() > 0.1
    moved = camera_mesh_errors(vertices + SHIFT, vertices, joints + SHIFT, joints)
    np.testing.assert_allclose(moved['PEL-PVE'], 0, atol=1e-12)
    np.testing.assert_allclose(moved['PVE'], np.linalg.norm(SHIFT))
    # Other joints, another transform: the vertices do not fit themselves.
    other = camera_mesh_errors(similar(vertices), vertices, joints, joints)
    np.testing.assert_allclose(other['PA-PVE'], other['PVE'], atol=1e-9)


def test_similarity_is_found():
    source = poses()
    fit = fit_procrustes(source, similar(source), np.ones((5, 24), dtype=bool))
    np.testing.assert_allclose(fit.scale, 1.7)
    others = poses(joints=7, seed=3)
    np.testing.assert_allclose(fit.apply(others), similar(others), atol=1e-9)


def test_nothing_to_measure():
    errors = camera_pose_errors(poses(0), poses(0))
    assert all(values.shape == (0, 24) for values in errors.values())
