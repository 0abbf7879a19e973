"""Stopped and resumed trainings of one weight, in which everything is random."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

from mmpose_ext.engine import ExactResumeHook
from mmpose_ext.engine.hooks.exact_resume_hook import _CatchingUp
from mmpose_ext.engine.random_states import (
    random_states,
    replay_sampler,
    reseed_workers,
    restore_random_states,
)


class Noise(Dataset):
    """Numbers of all three generators, and the sample's index."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        noise = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        return {'inputs': torch.tensor([index + noise])}


class OneMomentum(BaseModel):
    """One weight that goes to its inputs, with dropout."""

    def __init__(self, dies_at=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.dies_at, self.steps, self.seen = dies_at, 0, []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        inputs = torch.stack(list(inputs))
        if mode != 'loss':
            return [torch.rand(())]
        self.steps += 1
        if self.steps == self.dies_at:
            raise KeyboardInterrupt
        self.seen.append(inputs.flatten().tolist())
        error = nn.functional.dropout(inputs - self.weight)
        return {'loss': error.square().mean()}


class Chance(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(np.random.rand())  # noqa: NPY002

    def compute_metrics(self, results):
        return {'chance': results[-1]}


class OneAfterAnother(Sampler):
    """Goes on from where the last epoch ended, as MMPose's MultiSourceSampler."""

    def __init__(self, dataset, seed=None):
        self.count, self.seed, self.next = len(dataset), seed, 0

    def __iter__(self):
        start, self.next = self.next, self.next + 1
        return iter([(start + i) % self.count for i in range(4)])

    def __len__(self):
        return 4


def run(folder, *, by_epoch=True, workers=0, sampler=None, seed=0, hooks=True, **model):
    """Train, or go on with what is in the folder; return the model."""
    sampler = sampler or dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler')
    loader = dict(batch_size=2, num_workers=workers, persistent_workers=bool(workers))
    loader |= dict(dataset=Noise(), sampler=dict(shuffle=True) | sampler)
    if not isinstance(sampler['type'], str):
        loader['sampler'] = sampler
    val = dict(loader, num_workers=0, persistent_workers=False)
    val['sampler'] = dict(type='DefaultSampler', shuffle=False)
    length = dict(max_epochs=4, val_interval=1) if by_epoch else dict(max_iters=11, val_interval=3)
    runner = Runner(
        model=OneMomentum(**model),
        work_dir=str(folder),
        experiment_name=f'{folder.name}-{random.SystemRandom().random()}',
        train_dataloader=loader,
        val_dataloader=val,
        train_cfg=dict(by_epoch=by_epoch, **length),
        val_cfg={},
        val_evaluator=[Chance()],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=1 if by_epoch else 3, by_epoch=by_epoch)
        ),
        custom_hooks=[ExactResumeHook()] if hooks else [],
        randomness=dict(seed=seed),
        resume=True,
    )
    runner.train()
    return runner


def weight(folder, name):
    return torch.load(folder / name, weights_only=False)['state_dict']['weight'].item()


def stopped_and_resumed(folder, dies_at, **options):
    with pytest.raises(KeyboardInterrupt):
        run(folder, dies_at=dies_at, **options)
    return run(folder, **options)


@pytest.mark.parametrize(('by_epoch', 'dies_at'), [(True, 8), (False, 9)])
@pytest.mark.parametrize('workers', [0, 1])
def test_equals_a_training_that_was_never_stopped(tmp_path, by_epoch, dies_at, workers):
    options = dict(by_epoch=by_epoch, workers=workers)
    through = run(tmp_path / 'through', **options).model
    resumed = stopped_and_resumed(tmp_path / 'stopped', dies_at, **options).model
    # Resumed behind six steps; an epoch has three, and every third is saved.
    assert resumed.seen == through.seen[6:]
    assert resumed.weight.item() == through.weight.item()


def test_skipped_batches_are_loaded_before_the_states_are_restored():
    """OneDL's MMEngine calls ``skip_iter`` instead of ``next``."""
    states = random_states()
    expected = torch.rand(())
    batches = _CatchingUp((torch.rand(()) for _ in range(5)), 3, states)
    batches.skip_iter(3)
    assert next(batches) == expected


@pytest.mark.parametrize('by_epoch', [True, False])
def test_without_the_hook_it_does_not(tmp_path, by_epoch):
    options = dict(by_epoch=by_epoch, hooks=False)
    through = run(tmp_path / 'through', **options).model
    resumed = stopped_and_resumed(tmp_path / 'stopped', 8, **options).model
    assert resumed.seen != through.seen[6:]
    assert resumed.weight.item() != through.weight.item()


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_seed_that_nobody_gave_comes_from_the_checkpoint(tmp_path, by_epoch):
    options = dict(by_epoch=by_epoch, seed=None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, dies_at=9, **options)
    resumed = run(tmp_path, **options)
    assert resumed.train_dataloader.sampler.seed == resumed.seed
    through = run(tmp_path / 'through', by_epoch=by_epoch, seed=resumed.seed).model
    assert resumed.model.seen == through.seen[6:]


def test_a_sampler_that_goes_on_from_epoch_to_epoch(tmp_path):
    options = dict(sampler=dict(type=OneAfterAnother))
    through = run(tmp_path / 'through', **options).model
    resumed = stopped_and_resumed(tmp_path / 'stopped', 6, **options).model
    assert resumed.seen == through.seen[4:]
    assert resumed.weight.item() == through.weight.item()


def test_validating_changes_no_random_number():
    states = random_states()
    hook = ExactResumeHook()
    hook.before_val(None)
    random.random(), np.random.rand(), torch.rand(3)  # noqa: NPY002
    hook.after_val_epoch(None, {})
    assert flat(random_states()) == flat(states)


def flat(states):
    return [
        [p.tolist() if torch.is_tensor(p) else p for p in states[k]] for k in ('python', 'numpy')
    ]


def test_states_are_restored():
    states = random_states()
    draw = lambda: (random.random(), random.gauss(0, 1), np.random.randn(), torch.rand(()).item())  # noqa: E731, NPY002
    first = draw()
    assert draw() != first
    restore_random_states(states)
    assert draw() == first


def test_states_are_read_without_running_code(tmp_path):
    torch.save(random_states(), tmp_path / 'states.pth')
    restore_random_states(torch.load(tmp_path / 'states.pth', weights_only=True))


def test_workers_of_each_epoch_have_other_seeds():
    loader = Runner.build_dataloader(
        dict(batch_size=1, num_workers=1, dataset=Noise(), sampler=dict(type=DefaultSampler)),
        seed=5,
    )
    seeds = []
    for epoch in range(3):
        reseed_workers(loader, 5, epoch)
        seeds.append(loader.worker_init_fn.keywords['seed'])
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_default_samplers_are_not_replayed():
    sampler = DefaultSampler(Noise(), seed=0)
    replay_sampler(DataLoader(Noise(), sampler=sampler), 3)
    assert sampler.epoch == 0


def test_warns_of_a_checkpoint_without_states(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, hooks=False, dies_at=8)
    run(tmp_path)
    assert 'without ExactResumeHook' in ''.join(p.read_text() for p in tmp_path.glob('*/*.log'))
