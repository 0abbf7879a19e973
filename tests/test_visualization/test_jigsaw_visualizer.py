from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.visualization import Visualizer
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import VISUALIZERS
from puzzles import dataset, photo, sample

from mmpose_ext.codecs.functional.jigsaw import slot_centers
from mmpose_ext.visualization.jigsaw import RIGHT, UNCOUNTED, WRONG

META = dict(dataset_name='hsjp_4x3')
SHAPE = (26 + 128 + 20 + 8 + 30, 4 * 100 + 4, 3)


def build(folder, *backends, **options):
    """A visualizer of its own name, as MMEngine keeps them by name."""
    config = dict(
        type='JigsawVisualizer',
        name=f'visualizer of {folder}',
        panel_height=128,
        save_dir=str(folder),
        vis_backends=[dict(type=backend) for backend in backends],
    )
    return VISUALIZERS.build(config | options)


def rgb():
    return photo()[..., ::-1]


def solution(drawn):
    """The third picture, (128, 96, 3)."""
    return drawn[30:158, 204:300]


@pytest.fixture
def run_hook(tmp_path, monkeypatch):
    """Runs MMPose's own hook on a visualizer, in validation or test."""

    def run(visualizer, answer, stage='val'):
        path = tmp_path / 'photo.png'
        cv2.imwrite(str(path), photo())
        answer.set_metainfo(dict(img_path=str(path)))
        monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: visualizer)
        hook = PoseVisualizationHook(enable=True, interval=1)
        evaluator = SimpleNamespace(dataset_meta=META)
        runner = SimpleNamespace(iter=5, val_evaluator=evaluator, test_evaluator=evaluator)
        getattr(hook, f'after_{stage}_iter')(runner, 0, dict(data_samples=[answer]), [answer])

    return run


@pytest.mark.parametrize(('stage', 'step'), [('val', 5), ('test', 1)])
def test_stock_hook_fills_the_local_backend(tmp_path, run_hook, stage, step):
    answer = sample(missed=[3, 4])
    answer.gt_instances.keypoints_visible[0, 7] = 0
    run_hook(build(tmp_path / 'logs', 'LocalVisBackend'), answer, stage)
    drawn = cv2.imread(str(tmp_path / f'logs/vis_data/vis_image/{stage}_img_{step}.png'))
    assert drawn.shape == SHAPE
    # The last pixel of each cell is one of its frame.
    corners = solution(drawn)[31::32, 31::32].reshape(12, 3)
    frames = [RIGHT] * 12
    frames[3] = frames[4] = WRONG
    frames[7] = UNCOUNTED
    assert (corners == frames).all()


def test_stock_hook_fills_tensorboard(tmp_path, run_hook):
    pytest.importorskip('tensorboard', reason='TensorBoard is not installed')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    visualizer = build(tmp_path / 'logs', 'TensorboardVisBackend')
    run_hook(visualizer, sample())
    visualizer.close()
    events = EventAccumulator(str(tmp_path / 'logs/vis_data')).Reload()
    assert events.Tags()['images'] == ['val_img']
    (event,) = events.Images('val_img')
    assert event.step == 5
    image = cv2.imdecode(np.frombuffer(event.encoded_image_string, np.uint8), 1)
    assert image.shape == SHAPE
    assert (solution(image) == RIGHT).all(-1).any()


def test_colors_are_rgb(tmp_path):
    visualizer = build(tmp_path)
    photograph = rgb().copy()
    photograph[..., 1:] = 0
    drawn = visualizer.add_datasample('person', photograph, sample(missed=[0]))
    true = drawn[30:158, 304:400]
    assert true[..., 0].max() > 200
    assert true[..., 1:].max() == 0
    assert (solution(drawn) == RIGHT[::-1]).all(-1).any()
    assert (solution(drawn) == WRONG[::-1]).all(-1).any()
    assert (visualizer.get_image() == drawn).all()


def test_files(tmp_path):
    out = tmp_path / 'puzzle.png'
    drawn = build(tmp_path).add_datasample('person', rgb(), sample(), out_file=str(out))
    assert (cv2.imread(str(out))[..., ::-1] == drawn).all()


@pytest.mark.parametrize('use_udp', [False, True])
def test_the_crop_is_the_networks(mannequins, tmp_path, use_udp):
    people = dataset(mannequins, use_udp=use_udp)
    item = people[1]
    answer = item['data_samples']
    answer.pred_instances = answer.gt_instances
    image = cv2.imread(answer.img_path)[..., ::-1]
    visualizer = build(tmp_path, use_udp=use_udp)
    drawn = visualizer.add_datasample('person', image, answer)
    seen = item['inputs'].permute(1, 2, 0).numpy()[..., ::-1]
    puzzle = drawn[30:158, 4:100]
    inside = np.s_[2:30, 2:30]
    assert (puzzle[inside] == seen[inside]).all()
    assert not (solution(drawn) == WRONG[::-1]).all(-1).any()


def test_refuses(tmp_path):
    for options, message in (
        (dict(grid=(4, 0)), r'grid must be .* got \(4, 0\)'),
        (dict(grid=(4, 3, 1)), 'grid must be'),
        (dict(panel_height=0), 'panel_height must be positive, got 0'),
    ):
        with pytest.raises(ValueError, match=message):
            build(tmp_path / message[:4], **options)
    visualizer = build(tmp_path / 'other', grid=(2, 2))
    with pytest.raises(ValueError, match=r'12 patches, but the grid is \(2, 2\)'):
        visualizer.add_datasample('person', rgb(), sample())
    answer = sample()
    answer.pred_instances = answer.pred_instances[[0, 0]]
    with pytest.raises(ValueError, match='needs one predicted person'):
        build(tmp_path).add_datasample('person', rgb(), answer)


def test_puzzles_without_answers_can_be_browsed(mannequins, tmp_path):
    people = dataset(mannequins)
    item = people[0]
    shuffled = item['inputs'].permute(1, 2, 0).numpy()[..., ::-1].copy()
    item['data_samples'].gt_instances.keypoints = slot_centers((4, 3), (96, 128))[None]
    visualizer = build(tmp_path)
    visualizer.set_dataset_meta(people.metainfo)
    drawn = visualizer.add_datasample('person', shuffled, item['data_samples'])
    assert drawn.shape == shuffled.shape
    changed = (drawn != shuffled).any(-1)
    assert changed[16::32, 16::32].all()
    assert not changed[::32].any()
