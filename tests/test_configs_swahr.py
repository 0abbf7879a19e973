"""The configs of SWAHR and HigherHRNet: what is published, and what differs between them."""

import copy
import re

import pytest
from config_files import LEAVES, input_size, load
from mmengine.model import convert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmpose.apis.inference import dataset_meta_from_config
from torch import nn

from mmpose_ext.apis.checkpoint_conversion import build_meta_model

SWAHR = [name for name in LEAVES if name.startswith('swahr/')]
FULL_SIZE = [name for name in SWAHR if name.startswith(('swahr/coco/', 'swahr/crowdpose/'))]
MANNEQUIN = [name for name in SWAHR if name.startswith('swahr/mannequin/')]
# Images on each of 8 GPUs, rate on all, size, statistics across GPUs; all published.
PUBLISHED = {'w32': (20, 2e-3, 512, False), 'w48': (10, 9.6e-4, 640, True)}
# Of the authors' networks with 17 keypoints; the scale branch has 3,978 and 4,522.
PARAMETERS = {'w32': (28_649_309, 3_978), 'w48': (63_831_661, 4_522)}


def width_of(name):
    return re.search(r'hrnet-(w\d+)_', name)[1]


def variants(name):
    """What follows the batch size and the data in a name: amp, syncbn, multiscale."""
    return set(re.findall(r'-(amp|syncbn|multiscale)\b', name))


def twin(name, variant):
    """The config without a variant."""
    return load(name.replace(f'-{variant}', ''))


def changed(first, second):
    """Top-level keys in which two configs differ."""
    first, second = first.to_dict(), second.to_dict()
    return {key for key in {*first, *second} if first.get(key) != second.get(key)}


def step(pipeline, kind):
    (found,) = [one for one in pipeline if one['type'] == kind]
    return found


def test_every_experiment_has_its_config():
    published = {
        f'swahr/{data}/{method}_hrnet-{width}_8xb{batch}-300e_{data}-{size}x{size}.py'
        for data in ('coco', 'crowdpose')
        for method in ('higherhrnet', 'swahr')
        for width, (batch, _, size, _) in PUBLISHED.items()
    }
    assert {name for name in FULL_SIZE if not variants(name)} == published
    for variant in ('amp', 'syncbn', 'multiscale'):
        bases = {n.replace(f'-{variant}', '') for n in FULL_SIZE if variant in variants(n)}
        assert bases
        assert bases <= published


@pytest.mark.parametrize('name', FULL_SIZE)
def test_training_is_published(name):
    config, (batch, rate, size, sync_bn) = load(name), PUBLISHED[width_of(name)]
    assert input_size(name) == (size, size)
    assert config.optim_wrapper.optimizer == {'type': 'Adam', 'lr': rate}
    assert config.train_dataloader.batch_size == batch
    assert config.auto_scale_lr.base_batch_size == 8 * batch
    assert config.train_cfg.max_epochs == 300
    (schedule,) = config.param_scheduler
    assert schedule == {
        **{'type': 'SWAHRLR', 'warmup': 3, 'end': 300},
        **{'by_epoch': True, 'convert_to_iter_based': True},
    }
    has_sync_bn = sync_bn or 'syncbn' in variants(name)
    assert config.get('sync_bn') == ('torch' if has_sync_bn else None)
    is_amp = 'amp' in variants(name)
    kind = config.optim_wrapper.get('type', 'OptimWrapper')
    assert kind == ('AmpOptimWrapper' if is_amp else 'OptimWrapper')


