import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

FOCAL, CENTER = (1145.0, 1143.5), (512.5, 515.4)
NAMES = (
    'S9_Walking_1.54138969_000001.jpg',
    'S9_Directions.54138969_000001.jpg',
    'S11_Directions_1.55011271_000006.jpg',
    'S91_Waving_1.54138969_000001.jpg',
)


def truth(count=4, joints=18, seed=0):
    """Joints (N, J, 3) in mm in camera space, about as far from each other as a body's."""
    rng = np.random.default_rng(seed)
    body = rng.normal(0, 120, (count, joints, 3))
    return body + rng.uniform(4000, 5000, (count, 1, 1)) * (0, 0, 1)


def data_sample(gt, pred, name, visible=None, **meta):
    """A data sample as TopdownPoseEstimator returns it, of joints in mm in camera space."""
    sample = PoseDataSample()
    pixels = pred[:, :2] / pred[:, 2:] * FOCAL + CENTER
    keypoints = np.concatenate([pixels, pred[:, 2:] - gt[0, 2]], axis=1)
    sample.pred_instances = InstanceData(keypoints=keypoints[None])
    visible = np.ones(len(gt)) if visible is None else visible
    sample.gt_instances = InstanceData(
        lifting_target=(gt / 1000).astype(np.float32)[None],
        lifting_target_visible=np.asarray(visible, np.float32)[None],
    )
    path = f'images/{name.split(".")[0]}/{name}'
    # A pixel at the root's depth; the true one only where a box is square to the camera.
    fields = dict(focal=FOCAL, principal_pt=CENTER, mm_per_px=gt[0, 2] / FOCAL[0])
    sample.set_metainfo(dict(id=7, target_img_path=path) | fields | meta)
    return sample


def evaluate(metric, samples, batch_size=3):
    evaluator = Evaluator([METRICS.build(metric)])
    for start in range(0, len(samples), batch_size):
        evaluator.process(samples[start : start + batch_size])
    return evaluator.evaluate(len(samples))


def samples_of(gt, pred, names=NAMES, **options):
    return [data_sample(*each, **options) for each in zip(gt, pred, names, strict=True)]


def test_true_predictions_have_no_error():
    gt = truth()
    samples = samples_of(gt, gt)
    scores = evaluate(dict(type='VolumetricMPJPE', restore='gt_root'), samples)
    assert len(scores) == 2 * (1 + 3 + 1)
    # float32 in metres: some 0.0002 mm at 5 m.
    assert max(scores.values()) < 1e-3
    shares = evaluate(dict(type='Keypoint3DPCK', restore='gt_root'), samples)
    assert shares['3DPCK'] == shares['3DPCK_action_avg'] == 100
    # The threshold 0 is met by nothing.
    assert shares['3DAUC'] == pytest.approx(100 * 30 / 31)


def test_golden_27_a_person_moved_as_a_whole():
    # Seen as far to the left or higher: the restored pose moves, relative to the root it does not.
    gt = truth()
    moved = gt + np.array([250.0, -40.0, 0.0])
    scores = evaluate(dict(type='VolumetricMPJPE', restore='gt_root'), samples_of(gt, moved))
    assert scores['MPJPE'] < 1e-3
    assert scores['PA-MPJPE'] < 1e-3


def test_golden_27_a_larger_person():
    gt = truth()
    larger = gt[:, :1] + 1.1 * (gt - gt[:, :1])
    scores = evaluate(
        dict(type='VolumetricMPJPE', mode=('mpjpe', 'p-mpjpe', 'n-mpjpe'), restore='gt_root'),
        samples_of(gt, larger),
    )
    expected = 0.1 * np.linalg.norm((gt - gt[:, :1])[:, :17], axis=-1)
    assert scores['MPJPE'] == pytest.approx(expected.mean(), abs=1e-3)
    assert scores['MPJPE_Directions'] == pytest.approx(expected[1:3].mean(), abs=1e-3)
    assert scores['PA-MPJPE'] < 1e-3
    assert scores['N-MPJPE'] < 1e-3


