"""The comparison of precisions, with trainings that take no time."""

import importlib
import json
from pathlib import Path

import pytest
from mmengine.config import Config

SCORES = {'float32': 0.5, 'amp': 0.25, 'compiled': 0.75}


@pytest.fixture
def precision(root, monkeypatch, tmp_path):
    """The module, whose trainings write logs only; ``precision.started`` has their commands."""
    monkeypatch.syspath_prepend(root / 'tools/benchmark')
    module = importlib.import_module('precision')
    started = []

    def call(command, log, threads=None):
        words = [str(word) for word in command]
        started.append(words)
        work_dir = Path(words[words.index('--work-dir') + 1])
        (log_dir := work_dir / 'today/vis_data').mkdir(parents=True)
        (work_dir / 'iter_2.pth').touch()
        arm = work_dir.parent.parent.name
        lines = [dict(loss=1.0, time=0.3, data_time=0.1, step=1), {'coco/AP': SCORES[arm]}]
        (log_dir / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))

    monkeypatch.setattr(module.claims, 'call', call)
    monkeypatch.setattr(module.claims, 'make_data', lambda data, log: tmp_path / data['kind'])
    module.started = started
    return module


def run(precision, folder, *options):
    page = folder / 'page.md'
    names = ['--only', 'SimDR', '--work-dir', folder / 'runs', '--out', page]
    assert precision.main([str(word) for word in ('--quick', *names, *options)]) == 0
    return page.read_text()


def test_compares_the_arms_of_each_seed(precision, tmp_path):
    text = run(precision, tmp_path)
    row = '| SimDR | 200 | coco/AP | 0.5 (0.5, 0.5) | 0.25 (0.25, 0.25) | 0.75 (0.75, 0.75) '
    assert f'{row}| 200 | 1.00 | 1.00 |' in text
    assert [('--amp' in words) for words in precision.started].count(True) == 2
    configs = [Config.fromfile(words[words.index('--work-dir') - 1]) for words in precision.started]
    assert sorted(config.randomness.seed for config in configs) == [0, 0, 0, 1, 1, 1]
    assert sum('compile' in config.default_hooks for config in configs) == 2
    assert all(
        config.train_dataloader.dataset.data_root == f'{tmp_path}/single/' for config in configs
    )
    assert not list(tmp_path.rglob('*.pth'))


def test_goes_on_where_it_was_cut_off(precision, tmp_path):
    run(precision, tmp_path, '--seeds', '0')
    precision.started.clear()
    run(precision, tmp_path)
    assert len(precision.started) == 3


def test_every_training_has_a_config_that_fits(precision, tmp_path):
    for training in precision.TRAININGS.values():
        config = precision.config_of(training, tmp_path, 5, seed=3)
        assert (config.train_cfg.max_iters, config.randomness.seed) == (5, 3)
        assert training.data in precision.DATA
