from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn
from torch.utils.data import DataLoader

from mmpose_ext.engine import CoordinateWarmupHook
from mmpose_ext.models.losses import HEMletsLoss


class Head(nn.Module):
    """As much of a HEMletsHead as the hook and its loss look at: joints and maps."""

    def __init__(self, loss_module):
        super().__init__()
        self.joints, self.maps = nn.Linear(3, 6), nn.Linear(3, 4)
        self.loss_module = loss_module

    def loss(self, inputs):
        coords, maps = self.joints(inputs).view(-1, 2, 3), self.maps(inputs).view(-1, 1, 2, 2)
        weights = torch.ones(len(inputs), 2)
        return {
            'loss_coord': self.loss_module(coords, torch.ones_like(coords), weights, weights),
            'loss_maps': self.loss_module.forward_maps(maps, maps.detach() + 1, weights[:, :1]),
        }


class Network(BaseModel):
    """Writes down the weight of the coordinates and which layers learn, for each step."""

    def __init__(self, loss_module=None):
        super().__init__()
        self.head = Head(HEMletsLoss(coordinate_weight=2.0) if loss_module is None else loss_module)
        self.steps = []
        for name in ('joints', 'maps'):
            # Called only where there is a gradient, be it zero.
            weight = getattr(self.head, name).weight
            weight.register_hook(lambda grad, name=name: self.note(name, bool(grad.any())))

    def note(self, key, value):
        self.steps[-1][key] = value

    def forward(self, inputs, mode='loss'):
        self.steps.append({'weight': self.head.loss_module.coordinate_weight})
        return self.head.loss(inputs)


def train(work_dir, name, epochs, model=None, by_epoch=True, warmup=None, **runner):
    """Train for some epochs of two steps each, or as many steps without epochs."""
    model = model or Network()
    Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=DataLoader([{'inputs': torch.rand(3)}] * 4, batch_size=2),
        train_cfg=(
            {'by_epoch': True, 'max_epochs': epochs}
            if by_epoch
            else {'by_epoch': False, 'max_iters': 2 * epochs}
        ),
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[{'type': 'CoordinateWarmupHook', **(warmup or {'epochs': 2})}],
        default_scope='mmpose',
        experiment_name=f'{work_dir.name}-{name}',  # MMEngine keeps one of each name
        log_level='ERROR',
        **runner,
    ).train()
    return model.steps


# The two steps of an epoch. In the warm-up the gradient of the joints is zero, but there:
# DistributedDataParallel waits for each.
WARMUP = [{'weight': 0.0, 'joints': False, 'maps': True}] * 2
AFTER = [{'weight': 2.0, 'joints': True, 'maps': True}] * 2


@pytest.mark.parametrize('warmup', [0, 1, 2, 3])
def test_coordinates_are_learnt_after_the_warmup(tmp_path, warmup):
    steps = train(tmp_path, 'first', 3, warmup={'epochs': warmup})
    assert steps == warmup * WARMUP + (3 - warmup) * AFTER


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('warmup', [0, 3, 6])
def test_warmup_may_be_counted_in_iterations(tmp_path, by_epoch, warmup):
    steps = train(tmp_path, 'first', 3, by_epoch=by_epoch, warmup={'iters': warmup})
    assert steps == warmup * WARMUP[:1] + (6 - warmup) * AFTER[:1]


def test_refuses_epochs_where_there_are_none(tmp_path):
    with pytest.raises(
        ValueError, match='epochs=2, but the training counts iterations: give iters'
    ):
        train(tmp_path, 'first', 3, by_epoch=False)


@pytest.mark.parametrize(
    ('trained', 'then'), [(1, WARMUP + AFTER), (2, AFTER), (3, AFTER)], ids=['in', 'at', 'after']
)
def test_resumes_where_it_was(tmp_path, trained, then):
    train(tmp_path, 'first', trained)
    assert train(tmp_path, 'resumed', max(trained + 1, 3), resume=True) == then


def test_looks_inside_a_wrapped_model():
    loss_module = HEMletsLoss(coordinate_weight=2.0)
    hook = CoordinateWarmupHook(1)
    runner = SimpleNamespace(
        model=nn.DataParallel(Network(loss_module)), train_loop=None, epoch=0, iter=0
    )
    hook.before_train(runner)
    for runner.epoch, weight in ((0, 0.0), (1, 2.0)):
        hook.before_train_iter(runner, 0)
        assert loss_module.coordinate_weight == weight


def test_refuses_a_model_of_another_kind(tmp_path):
    with pytest.raises(TypeError, match=r'is for HEMletsLoss, but the loss is MSELoss\. Remove'):
        train(tmp_path, 'other', 1, Network(nn.MSELoss()))
    headless = Network()
    headless.backbone = headless.head
    del headless.head
    with pytest.raises(TypeError, match='but the loss is NoneType'):
        train(tmp_path, 'headless', 1, headless)


@pytest.mark.parametrize('unit', ['epochs', 'iters'])
def test_refuses_a_negative_number(unit):
    with pytest.raises(ValueError, match=f'{unit} must not be negative, got -1'):
        HOOKS.build({'type': 'CoordinateWarmupHook', unit: -1})
