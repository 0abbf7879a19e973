"""The configs of HSJP: stock schedules, puzzles that fit together, finetunes of what was learnt."""

import copy
import re
from pathlib import Path

import pytest
import torch
from config_files import LEAVES, datasets_of, input_size, load
from hsjp_runs import STOCK
from mmengine.config import Config
from mmpose.registry import DATASETS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.codecs.functional.jigsaw import cell_size
from mmpose_ext.engine.hooks import HSJPPretrainHook
from mmpose_ext.engine.hsjp_setup import hsjp_setup_problems, hsjp_setup_warnings

HSJP = [name for name in LEAVES if name.startswith('hsjp/')]
PRETRAINING = [name for name in HSJP if Path(name).name.startswith('hsjp_')]
FINETUNING = [name for name in HSJP if name not in PRETRAINING]
# Parameters of the backbone, of the head for 12 patches, and of its last layer.
NETWORKS = {
    'hrnet-w32': (28_535_552, 396, 396),
    'hrnet-w48': (63_594_912, 588, 588),
    'res50': (23_508_032, 10_490_380, 3_084),
    'res101': (42_500_160, 10_490_380, 3_084),
    'res152': (58_143_808, 10_490_380, 3_084),
}
FULL_SIZE = {net: f'hsjp/coco/hsjp_{net}_8xb64-210e_coco-256x192.py' for net in NETWORKS}
RES50 = FULL_SIZE['res50']
ABLATIONS = ('grid2x2', 'grid8x6', 'jitter16', 'labelled')
DECONV = 'hsjp/coco/td-hm_res50-hsjp-deconv_8xb64-210e_coco-256x192.py'


def stock(net):
    (path,) = STOCK.glob(f'td-hm_{net}_8xb*-210e_coco-256x192.py')
    return Config.fromfile(path)


def changed(first, second):
    """Top-level keys in which two configs differ."""
    first, second = first.to_dict(), second.to_dict()
    return {key for key in {*first, *second} if first.get(key) != second.get(key)}


def kinds(pipeline):
    return [step['type'] for step in pipeline]


def shuffles_of(config):
    """The puzzle of the train, val and test pipeline."""
    for split in ('train', 'val', 'test'):
        ((_, pipeline),) = datasets_of(config[f'{split}_dataloader'].dataset)
        (found,) = [step for step in pipeline if step['type'] == 'HSJPShuffle']
        yield found


def origin_of(name):
    """The config that a finetuning stands on, and the pretraining whose backbone it takes."""
    config = load(name)
    folder = Path(config.load_from or config.model.backbone.init_cfg.checkpoint).parent
    (pretraining,) = [one for one in PRETRAINING if Path(one).stem == folder.name]
    assert folder.parent == Path('work_dirs')  # where tools/train.py puts it
    plain = re.sub(r'-hsjp(-deconv)?_', '_', Path(name).name)
    if (STOCK / plain).is_file():
        return Config.fromfile(STOCK / plain), pretraining
    ours = [one for one in LEAVES if Path(one).name == plain]
    return (load(ours[0]) if ours else None), pretraining


def test_every_network_has_its_pretraining_and_finetuning():
    assert set(FULL_SIZE.values()) <= set(PRETRAINING)
    taken = {'td-hm': set(), 'simdr': set(), 'hemlets': set(), 'swahr': set()}
    for name in set(FINETUNING) - {DECONV}:
        method, net = Path(name).name.split('_')[:2]
        if '/mannequin/' not in name:
            taken[method].add(net.removesuffix('-hsjp'))
            assert origin_of(name)[1] == FULL_SIZE[net.removesuffix('-hsjp')]
    assert taken == {
        'td-hm': set(NETWORKS),
        'simdr': {'res50', 'hrnet-w32', 'hrnet-w48'},
        'hemlets': {'res50', 'hrnet-w32'},
        'swahr': {'hrnet-w32', 'hrnet-w48'},
    }


