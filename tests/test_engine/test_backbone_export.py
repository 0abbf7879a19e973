import config_files
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.engine.backbone_export import (
    check_modules,
    export_state_dict,
    finetune_options,
    holds_weights,
    short_hash,
    verify_export,
    write_export,
)

NETWORK = {
    'backbone.conv.weight': torch.arange(6.0).view(2, 3).T,
    'backbone.bn.num_batches_tracked': torch.tensor(3),
    'head.deconv_layers.0.weight': torch.ones(2),
    'head.final_layer.bias': torch.zeros(12),
}


def test_backbone_alone_loses_its_prefix():
    export = export_state_dict(NETWORK)
    assert list(export) == ['conv.weight', 'bn.num_batches_tracked']
    assert torch.equal(export['conv.weight'], NETWORK['backbone.conv.weight'])
    assert export['conv.weight'].is_contiguous()
    export['conv.weight'][0, 0] = 7  # a copy
    assert NETWORK['backbone.conv.weight'][0, 0] == 0


def test_several_modules_keep_their_names():
    export = export_state_dict(NETWORK, ['backbone', 'head.deconv_layers'])
    assert list(export) == list(NETWORK)[:3]
    assert list(export_state_dict(NETWORK, ['head.deconv_layers'])) == list(NETWORK)[2:3]


@pytest.mark.parametrize(
    ('modules', 'error', 'message'),
    [
        ('backbone', TypeError, 'must be a list'),
        ([1], TypeError, 'must be a list'),
        ([], ValueError, 'at least one'),
        (['backbone', 'backbone'], ValueError, 'different'),
        ([''], ValueError, 'different names'),
        (['head'], ValueError, 'holds the final layer'),
        (['head.final_layer'], ValueError, 'holds the final layer'),
        (['neck'], ValueError, "no weights of 'neck' to export; there is backbone, head"),
        (['back'], ValueError, "no weights of 'back'"),
    ],
)
def test_refuses_modules(modules, error, message):
    with pytest.raises(error, match=message):
        export_state_dict(NETWORK, modules)


@pytest.mark.parametrize(
    ('network', 'count'), [('hrnet-w32', 1752), ('res50', 318), ('res101', 624), ('res152', 930)]
)
def test_keys_of_the_papers_networks(network, count):
    config = config_files.load(f'hsjp/coco/hsjp_{network}_8xb64-210e_coco-256x192.py')
    model = build_meta_model(config.model)
    weights = {k: torch.empty(v.shape, dtype=v.dtype) for k, v in model.state_dict().items()}
    export = export_state_dict(weights)
    assert list(export) == list(model.backbone.state_dict())
    assert len(export) == count


@pytest.fixture
def file(tmp_path):
    """A good export of NETWORK."""
    path = tmp_path / 'folder' / 'export.pth'
    write_export(path, export_state_dict(NETWORK), {'hsjp': {'grid': [4, 3]}})
    return path


def test_file_is_read_by_torchs_restricted_unpickler(file):
    content = torch.load(file, weights_only=True)
    assert content.keys() == {'state_dict', 'meta'}
    assert content['meta'] == {'hsjp': {'grid': [4, 3]}}
    assert torch.equal(content['state_dict']['conv.weight'], NETWORK['backbone.conv.weight'])
    assert [path.name for path in file.parent.iterdir()] == ['export.pth']
    assert len(short_hash(file)) == 8


def test_verifies_a_good_file(file):
    verify_export(file, NETWORK)
    assert holds_weights(file, export_state_dict(NETWORK))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'conv.weight': None}, '1 missing: conv.weight'),
        ({'fc.weight': torch.ones(1)}, '1 unexpected: fc.weight'),
        ({'conv.weight': torch.ones(2, 3)}, '1 of another shape or type: conv.weight'),
        ({'conv.weight': torch.ones(3, 2).half()}, '1 of another shape or type: conv.weight'),
        ({'conv.weight': torch.full((3, 2), torch.inf)}, '1 not finite: conv.weight'),
    ],
)
def test_verification_names_what_is_wrong(file, change, message):
    weights = {**export_state_dict(NETWORK), **change}
    write_export(file, {k: v for k, v in weights.items() if v is not None}, {})
    with pytest.raises(RuntimeError, match=f'not usable:\n  {message}'):
        verify_export(file, NETWORK)
    assert not holds_weights(file, export_state_dict(NETWORK))


@pytest.mark.parametrize('content', [b'', b'rubbish', None])
def test_verification_of_no_export(file, content):
    content = file.read_bytes()[:-200] if content is None else content
    file.write_bytes(content)
    with pytest.raises(RuntimeError, match=r'export\.pth cannot be read'):
        verify_export(file, NETWORK)
    assert not holds_weights(file, {})
    assert not holds_weights(file.with_name('none.pth'), {})


@pytest.mark.parametrize(
    'old',
    [
        {},
        {'init_cfg': None},
        {'init_cfg': {'type': 'Pretrained', 'checkpoint': 'x', 'prefix': 'y'}},
        {'init_cfg': [{'type': 'Zero'}]},
    ],
)
def test_options_fill_the_backbone_of_any_config(tmp_path, old):
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'stem_channels': 4}
    trained = MODELS.build(backbone)
    path = tmp_path / 'a folder' / 'export.pth'
    write_export(path, trained.state_dict(), {})
    config = Config({'model': {'backbone': {**backbone, **old}}})
    words = finetune_options(path).replace("'", '').removeprefix('--cfg-options ')
    options = dict(part.split('=', 1) for part in words.split(' model.'))
    options = {f'model.{k.removeprefix("model.")}': v for k, v in options.items()}
    options['model.backbone.init_cfg._delete_'] = True
    config.merge_from_dict(options)
    model = MODELS.build(config.model.backbone)
    model.init_weights()
    for key, value in trained.state_dict().items():
        assert torch.equal(model.state_dict()[key], value)


def test_options_of_several_modules():
    options = finetune_options('a b.pth', check_modules(['backbone', 'head.deconv_layers']))
    assert options.startswith("--cfg-options load_from='a b.pth' model.backbone.init_cfg=None ")
    assert 'default_hooks.checkpoint_fit.finetune_may_differ' in options
