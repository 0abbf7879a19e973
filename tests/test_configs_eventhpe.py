"""The configs of EventHPE: two stages, what is published, and what has to agree in them."""

import pytest
import torch
from config_files import LEAVES, evaluators_of, first_epochs_of_lower_rates, input_size, load

from mmpose_ext.apis.checkpoint_conversion import build_meta_model

EVENTHPE = [name for name in LEAVES if name.startswith('eventhpe/')]
FLOW = 'eventhpe/mmhpsd/eventhpe-flownet_1xb16-30e_mmhpsd-256x256.py'
SHAPE = 'eventhpe/mmhpsd/eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py'
SMALL_FLOW = 'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py'
SMALL_SHAPE = 'eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py'
VIDEO = 'eventhpe/posetrack18-tiny/eventhpe-flownet-half_1xb16-60e_posetrack18-tiny-64x64.py'
DHP19 = 'eventhpe/dhp19/eventhpe-shapenet-events_r50-gru_1xb8-10e_dhp19-260x344.py'
STAGES = {SHAPE: FLOW, SMALL_SHAPE: SMALL_FLOW}
ABLATIONS = {
    'events': {
        'flow_net': None,
        'flow_source': 'none',
        'flow_input': False,
        'backbone': {'in_channels': 8},
        'head': {'loss': {'coherence': 0}},
    },
    'incoherent': {'head': {'loss': {'coherence': 0}}},
    'startless': {'head': {'start': 'predicted', 'loss': {'betas': 0.02}}},
}


def test_every_experiment_has_its_config():
    ablations = [SHAPE.replace('shapenet_', f'shapenet-{name}_') for name in ABLATIONS]
    assert sorted(EVENTHPE) == sorted([*STAGES, *STAGES.values(), VIDEO, DHP19, *ablations])


@pytest.mark.parametrize('name', EVENTHPE)
def test_config_builds_and_fits_together(name):
    config = load(name)
    model = build_meta_model(config.model)
    width, height = input_size(name)
    datasets = [config[f'{split}_dataloader'].dataset for split in ('train', 'val', 'test')]
    (mode,) = {dataset.get('mode', 'shape') for dataset in datasets}
    assert (mode == 'flow') == (config.model.type == 'EventFlowEstimator')
    if mode == 'flow':
        events = torch.empty(2, 8, height, width, device='meta')
        flows = model.flow_net(events)
        assert [tuple(flow.shape) for flow in flows] == [
            (2, 2, height // s, width // s) for s in (8, 4, 2, 1)
        ]
        return
    channels = config.model.backbone.in_channels
    assert channels == (1 if name == DHP19 else 10 if model.flow_input else 8)
    features = model.backbone(torch.empty(6, channels, height, width, device='meta'))[-1]
    hidden, state = model.neck(features.mean((2, 3)).view(2, 3, -1))
    assert hidden.shape == (2, 3, model.head.in_channels)
    assert state.shape == (2, model.neck.hidden_channels)
    assert model.head.decpose(hidden).shape == (2, 3, 144)
    bodies = [evaluator.get('body_model') for evaluator in evaluators_of(config)]
    assert bodies == [None if name == DHP19 else config.model.head.body_model] * 2


def parameters_of(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_networks_are_published():
    assert parameters_of(build_meta_model(load(FLOW).model)) == 3_337_984
    model = build_meta_model(load(SHAPE).model)
    assert parameters_of(model) - parameters_of(model.flow_net) == 49_009_299


def test_schedules_are_published():
    flow, shape = load(FLOW), load(SHAPE)
    for config, epochs, batch in ((flow, 30, 16), (shape, 10, 8)):
        assert config.train_cfg.max_epochs == epochs
        assert config.train_dataloader.batch_size == batch
        assert config.optim_wrapper.optimizer == dict(type='Adam', lr=1e-3)
    (steps,) = flow.param_scheduler
    assert (steps.type, steps.step_size, steps.gamma) == ('StepLR', 3, 0.1)
    assert first_epochs_of_lower_rates(shape) == [1]
    weights = {key: value for key, value in shape.model.head.loss.items() if key != 'type'}
    assert weights.pop('coherence_loss') == dict(min_motion=0.1)
    assert weights == dict(theta=10, tran=1, joints3d=1, joints2d=10, coherence=0.1)
    assert flow.model.smoothness.loss_weight == 0.5


@pytest.mark.parametrize('name', ABLATIONS)
def test_ablations_change_one_thing(name):
    whole = load(SHAPE).to_dict()
    config = load(SHAPE.replace('shapenet_', f'shapenet-{name}_')).to_dict()
    changed = {**whole['model'], 'flow_net': config['model']['flow_net']}
    changes = ABLATIONS[name]
    for key, value in changes.items():
        if not isinstance(value, dict):
            changed[key] = value
        elif 'loss' in value:
            loss = {**whole['model'][key]['loss'], **value['loss']}
            changed[key] = {**whole['model'][key], **value, 'loss': loss}
        else:
            changed[key] = {**whole['model'][key], **value}
    assert config['model'] == changed
    for part in ('optim_wrapper', 'train_cfg', 'val_evaluator', 'train_pipeline'):
        assert config[part] == whole[part]


@pytest.mark.parametrize('name', STAGES)
def test_second_stage_starts_from_the_first(name):
    shape, flow = load(name), load(STAGES[name])
    net = dict(shape.model.flow_net)
    start = net.pop('init_cfg')
    assert net == flow.model.flow_net
    stem = STAGES[name].rsplit('/', 1)[1].removesuffix('.py')
    epochs = flow.train_cfg.max_epochs
    assert start.checkpoint == f'work_dirs/{stem}/epoch_{epochs}.pth'
    assert start.prefix == 'flow_net.'
    assert epochs % flow.default_hooks.checkpoint.interval == 0
