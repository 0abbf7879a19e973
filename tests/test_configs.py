import inspect
import json
import re

import pytest
import torch
from config_files import (
    CONFIGS,
    LEAVES,
    datasets_of,
    evaluators_of,
    first_epochs_of_lower_rates,
    input_size,
    load,
)
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, KEYPOINT_CODECS, METRICS, TRANSFORMS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.models.heads import hemlets_head

# EventHPE sees events; its configs are looked at in test_configs_eventhpe.
OF_IMAGES = [name for name in LEAVES if not name.startswith('eventhpe/')]

# Experiments as published: what the file's name does not say. Bins per pixel k, loss ('sum':
# the authors' NMT, 'mean': their NORM, 'kl': Gaussian labels), smoothing or sigma.
PUBLISHED = {
    'coco/simdr_hrnet-w32_4xb32-210e_coco-64x64': (3, 'sum', 0.1),
    'coco/simdr_hrnet-w48_4xb32-210e_coco-64x64': (3, 'sum', 0.1),
    'coco/simdr_hrnet-w32_4xb32-210e_coco-128x128': (2, 'sum', 0.2),
    'coco/simdr_hrnet-w48_4xb32-210e_coco-128x128': (2, 'sum', 0.1),
    'coco/simdr_hrnet-w32_4xb32-210e_coco-256x192': (2, 'sum', 0.1),
    'coco/simdr_hrnet-w48_4xb32-210e_coco-256x192': (2, 'sum', 0.1),
    'coco/simdr-sa_hrnet-w48_4xb32-210e_coco-256x192': (2, 'kl', 4),
    'coco/simdr-sa_hrnet-w48_4xb32-210e_coco-384x288': (1.5, 'kl', 4),
    'coco/simdr_res50_4xb32-140e_coco-64x64': (3, 'sum', 0.1),
    'coco/simdr_res50_4xb32-140e_coco-128x128': (3, 'sum', 0.1),
    'coco/simdr_res50_4xb32-140e_coco-256x192': (2, 'sum', 0.1),
    'coco/simdr_res50_4xb32-140e_coco-384x288': (2, 'sum', 0.1),
    'coco/simdr_res101_4xb32-140e_coco-64x64': (3, 'sum', 0.1),
    'coco/simdr_res101_4xb32-140e_coco-128x128': (2, 'sum', 0.2),
    'coco/simdr_res101_4xb32-140e_coco-256x192': (2, 'sum', 0.4),
    'coco/simdr_res101_4xb32-140e_coco-384x288': (2, 'mean', 0.1),
    'coco/simdr_res152_4xb32-140e_coco-384x288': (2, 'mean', 0.1),
    'coco/simdr-sa_res50_4xb32-140e_coco-384x288': (2, 'kl', 6),
    'coco/simdr_res50-upfree_4xb32-140e_coco-64x64': (3, 'sum', 0.1),
    'coco/simdr_res50-upfree_4xb32-140e_coco-128x128': (3, 'sum', 0.1),
    'coco/simdr_res50-upfree_4xb32-140e_coco-256x192': (2, 'sum', 0.1),
    'mpii/simdr_hrnet-w32_4xb32-210e_mpii-64x64': (3, 'mean', 0.2),
    'mpii/simdr_hrnet-w32_4xb32-210e_mpii-256x256': (2, 'mean', 0.2),
    'mpii/simdr-sa_hrnet-w32_4xb32-210e_mpii-256x256': (2, 'kl', 6),
}
CHANNELS_PER_KEYPOINT = {(64, 64): 32, (128, 128): 32, (192, 256): 28}


def published(name):
    return load(f'simdr/{name}.py')


def transform(config, kind):
    (found,) = [t for t in config.train_pipeline if t['type'] == kind] or [None]
    return found


def test_every_published_experiment_has_its_config():
    found = {
        path.relative_to(CONFIGS / 'simdr').with_suffix('').as_posix()
        for data in ('coco', 'mpii')
        for path in (CONFIGS / 'simdr' / data).glob('*.py')
    }
    assert found == set(PUBLISHED)
    assert len(found) == 24


@pytest.mark.parametrize('name', LEAVES)
def test_config_survives_the_work_dir(tmp_path, name):
    """MMEngine dumps the config that it trains with; the dump must be the same config."""
    config = load(name)
    config.dump(tmp_path / 'dump.py')
    assert Config.fromfile(tmp_path / 'dump.py').to_dict() == config.to_dict()
    assert config.default_scope == 'mmpose'
    assert config.custom_imports.imports == ['mmpose_ext']


@pytest.fixture(scope='module')
def features():
    """Features of a backbone on the meta device; each backbone runs once at each input size."""
    found = {}

    def run(model, config, width, height):
        settings = {k: v for k, v in config.model.backbone.items() if k != 'init_cfg'}
        key = (json.dumps(settings, sort_keys=True), width, height)
        if key not in found:
            found[key] = model.backbone(torch.empty(2, 3, height, width, device='meta'))
        return found[key]

    return run


