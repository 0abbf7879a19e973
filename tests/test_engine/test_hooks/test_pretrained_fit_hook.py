from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit
from mmengine.runner import CheckpointLoader, EpochBasedTrainLoop
from mmpose.registry import HOOKS, MODELS
from torch import nn

from mmpose_ext.apis.stock_tools import stock_tool_path
from mmpose_ext.engine import PretrainedFitHook

STOCK = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'


def resnet(depth=18, channels=4, **options):
    small = {'stem_channels': channels, 'base_channels': channels}
    return {'type': 'ResNet', 'depth': depth, **small, **options}


def estimator(init_cfg=None, channels=4, depth=18):
    head = {'type': 'HeatmapHead', 'in_channels': 8 * channels, 'out_channels': 3}
    head['deconv_out_channels'] = None
    backbone = resnet(depth, channels, init_cfg=init_cfg)
    return MODELS.build({'type': 'TopdownPoseEstimator', 'backbone': backbone, 'head': head})


def check(model, trains=True, **options):
    """Run the hook as before training, or before testing."""
    loop = object.__new__(EpochBasedTrainLoop) if trains else {'by_epoch': True}
    warnings = []
    logger = SimpleNamespace(warning=warnings.append)
    runner = SimpleNamespace(model=model, _train_loop=loop, logger=logger)
    PretrainedFitHook(**options).before_run(runner)
    return warnings


@pytest.fixture
def save(tmp_path):
    """Save weights under a name; gives an init_cfg that reads them."""

    def saved(weights, meta=None, **options):
        path = tmp_path / 'weights.pth'
        content = weights if meta is None else {'state_dict': weights, 'meta': meta}
        torch.save(content, path)
        return {'type': 'Pretrained', 'checkpoint': str(path), **options}

    return saved


def backbone_weights(**options):
    return MODELS.build(resnet(**options)).state_dict()


@pytest.mark.parametrize('before', ['', 'module.'])
@pytest.mark.parametrize('meta', [None, {}, {'hsjp': {}}])
def test_takes_weights_that_fill_the_backbone(save, before, meta):
    weights = {before + key: value for key, value in backbone_weights().items()}
    check(estimator(save(weights, meta)))
    check(estimator([save(weights, meta)]))
    check(estimator({**save(weights, meta), 'type': PretrainedInit}))
    check(nn.DataParallel(estimator(save(weights, meta))))


@pytest.mark.parametrize('prefix', ['backbone', 'backbone.'])
def test_takes_a_part_of_a_whole_network(save, prefix):
    check(estimator(save(estimator().state_dict(), {}, prefix=prefix)))


def test_takes_a_classifier_and_old_batch_norm_besides(save):
    weights = dict(backbone_weights())
    counters = [key for key in weights if key.endswith('num_batches_tracked')]
    for key in counters:
        del weights[key]
    assert counters
    check(estimator(save({**weights, 'fc.weight': torch.ones(2), 'fc.bias': torch.ones(2)})))


def test_export_of_a_puzzle_has_nothing_besides(save):
    weights = {**backbone_weights(), 'fc.weight': torch.ones(2)}
    with pytest.raises(ValueError, match=r'1 unexpected: fc\.weight'):
        check(estimator(save(weights, {'hsjp': {}})))


def test_whole_network_without_prefix(save):
    init_cfg = save(estimator().state_dict(), {})
    with pytest.raises(ValueError, match='does not fit') as caught:
        check(estimator(init_cfg))
    lines = str(caught.value).splitlines()
    file = init_cfg['checkpoint']
    assert lines[0] == f"model.backbone.init_cfg: {file} does not fit the config's model:"
    assert lines[1].startswith('  100 missing: conv1.weight, bn1.weight, ')
    assert lines[2] == (
        "It holds a whole network, of which 'backbone' fits: "
        'set model.backbone.init_cfg.prefix=backbone.'
    )
    assert len(lines) == 3


def test_prefix_that_the_file_lacks(save):
    with pytest.raises(
        ValueError,
        match=r"no weight in .*weights\.pth begins with 'backbone\.'.*"
        r'module alone: set model\.backbone\.init_cfg\.prefix=None$',
    ):
        check(estimator(save(backbone_weights(), prefix='backbone.')))


