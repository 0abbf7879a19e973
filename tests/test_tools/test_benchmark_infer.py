import importlib.util
import sys

import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/infer.py'
    spec = importlib.util.spec_from_file_location('infer_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_quick_run_writes_the_table(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'PICTURES', 3)
    page = tmp_path / 'infer.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line.split(' | ') for line in text.splitlines() if line.startswith('| simdr_')]
    assert [row[1] for row in rows] == ['1', '4']
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in rows)
    assert '`python tools/benchmark/infer.py --threads 1 --quick`' in text
