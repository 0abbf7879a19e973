import importlib.util
import sys

import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / 'tools/benchmark'))  # for measuring.py
    # By its path: its name is close to the standard library's codecs.
    path = root / 'tools/benchmark/codecs.py'
    spec = importlib.util.spec_from_file_location('codecs_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_quick_run_writes_the_table(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'BATCH', 4)
    page = tmp_path / 'codecs.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    assert len(rows) == 2 + 9
    assert '`python tools/benchmark/codecs.py --threads 1 --quick`' in text
    assert all(len(row.split('|')) == 9 for row in rows)


def test_unequal_results_are_not_timed(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'BATCH', 4)
    monkeypatch.setitem(benchmark.AS_MMPOSE, 'score_reduction', 'max')
    with pytest.raises(SystemExit, match='"decode, raw scores" is not timed'):
        benchmark.main(['--quick', '--out', str(tmp_path / 'codecs.md')])
    assert not (tmp_path / 'codecs.md').exists()


@pytest.mark.parametrize(('ratio', 'status', 'verdict'), [(2.994, 1, 'missed'), (2.996, 0, 'met')])
def test_a_missed_ratio_is_told(benchmark, tmp_path, monkeypatch, capsys, ratio, status, verdict):
    case = benchmark.Case('a', None, None, lambda: ([], []), wanted=3)
    unasked = benchmark.Case('b', None, None, lambda: ([], []), wanted=0)
    monkeypatch.setattr(benchmark, 'encode_cases', lambda: [case, unasked])
    monkeypatch.setattr(benchmark, 'loss_cases', lambda _: [])
    monkeypatch.setattr(benchmark, 'decode_cases', lambda _: [])
    monkeypatch.setattr(benchmark, 'largest_difference', lambda *_: 0.0)
    monkeypatch.setattr(benchmark, 'timings', lambda *_: (ratio, 1.0, ratio))
    page = tmp_path / 'codecs.md'
    assert benchmark.main(['--threads', '1', '--out', str(page)]) == status
    text = page.read_text()
    assert f'| {ratio:.2f} | 3 | {verdict} | 0 |' in text
    assert f'| {ratio:.2f} | - | - | 0 |' in text
    assert ('Missed: a.' in capsys.readouterr().err) == bool(status)