def test_the_table_lists_known_actions_first_and_averages_the_actions():
    gt = truth()
    pred = gt + np.random.default_rng(1).normal(0, 40, gt.shape)
    metric = dict(type='VolumetricMPJPE', mode='mpjpe', restore='gt_root')
    scores = evaluate(metric, samples_of(gt, pred))
    actions = ('MPJPE_Directions', 'MPJPE_Walking', 'MPJPE_Waving')
    assert tuple(scores) == ('MPJPE', *actions, 'MPJPE_action_avg')
    mean_of_actions = np.mean([scores[action] for action in actions])
    assert scores['MPJPE_action_avg'] == pytest.approx(mean_of_actions)
    # Two of the four samples are Directions.
    assert abs(scores['MPJPE'] - mean_of_actions) > 0.1
    samples = samples_of(gt, pred)
    assert evaluate(dict(metric, per_action=False), samples) == {'MPJPE': scores['MPJPE']}
    skipping = evaluate(dict(metric, skip_list=['S9_Walking_1', 'S91_Waving_1']), samples)
    assert skipping['MPJPE'] == scores['MPJPE_Directions'] == skipping['MPJPE_action_avg']


def test_padding_is_cut_off_although_samples_are_skipped():
    """As of several processes whose loaders fill up with the first samples."""
    gt = truth()
    pred = gt + np.random.default_rng(1).normal(0, 40, gt.shape)
    metric = dict(type='VolumetricMPJPE', restore='gt_root', skip_list=['S9_Walking_1'])
    samples = samples_of(gt, pred)
    evaluator = Evaluator([METRICS.build(metric)])
    evaluator.process([*samples, samples[1]])
    assert evaluator.evaluate(len(samples)) == evaluate(metric, samples)


def test_golden_28_the_thorax_does_not_count():
    gt = truth()
    pred = gt + np.random.default_rng(1).normal(0, 40, gt.shape)
    metrics = [dict(type='VolumetricMPJPE'), dict(type='Keypoint3DPCK', restore='gt_root')]
    for metric in metrics:
        before = evaluate(metric, samples_of(gt, pred))
        pred[:, 17] += (900.0, 300.0, 500.0)
        assert evaluate(metric, samples_of(gt, pred)) == before
        everything = dict(metric, joints=tuple(range(18)))
        assert evaluate(everything, samples_of(gt, pred)) != before


@pytest.mark.parametrize('restore', ['bone_search', 'gt_root', 'bone_scale'])
def test_invalid_joints_do_not_count(restore):
    gt = truth()
    pred = gt + np.random.default_rng(1).normal(0, 40, gt.shape)
    visible = np.ones(18)
    visible[[5, 12]] = 0
    metric = dict(type='VolumetricMPJPE', restore=restore)
    before = evaluate(metric, samples_of(gt, pred, visible=visible))
    without = [joint for joint in range(17) if joint not in (5, 12)]
    cut = evaluate(dict(metric, joints=without), samples_of(gt, pred, visible=visible))
    assert before == pytest.approx(cut)
    samples = samples_of(gt, pred, visible=visible)
    for sample in samples:
        sample.gt_instances.lifting_target[0, [5, 12]] = np.nan
    assert evaluate(metric, samples) == before


def test_bone_search_needs_no_truth():
    gt = truth()
    samples = samples_of(gt, gt)
    with_truth = evaluate(dict(type='VolumetricMPJPE'), samples)
    for sample in samples:
        sample.set_metainfo(dict(focal=None, principal_pt=None, mm_per_px=None))
        # As far away as can be: the search does not look.
        sample.gt_instances.lifting_target[..., 2] += 90
    assert evaluate(dict(type='VolumetricMPJPE'), samples) == pytest.approx(with_truth, abs=0.01)


def test_bone_search_with_the_camera_of_the_sample():
    # A picture of a tenth of the pixels is the same picture, if its camera is known.
    gt = truth()
    large, small = samples_of(gt, gt), samples_of(gt, gt)
    for sample in small:
        sample.pred_instances.keypoints[..., :2] /= 10
        shrunk = dict(focal=np.divide(FOCAL, 10), principal_pt=np.divide(CENTER, 10))
        sample.set_metainfo(shrunk)
    metric = dict(type='VolumetricMPJPE', camera='sample')
    scores = evaluate(metric, large)
    assert evaluate(metric, small) == pytest.approx(scores, abs=1e-3)
    assert evaluate(dict(type='VolumetricMPJPE'), small)['MPJPE'] > 1.5 * scores['MPJPE']


