"""Every mannequin config once through MMPose's stock tools: train, test, infer."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.apis import inference_bottomup, inference_topdown, init_model

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.stock_tools import stock_tool_path

ROOT = Path(__file__).resolve().parents[1]
# HSJP's other configs differ from these, or from those of other methods, in numbers alone.
HSJP = [ROOT / f'configs/hsjp/mannequin/{name}_mannequin-128x96.py' for name in (
    'hsjp_res18-half_1xb32-1200', 'simdr_res18-half-hsjp_1xb32-400',
    'td-hm_res18-half-hsjp_1xb32-400',
)]  # fmt: skip
# EventHPE sees no pictures: test_eventhpe_end_to_end. Detectors: test_configs_detection.
ELSEWHERE = ('hsjp', 'eventhpe', 'detection')
CONFIGS = sorted(p for p in ROOT.glob('configs/*/mannequin/*.py') if p.parts[-3] not in ELSEWHERE)
CONFIGS += HSJP
PRETRAINING = HSJP[0]
# Its tools are started as a user starts them; those of the others need not import torch.
FRESH = ROOT / 'configs/simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py'
HEMLETS = ROOT / 'configs/hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py'
POSES = [path for path in CONFIGS if path != PRETRAINING]
SEVERAL_SCALES = [path for path in CONFIGS if path.stem.startswith('swahr')]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
PICTURE = dict(topdown=256, bottomup=384)  # height of a picture in a sheet
JIGSAW = 256 + 20 + 4  # a puzzle's height in a sheet, with the text below it
LABELLED = 12  # of 24 mannequins, where not all are labelled in the same way


class Gives(NamedTuple):
    """What a model gives that is tested on a kind of data."""

    metric: str
    worst: float
    keypoints: tuple  # of a person
    sheet: tuple  # height of two rows, and pictures in each: two people, or photographs


# By the metric that the config tests with.
GIVES = {
    'CocoMetric': Gives('coco/AP', 1.0, (17, 2), (2 * 260 + 4, 6)),
    # Titles above, a legend below, four pictures of each with a line of text.
    'HSJPAccuracy': Gives('hsjp/patch_acc', 1.0, (12, 2), (26 + 2 * JIGSAW + 4 + 30, 2 * 4)),
    # Titles above, a legend below, and twice as many pictures of each. 1 m is as wide as the crop.
    'VolumetricMPJPE': Gives('MPJPE', 1000.0, (18, 3), (26 + 2 * 260 + 4 + 30, 12)),
    # Titles above, a line of text below; the input, two bodies from two sides.
    'SMPLMetric': Gives('smpl/PVE', 1000.0, (18, 3), (26 + 2 * 260 + 4 + 26, 10)),
    # Of each photograph also heatmaps and tags.
    'SizedCocoMetric': Gives('coco/AP', 1.0, (17, 2), (26 + 2 * 388 + 4, 10)),
}


def gives(config):
    return GIVES[Config.fromfile(config).test_evaluator.type]


def sheet_shape(config):
    """Shape of a sheet of two rows, whose pictures are as wide as the crops."""
    content = Config.fromfile(config)
    height, pictures = gives(config).sheet
    width, tall = content.codec.input_size
    shown = PICTURE[content.data_mode]
    return height, pictures * (shown * width // tall + 4) + 4, 3


def scores_of(path):
    """Scores of a test tool; NaN as a word, so that it equals itself."""
    return json.loads(path.read_text(), parse_constant=str)


@pytest.fixture(scope='module')
def data(mannequins, crowds):
    """Folder of the data that a config needs."""
    roots = dict(topdown=mannequins, bottomup=crowds)
    return lambda config: roots[Config.fromfile(config).data_mode]


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


@pytest.fixture(scope='session')
def pretrained(mannequins, tmp_path_factory, run_python):
    """Folder of a config's training of a few steps, for others to start from."""

    @cache
    def train(config):
        folder = tmp_path_factory.mktemp('pretraining')
        tool = [stock_tool_path('train'), config, '--work-dir', folder]
        run_python(*tool, '--cfg-options', *small(config, mannequins))
        return folder

    return train


