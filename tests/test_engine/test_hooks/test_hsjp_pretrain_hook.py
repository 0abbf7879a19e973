import os
import shutil

import hsjp_runs as runs
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, get_priority
from mmpose.registry import HOOKS, MODELS, OPTIM_WRAPPERS

from mmpose_ext.engine import HSJPPretrainHook

EXPORT = 'hsjp_backbone.pth'
HOOK = 'custom_hooks.1.'  # the first is SyncBuffersHook
STAMP = {
    'grid': [4, 3],
    'sigma': 1,
    'input_size': [96, 128],
    'heatmap_size': [24, 32],
    'codec': 'MSRAHeatmap',
    'jitter': 0,
}

# Two processes that say which of them writes.
COUNT_WRITES = """
import os
from mmpose_ext.engine.hooks import hsjp_pretrain_hook as hook

def write(path, *args, original=hook.write_export):
    path.with_name('written_by_' + os.environ['RANK']).touch()
    original(path, *args)

hook.write_export = write
"""
TORCH_ABORTS = 'terminate called without an active exception'


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """AmpOptimWrapper wants a GPU; this one casts on the CPU."""

    def optim_context(self, model):
        return torch.autocast('cpu', torch.float16)


@pytest.fixture(scope='module')
def finished(mannequins, tmp_path_factory):
    """Work directory of two epochs, and the network as it was at their end."""
    folder = tmp_path_factory.mktemp('hsjp') / 'finished'
    runner = runs.train(runs.puzzle_config(mannequins, folder, runs.epochs(2)))
    return folder, runner.model.state_dict()


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of that work directory."""
    return shutil.copytree(finished[0], tmp_path / 'copied')


def log_of(folder):
    return '\n'.join(path.read_text() for path in sorted(folder.glob('*/*.log')))


def test_exports_what_the_checkpoint_holds(finished):
    folder, live = finished
    export, checkpoint = runs.load(folder / EXPORT), runs.load(folder / 'epoch_2.pth')
    assert runs.same(export['state_dict'], runs.backbone_of(checkpoint['state_dict']))
    assert runs.same(export['state_dict'], runs.backbone_of(live))
    assert not runs.same(
        export['state_dict'], runs.backbone_of(runs.weights_in(folder / 'epoch_1.pth'))
    )
    assert export['meta']['hsjp'] == checkpoint['meta']['hsjp'] == STAMP | {'epoch': 2, 'iter': 6}
    # As others read it: by torch's restricted unpickler.
    assert torch.load(folder / EXPORT, weights_only=True)['meta'] == export['meta']


def test_log_gives_options_that_fill_a_networks_backbone(finished):
    folder, live = finished
    (line,) = [line for line in log_of(folder).splitlines() if 'Pretrained weights' in line]
    words = line.partition('--cfg-options ')[2].split()
    options = dict(word.split('=', 1) for word in words)
    assert options['model.backbone.init_cfg.checkpoint'] == str(folder / EXPORT)
    options['model.backbone.init_cfg._delete_'] = True
    config = runs.cut_down(runs.HEATMAP, folder, {**runs.NETWORK, **options})
    model = MODELS.build(config.model)
    model.init_weights()
    assert model.head.out_channels == 17
    assert runs.same(model.backbone.state_dict(), runs.backbone_of(live))


@pytest.mark.parametrize('left', ['as it was', 'nothing', 'rubbish', 'of another run'])
def test_finished_run_resumed_leaves_the_export(mannequins, finished, copied, left):
    path = copied / EXPORT
    before = path.read_bytes()
    if left == 'nothing':
        path.unlink()
    elif left == 'rubbish':
        path.write_bytes(b'rubbish')
    elif left == 'of another run':
        content = runs.load(path)
        content['state_dict']['conv1.weight'] += 1
        torch.save(content, path)
    stamp = path.stat().st_mtime_ns if left == 'as it was' else None
    runs.train(runs.puzzle_config(mannequins, copied, {**runs.epochs(2), 'resume': True}))
    assert runs.same(runs.weights_in(path), runs.backbone_of(finished[1]))
    if stamp:
        assert (path.stat().st_mtime_ns, path.read_bytes()) == (stamp, before)


def test_resumed_run_goes_on(mannequins, copied):
    runs.train(runs.puzzle_config(mannequins, copied, {**runs.epochs(3), 'resume': True}))
    export = runs.load(copied / EXPORT)
    assert export['meta']['hsjp']['epoch'] == 3
    third = runs.weights_in(copied / 'epoch_3.pth')
    assert runs.same(export['state_dict'], runs.backbone_of(third))


@pytest.mark.parametrize('how', ['resume', 'load_from', 'test'])
def test_refuses_the_checkpoint_of_another_puzzle(mannequins, finished, tmp_path, how):
    checkpoint = str(finished[0] / 'epoch_2.pth')
    options = {**runs.epochs(3), 'load_from': checkpoint, 'resume': how == 'resume'}
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options[f'{loader}.dataset.grid'] = (2, 6)
        shuffle = 5 if loader.startswith('train') else 3
        options[f'{loader}.dataset.pipeline.{shuffle}.grid'] = (2, 6)
    config = runs.puzzle_config(mannequins, tmp_path / how, options)
    runner = Runner.from_cfg(config)
    with pytest.raises(ValueError, match=r'another puzzle: grid is \[4, 3\] there and \[2, 6\]'):
        runner.test() if how == 'test' else runner.train()


def test_loose_hook_only_warns(mannequins, finished, tmp_path):
    options = {
        **runs.epochs(1),
        'load_from': str(finished[0] / 'epoch_2.pth'),
        'model.head.decoder.sigma': 2,
        'model.test_cfg.flip_test': False,
        'train_dataloader.dataset.pipeline.6.encoder.sigma': 2,
        'val_dataloader.dataset.pipeline.3.seed': None,
        HOOK + 'strict': False,
        HOOK + 'grid': (4, 3),
    }
    config = runs.puzzle_config(mannequins, tmp_path / 'loose', options)
    runs.train(config)
    log = log_of(tmp_path / 'loose')
    assert 'WARNING - The checkpoint is of another puzzle: sigma is 1 there and 2 here' in log
    assert 'overlap: 6 * sigma + 1 = 13 px is more than the smaller side of a cell, 8 px' in log
    assert 'HSJPShuffle of the val pipeline: a crop is another puzzle each time' in log


def test_names_every_problem_at_once(mannequins, tmp_path):
    options = {
        **runs.epochs(1),
        'model.test_cfg.flip_test': True,
        'model.head.out_channels': 17,
        'train_dataloader.dataset.pipeline.2.type': 'RandomHalfBody',
        'train_dataloader.dataset.pipeline.2.direction': None,
        HOOK + 'grid': (2, 6),
        HOOK + 'export_modules': ['backbone', 'neck'],
    }
    config = runs.puzzle_config(mannequins, tmp_path / 'wrong', options)
    del config.train_dataloader.dataset.pipeline[2]['direction']
    with pytest.raises(ValueError, match='not set up right') as caught:
        runs.train(config)
    message = str(caught.value)
    for part in (
        'flip_test=False',
        'out_channels is 17: set it to 12',
        'RandomHalfBody',
        'The train pipeline has a puzzle of (4, 3), not of (2, 6)',
        'The val pipeline has a puzzle of (4, 3), not of (2, 6)',
        "export_modules names 'neck'",
    ):
        assert part in message
    assert message.count('\n  - ') == 6
    assert not (tmp_path / 'wrong' / EXPORT).exists()


def test_averaged_weights_are_exported(mannequins, tmp_path):
    options = runs.epochs(2)
    config = runs.puzzle_config(mannequins, tmp_path / 'ema', options)
    config.custom_hooks.append({'type': 'EMAHook', 'momentum': 0.5})
    live = runs.backbone_of(runs.train(config).model.state_dict())
    export = runs.weights_in(tmp_path / 'ema' / EXPORT)
    checkpoint = runs.load(tmp_path / 'ema/epoch_2.pth')
    assert runs.same(export, runs.backbone_of(checkpoint['state_dict']))
    assert not torch.equal(export['conv1.weight'], live['conv1.weight'])
    # Nor does a finished run lose them, although its network is the other one.
    (tmp_path / 'ema' / EXPORT).unlink()
    config.update(resume=True, experiment_name='ema_resumed')
    resumed = runs.backbone_of(runs.train(config).model.state_dict())
    assert torch.equal(resumed['conv1.weight'], live['conv1.weight'])
    assert runs.same(runs.weights_in(tmp_path / 'ema' / EXPORT), export)


def test_iterations_accumulated_gradients_and_half_precision(mannequins, tmp_path):
    options = {
        **runs.iterations(4),
        'optim_wrapper.type': 'CpuAmpOptimWrapper',
        'optim_wrapper.accumulative_counts': 2,
    }
    runs.train(runs.puzzle_config(mannequins, tmp_path / 'iterations', options))
    export = runs.load(tmp_path / 'iterations' / EXPORT)
    assert (export['meta']['hsjp']['epoch'], export['meta']['hsjp']['iter']) == (0, 4)
    floats = {value.dtype for value in export['state_dict'].values() if value.is_floating_point()}
    assert floats == {torch.float32}
    checkpoint = runs.weights_in(tmp_path / 'iterations/iter_4.pth')
    assert runs.same(export['state_dict'], runs.backbone_of(checkpoint))


def test_run_without_checkpoints_is_exported_at_its_end(mannequins, tmp_path):
    options = {**runs.iterations(1), 'train_cfg.val_interval': 100, HOOK + 'verify': False}
    config = runs.puzzle_config(mannequins, tmp_path / 'none', options)
    config.default_hooks.checkpoint.update(interval=-1, save_last=False, save_best=None)
    live = runs.train(config).model.state_dict()
    assert not list((tmp_path / 'none').glob('*_1.pth'))
    assert runs.same(runs.weights_in(tmp_path / 'none' / EXPORT), runs.backbone_of(live))


def test_other_modules_keep_their_names(mannequins, tmp_path):
    modules = ['backbone', 'head.deconv_layers']
    options = {**runs.iterations(1), HOOK + 'export_modules': modules, HOOK + 'out_file': 'a/b.pth'}
    live = runs.train(runs.puzzle_config(mannequins, tmp_path / 'two', options)).model.state_dict()
    export = runs.weights_in(tmp_path / 'two/a/b.pth')
    wanted = {k: v for k, v in live.items() if not k.startswith('head.final_layer')}
    assert runs.same(export, wanted)
    assert f'load_from={tmp_path}/two/a/b.pth' in log_of(tmp_path / 'two')


def test_diverged_network_ends_in_an_error(mannequins, tmp_path):
    config = runs.puzzle_config(mannequins, tmp_path / 'nan', runs.iterations(2))
    config.optim_wrapper.optimizer.lr = 1e36
    del config.default_hooks['nan_guard']  # which would end it earlier
    with pytest.raises(RuntimeError, match=r'not usable:\n  \d+ not finite: .*\nIf weights'):
        runs.train(config)


def test_testing_builds_no_training_data(mannequins, finished, tmp_path):
    config = runs.puzzle_config(mannequins, tmp_path / 'test', runs.epochs(1))
    config.load_from = str(finished[0] / 'epoch_2.pth')
    config.train_dataloader.dataset.ann_file = 'there is none'
    scores = Runner.from_cfg(config).test()
    assert 0 <= scores['hsjp/patch_acc'] <= 1
    assert not (tmp_path / 'test' / EXPORT).exists()


def test_two_processes(mannequins, copied, tmp_path, run_python, root):
    (tmp_path / 'count_writes.py').write_text(COUNT_WRITES)
    options = {**runs.small_puzzle(mannequins), **runs.epochs(3)}
    options |= {'resume': True, 'custom_imports.imports': ['mmpose_ext', 'count_writes']}
    # What a command line cannot say goes into a config of its own.
    config = runs.cut_down(runs.PUZZLE, copied, options)
    config.dump(tmp_path / 'puzzle.py')
    command = ['-m', 'torch.distributed.run', '--nproc-per-node', 2]
    command += ['--rdzv-backend', 'c10d', '--rdzv-endpoint', 'localhost:0']
    command += [root / 'tools/train.py', tmp_path / 'puzzle.py', '--launcher', 'pytorch']
    env = os.environ | {'PYTHONPATH': str(tmp_path)}
    done = run_python(*command, '--work-dir', copied, env=env, check=False, timeout=300)
    # Now and then torch 2.13 aborts on its way out, without MMEngine and our code as well.
    assert done.returncode == 0 or TORCH_ABORTS in done.stdout, done.stdout[-3000:]
    assert done.stdout.count('Pretrained weights: ') == 1
    assert 'gloo instead of nccl' in done.stdout
    assert [path.name for path in copied.glob('written_by_*')] == ['written_by_0']
    checkpoint = runs.weights_in(copied / 'epoch_3.pth')
    assert not any(key.startswith('module.') for key in checkpoint)
    export = runs.load(copied / EXPORT)
    assert runs.same(export['state_dict'], runs.backbone_of(checkpoint))
    # Of 24 people each process has 12, one batch of 8.
    assert export['meta']['hsjp']['iter'] == 7


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'out_file': ''}, ValueError, 'out_file must be a name'),
        ({'out_file': 3}, ValueError, 'out_file must be a name'),
        ({'export_modules': 'backbone'}, TypeError, 'must be a list'),
        ({'export_modules': []}, ValueError, 'at least one'),
        ({'export_modules': ['head']}, ValueError, 'final layer'),
        ({'grid': (0, 3)}, ValueError, 'grid must be'),
        ({'grid': 3}, ValueError, 'grid must be .* got 3'),
    ],
)
def test_constructor_refuses(options, error, message):
    with pytest.raises(error, match=message):
        HOOKS.build({'type': 'HSJPPretrainHook', **options})


def test_runs_after_averaging_and_before_saving():
    hook = HSJPPretrainHook()
    order = [get_priority(priority) for priority in ('NORMAL', hook.priority, 'VERY_LOW')]
    assert order == sorted(set(order))
    # Nothing per iteration.
    assert set(hook.get_triggered_stages()) == {
        *('before_train', 'after_load_checkpoint', 'before_save_checkpoint', 'after_train')
    }
