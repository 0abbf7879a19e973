import numpy as np
import pytest
import torch
from event_clips import BODY, clip_poses, clip_samples
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS

from mmpose_ext.skeletons import dhp19

JOINTS = ('MPJPE', 'PEL-MPJPE', 'PA-MPJPE', 'PCK@100', 'PCKh@0.5', 'PCK-torso')
VERTICES = ('PVE', 'PEL-PVE', 'PA-PVE')
STEPS = 4


def predicted(batch=3, change=None, **options):
    """Samples whose predictions are the labels, changed."""
    samples = clip_samples(batch, STEPS, **options)
    for index, sample in enumerate(samples):
        poses = {name: value[1:].clone() for name, value in clip_poses(STEPS + 1, index).items()}
        if change is not None:
            change(index, poses)
        sample.pred_instances = InstanceData(
            **{name: value.numpy() for name, value in poses.items()}
        )
    return samples


def evaluate(samples, **options):
    metric = METRICS.build(dict(type='MeshPoseMetric', **options))
    evaluator = Evaluator(metric)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def move(metres):
    def change(index, poses):
        for name in ('transl', 'joints_cam'):
            poses[name] += torch.tensor([metres, 0.0, 0.0])

    return change


def test_perfect_predictions():
    found = evaluate(predicted(), body_model=BODY)
    assert found.keys() == {f'events/{name}' for name in (*JOINTS, *VERTICES)}
    for name, value in found.items():
        assert value == pytest.approx(100 if 'PCK' in name else 0, abs=1e-3), name


def test_known_shift():
    """50 mm to the side of camera space, which only the absolute errors see."""
    found = evaluate(predicted(change=move(0.05)), body_model=BODY)
    for name in ('MPJPE', 'PVE'):
        assert found[f'events/{name}'] == pytest.approx(50, abs=1e-2)
    for name in ('PEL-MPJPE', 'PA-MPJPE', 'PEL-PVE', 'PA-PVE'):
        assert found[f'events/{name}'] == pytest.approx(0, abs=1e-2)


def test_threshold_of_pck_is_in_mm():
    """A wrist is 105 mm off: one joint of 24."""

    def change(index, poses):
        poses['joints_cam'][:, 20, 0] += 0.105

    samples = predicted(change=change)
    assert evaluate(samples)['events/PCK@100'] == pytest.approx(100 * 23 / 24)
    assert evaluate(samples, pck_threshold=110)['events/PCK@110'] == pytest.approx(100)


def test_groups():
    """One recording of the three is 30 mm off."""

    def change(index, poses):
        if index == 1:
            move(0.03)(index, poses)

    samples = predicted(change=change, recordings=['run', 'walk', 'run'])
    found = evaluate(samples, per='recording', prefix='x')
    assert found['x/MPJPE'] == pytest.approx(10, abs=1e-2)
    assert found['x/MPJPE_walk'] == pytest.approx(30, abs=1e-2)
    assert found['x/MPJPE_run'] == pytest.approx(0, abs=1e-2)
    assert list(found)[: len(JOINTS)] == [f'x/{name}' for name in JOINTS]
    with pytest.raises(ValueError, match=r"'action' in its meta.*per=None"):
        evaluate(predicted(), per='action')


def test_steps_without_labels_do_not_count():
    def change(index, poses):
        poses['joints_cam'][:2] += 7
        poses['transl'][:2] += 7

    samples = predicted(change=change)
    for sample in samples:
        sample.gt_instances.has_joints[:2] = 0
        sample.gt_instances.has_smpl[:2] = 0
        sample.gt_instances.joints_cam[:2] = float('nan')
        sample.gt_instances.rotmats[:2] = float('nan')
    found = evaluate(samples, body_model=BODY, batch_size=1)
    assert found['events/MPJPE'] == pytest.approx(0, abs=1e-3)
    assert found['events/PVE'] == pytest.approx(0, abs=1e-3)
    samples = predicted(labelled=False)
    with pytest.raises(ValueError, match='no step of 3 clips has labels'):
        evaluate(samples, body_model=BODY)


def test_standing_still():
    """The baseline is what keeping the start's pose gives."""
    found = evaluate(predicted(), body_model=BODY, baseline=True)
    errors = []
    for index in range(3):
        joints = clip_poses(STEPS + 1, index)['joints_cam'].numpy()
        errors.append(np.linalg.norm(joints[:1] - joints[1:], axis=-1).mean())
    assert found['events/still-MPJPE'] == pytest.approx(1000 * np.mean(errors), rel=1e-4)
    assert found['events/still-PA-MPJPE'] > 1
    assert found['events/MPJPE'] == pytest.approx(0, abs=1e-3)


def test_true_vertices_of_the_starts_shape():
    samples = predicted()
    for sample in samples:
        sample.start.betas = sample.start.betas + 2
    assert evaluate(samples, body_model=BODY)['events/PVE'] == pytest.approx(0, abs=1e-3)
    found = evaluate(samples, body_model=BODY, truth_betas='start')
    assert found['events/PVE'] > 5


def test_13_joints_of_dhp19():
    samples = predicted(change=move(0.02))
    rows = list(dhp19.FROM_SMPL24)
    for sample in samples:
        joints = sample.gt_instances.joints_cam[:, rows]
        sample.gt_instances = InstanceData(
            joints_cam=joints, has_joints=torch.ones(STEPS), has_smpl=torch.zeros(STEPS)
        )
    found = evaluate(samples, body_model=BODY, baseline=True)
    assert found['events/MPJPE'] == pytest.approx(20, abs=1e-2)
    assert found['events/PEL-MPJPE'] == pytest.approx(0, abs=1e-2)
    assert {name for name in found if 'still' not in name} == {
        *('events/MPJPE', 'events/PEL-MPJPE', 'events/PA-MPJPE', 'events/PCK@100')
    }


def test_refuses_samples():
    def diverge(index, poses):
        poses['joints_cam'][0, 0, 0] = float('nan')

    with pytest.raises(ValueError, match=r"'walk0' is NaN or infinite. Has training diverged"):
        evaluate(predicted(change=diverge))
    samples = predicted()
    samples[0].gt_instances.joints_cam[0, 0, 0] = float('inf')
    with pytest.raises(ValueError, match=r'gt_instances.joints_cam .*infinite'):
        evaluate(samples)
    samples = predicted()
    del samples[2].pred_instances.joints_cam
    with pytest.raises(ValueError, match=r"'walk2' lacks pred_instances.joints_cam"):
        evaluate(samples)
    samples = predicted()
    samples[0].gt_instances.rotmats[1] = float('nan')
    with pytest.raises(ValueError, match=r"gt_instances of .* \['rotmats'\]"):
        evaluate(samples, body_model=BODY)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(per='subject'), "'subject'"),
        (dict(truth_betas='mean'), "'mean'"),
        (dict(pck_threshold=0), 'got 0 and 64'),
        (dict(batch_size=0), r'got 100.0 and 0'),
        (dict(baseline=True), 'needs a body_model'),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        METRICS.build(dict(type='MeshPoseMetric', **options))
