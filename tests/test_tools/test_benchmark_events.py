import importlib.util
import sys

import numpy as np
import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/events.py'
    spec = importlib.util.spec_from_file_location('events_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_quick_run_writes_the_table(benchmark, tmp_path):
    page = tmp_path / 'events.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')][2:]
    assert sum('numpy.histogramdd' in row for row in rows) == 4
    assert sum('a loop over events' in row for row in rows) == 3
    assert '`python tools/benchmark/events.py --threads 1 --quick`' in text
    assert 'MiB' in text


def test_wrong_frames_end_the_run(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'events_to_frames', lambda *_, **__: np.zeros((4, 256, 256)))
    page = tmp_path / 'events.md'
    with pytest.raises(SystemExit, match='is not timed'):
        benchmark.main(['--quick', '--threads', '1', '--out', str(page)])
    assert not page.exists()
