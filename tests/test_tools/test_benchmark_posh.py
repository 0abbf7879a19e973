import importlib.util
import sys

import numpy as np
import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/posh.py'
    spec = importlib.util.spec_from_file_location('posh_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def a_case(benchmark, results=lambda: ([], [])):
    return benchmark.Case('a', 'b', None, None, results, 1e-6, min_ratio=10)


def test_quick_run_writes_the_table(benchmark, tmp_path):
    page = tmp_path / 'posh.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    names = [row.split(' | ')[0] for row in rows[2:]]
    assert sum('inference' in name for name in names) == 2
    assert sum('body model' in name for name in names) == 2
    assert sum('rotations' in name for name in names) == 4
    assert '`python tools/benchmark/posh.py --threads 1 --quick`' in text


@pytest.mark.parametrize(('ratio', 'status'), [(9.9, 1), (10.1, 0)])
def test_a_missed_figure_is_told(benchmark, ratio, status, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, 'all_cases', lambda _: [lambda: [a_case(benchmark)]])
    monkeypatch.setattr(benchmark.Case, 'timings', lambda *_: (ratio, 1.0, ratio))
    assert benchmark.main(['--threads', '1', '--out', str(tmp_path / 'posh.md')]) == status
    assert ('Missed: a against b' in capsys.readouterr().err) == bool(status)


def test_unequal_results_end_the_run(benchmark, tmp_path, monkeypatch):
    unequal = a_case(benchmark, results=lambda: ([np.zeros(2)], [np.ones(2)]))
    monkeypatch.setattr(benchmark, 'all_cases', lambda _: [lambda: [unequal]])
    page = tmp_path / 'posh.md'
    with pytest.raises(SystemExit, match='"a" is not timed'):
        benchmark.main(['--threads', '1', '--out', str(page)])
    assert not page.exists()
