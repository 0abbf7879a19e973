from importlib import metadata
from pathlib import Path

import mmengine
import mmpose
import pytest
from mmengine.utils import package_utils

from mmpose_ext.compat.lookup import is_absent
from mmpose_ext.compat.missing_pkg_resources import get_installed_path, is_installed


@pytest.mark.parametrize('module', [mmengine, mmpose])
def test_installed_path(module):
    assert get_installed_path(module.__name__) == str(Path(module.__file__).parent)


@pytest.mark.skipif(is_absent('pkg_resources'), reason='there is no pkg_resources to compare with')
@pytest.mark.parametrize('package', ['mmengine', 'mmpose', 'mmdet', 'json-tricks'])
def test_same_as_mmengine(package):
    assert get_installed_path(package) == package_utils.get_installed_path(package)
    assert is_installed(package) == package_utils.is_installed(package)


def test_name_on_the_package_index_differs_from_the_module():
    assert Path(get_installed_path('json-tricks')).name == 'json_tricks'
    assert is_installed('json-tricks')


def test_not_installed():
    assert not is_installed('no-such-package')
    with pytest.raises(metadata.PackageNotFoundError, match='no-such-package'):
        get_installed_path('no-such-package')


def test_namespace_package(tmp_path, monkeypatch):
    (tmp_path / 'a_namespace').mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed('a_namespace')
    with pytest.raises(RuntimeError, match='a_namespace has no folder'):
        get_installed_path('a_namespace')
