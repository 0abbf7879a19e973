from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from torch import nn
from torch.utils.data import DataLoader

from mmpose_ext.apis import draw_predictions
from mmpose_ext.apis.checkpoint_conversion import build_meta_model
from mmpose_ext.apis.stock_tools import stock_tool_path
from mmpose_ext.engine import CheckpointFitHook

MANNEQUIN = 'configs/simdr/mannequin/'
SIMDR = MANNEQUIN + 'simdr_res18-half_1xb32-15e_mannequin-64x64.py'
HEATMAP = MANNEQUIN + 'td-hm_res18-half_1xb32-15e_mannequin-64x64.py'


class Network(BaseModel):
    def __init__(self, bins=4):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))
        self.head = nn.Linear(5, bins)

    def forward(self, inputs, mode='tensor'):
        return {'loss': self.head(self.backbone(inputs)).square().mean()}


def runner_of(model, mode='test', load_from='work/x.pth'):
    """As much of a Runner as the hook looks at."""
    loop = object.__new__(EpochBasedTrainLoop) if mode != 'test' else {'by_epoch': True}
    return SimpleNamespace(
        model=model, _train_loop=loop, _resume=mode == 'resume', _load_from=load_from
    )


def load(weights, model=None, mode='test', **options):
    runner = runner_of(model or Network(), mode)
    CheckpointFitHook(**options).after_load_checkpoint(runner, weights)


@pytest.mark.parametrize('mode', ['test', 'resume', 'finetune'])
@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('nested', [True, False])
def test_takes_the_models_own_weights(mode, prefix, nested):
    weights = {prefix + key: value for key, value in Network().state_dict().items()}
    load({'state_dict': weights, 'meta': {}} if nested else weights, mode=mode)


@pytest.mark.parametrize('mode', ['test', 'resume', 'finetune'])
def test_refuses_other_weights_by_name(mode):
    weights = Network(bins=6).state_dict()
    weights['neck.weight'] = weights.pop('backbone.0.bias')
    with pytest.raises(ValueError, match=r"^work/x\.pth does not fit the config's model") as caught:
        load({'state_dict': weights}, mode=mode)
    message = str(caught.value)
    assert '1 missing: backbone.0.bias' in message
    assert '1 unexpected: neck.weight' in message
    assert '2 of another shape: head.weight (6, 5) instead of (4, 5), head.bias (6,)' in message
    assert ('finetune_may_differ' in message) == (mode == 'finetune')


def test_finetuning_may_leave_out_the_parts_that_are_named():
    other_head = Network(bins=6).state_dict()
    no_head = {key: value for key, value in other_head.items() if 'backbone' in key}
    for weights in (other_head, no_head):
        load({'state_dict': weights}, mode='finetune', finetune_may_differ=['head.'])
        with pytest.raises(ValueError, match=r'x\.pth does not fit'):
            load({'state_dict': weights}, mode='resume', finetune_may_differ=['head.'])
    del no_head['backbone.0.bias']
    with pytest.raises(ValueError, match=r'1 missing: backbone\.0\.bias'):
        load({'state_dict': no_head}, mode='finetune', finetune_may_differ=['head.'])


def test_looks_inside_a_wrapped_model():
    model = nn.DataParallel(Network())
    load({'state_dict': Network().state_dict()}, model)
    with pytest.raises(ValueError, match=r'2 of another shape'):
        load({'state_dict': Network(bins=6).state_dict()}, model)


def test_batch_norm_of_old_torch_and_names_of_mmpose_0_are_read(root):
    weights = dict(build_meta_model(Config.fromfile(root / HEATMAP).model).state_dict())
    model = build_meta_model(Config.fromfile(root / HEATMAP).model)
    old = {key: v for key, v in weights.items() if not key.endswith('num_batches_tracked')}
    assert len(old) < len(weights)
    load({'state_dict': old}, model)
    keys = {key.replace('head.', 'keypoint_head.', 1): v for key, v in weights.items()}
    assert keys.keys() != weights.keys()
    load({'state_dict': keys}, model)
    keys.pop('keypoint_head.final_layer.bias')
    with pytest.raises(ValueError, match=r'1 missing: head\.final_layer\.bias'):
        load({'state_dict': keys}, model)


