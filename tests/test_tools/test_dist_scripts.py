"""The shell scripts that start several processes, with programs that only write down their part."""

import os
import subprocess

import pytest

# Writes its arguments, one a line, and the variable that finds the package.
RECORDER = '#!/bin/sh\nprintf "%s\\n" "$@" "PYTHONPATH=$PYTHONPATH"\n'
CONFIG = 'a config.py'
SCRIPTS = {
    'dist_train.sh': (CONFIG, '2'),
    'dist_test.sh': (CONFIG, 'best model.pth', '2'),
    'slurm_train.sh': ('gpu', 'my job', CONFIG, 'work dir'),
}


@pytest.fixture
def call(root, tmp_path):
    """Call a script where its config lies, with ``srun`` and ``fake python`` at hand."""
    for name in ('srun', 'fake python'):
        (tmp_path / name).write_text(RECORDER)
        (tmp_path / name).chmod(0o755)
    (tmp_path / CONFIG).touch()

    def run(script, *args, path=f'{tmp_path}{os.pathsep}{os.environ["PATH"]}', **env):
        kept = {key: os.environ[key] for key in ('HOME', 'PYTHONPATH') if key in os.environ}
        env = {**kept, 'PATH': path, 'PYTHON': str(tmp_path / 'fake python'), **env}
        command = ['bash', str(root / 'tools' / script), *args]
        return subprocess.run(command, cwd=tmp_path, env=env, text=True, capture_output=True)

    return run


def arguments(done):
    """What the recorder was given."""
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[:-1]


def test_train_on_one_machine(call, root):
    done = call('dist_train.sh', *SCRIPTS['dist_train.sh'], '--cfg-options', 'a="[1, 2]"', 'b=$x *')
    assert arguments(done) == [
        *('-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2'),
        *(str(root / 'tools/train.py'), CONFIG),
        *('--cfg-options', 'a="[1, 2]"', 'b=$x *', '--launcher', 'pytorch'),
    ]
    assert f'PYTHONPATH={root}/tools/..' in done.stdout


def test_train_on_several_machines(call, root):
    machines = dict(NNODES='3', NODE_RANK='1', MASTER_ADDR='first', PORT='4321')
    assert arguments(call('dist_train.sh', CONFIG, '8', **machines)) == [
        *('-m', 'torch.distributed.run', '--nnodes', '3', '--node-rank', '1'),
        *('--master-addr', 'first', '--master-port', '4321', '--nproc-per-node', '8'),
        *(str(root / 'tools/train.py'), CONFIG, '--launcher', 'pytorch'),
    ]


def test_test(call, root):
    done = call('dist_test.sh', *SCRIPTS['dist_test.sh'], '--out', 'my scores.json', PORT='1234')
    assert arguments(done) == [
        *('-m', 'torch.distributed.run', '--nnodes', '1', '--node-rank', '0'),
        *('--master-addr', '127.0.0.1', '--master-port', '1234', '--nproc-per-node', '2'),
        *(str(root / 'tools/test.py'), CONFIG, 'best model.pth'),
        *('--out', 'my scores.json', '--launcher', 'pytorch'),
    ]


@pytest.mark.parametrize('gres', [None, ''])
def test_slurm(call, root, tmp_path, gres):
    env = dict(GPUS='16', SRUN_ARGS='--time 10 -x node1', **({} if gres is None else {'GRES': ''}))
    assert arguments(call('slurm_train.sh', *SCRIPTS['slurm_train.sh'], '--amp', **env)) == [
        *('--partition', 'gpu', '--job-name', 'my job'),
        *(('--gres', 'gpu:8') if gres is None else ()),
        *('--ntasks', '16', '--ntasks-per-node', '8', '--cpus-per-task', '5'),
        *('--kill-on-bad-exit=1', '--time', '10', '-x', 'node1', str(tmp_path / 'fake python')),
        *('-u', str(root / 'tools/train.py'), CONFIG, '--work-dir', 'work dir', '--amp'),
        *('--launcher', 'slurm'),
    ]


@pytest.mark.parametrize('script', SCRIPTS)
def test_refuses_missing_arguments(call, script):
    given = SCRIPTS[script]
    for number in range(len(given)):
        done = call(script, *given[:number])
        assert done.returncode == 2
        assert f'{script}: ' in done.stderr
        assert f'are needed, got {" ".join(given[:number]) or "nothing"}' in done.stderr
        assert f'usage: tools/{script} ' in done.stderr
        assert not done.stdout


@pytest.mark.parametrize('script', SCRIPTS)
def test_refuses_a_config_that_is_not_there(call, script):
    done = call(script, *('none.py' if arg == CONFIG else arg for arg in SCRIPTS[script]))
    assert done.returncode == 2
    assert "there is no config 'none.py'" in done.stderr


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
@pytest.mark.parametrize('number', ['0', '-1', 'two', '2.5', ''])
def test_refuses_what_is_no_number(call, script, number):
    done = call(script, *SCRIPTS[script][:-1], number)
    assert done.returncode == 2
    assert f"PROCESSES must be a whole number, 1 or more, got '{number}'" in done.stderr


def test_slurm_refuses_what_is_no_number_and_a_machine_without_slurm(call):
    done = call('slurm_train.sh', *SCRIPTS['slurm_train.sh'], GPUS='many')
    assert (
        done.returncode,
        "GPUS must be a whole number, 1 or more, got 'many'" in done.stderr,
    ) == (
        2,
        True,
    )
    done = call('slurm_train.sh', *SCRIPTS['slurm_train.sh'], path=os.defpath)
    assert done.returncode == 2
    assert 'there is no srun here' in done.stderr


@pytest.mark.parametrize('script', SCRIPTS)
def test_help(call, script, root):
    done = call(script, '--help')
    assert done.returncode == 0
    assert done.stdout.startswith(f'usage: tools/{script} ')
    assert 'PYTHON ' in done.stdout
    assert os.access(root / 'tools' / script, os.X_OK)
