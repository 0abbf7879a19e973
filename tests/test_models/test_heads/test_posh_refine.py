"""Fitting the predicted body to the joints of the volume."""

import numpy as np
import pytest
import torch
from posh_heads import features, make_head, make_samples


def test_refining_comes_closer_to_the_volume():
    head = make_head().eval()
    samples = make_samples()
    with torch.no_grad():
        plain = head.predict(features(), samples)
        refined = head.predict(features(), samples, {'refine': {'steps': 20}})
        free = head.predict(features(), samples, {'refine': {'steps': 20, 'prior': False}})
        coords = head(features())['coords'].numpy()
    truth = 2 * (coords - coords[:, :1])

    def error(preds):
        joints = np.concatenate([pred.smpl_joints for pred in preds])
        return np.linalg.norm(joints - truth, axis=-1).mean()

    assert error(refined) < error(plain)
    assert error(free) < error(plain)
    np.testing.assert_array_equal(plain[0].keypoints, refined[0].keypoints)


def test_refines_with_the_defaults_where_no_option_is_given():
    head, samples = make_head().eval(), make_samples()
    with torch.no_grad():
        off, plain, told = (
            head.predict(features(), samples, {'refine': refine})
            for refine in (None, {}, {'prior': True})
        )
    np.testing.assert_array_equal(plain[0].smpl_pose, told[0].smpl_pose)
    assert np.abs(plain[0].smpl_pose - off[0].smpl_pose).max() > 1e-3
    for refine in (False, True, 30):
        with pytest.raises(ValueError, match='refine should be None or a dict'):
            head.predict(features(), samples, {'refine': refine})
