"""The configs of HEMlets Pose: what is published, and what differs between them."""

import copy
import inspect
import re

import numpy as np
import pytest
from config_files import LEAVES, datasets_of, first_epochs_of_lower_rates, load
from mmpose.registry import DATASETS, KEYPOINT_CODECS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.skeletons import human36m18

HEMLETS = [name for name in LEAVES if name.startswith('hemlets/')]
FULL_SIZE = [name for name in HEMLETS if name.startswith('hemlets/h36m/')]

# Parameters by what precedes '-25e' in the name. 49,614,844 is that of the authors' network, and
# of its parts: 23,508,032 + 12,847,616 + 10,625,596 + 139,008 + 2,494,592. Without the HEMlets'
# 42 maps the branch ends in 42 * (9 * 256 + 1) and the encoder begins with 42 * 9 * 256 fewer;
# without maps the volume's first layer has 256 * 1024 fewer, and both are gone.
PARAMETERS = {
    'hemlets_res50': 49_614_844,
    'heatmap2d_res50': 49_614_844 - 42 * (9 * 256 + 1) - 42 * 9 * 256,
    'integral_res50': 49_614_844 - 10_625_596 - 139_008 - 256 * 1024,
}
SWITCHES = {
    'heatmap2d': {'use_hemlets': False},
    'integral': {'use_hemlets': False, 'use_heatmap2d': False},
}


def full_size(kind, data):
    return load(f'hemlets/h36m/{kind}_8xb32-25e_{data}-256x256.py')


def without(config, *keys):
    """The config as a dict without some of its values, given by dotted keys."""
    content = copy.deepcopy(config.to_dict())
    for key in keys:
        *path, last = key.split('.')
        parent = content
        for step in path:
            parent = parent[step]
        parent.pop(last, None)
    return content


def train_parts(config):
    return [dataset for dataset, _ in datasets_of(config.train_dataloader.dataset)]


def test_every_experiment_has_its_config():
    kinds = [f'{kind}_8xb32-25e_h36m' for kind in PARAMETERS]
    expected = [f'{kind}{mpii}' for kind in kinds for mpii in ('', '-mpii')]
    expected += [f'hemlets_{name}' for name in ('res50_8xb32-25e_h36m-mpii-polarity',)]
    expected += ['hemlets_hrnet-w32_8xb32-25e_h36m-mpii']
    assert sorted(FULL_SIZE) == sorted(f'hemlets/h36m/{name}-256x256.py' for name in expected)


@pytest.mark.parametrize('data', ['h36m', 'h36m-mpii'])
@pytest.mark.parametrize('kind', PARAMETERS)
def test_network_has_the_published_size(kind, data):
    model = build_meta_model(full_size(kind, data).model)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[kind]


@pytest.mark.parametrize('name', FULL_SIZE)
def test_training_is_published(name):
    config = load(name)
    # The paper's.
    assert config.model.head.loss == {'type': 'HEMletsLoss', 'alpha': 0.05}
    # Those of 3DMPPE_POSENET.
    assert config.optim_wrapper.optimizer == {'type': 'Adam', 'lr': 1e-3}
    assert config.train_cfg.max_epochs == 25
    assert first_epochs_of_lower_rates(config) == [17, 21]
    assert config.train_dataloader.batch_size == 32
    assert config.auto_scale_lr.base_batch_size == 8 * 32
    assert config.model.test_cfg == {'flip_test': True}
    for evaluator in (config.val_evaluator, config.test_evaluator):
        assert evaluator == {'type': 'VolumetricMPJPE', 'mode': ['mpjpe', 'p-mpjpe']}
    # Of videos at 50 frames a second every fifth frame to learn from, and about every 64th to test.
    (test,) = (dataset for dataset, _ in datasets_of(config.test_dataloader.dataset))
    train = train_parts(config)[0]
    for dataset, split, frame in ((train, 'train', 5), (test, 'test', 65)):
        fps = int(re.fullmatch(rf'.*/fps(\d+)/h36m_{split}\.npz', dataset.ann_file)[1])
        assert 50 // fps * dataset.get('frame_stride', 1) == frame


