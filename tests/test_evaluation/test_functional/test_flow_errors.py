import numpy as np
import pytest

from mmpose_ext.evaluation.functional import angular_errors, endpoint_errors, flow_cosines


def one(u, v):
    return np.array([u, v], dtype=np.float32).reshape(2, 1, 1)


@pytest.mark.parametrize(
    ('pred', 'gt', 'epe', 'angle', 'cosine'),
    [
        ((3, 4), (0, 0), 5, np.degrees(np.arctan(5)), 0),
        ((1, 0), (0, 1), np.sqrt(2), 60, 0),
        ((1, 0), (1, 0), 0, 0, 1),
        ((1, 0), (-1, 0), 2, 90, -1),
        ((2, 2), (5, 5), np.sqrt(18), np.degrees(np.arctan(5 * 2**0.5) - np.arctan(8**0.5)), 1),
        ((0, 0), (0, 0), 0, 0, 0),
    ],
)
def test_by_hand(pred, gt, epe, angle, cosine):
    pred, gt = one(*pred), one(*gt)
    assert endpoint_errors(pred, gt).item() == pytest.approx(epe)
    assert angular_errors(pred, gt).item() == pytest.approx(angle)
    assert flow_cosines(pred, gt).item() == pytest.approx(cosine)


@pytest.mark.parametrize('measure', [endpoint_errors, angular_errors, flow_cosines])
def test_a_batch_is_its_samples(measure):
    pred, gt = np.random.default_rng(0).normal(0, 3, (2, 4, 2, 5, 7))
    together = measure(pred, gt)
    assert together.shape == (4, 5, 7)
    assert np.array_equal(together[2], measure(pred[2], gt[2]))


def test_small_angles():
    """An arc cosine in float32 would give 0 or 0.03 degrees."""
    angle = angular_errors(one(1, 0), one(1 + 1e-4, 0)).item()
    assert angle == pytest.approx(np.degrees(1e-4 / 2), rel=1e-3)


@pytest.mark.parametrize('measure', [endpoint_errors, angular_errors, flow_cosines])
@pytest.mark.parametrize(
    ('first', 'second'), [((2, 4, 4), (2, 4, 5)), ((3, 4, 4),) * 2, ((2,),) * 2]
)
def test_refuses_other_shapes(measure, first, second):
    with pytest.raises(ValueError, match='two flows of one shape'):
        measure(np.zeros(first), np.zeros(second))
