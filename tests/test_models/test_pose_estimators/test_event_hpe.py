import copy

import numpy as np
import pytest
import torch
from event_clips import (
    CHANNELS,
    FLOW_NET,
    SIZE,
    WIDTH,
    clip_inputs,
    clip_samples,
    flowing,
    lively,
    small_event_hpe,
)
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

STEPS = 4
PREDICTED = ('rotmats', 'transl', 'betas', 'joints_cam', 'keypoints')
NO_FLOW = dict(flow_net=None, flow_source='none', flow_input=False)
NO_COHERENCE = dict(loss=dict(type='EventPoseLoss', coherence=0.0))


def build(alive=True, **options):
    torch.manual_seed(0)
    model = flowing(MODELS.build(small_event_hpe(**options)).eval())
    return lively(model) if alive else model


def predicted(samples, name):
    return torch.stack([torch.from_numpy(sample.pred_instances[name]) for sample in samples])


def test_authors_parameters():
    """Golden case 25."""
    head = dict(type='ShapeVariationHead', in_channels=2048)
    model = MODELS.build(
        dict(
            type='EventHPE',
            backbone=dict(type='ResNet', depth=50, in_channels=10, style='pytorch'),
            neck=dict(type='TemporalGRU'),
            head=dict(head, body_model=dict(type='SMPLBody', model_path='mannequin-coarse')),
            flow_source='file',
        )
    )
    counts = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in dict(
            backbone=model.backbone,
            neck=model.neck,
            pose=model.head.decpose,
            translation=model.head.dectrans,
            model=model,
        ).items()
    }
    assert counts == dict(
        backbone=23_529_984, neck=25_178_112, pose=295_056, translation=6_147, model=49_009_299
    )
    names = set(model.state_dict())
    assert len([name for name in names if name.startswith('backbone.')]) == 318
    # What a converted checkpoint of the authors has, and nothing else: it loads strictly.
    others = {f'neck.gru.{kind}_{part}_l0' for kind in ('weight', 'bias') for part in ('ih', 'hh')}
    others |= {
        f'head.{part}.{kind}' for part in ('decpose', 'dectrans') for kind in ('weight', 'bias')
    }
    assert {name for name in names if not name.startswith('backbone.')} == others


def test_losses():
    losses = build().train()(clip_inputs(), clip_samples(), mode='loss')
    names = ('theta', 'tran', 'joints3d', 'joints2d', 'coherence')
    assert losses.keys() == {*(f'loss_{name}' for name in names), 'pel_mpjpe'}
    assert all(value.isfinite() and value > 0 for value in losses.values())


def test_what_learns():
    """All but the flow network, and all of it."""
    model = build().train()
    losses = model(clip_inputs(), clip_samples(), mode='loss')
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    for name, weight in model.named_parameters():
        if name.startswith('flow_net.'):
            assert weight.grad is None
            assert not weight.requires_grad
        else:
            assert weight.grad is not None, name
            assert weight.grad.isfinite().all(), name
            assert weight.grad.any(), name
    assert model.training
    assert not model.flow_net.training
    assert not any(part.training for part in model.flow_net.modules())


def test_fresh_model_stands_still_and_can_learn():
    """Golden case 26, coherence and all: finite gradients from the very first step."""
    model = build(alive=False)
    samples = model(clip_inputs(), clip_samples(), mode='predict')
    for sample in samples:
        start = sample.start
        expected = start.rotmats.expand(STEPS, 24, 3, 3).numpy()
        np.testing.assert_allclose(sample.pred_instances.rotmats, expected, atol=1e-6)
        expected = start.transl.expand(STEPS, 3).numpy()
        np.testing.assert_allclose(sample.pred_instances.transl, expected, atol=1e-6)
    losses = model.train()(clip_inputs(), clip_samples(), mode='loss')
    assert losses['loss_coherence'] > 0.001
    sum(value for name, value in losses.items() if name.startswith('loss')).backward()
    gradient = model.head.decpose.weight.grad
    assert gradient.any()
    assert gradient.isfinite().all()


def test_learns():
    """A few steps of Adam lower the losses of a clip."""
    model = build(alive=False, head=dict(output_scale=0.1)).train()
    inputs, samples = clip_inputs(), clip_samples()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer, history = torch.optim.Adam(weights, lr=1e-2), []
    for _ in range(12):
        losses = model(inputs, samples, mode='loss')
        optimizer.zero_grad()
        total = sum(value for name, value in losses.items() if name.startswith('loss'))
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < 0.7 * history[0]


