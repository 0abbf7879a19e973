import os

import pytest
import torch
import torch.distributed as torch_dist
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.dist import utils as dist_utils
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmpose_ext.compat import cpu_distributed

pytestmark = pytest.mark.skipif(get_device() != 'cpu', reason='mends machines without a GPU')
ALONE = {'RANK': '0', 'LOCAL_RANK': '0', 'WORLD_SIZE': '1', 'MASTER_ADDR': 'localhost'}

# MMEngine as it is: the file is run by itself, without the package that would mend it.
WITHOUT = """
import runpy
from mmengine.dist import init_dist
print('needed:', runpy.run_path('mmpose_ext/compat/cpu_distributed.py')['is_needed']())
init_dist('pytorch')
"""


@pytest.fixture
def group(monkeypatch):
    """A group of one process, started as MMEngine does."""
    for name, value in {**ALONE, 'MASTER_PORT': '0'}.items():
        monkeypatch.setenv(name, value)
    init_dist('pytorch', init_method='tcp://localhost:0', rank=0, world_size=1)
    yield
    torch_dist.destroy_process_group()


def test_mmengine_alone_cannot_start(run_python):
    env = {**os.environ, **ALONE, 'MASTER_PORT': '0'}
    done = run_python('-c', WITHOUT, env=env, check=False)
    assert 'needed: True' in done.stdout
    assert 'torch.cuda.set_device(local_rank)' in done.stdout  # the line that fails
    assert done.returncode == 1


def test_is_applied_once():
    assert not cpu_distributed.is_needed()
    for name in cpu_distributed._STARTERS:
        assert not hasattr(getattr(dist_utils, name).__wrapped__, '__wrapped__')


def test_starts_over_gloo(group):
    assert torch_dist.get_backend() == 'gloo'


def test_trains_a_wrapped_model(group):
    layers = nn.Sequential(nn.Linear(3, 4), nn.SyncBatchNorm(4))
    model = MMDistributedDataParallel(layers, device_ids=[0], broadcast_buffers=False)
    model(torch.rand(5, 3)).square().sum().backward()
    assert layers[0].weight.grad.shape == (4, 3)
    assert not any(isinstance(layer, nn.SyncBatchNorm) for layer in model.modules())
    assert list(layers.state_dict()) == [key.removeprefix('module.') for key in model.state_dict()]


def test_asks_for_what_was_asked():
    seen = []

    def start(backend, *args, **kwargs):
        torch.cuda.set_device(0)  # must not raise
        seen.append((backend, args, kwargs))

    before = torch.cuda.set_device
    started = cpu_distributed.without_device(start)
    started('mpi', 29500, timeout=3)
    started(backend='nccl')
    assert seen == [('mpi', (29500,), {'timeout': 3}), ('gloo', (), {})]
    assert torch.cuda.set_device is before


def test_probe_leaves_the_environment_alone(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    before = dict(os.environ)
    cpu_distributed.is_needed()
    assert dict(os.environ) == before


def test_not_needed_with_a_gpu(monkeypatch):
    monkeypatch.setattr(cpu_distributed, 'get_device', lambda: 'cuda')
    assert not cpu_distributed.is_needed()
