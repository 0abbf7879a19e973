"""Every mannequin config once through MMPose's stock tools: train, test, infer."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.apis import inference_topdown, init_model

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.stock_tools import stock_tool_path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(ROOT.glob('configs/*/mannequin/*.py'))


def small(data_root):
    """Options that cut a config down to an epoch on a few pictures; the file stays as it is."""
    options = [
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'train_dataloader.batch_size=8',
    ]
    options += ['default_hooks.checkpoint.save_optimizer=False']
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        options += [f'{loader}.num_workers=0', f'{loader}.persistent_workers=False']
        options += [f'{loader}.dataset.data_root={data_root}/']
    annotations = data_root / 'annotations/person_keypoints_val.json'
    for evaluator in ('val_evaluator', 'test_evaluator'):
        options += [f'{evaluator}.ann_file={annotations}']
    return options


@pytest.fixture(scope='module', params=CONFIGS, ids=lambda path: path.stem)
def trained(request, mannequins, tmp_path_factory, run_python):
    """Config and checkpoint after an epoch through the tool inside the installed MMPose."""
    folder = tmp_path_factory.mktemp('work_dir')
    tool = stock_tool_path('train')
    run_python(tool, request.param, '--work-dir', folder, '--cfg-options', *small(mannequins))
    return request.param, folder / 'epoch_1.pth'


def test_stock_test_tool_and_ours_give_the_same(trained, mannequins, run_python, tmp_path):
    config, checkpoint = trained
    results = []
    for tool in (stock_tool_path('test'), 'tools/test.py'):
        scores = tmp_path / f'{len(results)}.json'
        command = [tool, config, checkpoint, '--work-dir', tmp_path, '--out', scores]
        run_python(*command, '--cfg-options', *small(mannequins))
        results.append(json.loads(scores.read_text()))
    assert results[0] == results[1]
    assert 0 <= results[0]['coco/AP'] <= 1


def test_stock_inference(trained, mannequins):
    config, checkpoint = trained
    model = init_model(str(config), str(checkpoint), device='cpu')
    image = cv2.imread(str(next((mannequins / 'images/val').iterdir())))
    H, W = image.shape[:2]
    boxes = np.array([[0, 0, W, H], [W / 4, 0, W, H]], np.float32)
    results = inference_topdown(model, image, boxes)
    assert len(results) == 2
    for result in results:
        assert result.pred_instances.keypoints.shape == (1, 17, 2)
        scores = result.pred_instances.keypoint_scores
        if 'simdr' in config.stem:
            assert ((scores >= 0) & (scores <= 1)).all()


def test_sheet_of_predictions(trained, mannequins, tmp_path):
    config, checkpoint = trained
    # The config that the Runner left beside the checkpoint knows where the data is.
    config = checkpoint.parent / config.name
    count = draw_predictions(config, checkpoint, tmp_path / 'sheet.jpg', people=4, people_per_row=2)
    assert count == 4
    sheet = cv2.imread(str(tmp_path / 'sheet.jpg'))
    assert sheet.shape == (2 * 260 + 4, 6 * 260 + 4, 3)
    with pytest.raises(ValueError, match='got 0'):
        draw_predictions(config, checkpoint, tmp_path / 'none.jpg', people=0)
