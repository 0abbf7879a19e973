from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS, MODELS
from mmpose.structures import PoseDataSample
from scipy.spatial.transform import Rotation
from torch import nn

NUM_VERTICES = 40


class Body(NamedTuple):
    vertices: torch.Tensor
    joints: torch.Tensor


@MODELS.register_module(name='StiffBody')
class StiffBody(nn.Module):
    """Points that follow the global orientation and grow with the first beta: easy to redo."""

    def __init__(self, num_joints=18, num_betas=10, size=1.0, num_vertices=NUM_VERTICES):
        super().__init__()
        self.num_betas = num_betas
        generator = torch.Generator().manual_seed(3)
        self.points = torch.randn(num_joints + num_vertices, 3, generator=generator) * 0.3 * size
        self.num_joints = num_joints

    def forward(self, global_orient, body_pose, betas):
        assert body_pose.shape[1:] == (23, 3, 3)
        points = self.points * (1 + 0.1 * betas[:, :1, None])
        points = points @ global_orient.reshape(-1, 3, 3).transpose(1, 2)
        return Body(points[:, self.num_joints :], points[:, : self.num_joints])


METRIC = dict(type='SMPLMetric', body_model=dict(type='StiffBody'))
NAMES = ['MPJPE', 'PA-MPJPE', 'MPJPE-14', 'PA-MPJPE-14', 'PVE', 'PA-PVE', 'betas']


