import json
import math

import cv2
import pytest
from matplotlib.axes import Axes

from mmpose_ext.visualization.curves import draw_curves, read_history


def train(step, loss=1.0, **more):
    return {
        'lr': 0.1,
        'data_time': 0.2,
        'loss': loss,
        'time': 1.0,
        'iter': step,
        'step': step,
        **more,
    }


def write(folder, name, lines):
    path = folder / name / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return path


def test_reads_an_epoch_based_run(tmp_path):
    write(tmp_path, 'a', [train(5, epoch=1), {'AP': 0.5, 'time': 1, 'step': 1}])
    history = read_history(tmp_path)
    assert history.by_epoch
    assert history.series('loss', history.train) == ([5], [1.0])
    assert history.series('AP', history.val) == ([1], [0.5])
    assert history.series('AR', history.val) == ([], [])


def test_a_resumed_run_takes_the_place_of_what_it_did_again(tmp_path):
    first = [train(n, loss=n, epoch=(n + 1) // 2) for n in range(1, 7)]
    write(tmp_path, '2024', [*first, *({'AP': n / 10, 'step': n} for n in (1, 2, 3))])
    again = [train(n, loss=-n, epoch=(n + 1) // 2) for n in range(5, 9)]
    write(tmp_path, '2025', [*again, {'AP': 0.9, 'step': 3}, {'AP': 0.8, 'step': 4}])
    write(tmp_path, '2026', [{'AP': 0.1, 'step': 0}])  # of validation alone
    history = read_history(tmp_path)
    assert history.series('loss', history.train)[1] == [1, 2, 3, 4, -5, -6, -7, -8]
    assert history.series('AP', history.val) == ([1, 2, 3, 4], [0.1, 0.2, 0.9, 0.8])


def test_a_run_begun_anew_replaces_the_old_one(tmp_path):
    write(tmp_path, '2024', [train(n, loss=1) for n in (10, 20)])
    write(tmp_path, '2025', [train(n, loss=2) for n in (10, 20, 30)])
    history = read_history(tmp_path)
    assert not history.by_epoch
    assert history.series('loss', history.train) == ([10, 20, 30], [2, 2, 2])


def test_validations_of_step_0_are_of_the_iteration_before_them(tmp_path):
    """So LoggerHook logs those of trainings by iterations unless it is told otherwise."""
    lines = [train(10), {'AP': 0.1, 'step': 0}, train(20), {'AP': 0.2, 'step': 0}]
    write(tmp_path, 'a', lines)
    history = read_history(tmp_path)
    assert history.series('AP', history.val) == ([10, 20], [0.1, 0.2])


@pytest.mark.parametrize('text', ['{"step": 1', '[1]', '{"loss": 1}', '{"step": "a"}', ''])
def test_names_the_line_that_is_none(tmp_path, text):
    path = write(tmp_path, 'a', [train(1)])
    path.write_text(f'{path.read_text()}{text}\n')
    with pytest.raises(ValueError, match=r'scalars\.json, line 2'):
        read_history(tmp_path)


def test_a_line_that_is_being_written_is_left_for_later(tmp_path):
    path = write(tmp_path, 'a', [train(1), train(2)])
    path.write_text(path.read_text()[:-9])
    assert read_history(tmp_path).series('loss', read_history(tmp_path).train) == ([1], [1.0])


def test_nothing_logged(tmp_path):
    write(tmp_path, 'a', [{'AP': 0.1, 'step': 0}])
    for folder in (tmp_path, tmp_path / 'none'):
        with pytest.raises(FileNotFoundError, match='LocalVisBackend'):
            read_history(folder)


def panels_of(monkeypatch, tmp_path, lines, **options):
    """Titles of the panels, and the lines and stars in each."""
    write(tmp_path, 'a', lines)
    seen = {}
    plot = Axes.plot

    def note(axis, steps, values, *args, **kwargs):
        seen.setdefault(axis, []).append((kwargs.get('label') or kwargs['marker'], steps, values))
        return plot(axis, steps, values, *args, **kwargs)

    monkeypatch.setattr(Axes, 'plot', note)
    path = tmp_path / 'new/curves.png'
    draw_curves(read_history(tmp_path), path, **options)
    assert cv2.imread(str(path)).std() > 5
    assert [p.name for p in path.parent.iterdir()] == ['curves.png']
    return {axis.get_title(): (axis, drawn) for axis, drawn in seen.items()}


def test_panels(tmp_path, monkeypatch):
    lines = [
        train(1, loss=100, loss_a=2, acc_pose=0.1, memory=5),
        {'coco/AP': 0.3, 'coco/AP .5': 0.5, 'coco/AP (M)': -1, 'PA-MPJPE': 60, 'step': 1},
        train(2, loss=1, loss_a=math.nan, acc_pose=0.2),
        {'coco/AP': 0.2, 'coco/AP .5': 0.4, 'coco/AP (M)': -1, 'PA-MPJPE': math.nan, 'step': 2},
    ]
    panels = panels_of(monkeypatch, tmp_path, lines, best='coco/AP')
    assert list(panels) == ['loss', 'lr', 'acc_pose', 'val: coco/AP', 'val: PA-MPJPE']
    axis, drawn = panels['loss']
    assert [label for label, *_ in drawn] == ['loss', 'loss_a']
    assert drawn[0][1:] == ([1, 2], [100, 1])
    assert axis.get_yscale() == 'log'
    assert axis.get_xlabel() == 'iteration'
    # Metrics that are -1 throughout are of nobody.
    _, drawn = panels['val: coco/AP']
    assert [label for label, *_ in drawn] == ['coco/AP', 'coco/AP .5', '*']
    assert drawn[-1][1:] == ([1], [0.3])


def test_less_may_be_better(tmp_path, monkeypatch):
    lines = [train(1, epoch=1)] + [{'MPJPE': v, 'step': n} for n, v in ((1, 90), (2, 70), (3, 80))]
    axis, drawn = panels_of(monkeypatch, tmp_path, lines, best='MPJPE', greater=False)['val: MPJPE']
    assert drawn[-1] == ('*', [2], [70])
    assert axis.get_xlabel() == 'epoch'


def test_a_diverged_training_is_drawn(tmp_path, monkeypatch):
    lines = [train(1, loss=math.nan, epoch=1), {'AP': math.nan, 'step': 1}]
    panels = panels_of(monkeypatch, tmp_path, lines, best='AP')
    assert [label for label, *_ in panels['val: AP'][1]] == ['AP']
