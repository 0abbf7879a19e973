"""Shared fixtures. mmpose_ext comes first: it mends what MMPose's imports need."""

import subprocess
import sys
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

    A script is a fork of a process that has imported torch, unless it is to be ``fresh``.
    """

    def run(*args, env=None, check=True, cwd=ROOT, timeout=600, fresh=False):
        args = [str(arg) for arg in args]
        if fresh or args[0].startswith('-'):
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
