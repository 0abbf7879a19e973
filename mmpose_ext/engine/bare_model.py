"""The model itself, without what trains it in several processes."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def bare_model(runner: Runner) -> nn.Module:
    """Give a runner's model, taken out of its wrapper if it has one.

    Args:
        runner (Runner): The runner.

    Returns:
        nn.Module: The model as it was built, whose weights have their own names.
    """
    model: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model
