import pytest

from mmpose_ext.apis.stock_tools import stock_tool_path


def test_finds_the_tools_of_the_installed_mmpose():
    assert stock_tool_path('train').name == 'train.py'
    assert 'mmpose' in str(stock_tool_path('test'))


def test_names_what_is_missing():
    with pytest.raises(FileNotFoundError, match='no_such_tool'):
        stock_tool_path('no_such_tool')


def test_our_tools_take_the_stock_options(run_python):
    assert '--auto-scale-lr' in run_python('tools/train.py', '--help').stdout
    assert '--dump' in run_python('tools/test.py', '--help').stdout