def test_bone_scale_restores_a_person_far_away():
    # From 100 m there is hardly any perspective.
    gt = truth() + np.array([0.0, 0.0, 95000.0])
    smaller = gt[:, :1] + 0.8 * (gt - gt[:, :1])
    metric = dict(type='VolumetricMPJPE', restore='bone_scale')
    scores = evaluate(metric, samples_of(gt, smaller))
    # fx and fy differ by 0.13 %, a box has one mm_per_px.
    assert scores['MPJPE'] < 6
    total = evaluate(dict(metric, total_length=1000.0), samples_of(gt, smaller))
    assert total['MPJPE'] > 100
    assert total['PA-MPJPE'] == pytest.approx(scores['PA-MPJPE'], abs=1e-3)


def test_3d_pck_ignores_size_and_turn_where_asked():
    gt = truth()
    body = gt - gt[:, :1]
    modes = ('3dpck', 'p-3dpck', 'n-3dpck')
    metric = dict(type='Keypoint3DPCK', mode=modes, restore='gt_root', per_action=False)
    larger = evaluate(metric, samples_of(gt, gt[:, :1] + 2.5 * body))
    assert larger['PA-3DPCK'] == larger['N-3DPCK'] == 100
    assert larger['3DPCK'] < 90
    turned = evaluate(metric, samples_of(gt, gt[:, :1] + body[..., [2, 1, 0]] * (1, 1, -1)))
    assert turned['PA-3DPCK'] == 100
    assert max(turned['N-3DPCK'], turned['3DPCK']) < 90


def test_3d_pck_counts_joints_below_150_mm():
    gt = truth()
    pred = gt.copy()
    pred[:2, 3, 2] += 160  # 2 of 4 * 17 joints
    pred[2, 4, 2] += 140
    samples = samples_of(gt, pred)
    scores = evaluate(dict(type='Keypoint3DPCK', restore='gt_root'), samples)
    assert scores['3DPCK'] == pytest.approx(100 * (1 - 2 / 68))
    assert scores['3DPCK_Walking'] == pytest.approx(100 * (1 - 1 / 17))
    assert scores['3DPCK_Waving'] == 100
    lenient = evaluate(dict(type='Keypoint3DPCK', restore='gt_root', threshold=170.0), samples)
    assert lenient['3DPCK'] == 100
    aligned = evaluate(dict(type='Keypoint3DPCK', mode='p-3dpck', restore='gt_root'), samples)
    assert set(aligned) >= {'PA-3DPCK', 'PA-3DAUC', 'PA-3DAUC_action_avg'}


def test_there_is_one_result_for_each_sample():
    # Else MMEngine would cut off the wrong ones when it collects those of several processes.
    gt = truth()
    metric = METRICS.build(dict(type='VolumetricMPJPE'))
    metric.process(None, [sample.to_dict() for sample in samples_of(gt, gt)])
    assert len(metric.results) == 4


def test_img_path_and_sequences_name_the_action():
    gt = truth(1)
    metric = dict(type='VolumetricMPJPE', mode='mpjpe')
    plain = data_sample(gt[0], gt[0], NAMES[0], target_img_path=None, img_path=NAMES[3])
    assert 'MPJPE_Waving' in evaluate(metric, [plain])
    sequence = data_sample(gt[0], gt[0], NAMES[0], target_img_path=[NAMES[1]])
    assert 'MPJPE_Directions' in evaluate(metric, [sequence])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(mode='p-mpjp'), ValueError, "got 'p-mpjp'"),
        (dict(mode=()), ValueError, 'mode must be'),
        (dict(restore='magic'), ValueError, "got 'magic'"),
        (dict(camera='mine'), ValueError, "got 'mine'"),
        (dict(restore='gt_root', camera='sample'), TypeError, "restore='gt_root' does not take"),
        (dict(focal=0.0), ValueError, 'focal must be a positive'),
        (dict(principal_pt=(1, 2, 3)), ValueError, r'got \(1, 2, 3\)'),
        (dict(bone_lengths=(1.0, 2.0)), ValueError, '15 positive numbers'),
        (dict(bones=((1, 1),), bone_lengths=(5.0,)), ValueError, 'two joints'),
        (dict(bones=(1, 2)), ValueError, 'pairs of joint indices'),
        (dict(coarse_depths=()), ValueError, 'coarse_depths must hold'),
        (dict(coarse_depths=(0.0, 5.0)), ValueError, 'coarse_depths must be positive'),
        (dict(restore='bone_scale', total_length=-1.0), ValueError, r'got -1\.0'),
        (dict(joints=()), ValueError, 'joints must be'),
        (dict(joints=(1, 1)), ValueError, 'joints must be'),
        (dict(root_index=-1), ValueError, 'got -1'),
    ],
)
def test_refuses_options(options, error, message):
    with pytest.raises(error, match=message):
        METRICS.build(dict(type='VolumetricMPJPE', **options))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(threshold=0.0), r'got 0\.0'),
        (dict(auc_thresholds=()), 'auc_thresholds must be'),
        (dict(mode='mpjpe'), "got 'mpjpe'"),
    ],
)
def test_pck_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        METRICS.build(dict(type='Keypoint3DPCK', **options))


