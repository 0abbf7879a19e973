"""Trainings that are killed again and again end where those end that were not."""

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/benchmark/kill_and_resume.py'
# By epochs; and by iterations, from several sources.
METHODS = ('simdr', 'hemlets')


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    import kill_and_resume

    yield kill_and_resume
    del sys.modules['kill_and_resume']
    kill_and_resume.HOOKS.module_dict.pop('KillHook')


def test_killed_trainings_end_with_the_same_bits(mannequins, run_python, tmp_path):
    out = tmp_path / 'table.md'
    options = ['--kills', 1, '--data', f'single={mannequins}', '--out', out]
    run_python(TOOL, '--methods', *METHODS, *options)
    _, _, *rows = out.read_text().splitlines()
    assert [row.split(' | ')[0] for row in rows] == [f'| {name}' for name in METHODS]
    for row in rows:
        *_, killed, compared, verdict = row.strip('| ').split(' | ')
        assert verdict == 'same'
        assert int(compared) > 400
        assert [moment.split(' -> ')[0].rstrip(' 0123456789') for moment in killed.split('; ')] == [
            'in an iteration',
            'in the write',
            'before last_checkpoint',
        ]
        assert killed.count('start') < 3  # at least one found a checkpoint


def test_differences_are_found_to_the_bit(tool):
    state = tool.flat({'a': [torch.zeros(2), 1], 'b': {'c': torch.ones(1)}})
    assert list(state) == ['/a/0', '/a/1', '/b/c']
    assert tool.differences(state, dict(state)) == []
    for name, other in {'/a/0': torch.tensor([0.0, -0.0]), '/a/1': 2, '/b/c': None}.items():
        assert tool.differences(state, {**state, name: other}) == [name]
    nan = {'a': torch.tensor(torch.nan)}
    assert tool.differences(nan, {'a': torch.tensor(torch.nan)}) == []
    assert tool.differences({'a': torch.ones(1)}, {'a': torch.ones(1).double()}) == ['a']


def test_moments_follow_from_the_seed(tool):
    first = tool.moments(20, 3, seed=0)
    assert first == tool.moments(20, 3, seed=0) != tool.moments(20, 3, seed=1)
    iterations = [kill['number'] for kill in first if kill['moment'] == 'in an iteration']
    assert iterations == sorted(set(iterations))
    assert 2 <= iterations[0] <= iterations[-1] <= 20
    assert [kill['moment'] for kill in first[1:3]] == list(tool.MOMENTS[1:])
