import json
import sys
from pathlib import Path

import cv2
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
        for key, value in {**run.options, **claim.overrides}.items():
            found = config
            for step in key.split('.'):
                found = found[int(step) if step.isdigit() else step]
            assert found == value
        for dataset in parts_of(claims, config):
            assert dataset.data_root == f'{tmp_path}/people/'
        # There are as many people as are taken from the first on and from the last back.
        taken = [abs(dataset.get('indices', 0)) for dataset in parts_of(claims, config)]
        assert sum(taken) <= claim.data.num_train
        for metric in claims.metrics_of(config):
            assert metric.get('ann_file', f'{tmp_path}/people/').startswith(f'{tmp_path}/people/')


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
    page = claims.report(
        claim, 'name', claims.results_of(runs), len(runs), tmp_path / 'out', 'the command'
    )
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
    claims.report(
        claim, 'name', claims.results_of(runs), len(runs), tmp_path / 'out', 'the command'
    )
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
    page = claims.report(
        claim, 'name', claims.results_of(runs), len(runs), tmp_path / 'out', 'the command'
    )
    assert '0 of 12 runs' in page
    assert 'not run' in page


def test_unknown_claim_lists_the_known(claims):
    with pytest.raises(SystemExit, match='simdr_low_resolution'):
        claims.load_claim('nonsense', quick=False)


@pytest.fixture
def call_forks(claims, run_python, monkeypatch):
    """Runs of the tool call scripts that need not import torch first."""

    def call(command, log, threads=None):
        log.write_text(run_python(*command[1:]).stdout)

    monkeypatch.setattr(claims, 'call', call)


@pytest.mark.usefixtures('call_forks')
def test_quick_runs_and_is_resumable(claims, run_python, monkeypatch, capsys, tmp_path):
    command = ['tools/benchmark/claims.py', 'simdr_low_resolution', '--quick']
    command += ['--work-dir', str(tmp_path)]
    monkeypatch.setattr(sys, 'argv', command)
    claims.main()
    first = capsys.readouterr().out
    assert '4 of 4 runs' in first
    assert first.count('done: 64x64') == 4
    again = run_python(*command).stdout
    assert 'done:' not in again
    assert first.split('| setting')[1] == again.split('| setting')[1]
    (tmp_path / '64x64/SimDR/seed0/config.py').write_text('lr = 3')
    with pytest.raises(SystemExit, match='begun with another config'):
        claims.main()


def test_output_of_a_command_goes_into_a_log(claims, tmp_path):
    log = tmp_path / 'output.log'
    claims.call([sys.executable, '-c', 'import os; print(os.environ["OMP_NUM_THREADS"])'], log, 3)
    with pytest.raises(SystemExit, match=r'(?s)failed; the end of .*output\.log:\n3\nno more'):
        claims.call([sys.executable, '-c', 'raise SystemExit("no more")'], log)
    assert log.read_text() == '3\nno more\n'


@pytest.fixture
def hsjp(claims, tmp_path):
    """A claim with pretrainings, and its runs."""
    claim = claims.load_claim('hsjp', quick=False)
    claim.seeds = [0, 1]
    return claim, claims.plan(claim, tmp_path)


def test_a_pretraining_is_run_once_for_each_seed_before_its_arms(claims, hsjp, tmp_path):
    claim, runs = hsjp
    pretrainings = [run for run in runs if run.setting == claims.PRETRAINING]
    assert all(run in pretrainings for run in runs[: len(claim.pretrainings)])
    assert sorted((run.arm, run.seed) for run in pretrainings) == [
        (name, seed) for name in sorted(claim.pretrainings) for seed in claim.seeds
    ]
    arms = [run for run in runs if run.pretraining]
    assert {run.arm for run in arms} == set(claim.pretrainings)
    for run in arms:
        assert runs.index(run.pretraining) < runs.index(run)
        assert (run.pretraining.arm, run.pretraining.seed) == (run.arm, run.seed)
    run = arms[-1]
    config = Config.fromfile(claims.write_config(run, claim, tmp_path / 'people'))
    weights = str(tmp_path / f'pretraining/{run.arm}/seed{run.seed}/work_dir/hsjp_backbone.pth')
    assert config.model.backbone.init_cfg == {'type': 'Pretrained', 'checkpoint': weights}


def test_arms_of_hsjp_differ_in_their_start_only(hsjp):
    claim, runs = hsjp
    for setting in claim.settings:
        arms = [run for run in runs if (run.setting, run.seed) == (setting, 0)]
        starts = [run.options.pop('model.backbone.init_cfg', 'exported') for run in arms]
        assert starts == [None, *['exported'] * (len(arms) - 1)]
        assert all((run.config, run.options) == (arms[0].config, arms[0].options) for run in arms)
        # Who has labels is not among those whom the puzzles are made of.
        labelled = arms[0].options['train_dataloader.dataset.indices']
        unlabelled = claim.pretrainings.HSJP.options['train_dataloader.dataset.indices']
        assert labelled - unlabelled <= claim.data.num_train


def test_a_job_waits_for_the_one_before_it(claims):
    before, done = claims.Future(), []
    with claims.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(claims.after, before, lambda: done.append(1))
        assert not waiting.done()
        assert not done
        before.set_result(None)
    assert done == [1]
    failed = claims.Future()
    failed.set_exception(SystemExit('the pretraining failed'))
    with pytest.raises(SystemExit, match='the pretraining failed'):
        claims.after(failed, lambda: done.append(2))
    assert done == [1]


def test_curve_is_read_over_resumes_and_plotted(claims, hsjp, tmp_path):
    logs = {'1': [{'loss': 2, 'step': 40}, {'loss': 1, 'step': 80}, {'coco/AP': 0.1, 'step': 80}],
            '2': [{'loss': 1.0, 'step': 120}, {'coco/AP': 0.2, 'step': 160}]}  # fmt: skip
    for name, lines in logs.items():
        folder = tmp_path / f'one/{name}/vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    curve = claims.read_curve(tmp_path / 'one', 'coco/AP')
    assert curve == {'80': 0.1, '160': 0.2}
    claim, runs = hsjp
    names = [*claim.metrics, *claim.pretraining_metrics]
    scores = {arm: [0.25, 0.5] for arm in ('scratch', *claim.pretrainings)}
    fake_results(claims, runs, scores, names)
    results = [{**result, 'curve': curve} for result in claims.results_of(runs)]
    page = claims.report(claim, 'name', results, len(runs), tmp_path / 'out', 'the command')
    assert '| HSJP 8x6 | 0.375 ± 0.177 | 0.375 ± 0.177 | 10 |' in page
    assert '(name.png)' in page
    assert cv2.imread(str(tmp_path / 'out/name.png')).shape == (640, 1200, 3)
