"""HSJP solves the puzzles of real people, and a stock config starts from what it learnt."""

import json

import cv2
import numpy as np
import pytest
import torch
from hsjp_runs import STOCK_RES50
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpose.registry import DATASETS
from posetrack_people import FOLDER, coco_boxes

from mmpose_ext.codecs.functional.jigsaw import unshuffle_patches

CONFIG = 'configs/hsjp/coco-tiny/hsjp_res18-quarter_1xb14-800_coco-tiny-128x96.py'
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope='module')
def pretrained(real_data, run_python, tmp_path_factory):
    """Checkpoint after the beginning of the schedule, at a higher rate."""
    folder = tmp_path_factory.mktemp('hsjp')
    options = [
        *('train_cfg.max_iters=300', 'train_cfg.val_interval=300', 'randomness.seed=0'),
        *('param_scheduler.1.milestones=[240,280]', 'optim_wrapper.optimizer.lr=0.005'),
        'default_hooks.checkpoint.interval=300',
    ]
    train = ['tools/train.py', CONFIG, '--work-dir', folder, '--cfg-options', *options]
    run_python(*train, timeout=900)
    return folder / 'iter_300.pth'


def test_solves_the_puzzles_of_photographs(pretrained, run_python, tmp_path):
    out = ['--work-dir', tmp_path, '--out', tmp_path / 'scores.json']
    run_python('tools/test.py', CONFIG, pretrained, *out)
    scores = json.loads((tmp_path / 'scores.json').read_text())
    print(scores)
    # 1 / 12 by chance; 0.99 after the whole schedule, see docs/hsjp.md.
    assert scores['hsjp/patch_acc'] >= 0.25


def test_people_of_a_video_become_puzzles(real_data, tmp_path):
    frames = real_data / FOLDER
    if not frames.is_dir():
        pytest.skip(f'{real_data.name} lacks {FOLDER}')
    (tmp_path / 'people.json').write_text(json.dumps(coco_boxes()))
    config = Config.fromfile(CONFIG)
    files = dict(ann_file=str(tmp_path / 'people.json'), data_prefix=dict(img=str(frames)))
    dataset = DATASETS.build({**config.val_dataloader.dataset, **files})
    assert len(dataset) == 16
    whole = Compose([step for step in config.val_pipeline if step['type'] != 'HSJPShuffle'])
    for index in range(len(dataset)):
        puzzle = dataset[index]
        crop = whole(dataset.get_data_info(index))['inputs'].permute(1, 2, 0).numpy()
        shuffled = puzzle['inputs'].permute(1, 2, 0).numpy()
        permutation = puzzle['data_samples'].hsjp_perm
        np.testing.assert_array_equal(unshuffle_patches(shuffled, permutation, (4, 3)), crop)
        assert (shuffled != crop).any()


@pytest.fixture(scope='module')
def stock_options(real_data):
    """What makes a stock config one for the four photographs and the small network."""
    data = {
        'data_root': f'{real_data}/coco/', 'ann_file': 'test_coco.json', 'data_prefix.img': "''",
    }  # fmt: skip
    options = [f'{s}_dataloader.dataset.{k}={v}' for s in ('train', 'val') for k, v in data.items()]
    options += [f'test_dataloader.dataset.{key}={value}' for key, value in data.items()]
    options += [f'{s}_dataloader.dataset.bbox_file=None' for s in ('val', 'test')]
    options += [f'{s}_evaluator.ann_file={real_data}/coco/test_coco.json' for s in ('val', 'test')]
    options += [
        *('model.backbone.depth=18', 'model.backbone.stem_channels=16'),
        *('model.backbone.base_channels=16', 'model.head.in_channels=128'),
        *('model.head.deconv_out_channels=(64,64,64)', 'train_dataloader.batch_size=12'),
    ]
    # Small crops, hardly augmented.
    train = 'train_dataloader.dataset.pipeline'
    crops = [f'{train}.5', *(f'{split}_dataloader.dataset.pipeline.2' for split in ('val', 'test'))]
    codecs = ['model.head.decoder', f'{train}.6.encoder']
    options += [f'{place}.input_size=(96,128)' for place in crops + codecs]
    options += [f'{place}.heatmap_size=(24,32)' for place in codecs]
    options += [f'{place}.sigma=1' for place in codecs]
    options += [f'{train}.3.prob=0', f'{train}.4.rotate_prob=0', f'{train}.4.shift_prob=0']
    # One batch an epoch.
    options += [
        *('train_cfg.max_epochs=120', 'train_cfg.val_interval=120', 'param_scheduler.0.end=10'),
        *('param_scheduler.1.milestones=[90,110]', 'optim_wrapper.optimizer.lr=0.003'),
        *('default_hooks.checkpoint.interval=120', 'randomness.seed=0'),
    ]
    return options


def test_stock_config_is_finetuned_from_it(pretrained, stock_options, run_python, tmp_path):
    export = pretrained.parent / 'hsjp_backbone.pth'
    init = 'model.backbone.init_cfg'
    options = [*stock_options, f'{init}.checkpoint={export}', f'{init}.prefix=None']
    train = ['tools/train.py', STOCK_RES50, '--work-dir', tmp_path, '--cfg-options', *options]
    run_python(*train, timeout=900)
    checkpoint = tmp_path / 'epoch_120.pth'
    # It started from the export: no weight of the network is far from it.
    learnt = torch.load(export, weights_only=True)['state_dict']
    now = torch.load(checkpoint, weights_only=False)['state_dict']
    shared = [key for key in learnt if learnt[key].ndim == 4]
    likeness = [
        torch.cosine_similarity(learnt[key].flatten(), now[f'backbone.{key}'].flatten(), dim=0)
        for key in shared
    ]
    assert len(shared) == 20
    assert min(likeness) > 0.5
    scores = tmp_path / 'scores.json'
    test = ['tools/test.py', STOCK_RES50, checkpoint, '--work-dir', tmp_path, '--out', scores]
    run_python(*test, '--cfg-options', *stock_options)
    print(json.loads(scores.read_text()))
    assert json.loads(scores.read_text())['coco/AP'] > 0.1


def test_puzzles_can_be_drawn(pretrained, run_python, tmp_path):
    sheet = tmp_path / 'puzzles.png'
    run_python('tools/draw_predictions.py', CONFIG, pretrained, '--out', sheet, '--people', 4)
    height, width = cv2.imread(str(sheet)).shape[:2]
    assert min(height, width) > 2 * 128