def samples(count=5, seed=0):
    """Perfect predictions of people in camera space; labelled joints are the body's, 4 m away."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        pose = rng.normal(0, 1, (1, 24, 3)).astype(np.float32)
        betas = rng.normal(0, 1, (1, 10)).astype(np.float32)
        matrices = torch.from_numpy(Rotation.from_rotvec(pose[0]).as_matrix()).float()[None]
        body = StiffBody()(matrices[:, :1], matrices[:, 1:], torch.from_numpy(betas))
        joints, vertices = body.joints.numpy(), body.vertices.numpy()
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            smpl_joints=joints - joints[:, :1],
            smpl_vertices=vertices - joints[:, :1],
            smpl_betas=betas.copy(),
        )
        sample.gt_instances = InstanceData(
            smpl_pose=pose,
            smpl_betas=betas,
            has_smpl=np.ones(1, np.float32),
            lifting_target=joints + np.float32((0.2, -0.1, 4)),
            lifting_target_visible=np.ones((1, 18), np.float32),
        )
        sample.set_metainfo(dict(id=number, img_path=f'{number}.jpg'))
        made.append(sample)
    return made


def evaluate(made, batch_size=2, **options):
    evaluator = Evaluator([METRICS.build({**METRIC, **options})])
    for start in range(0, len(made), batch_size):
        evaluator.process(made[start : start + batch_size])
    scores = evaluator.evaluate(len(made))
    assert all(name.startswith('smpl/') for name in scores)
    return {name.removeprefix('smpl/'): score for name, score in scores.items()}


def test_true_predictions_have_no_error():
    scores = evaluate(samples(), truth='both')
    assert list(scores) == [*NAMES[:4], *(f'{name} body' for name in NAMES[:4]), *NAMES[4:]]
    assert max(scores.values()) < 1e-3


def test_golden_35_vertices_off_by_3_4_0_mm():
    made = samples()
    for sample in made:
        sample.pred_instances.smpl_vertices += np.float32((0.003, 0.004, 0))
    scores = evaluate(made)
    assert scores['PVE'] == pytest.approx(5, abs=1e-3)
    assert scores['PA-PVE'] < 1e-3
    assert scores['MPJPE'] < 1e-3


def test_a_person_elsewhere_is_no_error():
    """Pelvis on pelvis: what moves joints and vertices together does not count."""
    made = samples()
    for sample in made:
        sample.pred_instances.smpl_vertices += np.float32(2)
        sample.pred_instances.smpl_joints += np.float32(2)
    assert max(evaluate(made).values()) < 1e-2


def test_known_errors_of_joints():
    made = samples()
    for sample in made:
        sample.pred_instances.smpl_joints[0, 7, 1] += 0.034  # the spine, not among the 14
        sample.pred_instances.smpl_joints[0, 10, 2] += 0.028  # the head
        sample.pred_instances.smpl_joints[0, 17] += 5  # the thorax, never evaluated
        sample.pred_instances.smpl_betas += np.float32(0.25)
    scores = evaluate(made)
    assert scores['MPJPE'] == pytest.approx((34 + 28) / 17, abs=1e-3)
    assert scores['MPJPE-14'] == pytest.approx(2, abs=1e-3)
    assert scores['betas'] == pytest.approx(0.25, abs=1e-5)
    assert scores['PA-MPJPE'] > 0.1


def test_bodies_of_fewer_betas():
    made = samples()
    for sample in made:
        sample.pred_instances.smpl_betas = sample.pred_instances.smpl_betas[:, :4] + np.float32(1)
    scores = evaluate(made, body_model=dict(type='StiffBody', num_betas=4))
    assert scores['betas'] == pytest.approx(1, abs=1e-6)
    assert scores['PVE'] < 1e-3


def test_both_truths_are_told_apart():
    """A person who was measured 10 % larger than the body whose parameters are labelled."""
    made = samples()
    for sample in made:
        sample.gt_instances.lifting_target *= np.float32(1.1)
    both = evaluate(made, truth='both')
    assert both['MPJPE'] > 10
    assert both['PA-MPJPE'] < 1e-2
    assert both['MPJPE body'] < 1e-3
    labels, body = (evaluate(made, truth=truth) for truth in ('labels', 'body'))
    assert list(labels) == list(body) == NAMES
    assert [labels['MPJPE'], body['MPJPE']] == [both['MPJPE'], both['MPJPE body']]


def test_batches_make_no_difference():
    made = samples()
    rng = np.random.default_rng(1)
    for sample in made:
        sample.pred_instances.smpl_joints += rng.normal(0, 0.05, (1, 18, 3)).astype(np.float32)
        sample.pred_instances.smpl_vertices += rng.normal(0, 0.05, (1, 40, 3)).astype(np.float32)
    one, all_at_once = evaluate(made, 1), evaluate(made, 5)
    assert one == pytest.approx(all_at_once)
    assert one['PVE'] > one['PA-PVE'] > 10


def test_a_part_of_the_metrics():
    made = samples()
    assert list(evaluate(made, joints='lsp14', vertices=False)) == ['MPJPE-14', 'PA-MPJPE-14']
    for sample in made:
        del sample.gt_instances.has_smpl, sample.pred_instances.smpl_vertices
    assert list(evaluate(made, vertices=False)) == NAMES[:4]


def test_a_sample_without_labels_has_no_part():
    made = samples()
    made[1].gt_instances.has_smpl[:] = 0
    made[1].gt_instances.smpl_pose[:] = np.nan
    made[1].pred_instances.smpl_vertices += 9
    made[2].gt_instances.lifting_target_visible[0, 0] = 0
    made[2].gt_instances.lifting_target[:] = np.nan
    made[3].gt_instances.lifting_target_visible[0, 6] = 0
    made[3].pred_instances.smpl_joints[0, 6] += 9
    scores = evaluate(made)
    assert max(scores.values()) < 1e-3
    # Joints off by 8.5 mm of 2 of 4 samples, one of which lacks one joint.
    for number in (0, 3):
        made[number].pred_instances.smpl_joints[0, 1, 0] += 0.0085
    expected = 2 * 8.5 / (17 * 3 + 16)
    assert evaluate(made)['MPJPE'] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize('group', ['has_smpl', 'lifting_target_visible'])
def test_refuses_to_say_nothing(group):
    made = samples()
    for sample in made:
        sample.gt_instances[group][:] = 0
    with pytest.raises(ValueError, match='none of the 5 samples has the labels of'):
        evaluate(made)


MAN = dict(type='StiffBody', size=1.1)
WOMAN = dict(type='StiffBody', size=0.9)


def gendered(*genders):
    """True predictions of the bodies of these genders, None being the one of no gender."""
    made = samples(len(genders))
    sizes = {'male': 1.1, 'female': 0.9}
    for sample, gender in zip(made, genders, strict=True):
        for field in ('smpl_joints', 'smpl_vertices'):
            sample.pred_instances[field] *= np.float32(sizes.get(gender, 1))
        sample.gt_instances.lifting_target *= np.float32(sizes.get(gender, 1))
        if gender:
            sample.set_metainfo(dict(gender=gender))
    return made


def test_labels_of_male_and_female_bodies():
    made = gendered('male', None, 'female', 'neutral', 'male')
    bodies = dict(male=MAN, female=WOMAN)
    scores = evaluate(made, batch_size=5, truth='both', gendered_bodies=bodies)
    assert max(scores.values()) < 1e-3
    assert 'betas' not in scores
    # One body for all, although the labels tell the gender, is as far off as it is wrong.
    one = evaluate(made, truth='both')
    assert one['MPJPE'] < 1e-3
    assert one['MPJPE body'] > 10
    assert one['PVE'] > 10
    bodies['neutral'] = dict(type='StiffBody', size=1.05)
    assert evaluate(made, gendered_bodies=bodies)['PVE'] > 1


def test_a_gender_without_a_body_is_refused():
    made = gendered('male', 'female')
    with pytest.raises(ValueError, match=r'sample 1 \(1\.jpg\) is labelled with a female body'):
        evaluate(made, gendered_bodies=dict(male=MAN))
    coarse = dict(type='StiffBody', num_vertices=30)
    with pytest.raises(ValueError, match=r'same vertices, got \[\(30, 3\), \(40, 3\)\]'):
        evaluate(made, gendered_bodies=dict(male=MAN, female=coarse))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'joints': ('coco17',)}, r"joints must be one or several of .* got \('coco17',\)"),
        ({'joints': ()}, r'joints must be one or several of .* got \(\)'),
        ({'gendered_bodies': {'man': MAN}}, r"gendered_bodies must be of .* got \['man'\]"),
        ({'truth': 'mesh'}, "truth must be one of .* got 'mesh'"),
    ],
)
def test_refuses_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        METRICS.build({**METRIC, **options})


@pytest.mark.parametrize(
    ('group', 'field', 'value', 'message'),
    [
        ('pred_instances', 'smpl_joints', None, r'lacks pred_instances\.smpl_joints'),
        ('gt_instances', 'smpl_pose', None, r'lacks gt_instances\.smpl_pose.*Pack3DPoseInputs'),
        ('gt_instances', 'has_smpl', None, r'lacks gt_instances\.has_smpl'),
        ('pred_instances', 'smpl_joints', np.zeros((1, 17, 3)), r'shape \(1, 18, 3\), got .*17'),
        ('pred_instances', 'smpl_vertices', np.zeros((1, 41, 3)), r'\(1, 40, 3\), got .*41.*head'),
        ('pred_instances', 'smpl_joints', np.full((1, 18, 3), np.nan), 'is NaN or infinite'),
        ('gt_instances', 'lifting_target', np.full((1, 18, 3), np.inf), 'is NaN or infinite'),
    ],
)
def test_refuses_a_broken_sample(group, field, value, message):
    made = samples()
    instances = made[3].get(group)
    if value is None:
        instances.pop(field)
    else:
        instances.set_field(value, field)
    with pytest.raises(ValueError, match=message) as caught:
        evaluate(made)
    assert 'sample 3 (3.jpg)' in str(caught.value)


def test_refuses_a_body_of_other_joints():
    with pytest.raises(ValueError, match="must give the joints 'h36m18', got 17 joints"):
        evaluate(samples(), body_model=dict(type='StiffBody', num_joints=17))
