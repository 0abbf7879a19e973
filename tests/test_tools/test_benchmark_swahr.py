import importlib.util
import sys

import numpy as np
import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/swahr.py'
    spec = importlib.util.spec_from_file_location('swahr_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def a_case(benchmark, other_name='b', results=lambda: ([], [])):
    return benchmark.Case('a', other_name, None, None, results, 1e-6, min_ratio=10)


def test_quick_run_writes_the_tables(benchmark, tmp_path):
    page = tmp_path / 'swahr.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    assert len(rows) == 2 + (2 + 1 + 2 * 2 + 1) + 2 + 1
    assert '`python tools/benchmark/swahr.py --threads 1 --quick`' in text


@pytest.mark.parametrize(('ratio', 'status'), [(9.9, 1), (10.1, 0)])
def test_a_missed_figure_is_told(benchmark, ratio, status, tmp_path, monkeypatch, capsys):
    loops = [a_case(benchmark, 'plain loops') for _ in benchmark.Sizes.crowds]
    monkeypatch.setattr(benchmark, 'all_cases', lambda _: [lambda: loops])
    monkeypatch.setattr(benchmark.Case, 'timings', lambda *_: (ratio, 1.0, ratio))
    page = str(tmp_path / 'swahr.md')
    assert benchmark.main(['--threads', '1', '--out', page]) == status
    missed = 'Missed: ' + '; '.join(['a against plain loops'] * 4)
    assert (missed in capsys.readouterr().err) == bool(status)


def test_unequal_results_end_the_run(benchmark, tmp_path, monkeypatch):
    unequal = a_case(benchmark, results=lambda: ([np.zeros(2)], [np.ones(2)]))
    monkeypatch.setattr(benchmark, 'all_cases', lambda _: [lambda: [unequal]])
    page = tmp_path / 'swahr.md'
    with pytest.raises(SystemExit, match='"a" is not timed'):
        benchmark.main(['--threads', '1', '--out', str(page)])
    assert not page.exists()


def test_growth_is_held_against_the_number_of_people(benchmark):
    rows, missed = benchmark.growth_rows({5: 10.0, 10: 20.0, 20: 41.0})
    assert rows == ['| 5 to 10 | 2.00 | <= 2.00 | met |', '| 10 to 20 | 2.05 | <= 2.00 | missed |']
    assert missed == ['growth from 10 to 20 people']
