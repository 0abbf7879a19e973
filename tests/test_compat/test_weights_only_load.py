import functools
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import mmpose
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner, checkpoint, load_checkpoint
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from torch.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from torch.utils.data import DataLoader

from mmpose_ext import compat
from mmpose_ext.compat.weights_only_load import (
    mmengine_globals_allowed,
    statistics_method,
    take_away_second_try,
)

pytestmark = pytest.mark.skipif(
    'weights_only_load' not in compat.applied(), reason='torch.load or MMEngine needs no shim here'
)

LOAD = 'import sys; from mmengine.runner import CheckpointLoader as Loader; Loader.load_checkpoint'


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)

    def forward(self, inputs, mode='tensor'):
        return dict(loss=self.linear(inputs).square().mean())


def make_runner(work_dir, max_epochs, **options):
    return Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader=DataLoader([dict(inputs=torch.rand(2))] * 4, batch_size=2),
        train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=dict(type='MultiStepLR', milestones=[5]),
        experiment_name=f'{work_dir.name}_{max_epochs}',
        log_level='WARNING',
        **options,
    )


@pytest.fixture(scope='module')
def epoch_checkpoint(tmp_path_factory):
    """A checkpoint as MMEngine writes it after an epoch, numpy values of a hook added."""
    runner = make_runner(tmp_path_factory.mktemp('toy'), max_epochs=1)
    runner.message_hub.update_info('best_score', np.float64(0.5))
    runner.message_hub.update_info('a_mixed_bag', [np.int32(3), np.array(['a', 'bc']), np.bool_(1)])
    runner.train()
    return f'{runner.work_dir}/epoch_1.pth'


def save_code(path, function, *args):
    """Write a checkpoint that calls a function when it is unpickled."""

    class Call:
        def __reduce__(self):
            return function, args

    torch.save({'state_dict': {}, 'meta': Call()}, path)


def test_epoch_checkpoint_loads(epoch_checkpoint):
    loaded = CheckpointLoader.load_checkpoint(epoch_checkpoint, map_location='cpu')
    log = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(log, HistoryBuffer)
    assert log.statistics('mean') == pytest.approx(log.data[0].mean())
    info = loaded['message_hub']['runtime_info']
    assert info['best_score'] == 0.5
    assert info['a_mixed_bag'][1].tolist() == ['a', 'bc']


def test_meta_of_every_dataset_of_mmpose_loads(tmp_path):
    metas = list(Path(mmpose.__file__).parent.glob('.mim/configs/_base_/datasets/*.py'))
    assert len(metas) > 30
    path = tmp_path / 'metas.pth'
    torch.save([parse_pose_metainfo(dict(from_file=str(meta))) for meta in metas], path)
    assert len(CheckpointLoader.load_checkpoint(str(path))) == len(metas)


def test_broken_without_the_shim(epoch_checkpoint, tmp_path, run_python):
    """MMEngine refuses its own checkpoint; OneDL's runs the code that is in one."""
    evil, marker = tmp_path / 'evil.pth', tmp_path / 'marker'
    save_code(evil, os.system, f'touch {marker}')
    own = run_python('-c', f'{LOAD}(sys.argv[1])', epoch_checkpoint, check=False)
    run_python('-c', f'{LOAD}(sys.argv[1])', evil, check=False)
    refuses_its_own = own.returncode == 1 and 'Weights only load failed' in own.stdout
    assert refuses_its_own or (own.returncode == 0 and marker.exists())


def test_takes_away_the_second_try_without_protection(tmp_path, monkeypatch):
    evil, marker = tmp_path / 'evil.pth', tmp_path / 'marker'
    save_code(evil, os.system, f'touch {marker}')
    twice = functools.partial(torch.load, weights_only=False)
    monkeypatch.setattr(checkpoint, '_safe_torch_load', twice, raising=False)
    take_away_second_try()
    with pytest.raises(pickle.UnpicklingError, match='Weights only load failed'):
        checkpoint._safe_torch_load(evil, map_location='cpu')
    assert not marker.exists()


def test_training_resumes(epoch_checkpoint, tmp_path):
    runner = make_runner(tmp_path, max_epochs=2, resume=True, load_from=epoch_checkpoint)
    runner.train()
    assert runner.epoch == 2
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 4  # 2 epochs of 2


def test_model_weights_load(epoch_checkpoint):
    model = ToyModel()
    loaded = load_checkpoint(model, epoch_checkpoint)
    torch.testing.assert_close(model.state_dict(), loaded['state_dict'])


