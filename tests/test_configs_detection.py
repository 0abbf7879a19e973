"""The configs of person detectors, whose models, data and metrics are MMDetection's."""

import json
import runpy
import sys

import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmpose_ext.apis.detection import load_detector
from mmpose_ext.visualization.sheets import read_photo

# The same training on a few pictures: three steps, one validation, one test.
SMALL = """
_base_ = ['{config}']
data_root = '{data}/'
worker = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=1, val_interval=1)
train_dataloader = dict(batch_size=8, dataset=dict(data_root=data_root), **worker)
val_dataloader = dict(dataset=dict(data_root=data_root), **worker)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=1))
# A detector that finds nothing has no AP to save by.
randomness = dict(seed=0)
"""


@pytest.fixture(scope='module')
def config(root):
    (found,) = (root / 'configs/detection').rglob('*.py')
    return found


def test_config_survives_the_work_dir(config, tmp_path):
    loaded = Config.fromfile(config)
    loaded.dump(tmp_path / 'dump.py')
    assert Config.fromfile(tmp_path / 'dump.py').to_dict() == loaded.to_dict()
    assert loaded.default_scope == 'mmdet'
    assert loaded.custom_imports.imports == ['mmpose_ext']
    assert 'http' not in str(loaded.to_dict())


def test_name_says_what_is_trained(config):
    loaded = Config.fromfile(config)
    height, width = map(int, config.stem.rpartition('-')[2].split('x'))
    assert loaded.size == (width, height)
    assert (
        f'_1xb{loaded.train_dataloader.batch_size}-{loaded.train_cfg.max_epochs}e_' in config.stem
    )
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(loaded.model)
    assert model.bbox_head.num_classes == 1
    assert sum(p.numel() for p in model.parameters()) < 0.6e6


def test_training_pictures_come_as_the_network_takes_them(config, crowds, tmp_path):
    loaded = small_config(config, crowds, tmp_path)
    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = DATASETS.build(Config.fromfile(loaded).train_dataloader.dataset)
    sample = dataset[0]
    assert len(dataset) == 24
    assert sample['inputs'].shape == (3, 192, 192)
    boxes = sample['data_samples'].gt_instances.bboxes.tensor
    assert ((boxes >= 0) & (boxes <= 192)).all()
    assert sample['data_samples'].gt_instances.labels.unique().tolist() == [0]


def test_train_test_detect(config, crowds, tmp_path, root, monkeypatch, capfd):
    """Through the stock tools, and the checkpoint through ours."""
    small, work_dir = small_config(config, crowds, tmp_path), tmp_path / 'work'

    def run_tool(name, *args):
        monkeypatch.setattr(sys, 'argv', [f'tools/{name}.py', *map(str, args)])
        runpy.run_path(str(root / f'tools/{name}.py'), run_name='__main__')

    threads = torch.get_num_threads()  # which MMEngine changes
    run_tool('train', small, '--work-dir', work_dir)
    scores = tmp_path / 'scores.json'
    checkpoint = work_dir / 'epoch_1.pth'
    run_tool('test', small, checkpoint, '--work-dir', work_dir, '--out', scores)
    torch.set_num_threads(threads)
    assert 0 <= json.loads(scores.read_text())['coco/bbox_mAP'] <= 1
    assert 'Epoch(train)' in capfd.readouterr().out
    photos = [read_photo(path) for path in sorted((crowds / 'images/val').glob('*.jpg'))]
    found = load_detector(small, checkpoint, score_thr=0)(photos)
    assert len(found) == 8
    assert all(np.isfinite(boxes.boxes).all() for boxes in found)


def small_config(config, crowds, folder):
    path = folder / 'small.py'
    path.write_text(SMALL.format(config=config.as_posix(), data=crowds.as_posix()))
    return path
