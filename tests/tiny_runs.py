"""A network of one weight and the smallest run of MMEngine's Runner on it."""

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn


class OneWeight(BaseModel):
    """Pulls its weight to zero; in step ``dies_at`` it raises."""

    def __init__(self, dies_at=None):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.dies_at = dies_at
        self.steps = 0

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode != 'loss':
            return [self.weight.detach()]
        self.steps += 1
        if self.steps == self.dies_at:
            raise KeyboardInterrupt
        return dict.fromkeys(('loss_a', 'loss_b'), self.weight.square() / 2)


class Weight(BaseMetric):
    default_prefix = 'tiny'

    def process(self, data_batch, data_samples):
        self.results.extend(sample.item() for sample in data_samples)

    def compute_metrics(self, results):
        return {'error': results[-1], 'error (M)': -1.0}


def tiny_runner(folder, hooks, *, epochs=2, dies_at=None, resume=False, **options):
    """A runner of two steps an epoch that validates after each."""
    loader = dict(
        batch_size=1,
        num_workers=0,
        dataset=[{'inputs': torch.zeros(1)}] * 2,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    return Runner(
        model=OneWeight(dies_at),
        work_dir=str(folder),
        experiment_name=f'tiny-{folder.name}-{resume}',
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
        val_cfg={},
        test_cfg={},
        val_evaluator=[Weight()],
        test_evaluator=[Weight()],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', interval=1, save_best='tiny/error', rule='less'),
        ),
        custom_hooks=hooks,
        default_scope='mmpose',
        resume=resume,
        **options,
    )
