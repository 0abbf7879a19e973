"""Every mannequin config once through MMPose's stock tools: train, test, infer."""

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.apis import inference_topdown, init_model

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.stock_tools import stock_tool_path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(ROOT.glob('configs/*/mannequin/*.py'))
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
LABELLED = 12  # of 24 mannequins, where not all are labelled in the same way


class Gives(NamedTuple):
    """What a model gives that is tested on a kind of data."""

    metric: str
    worst: float
    keypoints: tuple
    sheet: tuple  # two rows of two people


GIVES = {
    'StrictCocoDataset': Gives('coco/AP', 1.0, (1, 17, 2), (2 * 260 + 4, 6 * 260 + 4, 3)),
    # Titles above, a legend below, and twice as many pictures of each. 1 m is as wide as the crop.
    'Human36mImageDataset': Gives(
        'MPJPE', 1000.0, (1, 18, 3), (26 + 2 * 260 + 4 + 30, 12 * 260 + 4, 3)
    ),
}


def gives(config):
    return GIVES[Config.fromfile(config).test_dataloader.dataset.type]


def small(path, data_root):
    """Options that cut a config down to a few steps and pictures; the file stays as it is."""
    config = Config.fromfile(path)
    options = ['train_dataloader.batch_size=8', 'default_hooks.checkpoint.save_optimizer=False']
    if 'batch_size' in config.train_dataloader.sampler:
        options += ['train_dataloader.sampler.batch_size=8']
    if config.train_cfg.by_epoch:
        options += ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    else:
        options += ['train_cfg.max_iters=4', 'train_cfg.val_interval=4']
    for loader in LOADERS:
        options += [f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
        dataset, key = config[loader].dataset, f'{loader}.dataset'
        parts = {f'{key}.datasets.{i}': part for i, part in enumerate(dataset.get('datasets', ()))}
        for name, part in (parts or {key: dataset}).items():
            options += [f'{name}.data_root={data_root}/']
            if 'indices' in part:  # the first so many, or the last
                options += [f'{name}.indices={LABELLED if part.indices > 0 else -LABELLED}']
    for evaluator in ('val_evaluator', 'test_evaluator'):
        if 'ann_file' in config[evaluator]:
            annotations = data_root / 'annotations/person_keypoints_val.json'
            options += [f'{evaluator}.ann_file={annotations}']
    return options


@pytest.fixture(scope='module', params=CONFIGS, ids=lambda path: path.stem)
def trained(request, mannequins, tmp_path_factory, run_python):
    """Config and checkpoint after a few steps of the tool inside the installed MMPose."""
    config, folder = request.param, tmp_path_factory.mktemp('work_dir')
    options = small(config, mannequins)
    run_python(stock_tool_path('train'), config, '--work-dir', folder, '--cfg-options', *options)
    return config, Path((folder / 'last_checkpoint').read_text())


def test_stock_test_tool_and_ours_give_the_same(trained, mannequins, run_python, tmp_path):
    config, checkpoint = trained
    results = []
    for tool in (stock_tool_path('test'), 'tools/test.py'):
        scores = tmp_path / f'{len(results)}.json'
        command = [tool, config, checkpoint, '--work-dir', tmp_path, '--out', scores]
        run_python(*command, '--cfg-options', *small(config, mannequins))
        results.append(json.loads(scores.read_text()))
    assert results[0] == results[1]
    assert 0 <= results[0][gives(config).metric] <= gives(config).worst


def test_stock_inference(trained, mannequins):
    config, checkpoint = trained
    model = init_model(str(config), str(checkpoint), device='cpu')
    image = cv2.imread(str(next((mannequins / 'images/val').iterdir())))
    H, W = image.shape[:2]
    boxes = np.array([[0, 0, W, H], [W / 4, 0, W, H]], np.float32)
    results = inference_topdown(model, image, boxes)
    assert len(results) == 2
    for result in results:
        keypoints = result.pred_instances.keypoints
        assert keypoints.shape == gives(config).keypoints
        scores = result.pred_instances.keypoint_scores
        if 'td-hm' not in config.stem:
            assert ((scores >= 0) & (scores <= 1)).all()
        if keypoints.shape[-1] == 3:
            # Means over the volume, 2 m deep and as wide as the crop, so that none lies outside.
            reach = np.array([*result.input_scale / 2, 1000.0])
            assert (abs(keypoints - [*result.input_center, 0]) <= reach).all()
            assert np.ptp(keypoints[..., 2]) > 0


def test_sheet_of_predictions(trained, mannequins, tmp_path):
    config, checkpoint = trained
    # The config that the Runner left beside the checkpoint knows where the data is.
    beside = checkpoint.parent / config.name
    count = draw_predictions(beside, checkpoint, tmp_path / 'sheet.jpg', people=4, people_per_row=2)
    assert count == 4
    sheet = cv2.imread(str(tmp_path / 'sheet.jpg'))
    assert sheet.shape == gives(config).sheet
    with pytest.raises(ValueError, match='got 0'):
        draw_predictions(beside, checkpoint, tmp_path / 'none.jpg', people=0)
