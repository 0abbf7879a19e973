"""SimDR learns the people of four COCO photographs by heart, through the stock tools."""

import json

import cv2
import mmengine
import numpy as np
import pytest

CONFIG = 'configs/simdr/coco-tiny/simdr_res18_1xb12-20e_coco-tiny-128x96.py'


@pytest.fixture(scope='module')
def trained(real_data, run_python, tmp_path_factory):
    """Work directory after two thirds of the schedule."""
    folder = tmp_path_factory.mktemp('coco_tiny')
    options = ['train_cfg.max_epochs=14', 'train_cfg.val_interval=14']
    options += ['param_scheduler.1.milestones=[11]', 'randomness.seed=0']
    run_python('tools/train.py', CONFIG, '--work-dir', folder, '--cfg-options', *options)
    return folder


def test_learns_the_photographs(trained, run_python, tmp_path):
    scores = tmp_path / 'scores.json'
    test = ['tools/test.py', CONFIG, trained / 'epoch_14.pth', '--work-dir', tmp_path]
    run_python(*test, '--out', scores)
    assert json.loads(scores.read_text())['coco/AP'] >= 0.6


def test_skeletons_sit_on_the_people(trained, real_data, run_python, tmp_path):
    options = ['--work-dir', tmp_path, '--dump', tmp_path / 'predictions.pkl']
    run_python('tools/test.py', CONFIG, trained / 'epoch_14.pth', *options)
    predictions = mmengine.load(tmp_path / 'predictions.pkl')
    annotations = json.loads((real_data / 'coco/test_coco.json').read_text())['annotations']
    truth = {a['id']: a for a in annotations if a['num_keypoints']}
    assert len(truth) == 12
    errors = {}
    for prediction in predictions:
        if prediction['id'] in truth:
            person = truth[prediction['id']]
            points = np.array(person['keypoints'], float).reshape(17, 3)
            gaps = prediction['pred_instances']['keypoints'][0] - points[:, :2]
            gaps = np.linalg.norm(gaps, axis=1)[points[:, 2] > 0]
            errors[person['id']] = gaps.mean() / np.sqrt(np.prod(person['bbox'][2:]))
    assert len(errors) == 12
    # Shares of the box: a tenth is a forearm's width or two.
    assert max(errors.values()) < 0.1
    assert np.mean(list(errors.values())) < 0.05


def test_pictures_can_be_drawn(trained, real_data, run_python, tmp_path):
    tool = ['tools/draw_predictions.py', CONFIG, trained / 'epoch_14.pth']
    run_python(*tool, '--out', tmp_path / 'people.jpg', '--people', 4, '--people-per-row', 2)
    assert cv2.imread(str(tmp_path / 'people.jpg')).shape[1] == 6 * (192 + 4) + 4
