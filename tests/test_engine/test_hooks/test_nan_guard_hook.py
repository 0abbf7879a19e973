"""Trainings that diverge at a chosen step, and what the guard says of it."""

import math
import re

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from mmpose.structures import PoseDataSample
from torch import nn
from torch.optim import SGD

from mmpose_ext.engine import NaNGuardHook
from mmpose_ext.engine.divergence import (
    all_finite,
    describe_divergence,
    listing,
    nonfinite_losses,
    sample_names,
)


class Net(BaseModel):
    """Two layers with batch statistics; ``ill`` says what goes wrong from step ``at`` on."""

    def __init__(self, ill=None, at=4):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)
        self.ill, self.at, self.steps = ill, at, 0

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.steps += 1
        ill = self.ill if self.steps >= self.at else None
        x = self.first(torch.stack(list(inputs)))
        if ill == 'layer':
            x = x / 0
        out = self.last(self.norm(x)).mean()
        if ill == 'loss':
            out = out * math.inf
        if ill == 'gradient':  # of the square root at 0
            out = out + (self.last.bias * 0).sqrt().sum()
        if ill == 'value':  # a figure that no gradient passes through
            return {'loss_a': out, 'loss_b': torch.tensor(math.nan)}
        if ill == 'weights':
            self.last.bias.data.fill_(math.inf)
            out = self.first.weight.sum()
        return {'loss_a': out, 'acc': torch.tensor(math.nan)}


def samples(number, bad=None):
    data = []
    for i in range(number):
        sample = PoseDataSample(metainfo=dict(id=100 + i, img_path=f'images/{i}.jpg'))
        inputs = torch.full((2,), math.nan if i == bad else float(i))
        data.append({'inputs': inputs, 'data_samples': sample})
    return data


def train(folder, model, bad=None, wrapper='OptimWrapper', **options):
    """Six steps of two samples in order, three an epoch."""
    runner = Runner(
        model=model,
        work_dir=str(folder),
        experiment_name=f'guard-{folder.name}',
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            dataset=samples(6, bad),
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(type=wrapper, optimizer=dict(type='SGD', lr=0.1), **options),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
        custom_hooks=[NaNGuardHook()],
        default_scope='mmpose',
    )
    runner.train()


@pytest.mark.parametrize(
    ('ill', 'said'),
    [
        ('layer', 'first layer whose output is not finite: norm (BatchNorm1d)'),
        ('loss', 'Losses: loss_a = '),
        ('gradient', 'gradients of 1 of 6 parameters are not finite: last.bias'),
        ('value', 'because loss_b is nan'),
    ],
)
def test_stops_and_says_where(tmp_path, ill, said):
    model = Net(ill)
    with pytest.raises(FloatingPointError, match='in iteration 4 ') as error:
        train(tmp_path, model)
    message = str(error.value)
    assert said in message
    assert 'images/0.jpg (id 100), images/1.jpg (id 101).' in message
    assert f'last good checkpoint: {tmp_path / "epoch_1.pth"}' in message
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_1.pth']
    assert all_finite(model.state_dict().values()) == (ill != 'layer')


def test_weights_are_those_before_the_step(tmp_path):
    model = Net('gradient')
    with pytest.raises(FloatingPointError):
        train(tmp_path, model)
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, saved[name]), name


def test_names_inputs_that_are_not_finite(tmp_path):
    with pytest.raises(FloatingPointError) as error:
        train(tmp_path, Net(), bad=3)
    message = str(error.value)
    assert 'in iteration 2 ' in message
    assert 'inputs of the network are not finite. The first layer' in message
    assert 'output is not finite: first (Linear)' in message
    assert 'images/2.jpg (id 102), images/3.jpg (id 103)' in message
    assert 'last good checkpoint: none yet' in message


def test_diverged_weights_are_not_saved(tmp_path):
    with pytest.raises(FloatingPointError, match=r'the weights last\.bias are not finite') as error:
        train(tmp_path, Net('weights', at=3))
    assert 'Parameters that are not finite already: last.bias' in str(error.value)
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize('clip', [None, dict(max_norm=1.0)])
def test_lets_sound_trainings_be(tmp_path, clip):
    train(tmp_path, Net(), clip_grad=clip)
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_clipped_gradients_are_seen(tmp_path):
    with pytest.raises(FloatingPointError, match='gradients of'):
        train(tmp_path, Net('gradient'), clip_grad=dict(max_norm=1.0))


def test_every_optimizer_is_watched(tmp_path):
    hook, model = NaNGuardHook(), Net()
    parts = [OptimWrapper(SGD(layer.parameters(), 0.1)) for layer in (model.first, model.last)]

    class Running:
        optim_wrapper = OptimWrapperDict(a=parts[0], b=parts[1])
        iter = epoch = 0
        work_dir = tmp_path

    Running.model = model
    hook.before_train(Running)
    model.last.bias.grad = torch.tensor([math.nan])
    parts[0].step()
    with pytest.raises(FloatingPointError, match=r'last\.bias'):
        parts[1].step()
    parts[1].step()  # it no longer listens


def test_describing_leaves_the_model_as_it_was():
    model, batch = Net('loss', at=1), {'inputs': [s['inputs'] for s in samples(2)]}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    (said,) = describe_divergence(model, batch)
    assert re.fullmatch(r'Losses: loss_a = -?(inf|nan)\.', said)
    assert torch.equal(torch.get_rng_state(), generator)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not any(module._forward_hooks for module in model.modules())


def test_a_second_forward_pass_may_fail():
    said = describe_divergence(Net(), {'inputs': [torch.zeros(5)]})
    assert 'second forward pass failed (RuntimeError' in said[0]


def test_all_finite():
    assert all_finite([])
    assert all_finite([torch.zeros(0), torch.tensor([3e38, 3e38]), torch.ones(2, dtype=torch.half)])
    for bad in (math.nan, math.inf, -math.inf):
        assert not all_finite([torch.ones(3), torch.tensor([1.0, bad])])


def test_losses_are_told_from_other_figures():
    parts = [torch.tensor(1.0), torch.tensor(math.inf)]
    losses = {'loss_a': torch.ones(2), 'loss_b': parts, 'acc': torch.tensor(math.nan)}
    assert nonfinite_losses(losses) == {'loss_b': math.inf}


def test_samples_without_names():
    sample = PoseDataSample(metainfo=dict(id=3))
    assert sample_names({'data_samples': [sample]}) == ['sample 0 of the batch (id 3)']
    assert sample_names([1]) == []
    assert listing([str(i) for i in range(10)], 2) == '0, 1 and 8 more'
