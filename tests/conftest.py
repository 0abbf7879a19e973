"""Shared fixtures. mmpose_ext comes first: it mends what MMPose's imports need."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import quick_mmengine
import torch
from forked_python import run_script
from mmengine.registry import init_default_scope

import mmpose_ext  # noqa: F401
from mmpose_ext.models.body_models.model_file import body_arrays

ROOT = Path(__file__).resolve().parents[1]
quick_mmengine.install()

# More than half a minute each, most of it one fixture that is made once for the file.
LONGEST = (
    *('real/test_swahr_coco.py', 'real/test_hsjp_photographs.py', 'real/test_simdr_coco.py'),
    *('test_methods_end_to_end.py', 'test_apis/test_export.py', 'real/test_posh_h36m.py'),
    *('real/test_hemlets_h36m.py', 'real/test_event_video.py'),
    *('test_engine/test_hooks/test_hsjp_pretrain_hook.py', 'test_tools/test_kill_and_resume.py'),
    *('test_tools/test_make_smpl_npz.py', 'test_distributed.py', 'test_tools/test_claims.py'),
)


def pytest_collection_modifyitems(items):
    """Let each worker of xdist begin with its share of the longest files.

    ``--dist worksteal`` deals each as many tests, in this order, and moves the last ones of a
    queue later: short ones, so that hardly a worker ends alone or makes a fixture again.
    """
    workers = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', 1))
    if workers == 1:
        return
    longest, others = {name: [] for name in LONGEST}, []
    for item in items:
        longest.get(item.path.relative_to(ROOT / 'tests').as_posix(), others).append(item)
    files, ordered = list(longest.values()), []
    for worker in range(workers):
        ordered += chain.from_iterable(files[worker::workers])
        room = max(0, len(items) * (worker + 1) // workers - len(ordered))
        ordered += others[:room]
        del others[:room]
    items[:] = ordered + others


def pytest_sessionfinish():
    """Let coverage write what it saw, if it looks on: xdist kills workers that end slowly."""
    coverage = sys.modules.get('coverage')
    if coverage is not None and coverage.Coverage.current() is not None:
        coverage.Coverage.current().save()


@pytest.fixture(autouse=True)
def _same_start():
    """The same seed and MMPose's registries for each test, whichever ran before it."""
    torch.manual_seed(0)
    init_default_scope('mmpose')


@pytest.fixture(scope='session')
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def run_python():
    """Run ``python ARGS`` at the root of the repository; fail with its output.

    A script or ``-c CODE`` is a fork of a process that has imported torch, unless it is to be
    ``fresh``; other options of Python always start it afresh.
    """

    def run(*args, env=None, check=True, cwd=ROOT, timeout=600, fresh=False):
        args = [str(arg) for arg in args]
        if fresh or (args[0].startswith('-') and args[0] != '-c'):
            done = subprocess.run(
                [sys.executable, *args],
                cwd=cwd,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        else:
            done = run_script(args, cwd, timeout, env)
        if check and done.returncode:
            pytest.fail(f'{args} exited with {done.returncode}:\n{done.stdout[-6000:]}')
        return done

    return run


@pytest.fixture(scope='session')
def mannequins(tmp_path_factory, run_python) -> Path:
    """A small dataset of single mannequins, 24 to train on and 8 to validate."""
    folder = tmp_path_factory.mktemp('mannequins') / 'single'
    run_python(
        'tools/dataset_converters/make_mannequin.py',
        *('single', '--out', folder, '--num-train', 24, '--num-val', 8),
        *('--size', 128, '--seed', 0, '--workers', 1),
    )
    return folder


@pytest.fixture(scope='session')
def crowds(tmp_path_factory, run_python) -> Path:
    """A small dataset of groups of mannequins, 24 images to train on and 8 to validate."""
    folder = tmp_path_factory.mktemp('mannequins') / 'crowd'
    run_python(
        'tools/dataset_converters/make_mannequin.py',
        *('crowd', '--people', 1, 5, '--out', folder, '--num-train', 24, '--num-val', 8),
        *('--size', 128, '--seed', 0, '--workers', 1),
    )
    return folder


@pytest.fixture(scope='session')
def displaced_body(tmp_path_factory) -> Path:
    """A body model file whose pelvis is not the origin, as that of SMPL's own is not."""
    path = tmp_path_factory.mktemp('bodies') / 'displaced.npz'
    arrays = dict(body_arrays('mannequin-coarse'))
    arrays['v_template'] = arrays['v_template'] + np.float32((0.02, -0.22, 0.03))
    np.savez(path, **arrays)
    return path
