import json
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

CLAIMS = sorted(path.stem for path in Path(__file__).parents[2].glob('configs/claims/*.py'))


@pytest.fixture
def claims(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / 'tools/benchmark'))
    sys.modules.pop('claims', None)
    import claims

    return claims


def fake_results(claims, runs, scores, names=('coco/AP', 'coco/AP .75', 'coco/AR')):
    for run in runs:
        run.folder.mkdir(parents=True)
        metrics = dict.fromkeys(names, scores[run.arm][run.seed])
        result = {'setting': run.setting, 'arm': run.arm, 'seed': run.seed}
        run.result_file.write_text(json.dumps({**result, 'train_seconds': 10, 'metrics': metrics}))


def test_plan_takes_every_arm_of_a_seed_before_the_next(claims, tmp_path):
    claim = claims.load_claim('simdr_low_resolution', quick=False)
    runs = claims.plan(claim, tmp_path)
    assert len(claim.seeds) >= 3
    assert len(runs) == len(claim.seeds) * 4
    assert [run.seed for run in runs[:5]] == [0, 0, 0, 0, 1]
    assert all(run.config.is_file() for run in runs)


def parts_of(claims, config):
    """The datasets of a run's config, without what repeats them."""
    for dataset in claims.datasets_of(config):
        while 'dataset' in dataset:
            dataset = dataset.dataset
        yield dataset


@pytest.mark.parametrize('quick', [False, True])
@pytest.mark.parametrize('name', CLAIMS)
def test_each_run_has_a_config_of_its_own(claims, tmp_path, name, quick):
    claim = claims.load_claim(name, quick)
    claim.seeds = claim.seeds[-1:]
    runs = claims.plan(claim, tmp_path)
    assert len({run.folder for run in runs}) == len(runs)
    assert claim.baseline in next(iter(claim.settings.values()))
    for run in runs:
        config = Config.fromfile(claims.write_config(run, claim, tmp_path / 'people'))
        assert config.randomness == {'seed': run.seed}
        for key, value in {**claim.overrides, **run.options}.items():
            found = config
            for step in key.split('.'):
                found = found[int(step) if step.isdigit() else step]
            assert found == value
        for dataset in parts_of(claims, config):
            assert dataset.data_root == f'{tmp_path}/people/'
        # There are as many people as are taken from the first on and from the last back.
        taken = [abs(dataset.get('indices', 0)) for dataset in parts_of(claims, config)]
        assert sum(taken) <= claim.data.num_train
        for evaluator in (config.val_evaluator, config.test_evaluator):
            assert evaluator.get('ann_file', f'{tmp_path}/people/').startswith(
                f'{tmp_path}/people/'
            )


def test_arms_of_hemlets_change_what_they_are_named_after(claims, tmp_path):
    claim = claims.load_claim('hemlets', quick=False)
    claim.seeds = [0]
    heads, labels, rest = {}, {}, {}
    for run in claims.plan(claim, tmp_path):
        config = Config.fromfile(run.config)
        config.merge_from_dict(run.options)
        head, parts = config.model.head, config.train_dataloader.dataset.get('datasets', ())
        switches = [head.pop(key, True) for key in ('use_hemlets', 'use_heatmap2d')]
        heads.setdefault(run.arm, []).append(switches)
        hidden = [part.pop('weak_labels', None) for part in parts]
        labels.setdefault(run.setting, []).append(hidden)
        # Nothing else differs between the arms of a setting, and between settings the people.
        rest.setdefault(len(parts), []).append(config.to_dict())
    assert heads == {
        'integral': [[False, False]] * 2,
        'heatmaps': [[False, True]] * 2,
        'HEMlets': [[True, True]] * 3,
    }
    assert labels == {
        '1000 with 3D': [[]] * 3,
        '+ 3000 with 2D': [[None, '2d']] * 3,
        '+ 3000 with 2D and polarities': [[None, 'polarity']],
    }
    assert all(config == configs[0] for configs in rest.values() for config in configs)
    for key in ('model', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
        assert rest[0][0][key] == rest[2][0][key]


def test_a_setting_without_the_baseline_has_no_difference(claims, tmp_path):
    claim = claims.load_claim('hemlets', quick=False)
    runs = claims.plan(claim, tmp_path)
    scores = {'integral': [90.0] * 3, 'heatmaps': [80.0] * 3, 'HEMlets': [70.0, 71.0, 72.0]}
    fake_results(claims, runs, scores, claim.metrics)
    page = claims.report(claim, 'name', runs, tmp_path / 'out', 'the command')
    with_baseline, without = (
        line.split('|')
        for line in page.splitlines()
        if line.startswith(('| 1000 with 3D | HEMlets', '| + 3000 with 2D and polarities'))
    )
    assert with_baseline[-3].split() == ['-20.0', '-19.0', '-18.0']
    assert without[3:5] == [' 71.0 ± 1.0 '] * 2
    assert without[-3].strip() == ''


def test_table_has_mean_spread_and_differences(claims, tmp_path):
    claim = claims.load_claim('simdr_low_resolution', quick=False)
    claim.settings = {'64x64': claim.settings['64x64']}
    runs = claims.plan(claim, tmp_path)
    fake_results(claims, runs, {'heatmap': [0.1, 0.2, 0.3], 'SimDR': [0.3, 0.3, 0.6]})
    claims.report(claim, 'name', runs, tmp_path / 'out', 'the command')
    page = (tmp_path / 'out/name.md').read_text()
    assert '| 64x64 | heatmap | 0.200 ± 0.100 |' in page
    assert '| 64x64 | SimDR | 0.400 ± 0.173 |' in page
    assert '+0.200 +0.100 +0.300' in page
    assert 'the command' in page
    assert '6 of 6 runs' in page
    assert len(json.loads((tmp_path / 'out/name.json').read_text())['results']) == 6


def test_unfinished_runs_are_said_to_be_missing(claims, tmp_path):
    claim = claims.load_claim('simdr_low_resolution', quick=False)
    runs = claims.plan(claim, tmp_path)
    page = claims.report(claim, 'name', runs, tmp_path / 'out', 'the command')
    assert '0 of 12 runs' in page
    assert 'not run' in page


def test_unknown_claim_lists_the_known(claims):
    with pytest.raises(SystemExit, match='simdr_low_resolution'):
        claims.load_claim('nonsense', quick=False)


def test_quick_runs_and_is_resumable(run_python, tmp_path):
    command = ['tools/benchmark/claims.py', 'simdr_low_resolution', '--quick']
    first = run_python(*command, '--work-dir', tmp_path).stdout
    assert '4 of 4 runs' in first
    assert first.count('done: 64x64') == 4
    again = run_python(*command, '--work-dir', tmp_path).stdout
    assert 'done:' not in again
    assert first.split('| setting')[1] == again.split('| setting')[1]
    (tmp_path / '64x64/SimDR/seed0/config.py').write_text('lr = 3')
    refused = run_python(*command, '--work-dir', tmp_path, check=False)
    assert refused.returncode != 0
    assert 'begun with another config' in refused.stdout
