import pytest
from mmengine.config import Config

from mmpose_ext.compat import leftover_delete


def test_is_needed_without_it_and_not_with_it(run_python):
    script = (
        "import runpy; print(runpy.run_path('mmpose_ext/compat/leftover_delete.py')['is_needed']())"
    )
    assert run_python('-c', script).stdout.split()[-1] == 'True'
    assert not leftover_delete.is_needed()


@pytest.mark.parametrize('old', [{}, {'part': None}, {'part': {'b': 2}}, {'part': [1]}])
def test_a_dict_replaces_whatever_was_there(old):
    config = Config({'model': {'other': 1, **old}})
    config.merge_from_dict({'model.part._delete_': True, 'model.part.a.c': 1})
    assert config.to_dict() == {'model': {'other': 1, 'part': {'a': {'c': 1}}}}


def test_marks_of_files_and_lists_work_as_before(tmp_path):
    (tmp_path / 'base.py').write_text('part = dict(a=1)\nsteps = [dict(a=1), dict(b=2)]\n')
    (tmp_path / 'new.py').write_text(
        "_base_ = ['base.py']\n"
        'part = dict(_delete_=True, b=dict(_delete_=True, c=2))\n'
        'fresh = dict(_delete_=True, d=3)\n'
    )
    config = Config.fromfile(tmp_path / 'new.py')
    assert config.part == {'b': {'c': 2}}
    assert config.fresh == {'d': 3}
    config.merge_from_dict({'steps.1.c': 3})
    assert config.steps == [{'a': 1}, {'b': 2, 'c': 3}]
