"""Commands begin with what they have to say."""

import pytest

LOOK_UP = (
    'from mmengine.utils import get_installed_path, is_installed; '
    "get_installed_path('mmpose'); is_installed('mmpose')"  # the second loads it anew
)


def test_the_warning_is_gone_and_others_are_not(run_python):
    pytest.importorskip('pkg_resources')
    assert 'pkg_resources is deprecated' in run_python('-W', 'default', '-c', LOOK_UP).stdout
    script = f"import mmpose_ext, warnings; {LOOK_UP}; warnings.warn('pkg_resources is mine')"
    output = run_python('-W', 'default', '-c', script).stdout
    assert 'pkg_resources is deprecated' not in output
    assert 'pkg_resources is mine' in output
