"""The set-up script, with interpreters that only write down what they are asked to do."""

import os
import shutil
import subprocess

import pytest

FAKE_PYTHON = """#!/bin/sh
echo "$*" >>{state}/calls
case "$*" in
    *version_info*) echo {version} ;;
    *"import cv2") [ ! -e {state}/no_libgl ] || {{
        echo 'ImportError: libGL.so.1: cannot open shared object file' >&2
        exit 1
    }} ;;
    *'version("opencv-python")'*) echo 4.11.0.86 ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && touch "$3/pyvenv.cfg" ;;
    *"pip show"*) exit 1 ;;
    *onedl-mmdetection*) mkdir -p "${{0%/bin/*}}/lib/python3.11/site-packages/onedl_mmengine-0" ;;
    *opencv-python-headless==*) rm -f {state}/no_libgl ;;
esac
"""


@pytest.fixture
def checkout(tmp_path, root):
    """What the script reads, in a folder of its own."""
    (tmp_path / 'tools').mkdir()
    requirements = [path.name for path in root.glob('requirements*.txt')]
    for name in ('tools/setup_env.sh', 'setup.py', *requirements):
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


def fake_python(checkout, version):
    path = checkout / f'python{version}'
    path.write_text(FAKE_PYTHON.format(state=checkout, version=version))
    path.chmod(0o755)
    return path


def set_up(checkout, python, **variables):
    """Run the script; give exit status, output and the calls of interpreters."""
    (checkout / 'calls').write_text('')
    done = subprocess.run(
        ['bash', 'tools/setup_env.sh'],
        cwd=checkout,
        env={**os.environ, 'PYTHON': str(python), 'MMCV': '', 'STACK': '', **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    calls = (checkout / 'calls').read_text().splitlines()
    return done.returncode, done.stdout, [call for call in calls if not call.startswith('-c')]


def test_venv_is_reused_and_rebuilt_for_another_version(checkout):
    python310, python311 = fake_python(checkout, '3.10'), fake_python(checkout, '3.11')
    status, output, calls = set_up(checkout, python311)
    assert status == 0, output
    assert '-m venv .venv' in calls
    assert any('torch==' in call for call in calls)
    assert set_up(checkout, python311) == (0, '', [])
    status, output, calls = set_up(checkout, python310)
    assert status == 0, output
    assert '-m venv .venv' in calls
    assert set_up(checkout, python310) == (0, '', [])
    # No interpreter named: that of .venv does.
    assert set_up(checkout, '') == (0, '', [])


@pytest.mark.parametrize('version', ['3.9', '3.12', '3.14'])
def test_unsupported_python_is_refused_by_name(checkout, version):
    set_up(checkout, fake_python(checkout, '3.11'))
    python = fake_python(checkout, version)
    status, output, calls = set_up(checkout, python)
    assert (status, calls) == (1, [])
    assert f'PYTHON={python} is Python {version}; 3.10 and 3.11 are supported' in output
    assert (checkout / '.venv/bin/python').exists()


def test_python_that_is_not_there_is_named(checkout):
    status, output, calls = set_up(checkout, 'no-such-python')
    assert (status, calls) == (1, [])
    assert 'PYTHON=no-such-python does not run' in output


def test_headless_opencv_where_the_desktop_build_does_not_load(checkout):
    (checkout / 'no_libgl').touch()
    status, output, calls = set_up(checkout, fake_python(checkout, '3.11'))
    assert status == 0, output
    assert 'opencv-python does not load here (ImportError: libGL.so.1' in output
    assert 'taking opencv-python-headless==4.11.0.86 instead' in output
    removed, installed = calls[-2:]
    assert 'pip uninstall' in removed
    assert removed.endswith('opencv-python opencv-python-headless')
    assert installed.endswith('--no-deps opencv-python-headless==4.11.0.86')


def test_the_stack_is_kept_until_another_is_named(checkout):
    python = fake_python(checkout, '3.11')
    status, output, calls = set_up(checkout, python, STACK='revived')
    assert status == 0, output
    assert any('-r requirements-revived.txt' in call for call in calls)
    [with_deps_of_their_own] = [call for call in calls if 'onedl-mmdetection==' in call]
    assert '--no-deps' in with_deps_of_their_own
    assert any('--no-binary=xtcocotools' in call for call in calls)
    assert set_up(checkout, python) == (0, '', [])
    status, output, calls = set_up(checkout, python, STACK='pinned')
    assert status == 0, output
    assert '-m venv .venv' in calls
    assert any('-r requirements.txt' in call for call in calls)


@pytest.mark.parametrize(
    ('variables', 'message'),
    [
        (dict(STACK='newest'), "STACK must be pinned or revived, got 'newest'"),
        (dict(STACK='revived', MMCV='full'), 'STACK=revived has mmcv-lite only'),
    ],
)
def test_refuses_a_stack(checkout, variables, message):
    status, output, calls = set_up(checkout, fake_python(checkout, '3.11'), **variables)
    assert (status, calls) == (1, [])
    assert message in output


def test_another_folder_than_venv(checkout):
    python = fake_python(checkout, '3.11')
    status, output, calls = set_up(checkout, python, MMPOSE_EXT_VENV='build/matrix/full')
    assert status == 0, output
    assert '-m venv build/matrix/full' in calls
    assert not (checkout / '.venv').exists()


def test_a_folder_that_is_no_environment_is_kept(checkout):
    (folder := checkout / 'mine').mkdir()
    (folder / 'thesis.tex').touch()
    status, output, _ = set_up(checkout, fake_python(checkout, '3.11'), MMPOSE_EXT_VENV='mine')
    assert status == 1
    assert 'mine is no virtual environment: remove it' in output
    assert (folder / 'thesis.tex').exists()
