"""The script of `make test-matrix`, with a set-up and interpreters that only write down."""

import os
import shutil
import subprocess

import pytest

SET_UP = """#!/bin/sh
echo "set-up $MMPOSE_EXT_VENV $MMCV $STACK" >>calls
if [ -e no_revived ] && [ "$STACK" = revived ]; then echo 'setup: no network'; exit 1; fi
mkdir -p "$MMPOSE_EXT_VENV/bin" && cp interpreter "$MMPOSE_EXT_VENV/bin/python"
"""
INTERPRETER = """#!/bin/sh
case "$*" in
    *"pip list"*) printf 'six==1.17.0\\nnumpy==2.2.6\\nonedl-mmengine==0.10.12\\n' ;;
    *pytest*) echo "${0%/bin/python} $*" >>calls; cat said; exit "$(cat status)" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path, root):
    (tmp_path / 'tools').mkdir()
    shutil.copy(root / 'tools/test_matrix.sh', tmp_path / 'tools')
    (tmp_path / 'tools/setup_env.sh').write_text(SET_UP)
    (tmp_path / 'interpreter').write_text(INTERPRETER)
    (tmp_path / 'interpreter').chmod(0o755)
    pytest_says(tmp_path, '====== 12 passed, 1 skipped in 3.45s ======', 0)
    return tmp_path


def pytest_says(checkout, line, status):
    (checkout / 'said').write_text(f'...\n{line}\n')
    (checkout / 'status').write_text(str(status))


def run_matrix(checkout, *args):
    """Run the script; give exit status, what it summed up and what was called."""
    done = subprocess.run(
        ['bash', 'tools/test_matrix.sh', *args],
        cwd=checkout,
        env=os.environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    summary = done.stdout.rpartition('\n\n')[2].splitlines()
    return done.returncode, summary, (checkout / 'calls').read_text().splitlines()


def test_runs_the_suite_in_each_environment(checkout):
    status, summary, calls = run_matrix(checkout)
    assert calls == [
        'set-up build/matrix/full full pinned',
        'build/matrix/full -m pytest -n 2 --dist worksteal',
        'set-up build/matrix/revived lite revived',
        'build/matrix/revived -m pytest -n 2 --dist worksteal',
    ]
    assert status == 0
    assert summary[0] == 'passed  full: 12 passed, 1 skipped in 3.45s'
    assert summary[1].split() == ['numpy==2.2.6', 'onedl-mmengine==0.10.12']
    assert len(summary) == 4


def test_names_restrict_and_the_rest_goes_to_pytest(checkout):
    _, summary, calls = run_matrix(checkout, 'revived', '-n', '0', '-k', 'a or b')
    assert len(summary) == 2
    assert calls[1:] == ['build/matrix/revived -m pytest -n 2 --dist worksteal -n 0 -k a or b']


def test_a_failure_is_told_and_the_others_run(checkout):
    pytest_says(checkout, '1 failed, 2 passed in 61.20s (0:01:01)', 1)
    status, summary, _ = run_matrix(checkout)
    assert status == 1
    assert summary[2] == 'FAILED  revived: 1 failed, 2 passed in 61.20s (0:01:01)'


def test_a_suite_that_crashes_is_a_failure(checkout):
    pytest_says(checkout, 'Fatal Python error: Segmentation fault', 139)
    status, summary, _ = run_matrix(checkout, 'full')
    assert status == 1
    assert summary[0] == 'FAILED  full: pytest came to no end, see build/matrix/full.log'


def test_an_environment_that_cannot_be_set_up_is_a_failure(checkout):
    (checkout / 'no_revived').touch()
    status, summary, calls = run_matrix(checkout, 'revived', 'full')
    assert status == 1
    assert summary[0] == 'FAILED  revived: no environment, its set-up failed'
    assert summary[1].startswith('passed  full: 12 passed')
    assert calls[1].startswith('set-up build/matrix/full')