@pytest.mark.parametrize('name', OF_IMAGES)
@torch.no_grad()
def test_config_builds_and_fits_together(name, features, monkeypatch):
    # On the meta device HEMlets' soft-argmax cannot run; its volume says all about the shape.
    monkeypatch.setattr(hemlets_head, 'soft_argmax_3d', lambda volume, align: volume)
    config = load(name)
    model = build_meta_model(config.model)
    width, height = input_size(name)
    # Bodies need coordinates; see test_configs_posh.
    head = getattr(model.head, 'pose_head', model.head)
    output = head(features(model, config, width, height))
    codec = KEYPOINT_CODECS.build(config.codec)
    assert tuple(codec.input_size) == (width, height)
    if hasattr(codec, 'heatmap_sizes'):
        keypoints = config.model.head.num_keypoints
        # Heatmaps at each resolution, tags at the lowest.
        channels = [2 * keypoints] + [keypoints] * (len(output) - 1)
        expected = zip(channels, codec.heatmap_sizes, strict=True)
        assert [tuple(maps.shape) for maps in output] == [(2, k, h, w) for k, (w, h) in expected]
    elif isinstance(output, tuple):
        bins = tuple(int(length * codec.simcc_split_ratio) for length in (width, height))
        assert [tuple(axis.shape[:2]) for axis in output] == [
            (2, config.model.head.out_channels)
        ] * 2
        assert (output[0].shape[2], output[1].shape[2]) == bins
    elif isinstance(output, dict):
        size = codec.heatmap_size[::-1]
        assert output['coords'].shape == (2, codec.num_joints, codec.depth_size, *size)
        assert output['maps'].shape == (2, sum(head.map_channels.values()), *size)
    else:
        assert tuple(output.shape[:1:-1]) == tuple(codec.heatmap_size)
    assert config.model.head.decoder == config.codec


@pytest.mark.parametrize('name', LEAVES)
def test_logs_count_what_the_training_counts(name):
    """Else MMEngine logs the metrics of trainings that count iterations as of step 0."""
    config = load(name)
    by_epoch = config.train_cfg.get('by_epoch', True)
    assert config.log_processor.get('by_epoch', True) == by_epoch
    assert config.default_hooks.logger.get('log_metric_by_epoch', True) == by_epoch


def arguments_of(kind):
    """Names that a class takes, those that it hands on to its bases included."""
    names = set()
    for base in kind.__mro__:
        names |= set(own := inspect.signature(base.__init__).parameters)
        if 'kwargs' not in own:
            break
    return names


@pytest.mark.parametrize('name', LEAVES)
def test_data_side_resolves(name):
    init_default_scope('mmpose')
    config = load(name)
    size = input_size(name)
    for split in ('train', 'val', 'test'):
        for dataset, pipeline in datasets_of(config[f'{split}_dataloader'].dataset):
            assert set(dataset) - {'type'} <= arguments_of(DATASETS.get(dataset.type))
            steps = Compose([TRANSFORMS.build(step) for step in pipeline]).transforms
            if name not in OF_IMAGES:
                continue  # events come in the size that they are used in
            affine = [step for step in steps if hasattr(step, 'input_size')]
            # HigherHRNetResize knows the shorter side; of photographs learnt by heart, which
            # training shows whole in a square, it is five eighths of it.
            shorter = min(size) * 5 // 8 if 'swahr/coco-tiny/' in name else min(size)
            sizes = [s if isinstance(s := step.input_size, int) else tuple(s) for step in affine]
            assert sizes in ([size], [shorter])
            targets = [step['encoder'] for step in pipeline if 'encoder' in step]
            assert targets == [config.codec] * (split == 'train')
    for evaluator in evaluators_of(config):
        assert set(evaluator) - {'type'} <= arguments_of(METRICS.get(evaluator.type))


@pytest.mark.parametrize('name', PUBLISHED)
def test_label_and_loss_are_published(name):
    config = published(name)
    k, loss, value = PUBLISHED[name]
    assert config.codec.simcc_split_ratio == k
    head_loss = config.model.head.loss
    if loss == 'kl':
        assert config.codec.smoothing_type == 'gaussian'
        assert config.codec.sigma == value
        assert head_loss == dict(type='SimDRKLLoss', reduction='mean')
    else:
        assert config.codec.smoothing_type == 'index'
        assert head_loss == dict(type='SimDRSmoothingLoss', label_smoothing=value, reduction=loss)
    assert name.startswith(('coco/simdr-sa_', 'mpii/simdr-sa_')) == (loss == 'kl')