@pytest.mark.parametrize('written_by', ['numpy.core', 'numpy._core'])
def test_numpy_1_and_2_checkpoints_load(epoch_checkpoint, tmp_path, written_by):
    path = tmp_path / 'numpy.pth'
    with zipfile.ZipFile(epoch_checkpoint) as source, zipfile.ZipFile(path, 'w') as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename.endswith('data.pkl'):
                plain = content.replace(b'numpy._core.', b'numpy.core.')
                assert b'numpy.core.multiarray' in plain
                content = plain.replace(b'numpy.core.', written_by.encode() + b'.')
            target.writestr(item, content)
    loaded = CheckpointLoader.load_checkpoint(str(path))
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.5


@pytest.mark.parametrize(
    ('function', 'code'),
    [
        (os.system, 'touch {marker}'),
        (eval, "open('{marker}', 'w')"),
        (exec, "open('{marker}', 'w')"),
    ],
)
def test_refuses_and_does_not_run_code(tmp_path, function, code):
    path, marker = tmp_path / 'evil.pth', tmp_path / 'marker'
    save_code(path, function, code.format(marker=marker))
    with pytest.raises(
        pickle.UnpicklingError, match=rf'evil\.pth was refused.*{function.__name__}'
    ):
        CheckpointLoader.load_checkpoint(str(path))
    assert not marker.exists()


@pytest.mark.parametrize(
    ('owner', 'name'),
    [(HistoryBuffer, '__init__'), (HistoryBuffer, '_statistics_methods'), (OrderedDict, 'mean')],
)
def test_refuses_attributes_other_than_statistics(tmp_path, owner, name):
    path = tmp_path / 'evil.pth'
    save_code(path, getattr, owner, name)
    with pytest.raises(pickle.UnpicklingError, match=f'the attribute {name!r} of'):
        CheckpointLoader.load_checkpoint(str(path))


def test_refusal_names_the_cure(tmp_path):
    path = tmp_path / 'custom.pth'
    save_code(path, os.path.join, 'a', 'b')
    with pytest.raises(pickle.UnpicklingError, match=r'add_safe_globals\(\[posixpath\.join\]\)'):
        CheckpointLoader.load_checkpoint(str(path))
    with safe_globals([os.path.join]):
        assert CheckpointLoader.load_checkpoint(str(path))['meta'] == 'a/b'


@pytest.mark.parametrize('content', [b'', b'hello', b'not a checkpoint', b'\x80\x02}q\x01'])
def test_refuses_what_is_no_checkpoint(tmp_path, content):
    path = tmp_path / 'rubbish.pth'
    path.write_bytes(content)
    with pytest.raises(pickle.UnpicklingError, match=r'rubbish\.pth was refused'):
        CheckpointLoader.load_checkpoint(str(path))


@pytest.mark.parametrize('kept', [0.1, 0.5, 0.97])
def test_refuses_a_truncated_checkpoint(epoch_checkpoint, tmp_path, kept):
    path = tmp_path / 'cut_off.pth'
    content = Path(epoch_checkpoint).read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(pickle.UnpicklingError, match=r'cut_off\.pth was refused.*is damaged'):
        CheckpointLoader.load_checkpoint(str(path))


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'missing.pth'))
    with pytest.raises(KeyError):
        CheckpointLoader.load_checkpoint('open-mmlab://no_such_model')


def test_allows_nothing_before_and_after(epoch_checkpoint):
    before = get_safe_globals()
    with mmengine_globals_allowed():
        inside = get_safe_globals()
        with mmengine_globals_allowed():
            pass
        assert set(get_safe_globals()) == set(inside)
    assert len(inside) > len(before)
    assert set(get_safe_globals()) == set(before)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(epoch_checkpoint)


def test_leaves_the_users_choices_alone(epoch_checkpoint):
    before = get_safe_globals()
    add_safe_globals([HistoryBuffer, getattr])
    try:
        with mmengine_globals_allowed():
            assert (statistics_method, 'builtins.getattr') not in get_safe_globals()
        CheckpointLoader.load_checkpoint(epoch_checkpoint)
        assert set(get_safe_globals()) == {*before, HistoryBuffer, getattr}
    finally:
        clear_safe_globals()
        add_safe_globals(before)


def test_statistics_method():
    assert statistics_method(HistoryBuffer, 'mean') is HistoryBuffer.mean
    with pytest.raises(pickle.UnpicklingError, match='__globals__'):
        statistics_method(HistoryBuffer, '__globals__')
