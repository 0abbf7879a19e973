"""HEMlets PoSh in two stages: the module alone, then everything, from where the first ended."""

import hsjp_runs as runs
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

CONFIG = 'configs/posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py'
FROM_SCRATCH = {'model.backbone.init_cfg': None, 'model.head.pose_head.init_cfg': None}
UNFROZEN = {
    'model.backbone.frozen_stages': -1,
    'model.backbone.norm_eval': False,
    'model.head.freeze_pose_head': False,
}


class Start(Hook):
    """Keeps the weights with which training begins."""

    weights: dict

    def before_train(self, runner):
        self.weights = copy_of(runner.model)


def copy_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def runner_of(root, data_root, work_dir, options):
    """Two steps of 8 people."""
    config = runs.cut_down(
        root / CONFIG,
        work_dir,
        {
            **FROM_SCRATCH,
            **runs.iterations(2),
            'train_dataloader.batch_size': 8,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_dataloader.dataset.data_root': f'{data_root}/',
            'train_dataloader.dataset.indices': 24,
            **options,
        },
    )
    for part in ('dataloader', 'cfg', 'evaluator'):
        config[f'val_{part}'] = config[f'test_{part}'] = None
    return Runner.from_cfg(config)


def train(runner):
    """Train; gives the weights before and after."""
    start = Start()
    runner.register_hook(start)
    runner.train()
    return start.weights, copy_of(runner.model)


def changed(before, after):
    """Names of the parts of the network that have learnt or counted."""
    names = {name for name in before if not torch.equal(before[name], after[name])}
    return {'.'.join(name.split('.')[: 2 if name.startswith('head') else 1]) for name in names}


@pytest.fixture(scope='module')
def first(root, mannequins, tmp_path_factory):
    """The checkpoint of the first stage, and its weights before and after."""
    folder = tmp_path_factory.mktemp('posh_stages') / 'frozen'
    weights = train(runner_of(root, mannequins, folder, {}))
    return folder / 'iter_2.pth', *weights


def test_the_first_stage_leaves_the_network_as_it_is(first):
    assert changed(*first[1:]) == {'head.regressor'}


def test_the_second_stage_starts_from_the_first(root, mannequins, tmp_path, first):
    checkpoint, _, end = first
    options = {**UNFROZEN, 'load_from': str(checkpoint)}
    before, after = train(runner_of(root, mannequins, tmp_path / 'all', options))
    assert before.keys() == end.keys()
    assert not changed(end, before)
    assert changed(before, after) == {'backbone', 'head.regressor', 'head.pose_head'}


def test_the_second_stage_does_not_start_from_hemlets(root, mannequins, tmp_path, first):
    """A checkpoint without the module would leave it at random."""
    content = runs.load(first[0])
    weights = content['state_dict']
    lost = [name for name in weights if name.startswith('head.regressor.')]
    content['state_dict'] = {name: weights[name] for name in weights if name not in lost}
    torch.save(content, tmp_path / 'hemlets.pth')
    options = {**UNFROZEN, 'load_from': str(tmp_path / 'hemlets.pth')}
    runner = runner_of(root, mannequins, tmp_path / 'all', options)
    counters = [name for name in lost if name.endswith('num_batches_tracked')]
    missing = len(lost) - len(counters)
    with pytest.raises(ValueError, match=rf'{missing} missing: head\.regressor\.'):
        runner.train()