@pytest.mark.parametrize('name', PUBLISHED)
def test_network_is_published(name):
    model, arch = published(name).model, name.split('_')[1]
    assert model.data_preprocessor.bgr_to_rgb is arch.startswith('hrnet')
    assert model.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert model.head.get('channels_per_keypoint', 1) == (
        CHANNELS_PER_KEYPOINT[input_size(name)] if arch.endswith('-upfree') else 1
    )
    has_deconv = arch.startswith('res') and not arch.endswith('-upfree')
    assert ('deconv_out_channels' in model.head) is not has_deconv
    if arch.startswith('hrnet'):
        width = int(arch[-2:])
        assert model.backbone.extra.stage4.num_channels == tuple(width * s for s in (1, 2, 4, 8))
        assert f'hrnet_w{width}' in model.backbone.init_cfg.checkpoint
    else:
        depth = int(re.search(r'\d+', arch)[0])
        assert model.backbone.depth == depth
        # Not torchvision://, which MMEngine can resolve only where torchvision is installed.
        weights = f'https://download.pytorch.org/models/resnet{depth}-'
        assert model.backbone.init_cfg.checkpoint.startswith(weights)
    # The exact shift and the label type's own average of SimDRHead.
    assert model.test_cfg == dict(flip_test=True)


@pytest.mark.parametrize('name', PUBLISHED)
def test_schedule_and_augmentation_are_published(name):
    config = published(name)
    is_hrnet, is_coco = 'hrnet' in name, name.startswith('coco/')
    rotation, scale = {(True, True): (45, 0.35), (True, False): (30, 0.25)}.get(
        (is_hrnet, is_coco), (40, 0.3)
    )
    box = transform(config, 'RandomBBoxTransform')
    assert box['rotate_factor'] == 2 * rotation
    assert box['scale_factor'] == pytest.approx((1 - scale, 1 + scale))
    assert (box['rotate_prob'], box['shift_prob']) == (0.6, 0)
    assert transform(config, 'RandomFlip')['prob'] == 0.5
    half_body = transform(config, 'RandomHalfBody')
    assert (half_body is not None) == (is_hrnet and is_coco)
    if half_body:
        assert (half_body['prob'], half_body['min_total_keypoints']) == (0.3, 9)

    epochs, drops = (210, [169, 199]) if is_hrnet else (140, [89, 119])
    assert config.train_cfg.max_epochs == epochs
    assert f'-{epochs}e_' in name
    assert config.optim_wrapper.optimizer == dict(type='Adam', lr=1e-3)
    assert config.train_dataloader.batch_size == 32
    assert config.auto_scale_lr.base_batch_size == 4 * 32
    assert first_epochs_of_lower_rates(config) == drops


@pytest.mark.parametrize('name', PUBLISHED)
def test_evaluation_is_published(name):
    config = published(name)
    evaluator = config.test_evaluator
    assert config.val_evaluator == evaluator
    if name.startswith('mpii/'):
        assert evaluator == dict(type='MpiiPCKAccuracy')
        assert config.test_dataloader.dataset.headbox_file.endswith('mpii_gt_val.mat')
        return
    longest = max(input_size(name))
    is_sa = 'simdr-sa' in name
    thr = 0.02 if longest <= 128 else 0.005 if is_sa and longest == 384 else 0.01
    assert evaluator.keypoint_score_thr == thr
    assert (evaluator.type, evaluator.nms_mode, evaluator.nms_thr) == ('CocoMetric', 'oks_nms', 0.9)
    boxes = config.test_dataloader.dataset.bbox_file
    assert boxes.endswith('COCO_val2017_detections_AP_H_56_person.json')


def test_no_dataset_base_is_taken_for_mmposes_metainfo():
    """MMPose looks for 'configs/_base_/datasets/coco.py' in the working directory first."""
    DATASETS.import_from_location()
    taken = {
        dataset.METAINFO['from_file']
        for dataset in DATASETS.module_dict.values()
        if 'from_file' in getattr(dataset, 'METAINFO', {})
    }
    assert 'configs/_base_/datasets/coco.py' in taken
    ours = {path.relative_to(CONFIGS.parent).as_posix() for path in CONFIGS.rglob('*.py')}
    assert not ours & taken


# A late clash would be a KeyError here: "... is already registered".
LOAD_ALL = """
import mmpose_ext
from mmdet.utils import register_all_modules as register_mmdet
from mmpose.utils import register_all_modules as register_mmpose
register_mmpose(init_default_scope=True)
register_mmdet(init_default_scope=False)
from mmpose import registry
ours = {
    name for node in vars(registry).values() if isinstance(node, registry.Registry)
    for name, item in node.module_dict.items() if item.__module__.startswith('mmpose_ext.')
}
print('OURS', *sorted(ours))
"""


def test_no_name_clashes_with_mmpose_or_mmdet(run_python):
    (line,) = [
        line for line in run_python('-c', LOAD_ALL).stdout.splitlines() if line.startswith('OURS ')
    ]
    assert {'SimDRHead', 'SimDRLabel', 'SimDRSmoothingLoss', 'SimDRKLLoss'} <= set(line.split())
    assert {'HEMletsHead', 'HEMletsLabel', 'HEMletsLoss', 'VolumetricMPJPE'} <= set(line.split())
    assert {'HigherHRNetHead', 'SWAHRHead', 'SWAHRHeatmapLoss', 'SWAHRLR'} <= set(line.split())
