import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmpose_ext.evaluation.functional import vertex_errors


def meshes(count=3, vertices=50, seed=0):
    return np.random.default_rng(seed).normal(0, 300, (count, vertices, 3))


def test_golden_35_a_shift_of_3_4_0_mm_is_5_mm():
    gt, shift = meshes(), np.array([3.0, 4.0, 0.0])
    errors = vertex_errors(gt + shift, gt)
    assert errors.shape == (3, 50)
    np.testing.assert_allclose(errors, 5, rtol=1e-12)
    np.testing.assert_allclose(vertex_errors(gt + shift, gt, 'procrustes'), 0, atol=1e-9)


def test_procrustes_takes_away_turn_scale_and_place_but_no_reflection():
    gt = meshes()
    turned = 1.2 * gt @ Rotation.from_rotvec((0.3, -2, 0.5)).as_matrix() + 40
    assert vertex_errors(turned, gt).mean() > 100
    np.testing.assert_allclose(vertex_errors(turned, gt, 'procrustes'), 0, atol=1e-9)
    assert vertex_errors(gt * (-1, 1, 1), gt, 'procrustes').mean() > 100


@pytest.mark.parametrize('alignment', ['none', 'procrustes'])
def test_many_meshes_are_measured_as_one(alignment):
    gt, pred = meshes(40), meshes(40, seed=1)
    together = vertex_errors(pred, gt, alignment)
    for row in range(40):
        one = vertex_errors(pred[row, None], gt[row, None], alignment)
        np.testing.assert_allclose(together[row], one[0], rtol=1e-12)
    assert vertex_errors(pred[:0], gt[:0], alignment).shape == (0, 50)


def test_measures_float32_without_changing_it():
    gt = meshes().astype(np.float32)
    pred = gt + np.float32(1)
    before = pred.copy()
    assert vertex_errors(pred, gt).dtype == np.float64
    np.testing.assert_array_equal(pred, before)


@pytest.mark.parametrize(
    ('pred', 'alignment', 'message'),
    [
        (meshes(), 'scale', "alignment must be one of .* got 'scale'"),
        (meshes(vertices=49), 'none', r'same mesh, .* got \(3, 49, 3\) and \(3, 50, 3\)'),
        (meshes(2), 'none', r'got \(2, 50, 3\) and \(3, 50, 3\)'),
        (meshes()[0], 'none', r'got \(50, 3\)'),
    ],
)
def test_refuses_what_does_not_belong_together(pred, alignment, message):
    with pytest.raises(ValueError, match=message):
        vertex_errors(pred, meshes(), alignment)