def _set_pred(sample, value):
    sample.pred_instances.keypoints = value


def _set_gt(sample, index, value):
    sample.gt_instances.lifting_target[index] = value


BAD_SAMPLES = [
    ('gt_root', lambda s: s.set_metainfo(dict(focal=None)), r"lacks 'focal'.*Pack3DPoseInputs"),
    ('gt_root', lambda s: s.set_metainfo(dict(principal_pt=None)), "lacks 'principal_pt'"),
    ('gt_root', lambda s: s.set_metainfo(dict(focal=(-5.0, 5.0))), 'focal of sample 7.*positive'),
    ('gt_root', lambda s: s.set_metainfo(dict(focal=500.0)), r'shape \(2,\)'),
    ('bone_scale', lambda s: s.set_metainfo(dict(mm_per_px=0)), 'mm_per_px of sample 7'),
    ('bone_scale', lambda s: s.set_metainfo(dict(mm_per_px=None)), "lacks 'mm_per_px'"),
    ('gt_root', lambda s: _set_gt(s, (0, 0, 2), -1), 'must lie before the camera'),
    ('bone_scale', lambda s: _set_gt(s, slice(None), 1), 'needs a bone'),
    ('gt_root', lambda s: _set_gt(s, (0, 4), np.nan), 'lifting_target of sample 7'),
    ('gt_root', lambda s: s.gt_instances.lifting_target_visible.fill(0), 'no valid root joint'),
    ('gt_root', lambda s: s.gt_instances.pop('lifting_target'), 'Pack3DPoseInputs'),
    ('gt_root', lambda s: delattr(s, 'pred_instances'), 'lacks pred_instances.keypoints'),
    ('gt_root', lambda s: _set_pred(s, np.zeros((1, 18, 2))), r'got \(1, 18, 2\)'),
    ('gt_root', lambda s: _set_pred(s, np.zeros((1, 16, 3))), 'at least 17 joints'),
    ('gt_root', lambda s: _set_pred(s, np.full((1, 18, 3), np.inf)), 'training diverged'),
    ('gt_root', lambda s: s.set_metainfo(dict(target_img_path='a/7.jpg')), 'per_action=False'),
    ('gt_root', lambda s: s.set_metainfo(dict(target_img_path=None)), 'per_action=False'),
]


@pytest.mark.parametrize(('restore', 'spoil', 'message'), BAD_SAMPLES)
def test_refuses_samples_and_names_them(restore, spoil, message):
    gt = truth(1)
    sample = data_sample(gt[0], gt[0], NAMES[0])
    spoil(sample)
    metric = METRICS.build(dict(type='VolumetricMPJPE', restore=restore))
    with pytest.raises(ValueError, match=message) as caught:
        metric.process(None, [sample.to_dict()])
    assert 'sample 7' in str(caught.value)


def test_refuses_an_action_without_a_valid_joint():
    gt = truth()
    visible = np.ones(18)
    visible[3] = 0
    samples = samples_of(gt, gt, visible=visible)
    metric = dict(type='VolumetricMPJPE', joints=(3,))
    with pytest.raises(ValueError, match=r'none of the joints \[3\] is valid in any sample'):
        evaluate(metric, samples)
    with pytest.raises(ValueError, match='no 3D pose was evaluated'):
        METRICS.build(dict(type='VolumetricMPJPE')).compute_metrics([])
