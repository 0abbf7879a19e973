from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.visualization import Visualizer
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import VISUALIZERS
from mmpose.structures import merge_data_samples
from persons import META, photo, prediction

CELL = 64


def build(folder, *backends, **options):
    """A visualizer of its own name, as MMEngine keeps them by name."""
    config = dict(
        type='HEMletsVisualizer',
        name=f'visualizer of {folder}',
        panel_size=CELL,
        save_dir=str(folder),
        vis_backends=[dict(type=backend) for backend in backends],
    )
    visualizer = VISUALIZERS.build(config | options)
    visualizer.set_dataset_meta(META)
    return visualizer


def rgb():
    return photo()[..., ::-1]


@pytest.fixture
def run_hook(tmp_path, monkeypatch):
    """Runs MMPose's own hook on a visualizer, in validation or test."""

    def run(visualizer, sample, stage='val'):
        path = tmp_path / 'photo.png'
        cv2.imwrite(str(path), photo())
        sample.set_metainfo(dict(img_path=str(path)))
        monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: visualizer)
        hook = PoseVisualizationHook(enable=True, interval=1)
        evaluator = SimpleNamespace(dataset_meta=META)
        runner = SimpleNamespace(iter=5, val_evaluator=evaluator, test_evaluator=evaluator)
        batch = dict(data_samples=[sample])
        getattr(hook, f'after_{stage}_iter')(runner, 0, batch, [sample])

    return run


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_stock_hook_fills_the_local_backend(tmp_path, run_hook, stage):
    run_hook(build(tmp_path / 'logs', 'LocalVisBackend'), prediction(noise=1.0), stage)
    step = 5 if stage == 'val' else 1
    people, maps = (
        cv2.imread(str(tmp_path / f'logs/vis_data/vis_image/{stage}_img{name}_{step}.png'))
        for name in ('', '_hemlets')
    )
    # Prediction and truth, each a line of titles and four pictures, and the legend.
    assert people.shape[1] == 4 * (CELL + 4) + 4
    assert people.shape[0] >= 2 * (26 + CELL + 8) + 30
    assert maps.shape[0] == 29 + 7 * 75


def test_stock_hook_fills_tensorboard(tmp_path, run_hook):
    pytest.importorskip('tensorboard', reason='TensorBoard is not installed')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    visualizer = build(tmp_path / 'logs', 'TensorboardVisBackend')
    run_hook(visualizer, prediction())
    visualizer.close()
    events = EventAccumulator(str(tmp_path / 'logs/vis_data')).Reload()
    assert sorted(events.Tags()['images']) == ['val_img', 'val_img_hemlets']
    for tag in ('val_img', 'val_img_hemlets'):
        (event,) = events.Images(tag)
        assert event.step == 5
        image = cv2.imdecode(np.frombuffer(event.encoded_image_string, np.uint8), 1)
        assert image.shape == (event.height, event.width, 3)
        assert image.std() > 10


def test_without_maps_there_is_one_image(tmp_path, run_hook):
    run_hook(build(tmp_path / 'logs', 'LocalVisBackend'), prediction(hemlets_in=None))
    images = sorted(path.name for path in (tmp_path / 'logs/vis_data/vis_image').iterdir())
    assert images == ['val_img_5.png']


def test_files(tmp_path):
    visualizer = build(tmp_path)
    sample = prediction(hemlets_in='pred_fields')
    out = tmp_path / 'person.png'
    drawn = visualizer.add_datasample('person', rgb(), sample, draw_heatmap=True, out_file=str(out))
    assert (cv2.imread(str(out))[..., ::-1] == drawn).all()
    assert (tmp_path / 'person_hemlets.png').is_file()


def test_rows_are_people_and_their_truth(tmp_path):
    visualizer = build(tmp_path, draw_truth=False, max_people=2)
    row = 26 + CELL + 8
    legend = len(visualizer.draw_people(photo(), prediction())) - row
    for people, rows in ((1, 1), (2, 2), (3, 2)):
        merged = merge_data_samples([prediction(seed) for seed in range(people)])
        assert len(visualizer.draw_people(photo(), merged)) - legend == rows * row
    visualizer.draw_truth = True
    legend = len(visualizer.draw_people(photo(), prediction())) - 2 * row
    merged = merge_data_samples([prediction(seed) for seed in range(2)])
    assert len(visualizer.draw_people(photo(), merged)) - legend == 4 * row


def test_colors_are_rgb(tmp_path):
    red = np.zeros_like(photo())
    red[..., 0] = 200
    drawn = build(tmp_path).add_datasample('person', red, prediction(), kpt_thr=1.5)
    corner = drawn[26 + 4 + CELL // 2, 4 + CELL // 2]
    assert corner.tolist() == [200, 0, 0]
    # The right side is orange, (255, 128, 0), in the legend below prediction and truth too.
    legend = drawn[2 * (26 + CELL + 8) :]
    assert (legend == (255, 128, 0)).all(-1).any()
    assert not (legend == (0, 128, 255)).all(-1).any()


def test_refuses(tmp_path):
    visualizer = build(tmp_path)
    sample = prediction()
    sample.pred_instances.keypoints = sample.pred_instances.keypoints[..., :2]
    with pytest.raises(ValueError, match='3D'):
        visualizer.add_datasample('person', rgb(), sample)
    del sample.pred_instances
    with pytest.raises(ValueError, match='person has no prediction'):
        visualizer.add_datasample('person', rgb(), sample)
    for options, message in (
        (dict(panel_size=0), 'panel_size'),
        (dict(max_people=0), 'max_people'),
        (dict(codec=dict(type='SimDRLabel', input_size=(64, 64))), 'HEMletsLabel'),
    ):
        with pytest.raises(ValueError, match=message):
            build(tmp_path / message, **options)