def test_predictions():
    samples = build(test_cfg=dict(output_vertices=True))(
        clip_inputs(), clip_samples(), mode='predict'
    )
    shapes = dict(rotmats=(24, 3, 3), transl=(3,), betas=(10,), joints_cam=(24, 3))
    shapes |= dict(keypoints=(24, 2), vertices=(1600, 3))
    for sample in samples:
        found = sample.pred_instances
        assert set(found.keys()) == set(shapes)
        for name, shape in shapes.items():
            assert found[name].shape == (STEPS, *shape)
            assert found[name].dtype == np.float32
        focal, center = sample.focal, sample.principal_pt
        joints = found.joints_cam
        expected = focal * joints[..., :2] / joints[..., 2:] + center
        np.testing.assert_allclose(found.keypoints, expected, rtol=1e-5)


def test_each_clip_on_its_own():
    model, inputs = build(), clip_inputs()
    both = model(inputs, clip_samples(), mode='predict')
    second = model(dict(events=inputs['events'][1:]), clip_samples()[1:], mode='predict')
    for name in PREDICTED:
        np.testing.assert_allclose(
            both[1].pred_instances[name], second[0].pred_instances[name], atol=2e-5
        )


@pytest.mark.parametrize(
    ('state_from', 'start'),
    [
        ('zeros', 'given'),
        ('start', 'given'),
        ('features', 'given'),
        ('zeros', 'predicted'),
        ('features', 'predicted'),
    ],
)
def test_stream_is_the_clip(state_from, start):
    """Golden case 34, through the whole model."""
    model = build(state_from=state_from, head=dict(start=start))
    inputs, samples = clip_inputs(), clip_samples()
    for sample in samples:
        sample.start = InstanceData(**sample.start, features=torch.randn(1, WIDTH))
    clip = model(inputs, samples, mode='predict')
    begin = {
        name: torch.cat([sample.start[name] for sample in samples])
        for name in ('rotmats', 'transl', 'betas', 'features')
    }
    state = None
    for index, events in enumerate(inputs['events'].unbind(1)):
        pred, state = model.step(events, state, start=begin)
        for name in ('rotmats', 'transl', 'joints_cam'):
            expected = predicted(clip, name)[:, index]
            torch.testing.assert_close(pred[name], expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(state.betas, predicted(clip, 'betas')[:, -1])


def test_carried_state():
    """Two windows of a recording are one clip of twice the steps; another recording starts anew."""
    model = build(test_cfg=dict(carry_state=True))
    long = clip_inputs(batch=1, steps=2 * STEPS)
    whole = model(long, clip_samples(1, 2 * STEPS, recordings=['a']), mode='predict')
    windows = dict(events=long['events'].unflatten(1, (2, STEPS)).flatten(0, 1))
    samples = clip_samples(1, STEPS, recordings=['b'])
    samples += clip_samples(1, STEPS, recordings=['b'], first=2 * STEPS)
    for sample in samples:
        sample.start = whole[0].start
    carried = model(windows, copy.deepcopy(samples), mode='predict')
    for name in ('rotmats', 'transl', 'joints_cam'):
        expected = predicted(whole, name)[0]
        torch.testing.assert_close(
            predicted(carried, name).flatten(0, 1), expected, atol=2e-5, rtol=0
        )
    # The second window again: it does not go on from its own end.
    second = dict(events=windows['events'][1:])
    again = model(second, copy.deepcopy(samples[1:]), mode='predict')
    assert (predicted(again, 'transl') - predicted(carried, 'transl')[1:]).abs().max() > 1e-3
    model.eval()
    model.test_cfg['carry_state'] = False
    apart = model(windows, samples, mode='predict')
    torch.testing.assert_close(predicted(apart, 'transl')[1:], predicted(again, 'transl'))


def test_flow_of_the_net_and_of_a_file_agree():
    inputs, samples = clip_inputs(), clip_samples()
    online = build()
    _, flow = online.extract_feat(inputs)
    assert flow.shape == (2, STEPS, 2, SIZE, SIZE)
    assert flow.abs().max() > 1
    offline = build(flow_net=None, flow_source='file')
    offline.load_state_dict(
        {k: v for k, v in online.state_dict().items() if not k.startswith('flow_net.')}
    )
    expected = online(inputs, samples, mode='loss')
    found = offline(dict(inputs, flow=flow), samples, mode='loss')
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_backbone_sees_events_then_flow():
    """The channels of the authors' checkpoints: 8 of events, u and v in px."""
    model, seen = build(), []
    model.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    inputs = clip_inputs()
    _, flow = model.extract_feat(inputs)
    expected = torch.cat([inputs['events'], flow], 2).flatten(0, 1)
    assert torch.equal(seen[0], expected)


def test_no_gradient_goes_into_the_flow_of_a_file():
    model = build(flow_net=None, flow_source='file')
    flow = torch.randn(2, STEPS, 2, SIZE, SIZE, requires_grad=True)
    losses = model.train()(dict(clip_inputs(), flow=flow), clip_samples(), mode='loss')
    losses['loss_coherence'].backward()
    assert flow.grad is None
    assert model.backbone.conv1.weight.grad.any()


def test_events_alone():
    model = build(**NO_FLOW, head=NO_COHERENCE)
    assert model.backbone.conv1.in_channels == CHANNELS
    losses = model(clip_inputs(), clip_samples(), mode='loss')
    assert 'loss_coherence' not in losses
    assert model.extract_feat(clip_inputs())[1] is None


def test_flow_only_in_the_loss():
    model = build(flow_input=False)
    assert model.backbone.conv1.in_channels == CHANNELS
    assert model(clip_inputs(), clip_samples(), mode='loss')['loss_coherence'] > 0
    # Predictions do not wait for it.
    model.flow_net.forward = None
    assert (
        'rotmats' in model.eval()(clip_inputs(), clip_samples(), mode='predict')[0].pred_instances
    )


def test_unlabelled_clips_learn_from_the_flow_alone():
    """Golden case 15 beside it: joints do not train the translation, but its loss does."""
    model = build().train()
    losses = model(clip_inputs(), clip_samples(labelled=False), mode='loss')
    for name, value in losses.items():
        assert (value.item() > 0) == (name == 'loss_coherence'), name
    losses['loss_coherence'].backward()
    assert model.head.decpose.weight.grad.any()
    assert model.head.dectrans.weight.grad is None


def test_integer_events_and_tensor_mode():
    model, inputs = build(), clip_inputs()
    found = model(dict(events=inputs['events'].byte()), clip_samples(), mode='tensor')
    expected = model(inputs, clip_samples(), mode='tensor')
    torch.testing.assert_close(found['rotmats'], expected['rotmats'])


def test_half_precision():
    """Under autocast rotations stay rotations and losses finite."""
    model = build().train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model(clip_inputs(), clip_samples(), mode='loss')
        pred = model(clip_inputs(), clip_samples(), mode='tensor')
    assert all(value.isfinite() and value.dtype == torch.float32 for value in losses.values())
    product = pred['rotmats'] @ pred['rotmats'].mT
    torch.testing.assert_close(product, torch.eye(3).expand_as(product), atol=1e-5, rtol=0)


def test_stage_1_enters_by_init_cfg(tmp_path):
    stage1 = MODELS.build(dict(type='EventFlowEstimator', flow_net=FLOW_NET))
    torch.save(dict(state_dict=stage1.state_dict()), tmp_path / 'stage1.pth')
    init = dict(type='Pretrained', checkpoint=str(tmp_path / 'stage1.pth'), prefix='flow_net.')
    model = MODELS.build(small_event_hpe(flow_net=dict(FLOW_NET, init_cfg=init)))
    model.init_weights()
    for name, value in stage1.flow_net.state_dict().items():
        torch.testing.assert_close(model.flow_net.state_dict()[name], value)
    assert not model.flow_net.training
    assert not any(weight.requires_grad for weight in model.flow_net.parameters())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(flow_net=None), 'no flow_net'),
        (dict(flow_source='file'), 'a flow_net'),
        (dict(flow_source='none', flow_net=None), 'flow_input=False'),
        (dict(NO_FLOW), 'coherence=0'),
        (dict(flow_source='disk'), "flow_source .*'disk'"),
        (dict(state_from='hmr'), "state_from .*'hmr'"),
        (dict(head=dict(start='predicted')), "state_from='start'"),
    ],
)
def test_refuses_contradictions(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(small_event_hpe(**options))


def test_refuses_bad_input():
    model = build()
    with pytest.raises(ValueError, match=r'\(B, T, C, H, W\)'):
        model(dict(events=torch.zeros(1, 8, 32, 32)), clip_samples(1), mode='loss')
    with pytest.raises(ValueError, match='no data samples'):
        model(clip_inputs(), mode='tensor')
    samples = clip_samples()
    del samples[1].start
    with pytest.raises(ValueError, match=r"'walk1' lacks start.rotmats.*init_source"):
        model(clip_inputs(), samples, mode='predict')
    samples = clip_samples()
    del samples[0].gt_instances.transl
    with pytest.raises(ValueError, match=r'gt_instances.transl.*LoadClipPoses'):
        model(clip_inputs(), samples, mode='loss')
    with pytest.raises(ValueError, match='of 4 steps, got 3'):
        model(clip_inputs(), clip_samples(steps=3), mode='loss')
    with pytest.raises(ValueError, match=r'needs .*rotmats.* in the start'):
        model.step(clip_inputs()['events'][:, 0])
    offline = build(flow_net=None, flow_source='file')
    with pytest.raises(ValueError, match='LoadEventFlow'):
        offline(clip_inputs(), clip_samples(), mode='loss')
    features = build(state_from='features')
    with pytest.raises(ValueError, match="init_source='hmr'"):
        features(clip_inputs(), clip_samples(), mode='predict')
