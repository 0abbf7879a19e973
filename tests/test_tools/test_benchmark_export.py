"""The pages about exported models; what they measure is stood in for, as it takes minutes."""

import importlib.util
import sys

import pytest

pytest.importorskip('onnxruntime')


def load(name, root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    path = root / 'tools/benchmark' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(f'{name}_benchmark', path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def parity(root, monkeypatch):
    return load('export_parity', root, monkeypatch)


@pytest.fixture
def speed(root, monkeypatch):
    return load('export', root, monkeypatch)


def test_networks_are_configs_without_their_training(parity):
    names = list(parity.networks('hemlets/mannequin/'))
    assert [len(group) for group in names] == [2, 1]
    assert 'weak' in names[0][1]
    assert list(parity.networks('multiscale')) == []
    assert list(parity.networks('hsjp/mannequin/hsjp_')) == []


def test_a_sweep_goes_on_where_it_was(parity, tmp_path, monkeypatch):
    measured = []

    def measure(names):
        measured.append(names[0])
        return f'| `{names[0]}` and 1 more | {len(measured)} |', 1e-6

    monkeypatch.setattr(parity, 'measure', measure)
    monkeypatch.setattr(parity, 'networks', lambda part: [['b.py', 'c.py'], ['a.py']])
    page = tmp_path / 'page.md'
    for _ in range(2):
        assert parity.main(['--threads', '1', '--out', str(page)]) == 0
        assert measured == ['b.py', 'a.py']
    rows = [line for line in page.read_text().splitlines() if line.startswith('| `')]
    assert rows == ['| `a.py` and 1 more | 2 |', '| `b.py` and 1 more | 1 |']


def test_a_difference_is_told(parity, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(parity, 'measure', lambda names: ('| `a.py` | 1 |', float('nan')))
    monkeypatch.setattr(parity, 'networks', lambda part: [['a.py']])
    assert parity.main(['--threads', '1', '--out', str(tmp_path / 'page.md')]) == 1
    assert 'Missed: a.py' in capsys.readouterr().err


def test_rows_of_other_networks_stay(speed, tmp_path, monkeypatch):
    def measure(name, batches, options):
        for batch in batches:
            row = f'| `{name}` | {batch} | {options.turns} |'
            compared = speed.Comparison(f'{name} {batch}', 'a', 2.0, 1.0, options.turns)
            yield f'`{name}` {batch}', row, [compared]

    monkeypatch.setattr(speed, 'measure', measure)
    page = tmp_path / 'page.md'
    for turns, only in ((1, 'hemlets'), (2, 'swahr'), (3, 'swahr/coco')):
        options = ['--threads', '1', '--turns', str(turns), '--only', only, '--out', str(page)]
        assert speed.main(options) == 0
    rows = [line for line in page.read_text().splitlines() if line.startswith('| `')]
    assert [row.split('|')[3].strip() for row in rows] == ['1', '1', '1', '1', '3', '2', '2']
    record = speed.read_record(page).comparisons
    assert [one.ratio for one in record] == [1, 1, 1, 1, 2, 2, 3]


def test_all_networks_are_configs(speed, root):
    assert all((root / 'configs' / name).is_file() for name in speed.NETWORKS)
