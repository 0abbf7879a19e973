import pytest
import torch
from event_clips import BODY, CENTER, FOCAL, clip_poses, clip_samples
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

from mmpose_ext.models.body_models.rotations import (
    axis_angle_to_matrix,
    geodesic_angle,
    rotation_6d_to_matrix,
)
from mmpose_ext.models.heads.event_batch import EventBatch
from mmpose_ext.skeletons import dhp19

STEPS, WIDTH = 4, 16
NO_COHERENCE = dict(type='EventPoseLoss', coherence=0.0)


def build(std=0.0, **options):
    options = dict(body_model=BODY, loss=NO_COHERENCE) | options
    head = MODELS.build(dict(type='ShapeVariationHead', in_channels=WIDTH, **options))
    torch.manual_seed(0)
    for name, weight in head.named_parameters():
        if std and name.endswith('weight'):
            torch.nn.init.normal_(weight, std=std)
    return head


def start_of(batch=2):
    poses = [clip_poses(1, seed=index) for index in range(batch)]
    return {name: torch.cat([p[name] for p in poses]) for name in ('rotmats', 'transl', 'betas')}


def features(batch=2, steps=STEPS):
    torch.manual_seed(1)
    return torch.randn(batch, steps, WIDTH)


@pytest.mark.parametrize('output_scale', [1.0, 0.1])
def test_fresh_head_stands_still(output_scale):
    """Golden case 26; the default initialisation of the layers would not."""
    head, start = build(output_scale=output_scale), start_of()
    pred = head(100 * features(steps=8), start)
    expected = start['rotmats'][:, None].expand(2, 8, 24, 3, 3)
    torch.testing.assert_close(pred['rotmats'], expected, atol=1e-6, rtol=0)
    expected = start['transl'][:, None].expand(2, 8, 3)
    torch.testing.assert_close(pred['transl'], expected, atol=1e-6, rtol=0)
    head.decpose.reset_parameters()
    head.output_scale = 1.0
    moved = head(features(steps=8), start)['rotmats'][:, -1]
    assert geodesic_angle(moved, start['rotmats']).mean() > 1


def test_is_the_authors_composition():
    """One step: R_1 = R(decpose(x)) R_0, t_1 = t_0 + dectrans(x)."""
    head, start, feats = build(std=0.3), start_of(), features(steps=1)
    pred = head(feats, start)
    delta = rotation_6d_to_matrix(head.decpose(feats[:, 0]).view(2, 24, 6))
    torch.testing.assert_close(pred['rotmats'][:, 0], delta @ start['rotmats'])
    torch.testing.assert_close(pred['transl'][:, 0], start['transl'] + head.dectrans(feats[:, 0]))
    torch.testing.assert_close(pred['betas'], start['betas'])


def test_output_scale():
    """A tenth of the translation, and about a tenth of a small turn."""
    full, tenth = build(std=0.01), build(std=0.01, output_scale=0.1)
    start, feats = start_of(), features(steps=1)
    far, near = full(feats, start), tenth(feats, start)
    torch.testing.assert_close(near['delta_transl'], 0.1 * far['delta_transl'])
    angles = [geodesic_angle(p['rotmats'][:, 0], start['rotmats']).mean() for p in (far, near)]
    assert (angles[1] / angles[0]).item() == pytest.approx(0.1, rel=0.05)


def test_output_scale_of_a_predicted_start():
    full, tenth = (build(std=0.01, start='predicted', output_scale=s) for s in (1.0, 0.1))
    far, near = full(features()), tenth(features())
    assert far['betas'].any()
    torch.testing.assert_close(near['betas'], 0.1 * far['betas'])
    transl = full(0 * features())['start_transl']
    torch.testing.assert_close(near['start_transl'], transl + 0.1 * (far['start_transl'] - transl))


