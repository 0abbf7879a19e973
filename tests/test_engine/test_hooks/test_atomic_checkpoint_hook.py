"""Checkpoints at the moments when a process or a disk gives up."""

import errno
import os
import stat
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from tiny_runs import tiny_runner

from mmpose_ext.engine import AtomicCheckpointHook
from mmpose_ext.engine.atomic_backend import AtomicLocalBackend


class Stop(BaseException):
    """As good as being killed: nothing handles it."""


def runner_of(folder, *, epochs=4, resume=False, **options):
    runner = tiny_runner(folder, [], epochs=epochs, resume=resume)
    runner._hooks = [h for h in runner.hooks if type(h).__name__ != 'CheckpointHook']
    runner.register_hook(AtomicCheckpointHook(interval=1, **options))
    return runner


def epoch_of(path):
    return torch.load(path, weights_only=False)['meta']['epoch']


def last(folder):
    return Path((folder / 'last_checkpoint').read_text())


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix != '.py')


def test_keeps_the_last_and_the_best(tmp_path):
    runner_of(tmp_path, max_keep_ckpts=2, save_best='tiny/error', rule='less').train()
    expected = ['best_tiny_error_epoch_4.pth', 'epoch_3.pth', 'epoch_4.pth', 'last_checkpoint']
    assert names(tmp_path) == expected
    assert epoch_of(last(tmp_path)) == 4


def test_keeps_the_best_of_several_metrics(tmp_path):
    metrics = ['tiny/error', 'tiny/error (M)']  # the second one is always the same
    runner_of(tmp_path, max_keep_ckpts=1, save_best=metrics, rule=['less', 'less']).train()
    assert names(tmp_path) == [
        'best_tiny_error (M)_epoch_1.pth',
        'best_tiny_error_epoch_4.pth',
        'epoch_4.pth',
        'last_checkpoint',
    ]


# An epoch makes five files: the checkpoint, last_checkpoint, the best one, and the first two again
# with what is the best. Each is flushed, renamed, and its folder flushed.
@pytest.mark.parametrize(
    ('call', 'number'),
    [
        *(('fsync', number) for number in (1, 11, 13, 15, 17)),
        *(('replace', number) for number in (6, 7, 8)),
    ],
)
def test_at_any_moment_there_is_a_whole_one(tmp_path, monkeypatch, call, number):
    """Whichever flush or renaming a training of three epochs dies in, it goes on."""
    original, calls = getattr(os, call), []

    def die(*args):
        calls.append(args)
        if len(calls) == number:
            if call == 'fsync' and stat.S_ISREG(os.fstat(args[0]).st_mode):
                os.ftruncate(args[0], 7)
            raise Stop
        return original(*args)

    options = dict(epochs=3, max_keep_ckpts=1, save_best='tiny/error', rule='less')
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(os, call, die)
        runner_of(tmp_path, **options).train()
    assert (number == 1) == (not (tmp_path / 'last_checkpoint').exists())
    assert number == 1 or epoch_of(last(tmp_path)) == 1 + (number in (8, 15, 17))
    for path in tmp_path.glob('*.pth'):  # each one is whole
        epoch_of(path)
    runner_of(tmp_path, resume=True, **options).train()
    assert epoch_of(last(tmp_path)) == 3
    assert 'best_tiny_error_epoch_3.pth' in names(tmp_path)


@pytest.mark.parametrize('number', [1, 3, 5])
def test_a_full_disk_is_a_clear_error(tmp_path, monkeypatch, number):
    """Of each checkpoint, the file and its folder are flushed, then those of its name."""
    original, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) >= number:
            raise OSError(errno.ENOSPC, 'No space left on device')
        original(descriptor)

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=r'No space left on device: .*max_keep_ckpts') as error:
        runner_of(tmp_path, max_keep_ckpts=1).train()
    assert error.value.errno == errno.ENOSPC
    assert Path(error.value.filename).parent == tmp_path
    assert not list(tmp_path.glob('*.partial'))
    if number > 1:
        assert epoch_of(tmp_path / 'epoch_1.pth') == 1
    if number > 4:
        assert last(tmp_path) == tmp_path / 'epoch_1.pth'


def test_files_appear_whole_or_not_at_all(tmp_path, monkeypatch):
    backend, path = AtomicLocalBackend(), tmp_path / 'folder' / 'file'
    backend.put(b'old', path)
    backend.put_text('née', path)
    assert path.read_text(encoding='utf-8') == 'née'
    seen = []
    monkeypatch.setattr(os, 'fsync', lambda _: seen.append(path.read_text(encoding='utf-8')))
    backend.put(b'new', path)
    assert seen == ['née', 'new']  # when the file was flushed, and when its folder was
    assert names(path.parent) == ['file']


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='could not be written') as error:
        AtomicLocalBackend().put(b'', tmp_path / 'file' / 'inside')
    assert error.value.filename == str(tmp_path / 'file' / 'inside')


@pytest.mark.parametrize('out_dir', [None, 'elsewhere'])
def test_writes_to_where_it_is_told(tmp_path, out_dir):
    work_dir = tmp_path / f'run-{out_dir}'
    runner_of(work_dir, epochs=1, out_dir=out_dir and str(tmp_path / out_dir)).train()
    folder = tmp_path / out_dir / work_dir.name if out_dir else work_dir
    assert last(work_dir) == folder / 'epoch_1.pth'
    assert epoch_of(last(work_dir)) == 1


def test_configs_have_it_and_its_like(root):
    hooks = Config.fromfile(root / 'configs/_base_/default_runtime.py').default_hooks
    assert hooks.checkpoint.type == 'AtomicCheckpointHook'
    assert hooks.checkpoint.interval == 10  # MMPose's
    assert (hooks.exact_resume.type, hooks.nan_guard.type) == ('ExactResumeHook', 'NaNGuardHook')


def test_other_stores_write_as_they_do(tmp_path):
    hook = AtomicCheckpointHook(interval=1, backend_args=dict(backend='local'))
    hook.before_train(tiny_runner(tmp_path, []))
    assert hook.backend_args == dict(backend='local')