@pytest.fixture(scope='module', params=CONFIGS, ids=lambda path: path.stem)
def trained(request, data, pretrained, tmp_path_factory, run_python):
    """Config and checkpoint after a few steps of the tool inside the installed MMPose."""
    config, folder = request.param, tmp_path_factory.mktemp('work_dir')
    options = small(config, data(config))
    if '-hsjp_' in config.stem:
        weights = pretrained(PRETRAINING) / 'hsjp_backbone.pth'
        options.append(f'model.backbone.init_cfg.checkpoint={weights}')
    if '-frozen_' in config.stem:
        weights = pretrained(HEMLETS) / 'iter_4.pth'
        for part in ('backbone', 'head.pose_head'):
            options.append(f'model.{part}.init_cfg.checkpoint={weights}')
    command = [stock_tool_path('train'), config, '--work-dir', folder, '--cfg-options', *options]
    run_python(*command, fresh=config == FRESH)
    return config, Path((folder / 'last_checkpoint').read_text())


@pytest.fixture
def test_with(trained, data, run_python, tmp_path):
    """Scores of a test tool on the trained config."""
    config, checkpoint = trained

    def test(tool, *options):
        scores = tmp_path / 'scores.json'
        command = [tool, config, checkpoint, '--work-dir', tmp_path, '--out', scores]
        command += ['--cfg-options', *small(config, data(config)), *options]
        run_python(*command, fresh=config == FRESH)
        return scores_of(scores)

    return test


def test_stock_test_tool_and_ours_give_the_same(trained, test_with):
    scores = test_with(stock_tool_path('test'))
    assert scores == test_with('tools/test.py')
    assert 0 <= scores[gives(trained[0]).metric] <= gives(trained[0]).worst


@pytest.mark.parametrize('trained', SEVERAL_SCALES, indirect=True, ids=lambda path: path.stem)
def test_several_scales(test_with):
    options = ['test_dataloader.dataset.pipeline.1.scales=[0.5,1.0,2.0]']
    scores = test_with(stock_tool_path('test'), *options, 'model.test_cfg.multiscale_test=True')
    assert 0 <= scores['coco/AP'] <= 1


@pytest.mark.parametrize('trained', POSES, indirect=True, ids=lambda path: path.stem)
def test_stock_inference(trained, data):
    config, checkpoint = trained
    model = init_model(str(config), str(checkpoint), device='cpu')
    image = cv2.imread(str(next((data(config) / 'images/val').iterdir())))
    if Config.fromfile(config).data_mode == 'bottomup':
        check_groups(model, image)
        return
    H, W = image.shape[:2]
    boxes = np.array([[0, 0, W, H], [W / 4, 0, W, H]], np.float32)
    results = inference_topdown(model, image, boxes)
    assert len(results) == 2
    for result in results:
        keypoints = result.pred_instances.keypoints
        assert keypoints.shape == (1, *gives(config).keypoints)
        scores = result.pred_instances.keypoint_scores
        if 'td-hm' not in config.stem:
            assert ((scores >= 0) & (scores <= 1)).all()
        if keypoints.shape[-1] == 3:
            # Means over the volume, 2 m deep and as wide as the crop, so that none lies outside.
            reach = np.array([*result.input_scale / 2, 1000.0])
            assert (abs(keypoints - [*result.input_center, 0]) <= reach).all()
            assert np.ptp(keypoints[..., 2]) > 0


def check_groups(model, image):
    model.head.decoder.decode_keypoint_thr = 0.0  # it has learnt next to nothing
    (result,) = inference_bottomup(model, image)
    instances = result.pred_instances
    people = len(instances)
    assert people >= 1
    assert instances.keypoints.shape == (people, 17, 2)
    assert instances.keypoint_scores.shape == (people, 17)
    assert instances.bbox_scores.shape == (people,)
    assert np.isfinite(instances.keypoints).all()
    assert (abs(instances.keypoints - result.input_center) <= result.input_scale / 2 + 1).all()


def test_sheet_of_predictions(trained, mannequins, tmp_path):
    config, checkpoint = trained
    # The config that the Runner left beside the checkpoint knows where the data is.
    beside = checkpoint.parent / config.name
    count = draw_predictions(beside, checkpoint, tmp_path / 'sheet.jpg', people=4, people_per_row=2)
    assert count == 4
    sheet = cv2.imread(str(tmp_path / 'sheet.jpg'))
    assert sheet.shape == sheet_shape(config)
    with pytest.raises(ValueError, match='got 0'):
        draw_predictions(beside, checkpoint, tmp_path / 'none.jpg', people=0)