@pytest.mark.parametrize(
    ('file', 'network', 'message'),
    [
        (34, 18, r'96 unexpected: layer1\.2\.conv1\.weight.*\nIt is of a deeper ResNet, of which'),
        (18, 34, r'80 missing: layer1\.2\.conv1\.weight.*\n.*depth or width: 100 of 180 weights'),
    ],
)
def test_another_depth(save, file, network, message):
    with pytest.raises(ValueError, match=message) as caught:
        check(estimator(save(backbone_weights(depth=file)), depth=network))
    assert f'to a file of a ResNet of depth {network}.' in str(caught.value)


def test_another_width(save):
    with pytest.raises(ValueError, match=r'100 of another shape: conv1\.weight'):
        check(estimator(save(backbone_weights(channels=8))))


def test_another_network(save):
    with pytest.raises(ValueError, match='It is of another network: none of the 100 weights'):
        check(estimator(save({'stem.weight': torch.ones(3)})))


def test_parts_may_differ_when_they_are_named(save):
    weights = dict(backbone_weights())
    weights['conv1.weight'] = torch.ones(4, 9, 7, 7)
    model = estimator(save(weights))
    with pytest.raises(ValueError, match=r'1 of another shape: conv1\.weight \(4, 9, 7, 7\)'):
        check(model)
    check(model, may_differ=['backbone.conv1.'])
    check(model, may_differ=['backbone.'])
    with pytest.raises(ValueError, match=r"may_differ names 'conv1\.'.*parts are backbone\., head"):
        check(model, may_differ=['conv1.'])


def test_missing_file_names_the_key_of_the_config(tmp_path):
    init_cfg = {'type': 'Pretrained', 'checkpoint': f'{tmp_path}/none.pth'}
    with pytest.raises(FileNotFoundError, match=r'^model\.backbone\.init_cfg: there is no file'):
        check(estimator(init_cfg))
    check(estimator(init_cfg), trains=False)  # it is not read for testing


def test_looks_into_every_module(save):
    model = estimator()
    model.head.final_layer = BaseModule(init_cfg=save({'bias': torch.ones(3)}))
    model.head.final_layer.register_parameter('bias', nn.Parameter(torch.ones(4)))
    with pytest.raises(ValueError, match=r'model\.head\.final_layer\.init_cfg: .*does not fit'):
        check(model)


def test_a_backbone_that_converts_is_left_alone_with_a_warning(save):
    model = estimator(save({'x': torch.ones(1)}))
    model.backbone.convert_weights = True
    (warning,) = check(model)
    assert 'ResNet converts the weights' in warning


def test_reads_where_mmengine_caches(monkeypatch):
    asked = []

    def load(name, *args, **options):
        asked.append(name)
        return backbone_weights()

    monkeypatch.setattr(CheckpointLoader, 'load_checkpoint', load)
    check(estimator({'type': 'Pretrained', 'checkpoint': 'torchvision://resnet18'}))
    assert asked == ['torchvision://resnet18']


@pytest.mark.parametrize(('value', 'error'), [('head.', TypeError), ([''], ValueError)])
def test_constructor_refuses(value, error):
    with pytest.raises(error, match='may_differ must'):
        HOOKS.build({'type': 'PretrainedFitHook', 'may_differ': value})


def test_stock_tool_and_config_refuse_a_whole_network(save, tmp_path, run_python, mannequins):
    weights = {f'backbone.{k}': v for k, v in backbone_weights(depth=50, channels=64).items()}
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {STOCK!r}\n'
        "custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)\n"
        "default_hooks = dict(pretrained_fit=dict(type='PretrainedFitHook'))\n"
    )
    options = [f'model.backbone.init_cfg.checkpoint={save(weights, {})["checkpoint"]}']
    for loader in ('train_dataloader', 'val_dataloader'):
        part = 'train' if loader.startswith('train') else 'val'
        options += [
            f'{loader}.num_workers=0',
            f'{loader}.persistent_workers=False',
            f'{loader}.dataset.data_root={mannequins}/',
            f'{loader}.dataset.ann_file=annotations/person_keypoints_{part}.json',
            f'{loader}.dataset.data_prefix.img=images/{part}/',
        ]
    options += [f'val_evaluator.ann_file={mannequins}/annotations/person_keypoints_val.json']
    options += ['val_dataloader.dataset.bbox_file=None']
    command = [stock_tool_path('train'), config, '--work-dir', tmp_path / 'work']
    done = run_python(*command, '--cfg-options', *options, check=False)
    assert done.returncode == 1
    assert 'set model.backbone.init_cfg.prefix=backbone.' in done.stdout
