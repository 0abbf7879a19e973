import importlib.util
import sys

import numpy as np
import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/hsjp.py'
    spec = importlib.util.spec_from_file_location('hsjp_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def a_case(benchmark, results=lambda: ([], []), **wanted):
    return benchmark.Case('a', 'b', None, None, results, 1e-6, **wanted)


def test_quick_run_writes_the_table(benchmark, tmp_path):
    page = tmp_path / 'hsjp.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    assert len(rows) == 2 + 5 + 2
    assert '`python tools/benchmark/hsjp.py --threads 1 --quick`' in text


@pytest.mark.parametrize(
    ('wanted', 'ours', 'ratio', 'status'),
    [
        (dict(max_ms=0.3), 0.299, 1, 0),
        (dict(max_ms=0.3), 0.3, 9, 1),
        (dict(min_ratio=0.97), 9, 0.97, 0),
        (dict(min_ratio=0.97), 0.1, 0.969, 1),
        ({}, 9, 0.1, 0),
    ],
)
def test_a_missed_figure_is_told(
    benchmark, wanted, ours, ratio, status, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(benchmark, 'all_cases', lambda *_: [a_case(benchmark, **wanted)])
    monkeypatch.setattr(benchmark.Case, 'timings', lambda *_: (1.0, ours, ratio))
    page = str(tmp_path / 'hsjp.md')
    assert benchmark.main(['--threads', '1', '--out', page]) == status
    assert ('Missed: a against b.' in capsys.readouterr().err) == bool(status)


def test_unequal_results_end_the_run(benchmark, tmp_path, monkeypatch):
    unequal = a_case(benchmark, results=lambda: ([np.zeros(2)], [np.ones(2)]))
    monkeypatch.setattr(benchmark, 'all_cases', lambda *_: [unequal])
    page = tmp_path / 'hsjp.md'
    with pytest.raises(SystemExit, match='"a" is not timed'):
        benchmark.main(['--threads', '1', '--out', str(page)])
    assert not page.exists()


def test_both_trainings_learn(benchmark, tmp_path):
    """Steps that change nothing would be fast."""
    people = benchmark.write_people(tmp_path, 4)
    (name,) = list(benchmark.PAIRS)[:1]
    for config in benchmark.PAIRS[name][:2]:
        benchmark.init_default_scope('mmpose')
        training = benchmark.Training(config, people, 2)
        before = [weight.clone() for weight in training.model.parameters()]
        training.step()
        assert all(
            (old != new).any() for old, new in zip(before, training.model.parameters(), strict=True)
        )
