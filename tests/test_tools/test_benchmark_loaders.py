import importlib
from itertools import count
from types import SimpleNamespace

import pytest


@pytest.fixture
def tools(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    return importlib.import_module


@pytest.fixture
def benchmark(tools):
    return tools('loaders')


def test_quick_run_writes_page_and_record(benchmark, tools, tmp_path):
    page = tmp_path / 'loaders.md'
    arguments = ['--quick', '--only', 'SimDR', '--threads', '1', '--out', str(page)]
    assert benchmark.main(arguments) == 0
    command = "`python tools/benchmark/loaders.py --threads 1 --quick --only 'SimDR'`"
    assert command in page.read_text()
    record = tools('records').read_record(page)
    assert [one.wanted for one in record.comparisons] == ['>= 1']
    samples, loaders = (section.text.splitlines()[2:] for section in record.sections)
    assert [row.split(',')[0] for row in samples] == ['| SimDR', '| SimCC (MMPose)']
    needed, *rates = loaders[0].split(' | ')[1:4]
    assert all(float(rate) > 0 for rate in (needed, *rates))


def test_all_parts_of_a_sample_are_counted(benchmark, monkeypatch):
    seconds = count()  # each look at the clock is a second later
    monkeypatch.setattr(benchmark, 'clock', lambda: next(seconds))
    names = ('LoadImage', 'RandomFlip', 'TopdownAffine', 'PackPoseInputs')
    transforms = [type(name, (), {'__call__': lambda self, one: [*one, 1]})() for name in names]
    dataset = type('Dataset', (), {'__len__': lambda self: 3})()
    dataset.full_init = lambda: None
    dataset.get_data_info = lambda index: [index]
    dataset.pipeline = SimpleNamespace(transforms=transforms)
    parts = {part: time for part, time in benchmark.sample_parts(dataset, 2).items() if time}
    assert parts == dict(annotation=1000, reading=1000, affine=2000, packing=1000)


def test_no_transform_is_left_out(benchmark):
    with pytest.raises(ValueError, match='SimpleNamespace is in no stage'):
        benchmark.stage_of(SimpleNamespace())


@pytest.mark.parametrize(('is_met', 'status'), [(True, 0), (False, 1)])
def test_waiting_is_told(benchmark, is_met, status, tmp_path, monkeypatch, capsys):
    def measure(method, is_published, data, options, measured):
        one = benchmark.Comparison(method.name, 'its step', 1.0, 1.0, 1.0, '>= 1', is_met)
        measured.comparisons.append(one)

    monkeypatch.setattr(benchmark, 'measure', measure)
    arguments = ['--threads', '1', '--only', 'SWAHR', '--out', str(tmp_path / 'page.md')]
    assert benchmark.main(arguments) == status
    assert ('Missed: SWAHR' in capsys.readouterr().err) == bool(status)
