import cv2
import pytest
from mmengine.config import Config
from tiny_runs import tiny_runner

from mmpose_ext.engine import CurvesHook
from mmpose_ext.engine.best_metric import best_metric
from mmpose_ext.visualization.curves import read_history


def logging_run(folder, **options):
    visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
    return tiny_runner(folder, [CurvesHook()], visualizer=visualizer, **options)


def log_of(folder):
    return '\n'.join(path.read_text() for path in sorted(folder.glob('*/*.log')))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A work directory of two epochs, and a third one after it was resumed."""
    folder = tmp_path_factory.mktemp('trained')
    logging_run(folder).train()
    first = (folder / 'curves.png').read_bytes()
    # A second within the same second would log into the same folder.
    next(p for p in folder.iterdir() if p.is_dir()).rename(folder / '20200101_000000')
    logging_run(folder, epochs=3, resume=True).train()
    return folder, first


def test_draws_a_picture_and_names_the_best_checkpoint(trained):
    folder, _ = trained
    assert cv2.imread(str(folder / 'curves.png')).std() > 10
    log = log_of(folder)
    assert f'Curves of the training: {folder / "curves.png"}' in log
    best = folder / 'best_tiny_error_epoch_3.pth'
    assert best.is_file()
    assert [path.name for path in folder.glob('best*')] == [best.name]
    assert f'Best checkpoint: {best} (tiny/error {0.8**6:.4g})' in log


def test_a_resumed_training_keeps_its_past(trained):
    folder, first = trained
    history = read_history(folder)
    assert [line['step'] for line in history.train] == [1, 2, 3, 4, 5, 6]
    assert [line['step'] for line in history.val] == [1, 2, 3]
    assert (folder / 'curves.png').read_bytes() != first


def test_without_scalars_the_training_still_ends(tmp_path):
    options = dict(visualizer=dict(type='Visualizer', vis_backends=[]))
    tiny_runner(tmp_path, [CurvesHook()], **options).train()
    assert not (tmp_path / 'curves.png').exists()
    log = log_of(tmp_path)
    assert 'No curves are drawn' in log
    assert 'LocalVisBackend' in log
    assert 'Best checkpoint: ' in log


def test_marks_the_metric_of_the_checkpoint(tmp_path, monkeypatch):
    marked = []
    monkeypatch.setattr(
        'mmpose_ext.engine.hooks.curves_hook.draw_curves',
        lambda history, path, best, greater: marked.append((best, greater)),
    )
    runner = logging_run(tmp_path)
    assert best_metric(runner) == ('tiny/error', 'less')
    runner.train()
    assert marked == [('tiny/error', False)]


@pytest.mark.parametrize('name', ['', 'curves', 'curves.txt'])
def test_refuses_other_files(name):
    with pytest.raises(ValueError, match='out_file'):
        CurvesHook(out_file=name)


def test_is_on_by_default(root):
    hooks = Config.fromfile(root / 'configs/_base_/default_runtime.py').default_hooks
    assert hooks.curves == dict(type='CurvesHook')
    assert hooks.progress_bar == dict(type='ProgressBarHook')