@pytest.mark.parametrize('detach', [True, False])
def test_who_trains_the_translation(detach):
    """Golden case 15: the joints do not, unless they are let."""
    head = build(std=0.01, detach_transl=detach)
    losses = head.loss(features(), clip_samples(steps=STEPS), start=start_of())
    losses['loss_joints3d'].backward(retain_graph=True)
    assert head.decpose.weight.grad.any()
    assert (head.dectrans.weight.grad is None) is detach
    losses['loss_tran'].backward()
    assert head.dectrans.weight.grad.any()


def test_joints_are_the_bodys():
    """The labels' own parameters give the labels' joints and no loss but rounding."""
    head, samples = build(), clip_samples(steps=STEPS)
    truth = EventBatch.gather(samples, STEPS, torch.device('cpu'))
    body = head.pose_body(truth.rotmats, truth.betas[:, 0], truth.transl)
    torch.testing.assert_close(body.joints, truth.joints_cam, atol=1e-5, rtol=0)
    assert body.vertices.shape == (2, STEPS, 1600, 3)
    slim = head.pose_body(truth.rotmats, truth.betas[:, 0], truth.transl, vertices=False)
    torch.testing.assert_close(slim.joints, body.joints)
    assert slim.vertices.shape[2] == 0
    size = truth.size.flatten()[0]
    assert FOCAL / size == pytest.approx(1679.3 / 1280)


def test_predicted_start():
    """From a person in the rest pose before the camera, as far as the first step's features go."""
    head = build(start='predicted', mean_transl=(0.0, 0.1, 2.5))
    pred = head(features())
    mean = torch.eye(3).repeat(2, 24, 1, 1)
    mean[:, 0] = torch.diag(torch.tensor([1.0, -1, -1]))
    torch.testing.assert_close(pred['start_rotmats'], mean)
    torch.testing.assert_close(pred['start_transl'], torch.tensor([[0.0, 0.1, 2.5]]).expand(2, 3))
    assert not pred['betas'].any()
    body = head.pose_body(pred['rotmats'], pred['betas'], pred['transl'])
    up = body.joints[0, 0, 15] - body.joints[0, 0, 0]
    assert up[1] < -0.4  # the head above the pelvis, where y points down

    head = build(std=0.1, start='predicted')
    loss = dict(type='EventPoseLoss', coherence=0.0, betas=1.0)
    head.loss_module = MODELS.build(loss)
    losses = head.loss(features(), clip_samples(steps=STEPS))
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    for name, weight in head.named_parameters():
        assert weight.grad.any(), name
    other = features()
    other[:, 1:] = 0
    torch.testing.assert_close(head(other)['betas'], head(features())['betas'])


def test_pel_mpjpe_is_measured():
    """All turned about z by 0.3 at the root: known joints."""
    head, samples = build(), clip_samples(1, STEPS)
    truth = EventBatch.gather(samples, STEPS, torch.device('cpu'))
    moved = truth.joints_cam + torch.tensor([1.0, 2, 3])
    torch.testing.assert_close(
        truth.pelvis_aligned_error(moved), torch.zeros(1, STEPS), atol=1e-5, rtol=0
    )
    turn = axis_angle_to_matrix(torch.tensor([0.0, 0, 0.3]))
    losses = head.loss(features(1), samples, start=start_of(1))
    still = head.predict(features(1), start=start_of(1))['joints_cam']
    in_mm = 1000 * truth.pelvis_aligned_error(still).mean()
    assert in_mm > 1
    torch.testing.assert_close(losses['pel_mpjpe'], in_mm)
    error = truth.pelvis_aligned_error(truth.joints_cam @ turn.mT)
    hips = truth.joints_cam[:, :, 1:3].mean(2, keepdim=True)
    expected = ((truth.joints_cam - hips) @ (turn.mT - torch.eye(3))).norm(dim=-1).mean(-1)
    torch.testing.assert_close(error, expected, atol=1e-5, rtol=1e-4)