def test_content_that_is_no_weights_is_named():
    with pytest.raises(ValueError, match='unexpected: epoch, optimizer'):
        load({'epoch': 3, 'optimizer': {}})


@pytest.mark.parametrize(
    ('value', 'error'), [('head.', TypeError), ([1], TypeError), (['head.', ''], ValueError)]
)
def test_constructor_refuses(value, error):
    with pytest.raises(error, match='finetune_may_differ must'):
        HOOKS.build({'type': 'CheckpointFitHook', 'finetune_may_differ': value})


def test_refuses_a_part_that_is_none():
    with pytest.raises(ValueError, match=r"names 'heads\.'.*parts are backbone\., head\."):
        load(Network().state_dict(), mode='finetune', finetune_may_differ=['heads.'])


def train(work_dir, name, bins=4, epochs=1, options=None, **runner):
    Runner(
        model=Network(bins),
        work_dir=str(work_dir),
        train_dataloader=DataLoader([{'inputs': torch.rand(3)}] * 4, batch_size=2),
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={'checkpoint_fit': {'type': 'CheckpointFitHook', **(options or {})}},
        default_scope='mmpose',
        experiment_name=name,
        log_level='ERROR',
        **runner,
    ).train()


def test_runner_finetunes_and_resumes(tmp_path):
    train(tmp_path, 'first')
    checkpoint = f'{tmp_path}/epoch_1.pth'
    train(tmp_path / 'same', 'same', load_from=checkpoint)
    other = {'bins': 6, 'load_from': checkpoint}
    with pytest.raises(ValueError, match=f'^{checkpoint} does not fit .*\n.*\n.*may_differ'):
        train(tmp_path / 'other', 'other', **other)
    named = {'options': {'finetune_may_differ': ['head.']}}
    train(tmp_path / 'named', 'named', **other, **named)
    train(tmp_path, 'resumed', epochs=2, resume=True, **named)
    with pytest.raises(ValueError, match=r'epoch_2\.pth does not fit'):
        train(tmp_path, 'misled', epochs=3, resume=True, bins=6, **named)


@pytest.fixture(scope='module')
def heatmap_checkpoint(root, tmp_path_factory):
    """Weights of the heatmap network, all zero."""
    model = build_meta_model(Config.fromfile(root / HEATMAP).model)
    weights = {key: torch.zeros(v.shape, dtype=v.dtype) for key, v in model.state_dict().items()}
    path = tmp_path_factory.mktemp('checkpoint') / 'heatmap.pth'
    torch.save({'state_dict': weights, 'meta': {}}, path)
    return path


def test_stock_test_tool_refuses_another_networks_checkpoint(
    root, heatmap_checkpoint, mannequins, run_python, tmp_path
):
    options = [
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        f'test_dataloader.dataset.data_root={mannequins}/',
        f'test_evaluator.ann_file={mannequins}/annotations/person_keypoints_val.json',
    ]
    run = [stock_tool_path('test'), root / SIMDR, heatmap_checkpoint]
    done = run_python(*run, '--work-dir', tmp_path, '--cfg-options', *options, check=False)
    assert done.returncode == 1
    assert f'ValueError: {heatmap_checkpoint} does not fit' in done.stdout
    assert 'missing: head.' in done.stdout
    assert 'Average Precision' not in done.stdout


def test_drawing_refuses_another_networks_checkpoint(root, heatmap_checkpoint, tmp_path):
    with pytest.raises(ValueError, match=r'heatmap\.pth does not fit .*\n.*missing: head\.'):
        draw_predictions(root / SIMDR, heatmap_checkpoint, tmp_path / 'sheet.jpg')
    assert not (tmp_path / 'sheet.jpg').exists()
