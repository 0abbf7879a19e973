import importlib
import sys
from importlib import metadata
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec
from pathlib import Path

import pytest

from mmpose_ext.compat import stand_ins
from mmpose_ext.compat.stand_ins import StandInFinder, is_absent


def load(name, source):
    """Load a stand-in under the name that it has when it is needed."""
    spec = StandInFinder(name, Path(stand_ins.__file__).with_name(source)).find_spec(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mmcv_ext():
    return load('mmcv._ext', 'mmcv_ext.py')


@pytest.fixture
def pkg_resources():
    return load('pkg_resources', 'pkg_resources.py')


def test_a_real_module_goes_first(tmp_path, monkeypatch):
    stand_in = tmp_path / 'stand_in.py'
    stand_in.write_text("WHO = 'stand-in'")
    (tmp_path / 'real').mkdir()
    (tmp_path / 'real/a_module_of_this_test.py').write_text("WHO = 'real'")
    name = 'a_module_of_this_test'
    assert is_absent(name)
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path, StandInFinder(name, stand_in)])

    assert importlib.import_module(name).WHO == 'stand-in'
    assert importlib.reload(sys.modules[name]).WHO == 'stand-in'  # as MMEngine does
    assert not is_absent(name)
    monkeypatch.delitem(sys.modules, name)

    monkeypatch.syspath_prepend(tmp_path / 'real')
    assert importlib.import_module(name).WHO == 'real'
    monkeypatch.delitem(sys.modules, name)


def test_mmcv_ops_are_the_compiled_ones_where_there_are_any():
    import mmcv.ops  # noqa: F401

    compiled = find_spec('mmcv._ext').loader
    if isinstance(compiled, SourceFileLoader):
        assert 'missing_mmcv_ops' in importlib.import_module('mmpose_ext.compat').applied()
    else:
        assert sys.modules['mmcv._ext'].__file__.endswith('.so')


def test_an_op_that_is_not_there_is_missed_when_called(mmcv_ext):
    op = mmcv_ext.deform_conv_forward
    assert op.__name__ == 'deform_conv_forward'
    with pytest.raises(NotImplementedError, match=r"'deform_conv_forward'.*make setup MMCV=full"):
        op(1, cur_im2col_step=2)


def test_no_such_thing_as_an_unknown_dunder(mmcv_ext):
    with pytest.raises(AttributeError, match='__wrapped__'):
        _ = mmcv_ext.__wrapped__


def test_mmcv_collects_its_environment():
    from mmcv.utils import collect_env

    assert collect_env()['MMCV Compiler']


def test_distribution_like_the_real_one(pkg_resources):
    package = pkg_resources.get_distribution('mmengine')
    assert package.version == metadata.version('mmengine')
    assert Path(package.location, 'mmengine/__init__.py').is_file()
    assert package.get_metadata('top_level.txt').split() == ['mmengine']
    assert not package.has_metadata('no_such_file.txt')
    with pytest.raises(KeyError, match=r'no_such_file\.txt'):
        package.get_metadata('no_such_file.txt')


def test_distribution_not_found(pkg_resources):
    with pytest.raises(pkg_resources.DistributionNotFound, match='no-such-package'):
        pkg_resources.get_distribution('no-such-package')


def test_pkg_resources_says_what_it_is(pkg_resources):
    with pytest.raises(AttributeError, match='setuptools<81'):
        _ = pkg_resources.iter_entry_points
