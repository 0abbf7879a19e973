import pytest
import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper
from torch import nn

from mmpose_ext.compat import cpu_amp

pytestmark = pytest.mark.skipif(get_device() != 'cpu', reason='mends machines without a GPU')

# MMEngine as it is: the file is run by itself, without the package that would mend it.
WITHOUT = """
import runpy, torch
from mmengine.optim import AmpOptimWrapper
print('needed:', runpy.run_path('mmpose_ext/compat/cpu_amp.py')['is_needed']())
AmpOptimWrapper(optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1))
"""


def test_mmengine_alone_refuses(run_python):
    done = run_python('-c', WITHOUT, check=False)
    assert 'needed: True' in done.stdout
    assert 'is only available training on gpu' in done.stdout
    assert done.returncode == 1


def test_is_applied_once():
    assert not cpu_amp.is_needed()
    assert not hasattr(AmpOptimWrapper.__init__.__wrapped__, '__wrapped__')


@pytest.mark.parametrize('loss_scale', ['dynamic', 512.0, dict(init_scale=512.0)])
def test_steps_are_those_of_bfloat16_without_a_scale(loss_scale):
    layer = nn.Linear(3, 2)
    expected = nn.Linear(3, 2)
    expected.load_state_dict(layer.state_dict())
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    wrapper = AmpOptimWrapper(
        optimizer=optimizer, loss_scale=loss_scale, clip_grad=dict(max_norm=0.5)
    )
    inputs = torch.rand(4, 3)
    with wrapper.optim_context(layer):
        outputs = layer(inputs)
    assert outputs.dtype == torch.bfloat16
    wrapper.update_params(outputs.float().square().sum())

    with torch.autocast('cpu', torch.bfloat16):
        loss = expected(inputs).float().square().sum()
    loss.backward()
    nn.utils.clip_grad_norm_(expected.parameters(), 0.5)
    torch.testing.assert_close(layer.weight, expected.weight - 0.1 * expected.weight.grad)


@pytest.mark.parametrize('dtype', ['float16', torch.float16])
def test_refuses_what_only_a_gpu_can(dtype):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with pytest.raises(ValueError, match='needs a GPU'):
        AmpOptimWrapper(optimizer=optimizer, dtype=dtype)


def test_goes_on_from_a_checkpoint():
    layer = nn.Linear(3, 2)
    wrapper = AmpOptimWrapper(optimizer=torch.optim.Adam(layer.parameters(), lr=0.1))
    wrapper.update_params(layer(torch.rand(4, 3)).sum())
    assert 'loss_scaler' not in wrapper.state_dict()  # a GPU's scaler refuses an empty one
    other = AmpOptimWrapper(optimizer=torch.optim.Adam(layer.parameters(), lr=0.5))
    other.load_state_dict(wrapper.state_dict())
    assert other.get_lr() == {'lr': [0.1]}
    assert other.optimizer.state_dict()['state'][0]['step'] == 1
