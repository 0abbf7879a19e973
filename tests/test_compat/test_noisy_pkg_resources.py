"""Commands begin with what they have to say."""

import pytest

SHOW_ALL = "import warnings; warnings.simplefilter('default')"
LOOK_UP = (
    'from mmengine.utils import get_installed_path, is_installed; '
    "get_installed_path('mmpose'); is_installed('mmpose')"  # the second loads it anew
)


def test_the_warning_is_gone_and_others_are_not(run_python):
    pytest.importorskip('pkg_resources')
    before = run_python('-c', f'{SHOW_ALL}; {LOOK_UP}').stdout
    assert 'pkg_resources is deprecated' in before
    script = f"{SHOW_ALL}; import mmpose_ext; {LOOK_UP}; warnings.warn('pkg_resources is mine')"
    output = run_python('-c', script).stdout
    assert 'pkg_resources is deprecated' not in output
    assert 'pkg_resources is mine' in output
