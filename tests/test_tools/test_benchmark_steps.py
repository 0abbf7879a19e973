import importlib
from itertools import count

import pytest
from mmengine.registry import init_default_scope


@pytest.fixture
def tools(root, monkeypatch):
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    return importlib.import_module


@pytest.fixture
def benchmark(tools):
    return tools('steps')


@pytest.fixture
def training_steps(tools):
    return tools('training_steps')


def test_quick_run_writes_page_and_record(benchmark, tools, tmp_path):
    page = tmp_path / 'training_steps.md'
    arguments = ['--quick', '--only', 'SimDR', '--threads', '1', '--out', str(page)]
    assert benchmark.main(arguments) == 0
    text = page.read_text()
    assert "`python tools/benchmark/steps.py --threads 1 --quick --only 'SimDR'`" in text
    record = tools('records').read_record(page)
    (one,) = record.comparisons
    assert one.against == 'SimCC (MMPose)'
    assert one.row() in text
    splits, others, growth = (section.text.splitlines()[2:] for section in record.sections)
    assert [len(rows) for rows in (splits, others, growth)] == [2, 2, 2]
    for row in splits:
        *parts, step = map(float, row.split(' | ')[2:-1])
        assert len(parts) == len(benchmark.PARTS)
        assert sum(parts) == pytest.approx(step, abs=0.1 * len(parts))
        assert all(time >= 0 for time in parts)  # rounded


def test_each_moment_is_counted_to_the_innermost_part(training_steps, monkeypatch):
    seconds = count()  # each look at the clock is a second later
    monkeypatch.setattr(training_steps, 'clock', lambda: next(seconds))

    class Network:
        def loss(self):
            return self.forward()

        def forward(self):
            return self.features()

        def features(self):
            return 'found'

    timer, network = training_steps.PartTimer(), Network()
    timer.watch(network, 'loss', 'loss')
    for name in ('forward', 'features'):
        timer.watch(network, name, 'forward')
    assert network.loss() == 'found'
    times = {part: time for part, time in timer.laps().items() if time}
    assert times == dict(rest=2, loss=2, forward=3)
    assert not any(timer.times.values())


def test_time_goes_on_after_an_error(training_steps):
    class Network:
        def loss(self):
            raise RuntimeError

    timer, network = training_steps.PartTimer(), Network()
    timer.watch(network, 'loss', 'loss')
    with pytest.raises(RuntimeError):
        network.loss()
    assert timer.enter('loss') == 'rest'


def test_operations_tell_layers_from_the_rest(training_steps):
    import torch

    layer, pixels = torch.nn.Conv2d(3, 8, 3), torch.zeros(1, 3, 32, 32, requires_grad=True)
    shares = training_steps.operations(lambda: layer(pixels).exp().sum().backward())
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert {'layers', 'exp'} <= set(shares)
    assert not any('conv' in name for name in shares)


def test_methods_and_peers_are_configs(tools):
    methods = tools('training_methods')
    for method in methods.METHODS:
        for arm in (method.arm, *method.peers):
            for source in (arm.small, arm.published, arm.data):
                if isinstance(source, str):
                    is_theirs = source.startswith('mmpose::')
                    folder = methods.MMPOSE_CONFIGS if is_theirs else methods.CONFIGS
                    assert (folder / source.removeprefix('mmpose::')).is_file()


def test_all_sizes_grow(tools):
    methods = tools('training_methods')
    settings = methods.read(methods.SWAHR).of_size(2)
    codec = settings.model['head']['decoder']
    assert codec['input_size'] == (256, 256)
    assert codec['heatmap_sizes'] == ((64, 64), (128, 128))
    (target,) = (one for one in settings.dataset['pipeline'] if 'encoder' in one)
    assert target['encoder'] == codec
    kept = [one['type'] for one in settings.without_targets().dataset['pipeline']]
    assert kept[-1] == 'PackPoseInputs'
    assert 'GenerateTarget' not in kept


def test_nothing_is_fetched(tools):
    methods = tools('training_methods')
    posh = next(method.arm for method in methods.METHODS if method.name == 'PoSh')
    model = str(posh.settings(is_published=True).model)
    assert "'mannequin'" in model
    assert not any(
        word in model for word in ('Pretrained', 'checkpoint', 'data/smpl', 'regressor_order')
    )


def test_mmpose_associative_embedding_learns(tools, crowds):
    init_default_scope('mmpose')
    methods, training_steps = tools('training_methods'), tools('training_steps')
    arm = next(arm for one in methods.METHODS for arm in one.peers if 'associative' in arm.name)
    training = training_steps.Training(arm.settings(is_published=False), crowds, 2)
    before = [weight.clone() for weight in training.model.head.parameters()]
    parts = training.step()
    assert all(parts[part] > 0 for part in training_steps.PARTS)
    after = training.model.head.parameters()
    assert all((old != new).any() for old, new in zip(before, after, strict=True))


def test_different_trunks_are_not_compared(benchmark):
    class Training:
        def __init__(self, weights):
            self.facts = lambda: ((3, 64, 64), weights)

    arms = [benchmark.Arm(name, None, '', '') for name in 'ab']
    benchmark.check_facts(arms, [Training(5), Training(5)])
    with pytest.raises(SystemExit, match='"b" is not timed'):
        benchmark.check_facts(arms, [Training(5), Training(6)])


def test_growth(benchmark):
    class Training:
        def __init__(self, seconds):
            self.step = lambda: {'loss': seconds, 'rest': 0.0}

    makers = {1: lambda: Training(0.1), 4: lambda: Training(0.2)}
    rows = benchmark.growth_rows('SWAHR', 'people', makers, 2)
    assert rows == ['| SWAHR | people | 1 | 4 | 100.0 | 200.0 | 2.00 | 0.50 |']
