import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark/event_stream.py'
    spec = importlib.util.spec_from_file_location('event_stream_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_quick_run_writes_the_table(benchmark, tmp_path):
    page = tmp_path / 'stream.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| small')]
    assert len(rows) == 10
    for part in ('a window', 'events to frames', 'optical flow', 'backbone', 'body'):
        assert any(part in row for row in rows)
    assert 'largest difference of the two' in text
    assert '`python tools/benchmark/event_stream.py --threads 1 --quick`' in text


@pytest.mark.parametrize(('window', 'status'), [(133.0, 0), (134.0, 1)])
def test_a_slow_stream_is_told(benchmark, window, status, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, 'PAPER', benchmark.SMALL)
    monkeypatch.setattr(benchmark, 'Bench', lambda setting: SimpleNamespace(setting=setting))
    one = benchmark.beside_its_duration(benchmark.SMALL, window, 0.0)
    monkeypatch.setattr(benchmark, 'measure', lambda *_: ([], one))
    assert benchmark.main(['--threads', '1', '--out', str(tmp_path / 'stream.md')]) == status
    assert ('Missed: a window of small' in capsys.readouterr().err) == bool(status)


def test_frames_are_those_of_the_stream(benchmark):
    bench = benchmark.Bench(benchmark.SMALL)
    # The noise of the benchmark's part is that of its first window.
    np.testing.assert_array_equal(bench.frames(), bench.poses[0].frames)


def test_unequal_poses_end_the_run(benchmark, tmp_path, monkeypatch):
    clip = benchmark.Bench.whole_clip
    monkeypatch.setattr(
        benchmark.Bench, 'whole_clip', lambda self: [array + 1e-2 for array in clip(self)]
    )
    with pytest.raises(SystemExit, match='is not timed'):
        benchmark.main(['--quick', '--threads', '1', '--out', str(tmp_path / 'a.md')])
    assert not (tmp_path / 'a.md').exists()
