"""The demo trains for minutes; here its commands are looked at, not run."""

import argparse
import importlib.util
import sys

import pytest
from mmengine.config import Config, DictAction


@pytest.fixture
def demo(root):
    spec = importlib.util.spec_from_file_location('demo', root / 'tools/demo.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands(demo, root, tmp_path, monkeypatch, capsys):
    """Every file that a command names is there, or an earlier command makes it."""
    commands, made = [], set()

    def record(log, *command):
        commands.append(list(command))
        made.update(command[i + 1] for i, word in enumerate(command) if word == '--out')
        if command[0] == 'tools/train.py':
            folder = tmp_path / command[command.index('--work-dir') + 1]
            folder.mkdir(parents=True)
            (folder / 'last_checkpoint').write_text(str(folder / 'epoch_9.pth'))
        if 'single' in command:
            (tmp_path / demo.DATA).mkdir(parents=True)
            (tmp_path / demo.DATA / 'contact_sheet.png').touch()

    monkeypatch.setattr(demo, 'ROOT', tmp_path)
    monkeypatch.setattr(demo, 'run', record)
    monkeypatch.setattr(sys, 'argv', ['demo.py', '--out', str(tmp_path / 'out')])
    demo.main()
    tools = [command[0].rpartition('/')[2] for command in commands]
    detector = ['make_mannequin.py', 'train.py', 'test.py']
    assert tools == [*detector, 'draw_predictions.py', *detector, 'make_mannequin.py', 'infer.py']
    paths = [word for command in commands for word in command if '/' in word]
    there = ('work_dirs/', *made)
    assert not [path for path in paths if not (root / path).is_file() | path.startswith(there)]
    assert commands[-1][2].endswith('demo/epoch_9.pth')
    printed = capsys.readouterr().out
    assert 'python tools/infer.py' in printed
    assert (tmp_path / 'out/mannequins.png').is_file()


def test_shortened_schedule_is_one_of_the_config(demo, root):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    options = parser.parse_args(['--cfg-options', *demo.SHORTER]).cfg_options
    config = Config.fromfile(root / demo.CONFIG)
    config.merge_from_dict(options)
    epochs = config.train_cfg.max_epochs
    assert epochs == 14
    assert epochs % config.train_cfg.val_interval == 0
    assert config.param_scheduler[1].type == 'MultiStepLR'
    assert config.param_scheduler[1].milestones == [10, 13]
    assert epochs % config.default_hooks.checkpoint.interval == 0


def test_a_command_that_fails_ends_the_demo(demo, tmp_path):
    with pytest.raises(SystemExit, match=r'(?s)this is wrong.*That command failed'):
        demo.run(tmp_path / 'x.log', '-c', 'import sys; sys.exit("this is wrong")')
