import importlib

import numpy as np
import pytest


@pytest.fixture
def measuring(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    return importlib.import_module('measuring')


def a_case(measuring, results=lambda: ([], []), tolerance=0.0, **limits):
    return measuring.Case('a', 'b', lambda: None, lambda: None, results, tolerance, **limits)


@pytest.mark.parametrize(
    ('limits', 'wanted', 'ours', 'ratio', 'is_met'),
    [
        ({}, '', 9, 0.1, True),
        ({'min_ratio': 0.97}, '>= 0.97', 1, 0.97, True),
        ({'min_ratio': 1 / 1.15}, '>= 0.87', 1, 0.86, False),
        ({'max_ms': 1.0}, '< 1 ms', 0.9, 0.1, True),
        ({'max_ms': 1.0}, '< 1 ms', 1.0, 5, False),
        ({'max_ms': 1.0, 'min_ratio': 10}, '>= 10, < 1 ms', 0.9, 5, False),
        ({'max_ms': 1.0, 'min_ratio': 10}, '>= 10, < 1 ms', 1.1, 12, False),
    ],
)
def test_limits(measuring, limits, wanted, ours, ratio, is_met):
    case = a_case(measuring, **limits)
    assert case.is_met(ours, ratio) is is_met
    assert case.wanted() == wanted


@pytest.mark.parametrize('other', [np.zeros(3), np.full(3, np.nan), np.zeros(2)])
def test_unequal_results_are_not_timed(measuring, other):
    results = [other], [np.array([0, 0, 0.1])]
    table = measuring.Table()
    with pytest.raises(SystemExit, match='"a" is not timed'):
        table.measure(a_case(measuring, lambda: results, 1e-3), 1, 0.0)
    assert not table.rows


@pytest.mark.parametrize(
    ('limits', 'end'),
    [
        ({}, '| 2.00 | - | - | 0 |'),
        ({'min_ratio': 2}, '| 2.00 | >= 2 | met | 0 |'),
        ({'min_ratio': 3}, '| 2.00 | >= 3 | missed | 0 |'),
    ],
)
def test_a_row(measuring, limits, end, monkeypatch, capsys):
    monkeypatch.setattr(measuring.Case, 'timings', lambda *_: (4.0, 2.0, 2.0))
    table = measuring.Table()
    table.measure(a_case(measuring, **limits), 1, 0.0)
    assert table.rows == [f'| a | b | 4.000 | 2.000 {end}'] == capsys.readouterr().out.splitlines()
    assert table.rows[0].count('|') == measuring.TABLE_HEAD.splitlines()[0].count('|')
    assert table.missed == (['a against b'] if 'missed' in end else [])
    assert table.ours == [2.0]
