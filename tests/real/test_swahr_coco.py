"""SWAHR begins to learn the people of a COCO photograph by heart, by the stock tools.

The config learns four photographs of 512 px in 1200 steps, which takes too long for a test suite:
here are the one with the most people, a quarter of the pixels and a quarter of the steps.
"""

import json
from pathlib import Path

import cv2
import mmengine
import numpy as np
import pytest

from mmpose_ext.apis.stock_tools import stock_tool_path

(CONFIG,) = Path(__file__).parents[2].glob('configs/swahr/coco-tiny/swahr_*.py')
PHOTOGRAPH, PEOPLE = 197388, 5
STEPS = 300
SIZE, SHORTER = 288, 192  # px of the training's square, and of the test's shorter side
DATASETS = ('train_dataloader.dataset.dataset', 'val_dataloader.dataset', 'test_dataloader.dataset')
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope='module')
def annotations(real_data, tmp_path_factory):
    """A COCO file of the one photograph."""
    content = json.loads((real_data / 'coco/test_coco.json').read_text())
    for part, key in (('images', 'id'), ('annotations', 'image_id')):
        content[part] = [entry for entry in content[part] if entry[key] == PHOTOGRAPH]
    path = tmp_path_factory.mktemp('coco_tiny') / 'one_photograph.json'
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope='module')
def trained(annotations, run_python):
    """Config and checkpoint of the small training."""
    pipeline = f'{DATASETS[0]}.pipeline'
    codecs = ('codec', 'model.head.decoder', f'{pipeline}.3.encoder')
    levels = f'(({SIZE // 4},{SIZE // 4}),({SIZE // 2},{SIZE // 2}))'
    short = ('train_cfg.max_iters', 'train_cfg.val_interval', 'param_scheduler.0.end',
             'default_hooks.checkpoint.interval')  # fmt: skip
    options = [
        *(f'{key}={STEPS}' for key in short),
        *(f'{dataset}.ann_file={annotations}' for dataset in DATASETS),
        *(f'{split}_evaluator.ann_file={annotations}' for split in ('val', 'test')),
        *(f'{codec}.input_size=({SIZE},{SIZE})' for codec in codecs),
        *(f'{codec}.heatmap_sizes={levels}' for codec in codecs),
        *(f'{pipeline}.1.input_size=({SIZE},{SIZE})', f'{pipeline}.1.scale_factor=(1.45,1.6)'),
        *(f'{dataset}.pipeline.1.input_size={SHORTER}' for dataset in DATASETS[1:]),
        *('train_dataloader.batch_size=1', f'train_dataloader.dataset.times={STEPS}'),
        'optim_wrapper.optimizer.lr=0.004',
        *(f'{split}_dataloader.num_workers=0' for split in ('train', 'val', 'test')),
        *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'val', 'test')),
    ]
    folder = annotations.parent
    command = ['tools/train.py', CONFIG, '--work-dir', folder, '--cfg-options', *options]
    run_python(*command)
    return folder / CONFIG.name, Path((folder / 'last_checkpoint').read_text())


@pytest.fixture(scope='module')
def scores_with(trained, run_python):
    """Scores of MMPose's own tool with further options; the predictions lie in predictions.pkl."""

    def scores(*options):
        folder = trained[1].parent
        out = ['--out', folder / 'scores.json', '--dump', folder / 'predictions.pkl']
        command = [stock_tool_path('test'), *trained, '--work-dir', folder / 'test', *out]
        run_python(*command, *(['--cfg-options', *options] if options else []))
        return json.loads((folder / 'scores.json').read_text())['coco/AP']

    return scores


def test_learns_the_photograph(scores_with, annotations):
    score = scores_with()
    predictions = mmengine.load(annotations.parent / 'predictions.pkl')
    people = json.loads(annotations.read_text())['annotations']
    truth = [person for person in people if person['num_keypoints']]
    assert len(truth) == PEOPLE
    found = sorted(nearest_error(person, predictions) for person in truth)
    print('AP', score, 'errors in shares of the person:', np.round(found, 3))
    # Measured: 0.32, and errors of 0.06, 0.06, 0.07, 0.23 and 0.62. Whoever stands aside is cut
    # off by the training's square; the whole training gives an AP of 0.825 on all photographs.
    assert score >= 0.1
    assert found[1] < 0.1


def nearest_error(person, predictions):
    """Mean distance of the nearest prediction, in shares of the person's size."""
    points = np.array(person['keypoints'], float).reshape(17, 3)
    (prediction,) = [p for p in predictions if p['img_id'] == person['image_id']]
    guesses = np.asarray(prediction['pred_instances']['keypoints'])
    gaps = np.linalg.norm(guesses - points[:, :2], axis=-1)[:, points[:, 2] > 0]
    return gaps.mean(1).min(initial=np.inf) / np.sqrt(person['area'])


def test_without_flip_and_at_several_scales(scores_with):
    assert scores_with('model.test_cfg.flip_test=False') > 0
    scales = 'test_dataloader.dataset.pipeline.1.scales=[1.0,2.0]'
    # It has learnt one size by heart, so that the other disturbs.
    assert scores_with('model.test_cfg.multiscale_test=True', scales) > 0


def test_groups_can_be_drawn(trained, run_python, tmp_path):
    tool = ['tools/draw_predictions.py', *trained, '--out', tmp_path / 'people.jpg']
    run_python(*tool, '--people', 1)
    sheet = cv2.imread(str(tmp_path / 'people.jpg'))
    assert sheet.shape == (26 + 388 + 4, 5 * 388 + 4, 3)
