import json
import sys

import pytest


@pytest.fixture
def claims(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / 'tools/benchmark'))
    sys.modules.pop('claims', None)
    import claims

    return claims


def fake_results(claims, runs, scores):
    for run in runs:
        run.folder.mkdir(parents=True)
        metrics = dict.fromkeys(('coco/AP', 'coco/AP .75', 'coco/AR'), scores[run.arm][run.seed])
        result = {'setting': run.setting, 'arm': run.arm, 'seed': run.seed}
        run.result_file.write_text(json.dumps({**result, 'train_seconds': 10, 'metrics': metrics}))


def test_plan_takes_every_arm_of_a_seed_before_the_next(claims, tmp_path):
    claim = claims.load_claim('simdr_low_resolution', quick=False)
    runs = claims.plan(claim, tmp_path)
    assert len(claim.seeds) >= 3
    assert len(runs) == len(claim.seeds) * 4
    assert [run.seed for run in runs[:5]] == [0, 0, 0, 0, 1]
    assert all(run.config.is_file() for run in runs)


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
