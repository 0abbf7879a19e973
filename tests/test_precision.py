"""Half precision and compilers: every method under autocast, and in one graph."""

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.models.heads import HeatmapHead
from mmpose.registry import DATASETS, MODELS
from small_recordings import write_recordings
from two_processes import METHODS, enliven, small

BATCH = 3
FRAMES = 21


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recordings')
    write_recordings(folder, lengths=[FRAMES] * 3)
    return folder


@pytest.fixture(scope='module', params=METHODS)
def trained(request, mannequins, crowds, recordings, tmp_path_factory):
    """A method's model, a batch as its training loads it, and its losses in float32."""
    method = METHODS[request.param]
    roots = dict(mannequins=mannequins, crowds=crowds, recordings=recordings)
    folder = tmp_path_factory.mktemp(request.param)
    config = small(method, str(roots[method.data]), folder, distributed=False)
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(config.train_dataloader.dataset)
        model = MODELS.build(config.model).train()
    enliven(model)
    batch = model.data_preprocessor(pseudo_collate([dataset[i] for i in range(BATCH)]), True)
    return model, batch, model(**batch, mode='loss')


def backward(losses):
    sum(value for name, value in losses.items() if 'loss' in name).backward()


def test_autocast_computes_losses_in_float32(trained):
    model, batch, expected = trained
    with torch.autocast('cpu', torch.bfloat16):
        found = model(**batch, mode='loss')
    assert found.keys() == expected.keys()
    for name, value in found.items():
        if 'loss' in name:
            assert value.dtype == torch.float32, name
            torch.testing.assert_close(value, expected[name], rtol=0.05, atol=1e-3)
    backward(found)
    gradients = {k: p.grad for k, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_heads_and_losses_are_one_graph(trained, monkeypatch):
    """``fullgraph`` raises at the first break."""
    model, batch, expected = trained
    torch.compiler.reset()
    part = getattr(model, 'head', model)  # the network of flow has none
    if type(part) is HeatmapHead:  # MMPose's counts hits in NumPy
        monkeypatch.setitem(model.train_cfg, 'compute_acc', False)
        expected = {name: value for name, value in expected.items() if name != 'acc_pose'}
    name = 'forward' if part is model else 'loss'
    compiled = torch.compile(getattr(part, name), backend='eager', fullgraph=True)
    monkeypatch.setattr(part, name, compiled)
    found = model(**batch, mode='loss')
    assert found.keys() == expected.keys()
    for key, value in found.items():
        torch.testing.assert_close(value, expected[key], msg=key)
