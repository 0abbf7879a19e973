"""Every method once through MMPose's stock tools: train, test, infer."""

import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.apis import inference_topdown, init_model

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.stock_tools import stock_tool_path

CONFIGS = ['configs/simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py']


def one_epoch(config, data_root, folder):
    """Write ``config`` cut down to one epoch on ``data_root`` into ``folder``."""
    cfg = Config.fromfile(config)
    old_root = cfg.data_root
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=8, num_workers=0, persistent_workers=False)
        loader.dataset.data_root = f'{data_root}/'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = evaluator.ann_file.replace(old_root, f'{data_root}/')
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.default_hooks.checkpoint.save_optimizer = False
    path = folder / 'config.py'
    cfg.dump(path)
    return path


@pytest.fixture(scope='module', params=CONFIGS, ids=lambda path: path.split('/')[-1])
def trained(request, root, mannequins, tmp_path_factory, run_python):
    """Config and checkpoint after an epoch through the tool inside the installed MMPose."""
    folder = tmp_path_factory.mktemp('work_dir')
    config = one_epoch(root / request.param, mannequins, folder)
    run_python(stock_tool_path('train'), config, '--work-dir', folder)
    return config, folder / 'epoch_1.pth'


def test_stock_test_tool(trained, run_python, tmp_path):
    config, checkpoint = trained
    tool = stock_tool_path('test')
    scores = tmp_path / 'scores.json'
    run_python(tool, config, checkpoint, '--work-dir', tmp_path, '--out', scores)
    assert 0 <= json.loads(scores.read_text())['coco/AP'] <= 1


def test_our_test_tool_gives_the_same(trained, run_python, tmp_path):
    config, checkpoint = trained
    results = []
    for tool in (stock_tool_path('test'), 'tools/test.py'):
        scores = tmp_path / f'{len(results)}.json'
        run_python(tool, config, checkpoint, '--work-dir', tmp_path, '--out', scores)
        results.append(json.loads(scores.read_text()))
    assert results[0] == results[1]


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
        assert ((scores >= 0) & (scores <= 1)).all()


def test_sheet_of_predictions(trained, tmp_path):
    config, checkpoint = trained
    count = draw_predictions(config, checkpoint, tmp_path / 'sheet.jpg', people=4, people_per_row=2)
    assert count == 4
    sheet = cv2.imread(str(tmp_path / 'sheet.jpg'))
    assert sheet.shape == (2 * 260 + 4, 6 * 260 + 4, 3)
    with pytest.raises(ValueError, match='got 0'):
        draw_predictions(config, checkpoint, tmp_path / 'none.jpg', people=0)
