from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from meshes import body_prediction
from mmengine.visualization import Visualizer
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import VISUALIZERS
from mmpose.structures import merge_data_samples
from persons import META, photo, prediction

CELL = 64
BODY = dict(type='SMPLBody', model_path='mannequin-coarse')
ROW = 26 + CELL + 8
NOTE = 26


def build(folder, *backends, **options):
    config = dict(
        type='MeshVisualizer',
        name=f'mesh visualizer of {folder}',
        body_model=BODY,
        panel_size=CELL,
        save_dir=str(folder),
        vis_backends=[dict(type=backend) for backend in backends],
    )
    visualizer = VISUALIZERS.build(config | options)
    visualizer.set_dataset_meta(META)
    return visualizer


@pytest.mark.parametrize('stage', ['val', 'test'])
def test_stock_hook_fills_the_local_backend(tmp_path, monkeypatch, stage):
    visualizer = build(tmp_path / 'logs', 'LocalVisBackend')
    sample = body_prediction()
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), photo())
    sample.set_metainfo(dict(img_path=str(path)))
    monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: visualizer)
    evaluator = SimpleNamespace(dataset_meta=META)
    runner = SimpleNamespace(iter=5, val_evaluator=evaluator, test_evaluator=evaluator)
    hook = PoseVisualizationHook(enable=True, interval=1)
    getattr(hook, f'after_{stage}_iter')(runner, 0, dict(data_samples=[sample]), [sample])
    step = 5 if stage == 'val' else 1
    images = tmp_path / 'logs/vis_data/vis_image'
    people = cv2.imread(str(images / f'{stage}_img_{step}.png'))
    assert people.shape == (2 * ROW + NOTE, 4 * (CELL + 4) + 4, 3)
    # The HEMlets of the prediction are the second image.
    assert (images / f'{stage}_img_hemlets_{step}.png').is_file()


def test_rows_are_people_and_their_truth(tmp_path):
    visualizer = build(tmp_path, draw_truth=False, max_people=2)
    for people, rows in ((1, 1), (3, 2)):
        merged = merge_data_samples([body_prediction(seed) for seed in range(people)])
        assert len(visualizer.draw_people(photo(), merged)) == rows * ROW + NOTE
    visualizer.draw_truth = True
    assert len(visualizer.draw_people(photo(), body_prediction())) == 2 * ROW + NOTE


def panels(row):
    """The four pictures of a row."""
    return [row[30 : 30 + CELL, x : x + CELL].astype(int) for x in range(4, 4 * 68, 68)]


def test_prediction_and_truth_have_their_colors(tmp_path):
    visualizer = build(tmp_path)
    sample = body_prediction()
    sheet = visualizer.draw_people(photo(), sample)
    blueness = []
    for row in (sheet[:ROW], sheet[ROW : 2 * ROW]):
        _, _, *views = panels(row)
        assert all((view.min(-1) < 200).sum() > 50 for view in views)
        blueness.append(np.mean([(view[..., 0] - view[..., 2]).sum() for view in views]))
    assert blueness[0] > 0 > blueness[1]


def test_people_without_a_labelled_body(tmp_path):
    visualizer = build(tmp_path)
    sample = body_prediction(labelled=False)
    sheet = visualizer.draw_people(photo(), sample)
    _, _, *views = panels(sheet[ROW : 2 * ROW])
    # A note on white, no body and no floor.
    assert all(view.mean() > 235 for view in views)


def test_refuses(tmp_path):
    visualizer = build(tmp_path)
    with pytest.raises(ValueError, match='PoShHead gives them'):
        visualizer.draw_people(photo(), prediction())
    with pytest.raises(ValueError, match='must be an SMPLBody'):
        build(tmp_path / 'other', body_model=dict(type='HEMletsLoss'))
    with pytest.raises(ValueError, match='panel_size'):
        build(tmp_path / 'size', panel_size=0)