@pytest.mark.parametrize('net', NETWORKS)
def test_pretraining_is_the_stock_recipe_from_nothing(net):
    config, usual = load(FULL_SIZE[net]), stock(net)
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr', 'codec'):
        assert config[key] == usual[key]
    # With the head of 12 patches, not of 17 keypoints, and nothing downloaded.
    network, known = (copy.deepcopy(one.model.to_dict()) for one in (config, usual))
    assert network['backbone'].pop('init_cfg', None) is None
    assert known['backbone'].pop('init_cfg')['type'] == 'Pretrained'
    assert network['head'].pop('out_channels') == 12
    assert known['head'].pop('out_channels') == 17
    assert (network.pop('test_cfg'), known.pop('test_cfg')['flip_test']) == (
        {'flip_test': False},
        True,
    )
    assert network == known
    assert config.train_dataloader.batch_size == 64

    replaced = {'LoadImage': 'StrictLoadImage'}
    augmentation = [
        {**step, 'type': replaced.get(step['type'], step['type'])}
        for step in usual.train_pipeline[:-2]
        if step['type'] != 'RandomHalfBody'
    ]
    assert config.train_pipeline[:-3] == augmentation
    assert kinds(config.train_pipeline[-3:]) == ['HSJPShuffle', 'GenerateTarget', 'PackPoseInputs']


@pytest.mark.parametrize('net', NETWORKS)
def test_network_has_the_published_size(net):
    model = build_meta_model(load(FULL_SIZE[net]).model)
    sizes = [
        sum(parameter.numel() for parameter in part.parameters())
        for part in (model.backbone, model.head, model.head.final_layer)
    ]
    assert tuple(sizes) == NETWORKS[net]
    images = torch.empty(2, 3, 256, 192, device='meta')
    assert model.head(model.backbone(images)).shape == (2, 12, 64, 48)


