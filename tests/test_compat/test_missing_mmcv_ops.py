import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec

import pytest

from mmpose_ext import compat
from mmpose_ext.compat import missing_mmcv_ops
from mmpose_ext.compat.missing_mmcv_ops import ExtensionFinder


@pytest.fixture
def extension():
    """The stand-in, also where real ops are installed."""
    spec = ExtensionFinder.find_spec('mmcv._ext')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_finds_nothing_else():
    assert ExtensionFinder.find_spec('mmcv._flow_warp_ext') is None
    assert ExtensionFinder.find_spec('mmcv') is None


def test_stands_in_only_where_there_are_no_compiled_ops():
    import_module('mmcv.ops')
    compiled = sys.modules['mmcv._ext'].__file__.endswith('.so')
    assert compiled != ('missing_mmcv_ops' in compat.applied())
    assert find_spec('mmcv._ext') is not None  # MMEngine asks for it


def test_real_ops_go_first(tmp_path, monkeypatch):
    """A package with an extension module of its own, another without."""
    for name in ('with_ops', 'without_ops'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').touch()
    (tmp_path / 'with_ops/_ext.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path, ExtensionFinder])
    for name, origin in {
        'with_ops._ext': str(tmp_path / 'with_ops/_ext.py'),
        'without_ops._ext': str(missing_mmcv_ops._SOURCE),
    }.items():
        monkeypatch.setattr(missing_mmcv_ops, '_NAME', name)
        assert find_spec(name).origin == origin


def test_another_op_is_missed_when_called(extension):
    op = extension.deform_conv_forward
    assert op.__name__ == 'deform_conv_forward'
    with pytest.raises(NotImplementedError, match=r"'deform_conv_forward'.*make setup MMCV=full"):
        op(1, cur_im2col_step=2)


def test_mmcv_finds_all_ops_that_it_asks_for_on_import(extension):
    for name in ('nms', 'softnms', 'roi_align_forward', 'roi_align_backward', 'nms_rotated'):
        assert callable(getattr(extension, name))
    assert not hasattr(extension, '__wrapped__')


def test_mmcv_collects_its_environment(extension):
    assert extension.get_compiler_version() == 'n/a (no compiled ops)'
    assert extension.get_compiling_cuda_version() == 'n/a (no compiled ops)'
    assert import_module('mmcv.utils').collect_env()['MMCV Compiler']
