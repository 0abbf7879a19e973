import importlib.util
import sys

import pytest


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    spec = importlib.util.spec_from_file_location(
        'hemlets_benchmark', root / 'tools/benchmark/hemlets.py'
    )
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    small = {'in_channels': 8, 'deconv_out_channels': (8, 8, 8), 'feature_channels': 8}
    monkeypatch.setattr(module, 'HEAD', {**small, 'encoder_channels': 8, 'tail_channels': 8})
    monkeypatch.setattr(module, 'SOFT_ARGMAX_BATCH', 1)
    return module


def test_quick_run_writes_the_tables(benchmark, tmp_path, monkeypatch):
    peaks = dict(zip(benchmark.FORMS, (2 * 2**30, 4 * 2**30, 3 * 2**30), strict=True))
    monkeypatch.setattr(benchmark, 'peak_memory', lambda form, *_: peaks[form])
    page = tmp_path / 'hemlets.md'
    assert benchmark.main(['--quick', '--threads', '1', '--out', str(page)]) == 0
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith('| ')]
    assert len(rows) == 2 + 5 + 2 + 3
    assert '`python tools/benchmark/hemlets.py --threads 1 --quick`' in text
    assert '| mmpose_ext | 3072 | 5.33 | 1.50 |' in text


def test_a_missed_figure_is_told(benchmark, tmp_path, monkeypatch, capsys):
    slow = benchmark.Case('a', 'b', None, None, lambda: ([], []), 0, min_ratio=10)
    monkeypatch.setattr(benchmark, 'encode_case', lambda: slow)
    monkeypatch.setattr(benchmark, 'soft_argmax_case', lambda _: slow)
    monkeypatch.setattr(benchmark, 'head_cases', lambda _: [])
    monkeypatch.setattr(benchmark.Case, 'timings', lambda *_: (9.9, 1.0, 9.9))
    monkeypatch.setattr(benchmark, 'peak_memory', lambda form, *_: 1 + 4 * (form == 'mmpose_ext'))
    assert benchmark.main(['--threads', '1', '--out', str(tmp_path / 'hemlets.md')]) == 1
    assert 'Missed: a against b; a against b; peak memory.' in capsys.readouterr().err
    monkeypatch.setattr(benchmark.Case, 'timings', lambda *_: (10.1, 1.0, 10.1))
    monkeypatch.setattr(benchmark, 'peak_memory', lambda *_: 1)
    assert benchmark.main(['--threads', '1', '--out', str(tmp_path / 'hemlets.md')]) == 0


def test_peak_memory_counts_the_volume(benchmark):
    """16 volumes of 18 MiB and their gradients."""
    volume = 16 * 18 * 64**3 * 4
    assert benchmark.peak_memory(benchmark.FORMS[0], 16, 'cpu') == pytest.approx(
        2 * volume, rel=0.05
    )