@pytest.mark.parametrize(('net', 'size'), [('hrnet-w32', 28_536_113), ('res50', 33_999_697)])
def test_network_of_keypoints_has_the_published_size(net, size):
    config = copy.deepcopy(load(FULL_SIZE[net]).model)
    config.head.out_channels = 17
    model = build_meta_model(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == size


@pytest.mark.parametrize('name', PRETRAINING)
def test_puzzle_fits_together(name):
    config = load(name)
    train, val, test = shuffles_of(config)
    grid = train['grid']
    rows, columns = grid
    assert config.model.head.out_channels == rows * columns
    # Another puzzle each time in training, the same ones in each validation.
    assert 'seed' not in train
    assert val == test == {**train, 'seed': 0}
    for split in ('train', 'val', 'test'):
        dataset = config[f'{split}_dataloader'].dataset
        assert (dataset.type, dataset.grid) == ('HSJPCocoDataset', grid)
        assert dataset.get('bbox_file') is None
    assert config.val_evaluator == config.test_evaluator == dict(type='HSJPAccuracy', grid=grid)
    assert (config.visualizer.type, config.visualizer.grid) == ('JigsawVisualizer', grid)

    assert cell_size(grid, input_size(name))
    cell = min(cell_size(grid, config.codec.heatmap_size))
    assert isinstance(config.codec.sigma, int)
    overlaps = 6 * config.codec.sigma + 1 > cell
    assert overlaps == ('mannequin' in name and 'grid8x6' in name)


@pytest.mark.parametrize('name', PRETRAINING)
def test_hook_finds_nothing_wrong(name):
    config = load(name)
    train, val = (
        DATASETS.build({**config[f'{split}_dataloader'].dataset, 'lazy_init': True})
        for split in ('train', 'val')
    )
    model = build_meta_model(config.model)
    assert hsjp_setup_problems(model, train, val) == []
    warnings = hsjp_setup_warnings(model, train, val)
    assert len(warnings) == ('mannequin' in name and 'grid8x6' in name)


@pytest.mark.parametrize('name', PRETRAINING)
def test_pretraining_checks_and_exports(name):
    config = load(name)
    assert [hook['type'] for hook in config.custom_hooks] == ['SyncBuffersHook', 'HSJPPretrainHook']
    assert config.model.backbone.get('init_cfg') is None
    assert config.model.test_cfg == {'flip_test': False}
    assert config.load_from is None
    assert config.default_hooks.checkpoint.save_best == 'hsjp/patch_acc'
    pack = config.val_pipeline[-1]
    assert 'hsjp_perm' in pack['meta_keys']
    assert not {'flip_indices', 'raw_ann_info'} & set(pack['meta_keys'])


@pytest.mark.parametrize('name', ABLATIONS)
def test_ablation_changes_only_what_it_is_named_for(name):
    config = load(RES50.replace('res50', f'res50-{name}'))
    allowed = {
        'train_pipeline', 'val_pipeline', 'train_dataloader', 'val_dataloader', 'test_dataloader'
    }  # fmt: skip
    shuffle = next(shuffles_of(config))
    if name.startswith('grid'):
        allowed |= {'grid', 'model', 'codec', 'val_evaluator', 'test_evaluator', 'visualizer'}
        assert 'grid{}x{}'.format(*shuffle['grid']) == name
        model = copy.deepcopy(config.model.to_dict())
        model['head'].update(out_channels=12, decoder=load(RES50).codec.to_dict())
        assert model == load(RES50).model.to_dict()
        allowed -= {'codec'} if config.codec.sigma == 2 else set()
    elif name == 'jitter16':
        allowed |= {'shuffle'}
        assert shuffle['jitter'] == 16
    else:
        allowed = {'train_dataloader'}
        dataset = config.train_dataloader.dataset.to_dict()
        assert dataset.pop('labelled_only') is True
        assert dataset == load(RES50).train_dataloader.dataset.to_dict()
    assert changed(config, load(RES50)) == allowed


def test_mannequin_grids_differ_in_the_grid_alone():
    names = [name for name in PRETRAINING if 'mannequin/hsjp_res18-half' in name]
    assert len(names) == 3
    plain = load('hsjp/mannequin/hsjp_res18-half_1xb32-1200_mannequin-128x96.py')
    for name in names:
        config = load(name)
        for key in ('train_cfg', 'optim_wrapper', 'param_scheduler', 'codec', 'custom_hooks'):
            assert config[key] == plain[key]
        model = copy.deepcopy(config.model.to_dict())
        model['head']['out_channels'] = 12
        assert model == plain.model.to_dict()


@pytest.mark.parametrize('name', sorted(set(FINETUNING) - {DECONV}))
def test_finetuning_takes_the_backbone_that_was_pretrained(name):
    config, (_, pretraining) = load(name), origin_of(name)
    learnt = load(pretraining)
    init = config.model.backbone.init_cfg
    assert set(init) == {'type', 'checkpoint'}
    assert init.type == 'Pretrained'
    assert Path(init.checkpoint).name == HSJPPretrainHook().out_file
    one, other = (copy.deepcopy(part.model.backbone.to_dict()) for part in (config, learnt))
    one.pop('init_cfg'), other.pop('init_cfg', None)
    for backbone in (one, other):  # what ResNets have anyway
        for key, default in {'norm_eval': False, 'frozen_stages': -1}.items():
            assert backbone.pop(key, default) == default
    assert one == other
    # What it sees has the colours that it has learnt.
    for key in ('mean', 'std', 'bgr_to_rgb'):
        assert config.model.data_preprocessor[key] == learnt.model.data_preprocessor[key]
    assert config.default_hooks.pretrained_fit.type == 'PretrainedFitHook'
    assert config.default_hooks.checkpoint_fit.type == 'CheckpointFitHook'


@pytest.mark.parametrize('name', [name for name in FINETUNING if '/mannequin/' not in name])
def test_finetuning_is_the_usual_config_otherwise(name):
    config, (usual, _) = load(name), origin_of(name)
    is_stock = Path(name).name.startswith('td-hm')
    allowed = {'model'} | ({'custom_imports', 'default_hooks'} if is_stock else set())
    assert changed(config, usual) == allowed | ({'load_from'} if name == DECONV else set())
    model, before = (copy.deepcopy(one.model.to_dict()) for one in (config, usual))
    model['backbone'].pop('init_cfg'), before['backbone'].pop('init_cfg')
    if 'simdr_res50' in name:  # which is usually shown BGR
        assert before['data_preprocessor'].pop('bgr_to_rgb') is False
        assert model['data_preprocessor'].pop('bgr_to_rgb') is True
    assert model == before


def test_deconvolutions_can_be_carried_over():
    config = load(DECONV)
    assert config.model.backbone.init_cfg is None
    assert origin_of(DECONV)[1] == RES50
    assert Path(config.load_from).name == f'epoch_{load(RES50).train_cfg.max_epochs}.pth'
    one, other = (build_meta_model(load(name).model).state_dict() for name in (DECONV, RES50))
    assert one.keys() == other.keys()
    (part,) = config.default_hooks.checkpoint_fit.finetune_may_differ
    new = {key for key in one if one[key].shape != other[key].shape}
    assert new == {key for key in one if key.startswith(part)} != set()


@pytest.mark.parametrize('name', [name for name in HSJP if '/coco/' not in name])
def test_name_tells_how_it_is_trained(name):
    config = load(name)
    if Path(name).name.startswith(('hemlets', 'swahr')):
        return  # as its usual config
    batch, steps = re.search(r'_1xb(\d+)-(\d+)_', name).groups()
    assert config.train_dataloader.batch_size == int(batch)
    assert config.train_cfg.max_iters == int(steps)
    assert config.param_scheduler[-1].milestones[-1] < int(steps)