@pytest.mark.parametrize('name', HEMLETS)
def test_codec_head_data_and_pictures_agree(name):
    config = load(name)
    # The head compares sizes with the codec's, and refuses others.
    head = build_meta_model(config.model).head
    codec = KEYPOINT_CODECS.build(config.codec)
    assert [tuple(part) for part in codec.parts] == list(human36m18.PARTS)
    assert (head.num_joints, len(codec.parts)) == (len(human36m18.NAMES), 14)
    # Each deconvolution doubles what the backbone gives.
    deconvolutions = config.model.head.get('deconv_out_channels', (256, 256, 256))
    backbone_stride = {'ResNet': 32, 'HRNet': 4}[config.model.backbone.type]
    stride = backbone_stride // 2 ** len(deconvolutions)
    assert codec.heatmap_size == tuple(side // stride for side in codec.input_size)
    assert codec.depth_size == codec.heatmap_size[0]
    assert config.visualizer.type == 'HEMletsVisualizer'
    assert config.visualizer.codec == config.codec
    # Polarities that the data reads, or makes of depth, are of the codec's parts, by its rule.
    for dataset in train_parts(config):
        takes = inspect.signature(DATASETS.get(dataset.type).__init__).parameters
        rule = [key for key in ('parts', 'closer_is', 'eps', 'eps_mode') if key in takes]
        for key in rule:
            theirs = dataset.get(key, takes[key].default)
            np.testing.assert_array_equal(theirs, getattr(codec, key))
        assert rule[:2] == ['parts', 'closer_is']


@pytest.mark.parametrize('data', ['h36m', 'h36m-mpii'])
@pytest.mark.parametrize('kind', SWITCHES)
def test_ablations_differ_in_the_two_switches_alone(kind, data):
    full, ablation = full_size('hemlets_res50', data), full_size(f'{kind}_res50', data)
    names = ('use_hemlets', 'use_heatmap2d')
    switches = {k: ablation.model.head[k] for k in names if k in ablation.model.head}
    assert switches == SWITCHES[kind]
    keys = [f'model.head.{name}' for name in names]
    assert without(ablation, *keys) == without(full, *keys)
    assert not set(names) & set(full.model.head)


def test_hrnet_differs_in_the_backbone_alone():
    full, hrnet = (full_size(f'hemlets_{kind}', 'h36m-mpii') for kind in ('res50', 'hrnet-w32'))
    keys = [
        'backbone',
        'model.backbone',
        'model.head.in_channels',
        'model.head.deconv_out_channels',
    ]
    assert without(hrnet, *keys) == without(full, *keys)
    assert hrnet.model.backbone.extra.stage4.num_channels[0] == hrnet.model.head.in_channels == 32


@pytest.mark.parametrize('kind', PARAMETERS)
def test_mpii_is_half_of_each_batch(kind):
    alone, mixed = full_size(kind, 'h36m'), full_size(kind, 'h36m-mpii')
    loader = mixed.train_dataloader
    sampler = {'type': 'MultiSourceSampler', 'batch_size': 32, 'source_ratio': [1, 1]}
    assert loader.sampler == sampler
    h36m, mpii = train_parts(mixed)
    assert without(h36m, 'pipeline') == without(alone.train_dataloader.dataset, 'pipeline')
    assert mpii.type == 'MpiiPolarityDataset'
    assert mpii.ann_file == 'annotations/mpii_train.json'
    # What both have in common is after what each needs for itself.
    (_, alone_steps), (_, h36m_steps) = (
        next(datasets_of(config.train_dataloader.dataset)) for config in (alone, mixed)
    )
    assert sorted(map(str, h36m_steps)) == sorted(map(str, alone_steps))
    for part in ('model', 'optim_wrapper', 'val_dataloader', 'test_dataloader', 'test_evaluator'):
        assert mixed[part] == alone[part]


def test_polarities_of_mpii_are_all_that_is_added():
    plain = full_size('hemlets_res50', 'h36m-mpii')
    annotated = full_size('hemlets_res50', 'h36m-mpii-polarity')
    parts = annotated.train_dataloader.dataset.datasets
    assert parts[1].polarity_file == 'annotations/part_polarity_train.json'
    content = without(annotated)
    del content['train_dataloader']['dataset']['datasets'][1]['polarity_file']
    assert content == without(plain)


@pytest.mark.parametrize('name', [name for name in HEMLETS if name not in FULL_SIZE])
def test_name_tells_how_it_is_trained(name):
    config = load(name)
    batch, length, unit = re.search(r'_1xb(\d+)-(\d+)(e?)_', name).groups()
    assert config.train_dataloader.batch_size == int(batch)
    assert config.train_cfg['max_epochs' if unit else 'max_iters'] == int(length)
    assert config.model.head.loss == {'type': 'HEMletsLoss', 'alpha': 0.05}
    sampler = config.train_dataloader.sampler
    assert sampler.get('batch_size', int(batch)) == int(batch)


def test_weak_mannequins_are_others_than_those_in_3d():
    folder = 'hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin'
    plain, weak = (load(f'{folder}{kind}-64x64.py') for kind in ('', '-weak'))
    labelled, hidden = train_parts(weak)
    assert labelled.indices == plain.train_dataloader.dataset.indices == 1000
    assert hidden.indices < 0  # counted from the end, so that none is in both
    assert (labelled.get('weak_labels'), hidden.weak_labels) == (None, 'polarity')
    assert weak.train_dataloader.sampler.source_ratio == [1, 1]
    for part in ('model', 'optim_wrapper', 'train_cfg', 'param_scheduler', 'val_dataloader'):
        assert weak[part] == plain[part]
