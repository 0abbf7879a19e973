"""SWAHR begins to learn the people of four COCO photographs by heart, by the stock tools."""

import json
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest

from mmpose_ext.apis.stock_tools import stock_tool_path

(CONFIG,) = Path(__file__).parents[2].glob('configs/swahr/coco-tiny/swahr_*.py')
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope='module')
def trained(real_data, run_python, tmp_path_factory):
    """Checkpoint after a third of the schedule, which takes too long for a test suite."""
    folder = tmp_path_factory.mktemp('coco_tiny')
    short = ('train_cfg.max_iters', 'train_cfg.val_interval', 'param_scheduler.0.end',
             'default_hooks.checkpoint.interval')  # fmt: skip
    options = [f'{key}=400' for key in short]
    command = ['tools/train.py', CONFIG, '--work-dir', folder, '--cfg-options', *options]
    run_python(*command, timeout=1500)
    return Path((folder / 'last_checkpoint').read_text())


@pytest.fixture(scope='module')
def scores_with(trained, run_python):
    """Scores of MMPose's own tool with further options; the predictions lie in predictions.pkl."""

    def scores(*options):
        folder = trained.parent
        out = ['--out', folder / 'scores.json', '--dump', folder / 'predictions.pkl']
        command = [stock_tool_path('test'), CONFIG, trained, '--work-dir', folder, *out]
        run_python(*command, '--cfg-options', 'test_dataloader.num_workers=0',
                   'test_dataloader.persistent_workers=False', *options)  # fmt: skip
        return json.loads((folder / 'scores.json').read_text())['coco/AP']

    return scores


def test_learns_the_photographs(scores_with, trained, real_data):
    # The whole schedule gives 0.825.
    assert scores_with() >= 0.1
    predictions = mmengine.load(trained.parent / 'predictions.pkl')
    annotations = json.loads((real_data / 'coco/test_coco.json').read_text())['annotations']
    truth = [person for person in annotations if person['num_keypoints']]
    assert len(truth) == 12
    found = [nearest_error(person, predictions) for person in truth]
    print('errors in shares of the person:', np.round(found, 3))
    assert min(found) < 0.1


def nearest_error(person, predictions):
    """Mean distance of the nearest prediction, in shares of the person's size."""
    points = np.array(person['keypoints'], float).reshape(17, 3)
    (prediction,) = [p for p in predictions if p['img_id'] == person['image_id']]
    guesses = np.asarray(prediction['pred_instances']['keypoints'])
    gaps = np.linalg.norm(guesses - points[:, :2], axis=-1)[:, points[:, 2] > 0]
    return gaps.mean(1).min(initial=np.inf) / np.sqrt(person['area'])


def test_without_flip_and_at_several_scales(scores_with):
    assert scores_with('model.test_cfg.flip_test=False') > 0
    scales = 'test_dataloader.dataset.pipeline.1.scales=[0.5,1.0,2.0]'
    # It has learnt one size by heart, so that the others disturb.
    assert scores_with('model.test_cfg.multiscale_test=True', scales) > 0


def test_groups_can_be_drawn(trained, real_data, run_python, tmp_path):
    tool = ['tools/draw_predictions.py', CONFIG, trained, '--out', tmp_path / 'people.jpg']
    run_python(*tool, '--people', 4)
    sheet = cv2.imread(str(tmp_path / 'people.jpg'))
    assert sheet.shape == (26 + 4 * 388 + 4, 5 * 388 + 4, 3)
