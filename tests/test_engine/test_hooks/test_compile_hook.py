import pytest
import torch
from tiny_runs import tiny_runner

from mmpose_ext.engine.hooks import CompileHook, NaNGuardHook


class Backend:
    """Runs what it is given as it is, and counts graphs and calls."""

    def __init__(self):
        self.graphs = self.calls = 0

    def __call__(self, graph, inputs):
        self.graphs += 1

        def run(*args):
            self.calls += 1
            return graph(*args)

        return run


@pytest.fixture(autouse=True)
def _nothing_compiled():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def weight_after(folder, hooks, **options):
    runner = tiny_runner(folder, hooks, **options)
    runner.train()
    return runner


def test_trains_compiled_and_validates_as_it_is(tmp_path):
    expected = weight_after(tmp_path / 'eager', []).model
    backend = Backend()
    runner = weight_after(tmp_path / 'compiled', [CompileHook(backend=backend, dynamic=False)])
    assert torch.equal(runner.model.weight, expected.weight)
    assert backend.calls == 4  # two epochs of two steps; the two validations are not among them
    assert 'forward' not in vars(runner.model)
    saved = torch.load(tmp_path / 'compiled/epoch_2.pth', weights_only=False)['state_dict']
    assert list(saved) == ['weight']


def test_by_the_command_line(tmp_path):
    """default_hooks takes hooks of any name."""
    runner = tiny_runner(tmp_path, [])
    runner.register_default_hooks(dict(compile=dict(type='CompileHook', backend='eager')))
    hook = next(hook for hook in runner.hooks if isinstance(hook, CompileHook))
    assert hook.options == dict(backend='eager')


def test_refuses_to_compile_twice(tmp_path):
    runner = tiny_runner(tmp_path, [CompileHook()])
    runner.cfg.compile = True
    with pytest.raises(ValueError, match='compile=True, which CompileHook stands for'):
        runner.train()


def test_guard_finds_the_layer_in_a_compiled_model(tmp_path):
    hooks = [CompileHook(backend='eager', dynamic=False), NaNGuardHook()]
    runner = tiny_runner(tmp_path, hooks)
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(layer.weight, float('inf'))
    runner.model.layer = layer
    runner.model.forward = lambda inputs, mode='tensor', **_: {'loss': layer(inputs[0]).sum()}
    with pytest.raises(FloatingPointError, match=r'not finite: layer \(Linear\)'):
        runner.train()
