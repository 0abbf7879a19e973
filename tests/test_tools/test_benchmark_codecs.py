import importlib.util
import sys

import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
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
    benchmark.main(['--quick', '--threads', '1', '--out', str(page)])
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    assert len(rows) == 2 + 9
    assert '`python tools/benchmark/codecs.py --threads 1 --quick`' in text
    assert all(len(row.split('|')) == 8 for row in rows)


def test_unequal_results_are_not_timed(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'BATCH', 4)
    monkeypatch.setitem(benchmark.AS_MMPOSE, 'score_reduction', 'max')
    with pytest.raises(SystemExit, match='"decode, raw scores" is not timed'):
        benchmark.main(['--quick', '--out', str(tmp_path / 'codecs.md')])
    assert not (tmp_path / 'codecs.md').exists()
