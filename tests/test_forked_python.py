"""A script sees the modules that it would see of its user."""

import sys

import pytest
from forked_python import run_script


@pytest.mark.parametrize('folder', ['.', 'tests', 'tools/benchmark', 'tools/dataset_converters'])
def test_scripts_do_not_see_what_tests_have_added(root, tmp_path, monkeypatch, folder):
    monkeypatch.syspath_prepend(str(root / folder))
    code = 'import sys, mmpose_ext; print(sys.path)'
    ran = run_script(['-c', code], tmp_path, 120)
    assert ran.returncode == 0, ran.stdout
    assert str(root / folder) in sys.path
    assert repr(str(root / folder)) not in ran.stdout
