import inspect
import sys

import broken_environments as broken
import pytest
from mmengine.device import get_device
from mmengine.utils import package_utils

from mmpose_ext import compat

WANTS_PKG_RESOURCES = 'pkg_resources' in inspect.getsource(package_utils)

# What the CUDA build of torchvision does beside a CPU torch.
CUDA_TORCHVISION = """
import torch

__version__ = 'a fake'
for name in ('nms', 'qnms'):
    torch.library.register_fake(f'torchvision::{name}')(lambda *args: args[0])
"""

BEFORE = """
import sys
from importlib import import_module

from mmengine.config import Config


def attempt(what, function, *args):
    try:
        function(*args)
    except Exception as error:
        print(f'{what}: {error}')


attempt('pkg_resources', Config.fromfile, sys.argv[1])
attempt('mmcv ops', import_module, 'mmdet.models')
attempt('torchvision', import_module, 'mmpose.visualization')
"""

AFTER = """
import sys

import mmpose_ext.compat  # isort: split

import mmdet.models
import mmpose.apis
import mmpose.models
import torchvision
from mmengine.config import Config

print('pkg_resources:', Config.fromfile(sys.argv[1]).default_scope)
print('mmcv ops:', sys.modules['mmcv._ext'].__file__)
print('torchvision:', torchvision.__version__)
print('shims:', *mmpose_ext.compat.applied())
"""


def test_install_twice_changes_nothing():
    finders, applied = list(sys.meta_path), compat.applied()
    assert compat.install() == applied
    assert sys.meta_path == finders


def test_no_shim_is_needed_after_install():
    # The import of mmpose_ext has applied those that were.
    assert [shim.is_needed() for shim in compat._SHIMS] == [False] * len(compat._SHIMS)
    assert set(compat.applied()) <= {shim.__name__.split('.')[-1] for shim in compat._SHIMS}


def test_off_by_environment_variable(monkeypatch):
    monkeypatch.setenv('MMPOSE_EXT_NO_COMPAT', '1')
    monkeypatch.setattr(compat, '_applied', [])
    monkeypatch.setattr(compat, '_SHIMS', (None,))  # would raise if it were asked
    assert compat.install() == ()


@pytest.fixture(scope='module')
def reports(tmp_path_factory, run_python):
    """What three broken things say, without mmpose_ext, with it, and with its shims off."""
    folder = tmp_path_factory.mktemp('broken')
    broken.hide_modules(folder, 'pkg_resources', 'mmcv._ext')
    broken.fake_module(folder, 'torchvision.transforms', 'class ToPILImage: ...')
    (folder / 'torchvision/__init__.py').write_text(CUDA_TORCHVISION)
    config = folder / 'config.py'
    config.write_text("_base_ = 'mmpose::_base_/default_runtime.py'\n")

    def run(script, **variables):
        env = broken.environment(folder, **variables)
        output = run_python('-c', script, config, env=env, check=False).stdout
        lines = [line.split(': ', 1) for line in output.splitlines() if ': ' in line]
        return dict(lines) | {'output': output}

    return {
        'before': run(BEFORE),
        'after': run(AFTER),
        'off': run(AFTER, MMPOSE_EXT_NO_COMPAT='1'),
    }


@pytest.mark.parametrize(
    ('breakage', 'before', 'after'),
    [
        ('pkg_resources', "No module named 'pkg_resources'", 'mmpose'),
        ('mmcv ops', "No module named 'mmcv._ext'", 'extension.py'),
        ('torchvision', 'operator torchvision::nms does not exist', 'a fake'),
    ],
)
def test_mends(reports, breakage, before, after):
    if breakage == 'pkg_resources' and not WANTS_PKG_RESOURCES:
        pytest.skip('this MMEngine does without pkg_resources: there is nothing to mend')
    assert reports['before'][breakage] == before
    assert breakage in reports['after'], reports['after']['output']
    assert reports['after'][breakage].endswith(after)


def test_tells_what_it_mended(reports):
    without_gpu = ['cpu_amp', 'cpu_distributed'] if get_device() == 'cpu' else []
    assert reports['after']['shims'].split() == [
        *(['missing_pkg_resources'] if WANTS_PKG_RESOURCES else []),
        'missing_mmcv_ops',
        *('broken_torchvision', 'weights_only_load', 'bfloat16_to_numpy'),
        *without_gpu,
        'leftover_delete',
    ]


def test_mends_nothing_when_off(reports):
    assert 'shims' not in reports['off']
    assert 'mmpose_ext cannot be imported' in reports['off']['output']
    assert 'python -m mmpose_ext.doctor' in reports['off']['output']