@pytest.mark.parametrize('name', FULL_SIZE)
def test_labels_and_losses_are_published(name):
    config, size = load(name), input_size(name)[0]
    is_swahr = name.split('/')[2].startswith('swahr_')
    assert config.codec == {
        'type': 'MultiResolutionAssociativeEmbedding',
        'input_size': (size, size),
        'heatmap_sizes': ((size // 4, size // 4), (size // 2, size // 2)),
        'sigma': 2.0,
        'decode_keypoint_thr': 0.12 if '/coco/' in name and width_of(name) == 'w32' else 0.1,
    }
    assert config.model.head.type == ('SWAHRHead' if is_swahr else 'HigherHRNetHead')
    # Everything else is the published default of the loss.
    assert config.model.head.heatmap_loss == {
        'type': 'SWAHRHeatmapLoss',
        'weight_adaptive': is_swahr,
    }
    assert config.model.head.tag_loss == {'type': 'BatchedAssociativeEmbeddingLoss'}
    # The published augmentation is the default of the transform.
    affine = step(config.train_pipeline, 'HigherHRNetRandomAffine')
    assert set(affine) == {'type', 'input_size'}
    kinds = [one['type'] for one in config.train_pipeline]
    assert (
        kinds.index('RandomFlip') < kinds.index('GenerateTarget') < kinds.index('CrowdHeatmapMask')
    )


@pytest.mark.parametrize('name', [n for n in FULL_SIZE if not variants(n) and '/coco/' in n])
def test_network_has_the_published_size(name):
    config = load(name)
    parameters = sum(p.numel() for p in build_meta_model(config.model).parameters())
    whole, branch = PARAMETERS[width_of(name)]
    assert parameters == whole - branch * (config.model.head.type == 'HigherHRNetHead')
    preprocessor = config.model.data_preprocessor
    assert preprocessor.bgr_to_rgb is True
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert 'hrnet_' + width_of(name) in config.model.backbone.init_cfg.checkpoint


@pytest.mark.parametrize('name', [n for n in FULL_SIZE if variants(n)])
def test_variants_change_only_what_they_are_named_for(name):
    (variant,) = variants(name)
    allowed = {
        'amp': {'optim_wrapper'},
        'syncbn': {'sync_bn'},
        'multiscale': {'val_pipeline', 'val_dataloader', 'test_dataloader', 'model'},
    }
    config, plain = load(name), twin(name, variant)
    assert changed(config, plain) == allowed[variant]
    if variant == 'multiscale':
        assert step(config.val_pipeline, 'HigherHRNetResize')['scales'] == (0.5, 1.0, 2.0)
        assert config.model.test_cfg == {'flip_test': True, 'multiscale_test': True}
        content = copy.deepcopy(config.model.to_dict())
        content['test_cfg'] = plain.model.test_cfg.to_dict()
        assert content == plain.model.to_dict()


@pytest.mark.parametrize('name', [n for n in SWAHR if '/swahr_' in n and 'tiny' not in n])
def test_swahr_differs_from_higherhrnet_in_the_heatmaps_alone(name):
    plain_name = name.replace('/swahr_', '/higherhrnet_')
    if plain_name not in SWAHR:  # amp, syncbn
        plain_name = name = re.sub(r'-(amp|syncbn)', '', name)
        plain_name = plain_name.replace('/swahr_', '/higherhrnet_')
    config, plain = load(name), load(plain_name)
    assert changed(config, plain) == {'model'}
    content = copy.deepcopy(config.model.to_dict())
    content['head']['type'] = 'HigherHRNetHead'
    content['head']['heatmap_loss']['weight_adaptive'] = False
    assert content == plain.model.to_dict()


@pytest.mark.parametrize('name', SWAHR)
def test_people_are_tested_image_by_image(name):
    config = load(name)
    assert config.test_dataloader == config.val_dataloader
    assert config.test_evaluator == config.val_evaluator
    assert config.test_dataloader.batch_size == 1
    assert config.model.test_cfg.flip_test is True
    evaluator = config.test_evaluator
    assert (evaluator.nms_mode, evaluator.score_mode) == ('none', 'bbox')
    for dataset in (config.train_dataloader.dataset, config.test_dataloader.dataset):
        dataset = dataset.get('dataset', dataset)
        assert (dataset.type, dataset.data_mode) == ('StrictCocoDataset', 'bottomup')


@pytest.mark.parametrize('name', [name for name in SWAHR if '/crowdpose/' in name])
def test_crowdpose(name):
    config = load(name)
    for split, part in (('train', 'trainval'), ('test', 'test')):
        file = config[f'{split}_dataloader'].dataset.ann_file
        assert file == f'annotations/mmpose_crowdpose_{part}.json'
    evaluator = config.test_evaluator
    assert (evaluator.iou_type, evaluator.use_area) == ('keypoints_crowd', False)
    assert config.default_hooks.checkpoint.save_best == f'{evaluator.prefix}/AP'
    # Keypoints, flip pairs and sigmas are those of CrowdPose, not of StrictCocoDataset.
    init_default_scope('mmpose')
    meta = dataset_meta_from_config(config)
    assert meta['dataset_name'] == 'crowdpose'
    assert len(meta['sigmas']) == config.model.head.num_keypoints == 14


def test_arms_of_the_claim_differ_in_the_heatmaps_alone():
    (tail,) = {re.search('_hrnet-tiny_.*', name)[0] for name in MANNEQUIN}
    arms = {
        'higherhrnet': ('HigherHRNetHead', False),
        'sahr': ('SWAHRHead', False),
        'wahr': ('HigherHRNetHead', True),
        'swahr': ('SWAHRHead', True),
    }
    assert sorted(MANNEQUIN) == sorted(f'swahr/mannequin/{arm}{tail}' for arm in arms)
    rest = []
    for arm, (head, weights) in arms.items():
        content = copy.deepcopy(load(f'swahr/mannequin/{arm}{tail}').to_dict())
        assert content['model']['head'].pop('type') == head
        assert content['model']['head']['heatmap_loss'].pop('weight_adaptive') is weights
        rest.append(content)
    assert all(content == rest[0] for content in rest)


@pytest.mark.parametrize('name', [name for name in SWAHR if name not in FULL_SIZE])
def test_name_tells_how_it_is_trained(name):
    config = load(name)
    batch, steps = re.search(r'_1xb(\d+)-(\d+)_', name).groups()
    assert config.train_dataloader.batch_size == int(batch)
    assert config.train_cfg.max_iters == int(steps)
    assert config.param_scheduler[0].end == int(steps)


def test_sync_bn_takes_hold():
    """What MMEngine's Runner does with it when training is distributed."""
    config = load('swahr/coco/swahr_hrnet-w48_8xb10-300e_coco-640x640.py')
    model = build_meta_model(config.model)
    ordinary = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    model = convert_sync_batchnorm(model, config.sync_bn)
    synchronised = sum(isinstance(module, nn.SyncBatchNorm) for module in model.modules())
    assert ordinary == synchronised > 300