def test_13_joints_of_dhp19():
    """Only joints are labelled; they are the corresponding ones of SMPL."""
    samples = clip_samples(steps=STEPS)
    rows = list(dhp19.FROM_SMPL24)
    for sample in samples:
        truth = sample.gt_instances
        sample.gt_instances = InstanceData(
            rotmats=torch.eye(3).repeat(STEPS, 24, 1, 1),
            transl=torch.zeros(STEPS, 3),
            betas=torch.zeros(STEPS, 10),
            joints_cam=truth.joints_cam[:, rows],
            keypoints=truth.keypoints[:, rows],
            has_smpl=torch.zeros(STEPS),
            has_joints=torch.ones(STEPS),
        )
    losses = build(std=0.01).loss(features(), samples, start=start_of())
    assert losses['loss_theta'] == losses['loss_tran'] == 0
    assert losses['loss_joints3d'] > 0
    truth = EventBatch.gather(samples, STEPS, torch.device('cpu'))
    joints = torch.stack([clip_poses(STEPS + 1, seed=i)['joints_cam'][1:] for i in range(2)])
    found = truth.select_joints(joints)
    torch.testing.assert_close(found, truth.joints_cam)
    torch.testing.assert_close(
        truth.pelvis_aligned_error(found), torch.zeros(2, STEPS), atol=1e-6, rtol=0
    )


def test_pixels_become_shares_of_width_and_height():
    (sample,) = clip_samples(1, STEPS)
    sample.set_metainfo(dict(img_shape=(40, 80)))
    truth = EventBatch.gather([sample], STEPS, torch.device('cpu'))
    expected = sample.gt_instances.keypoints / torch.tensor([80.0, 40.0])
    torch.testing.assert_close(truth.targets(10)['joints2d'][0], expected)


def test_true_predictions_have_no_loss():
    """Step by step, and in images that are not square."""
    head, samples = build(std=0.01), clip_samples(steps=STEPS)
    pred = head.predict(features(), start=start_of())
    joints = pred['joints_cam'].detach()
    assert (joints[:, 1:] - joints[:, :-1]).norm(dim=-1).mean() > 0.005
    for index, sample in enumerate(samples):
        truth = sample.gt_instances
        for name in ('rotmats', 'transl', 'joints_cam'):
            setattr(truth, name, pred[name][index].detach())
        truth.keypoints = FOCAL * joints[index, ..., :2] / joints[index, ..., 2:] + CENTER
        sample.set_metainfo(dict(img_shape=(40, 80)))
    losses = head.loss(features(), samples, start=start_of())
    for name in ('loss_theta', 'loss_tran', 'loss_joints3d', 'loss_joints2d'):
        assert losses[name].item() == pytest.approx(0, abs=1e-6), name


def test_bodies_of_fewer_coefficients():
    head = build(std=0.01, body_model=dict(BODY, num_betas=5))
    losses = head.loss(features(), clip_samples(steps=STEPS), start=start_of())
    assert losses['loss_joints3d'].isfinite()
    assert head.predict(features(), start=start_of())['betas'].shape == (2, 10)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(start='mean'), "start .*'mean'"),
        (dict(output_scale=0), 'output_scale .* 0'),
        (dict(mean_transl=(0, 3)), r'three metres, got \(0, 3\)'),
        (dict(body_model=dict(BODY, joints='h36m17')), 'got 17'),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_refuses_input():
    with pytest.raises(ValueError, match="start='predicted'"):
        build()(features())
    with pytest.raises(ValueError, match='no flow'):
        build(loss=None).loss(features(), clip_samples(steps=STEPS), start=start_of())
    samples = clip_samples(steps=STEPS)
    for sample in samples:
        truth = sample.gt_instances
        sample.gt_instances = InstanceData(
            **{k: v for k, v in truth.items() if k != 'joints_cam'},
            joints_cam=truth.joints_cam[:, :17],
        )
    with pytest.raises(ValueError, match='got 17 and 24'):
        build().loss(features(), samples, start=start_of())
