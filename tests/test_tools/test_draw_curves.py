import json
import runpy

import pytest


@pytest.fixture(scope='module')
def draw(root):
    return runpy.run_path(str(root / 'tools/draw_curves.py'))['main']


def test_draws_a_training_that_was_broken_off(draw, tmp_path, capsys):
    path = tmp_path / '2026/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    lines = [{'loss': 1.0, 'iter': 1, 'step': 1}, {'AP': 0.5, 'step': 1}]
    path.write_text('\n'.join([*map(json.dumps, lines), '{"loss": 0.']))
    assert draw([str(tmp_path), '--best', 'AP']) == 0
    assert '1 lines of training, 1 validations' in capsys.readouterr().out
    assert (tmp_path / 'curves.png').is_file()


def test_says_what_is_missing(draw, tmp_path):
    with pytest.raises(SystemExit, match='has no scalars of a training'):
        draw([str(tmp_path)])
