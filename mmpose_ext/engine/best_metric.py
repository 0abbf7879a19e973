"""Which metric a training keeps its best checkpoint by."""

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner


def best_metric(runner: Runner) -> tuple[str | None, str | None]:
    """The metric by which the run keeps its best checkpoint.

    Args:
        runner (Runner): The runner.

    Returns:
        tuple[str | None, str | None]: Its name and ``'greater'`` or ``'less'``; None and None
        where there is no such metric, or several.
    """
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.save_best]
    if len(hooks) != 1 or len(hooks[0].key_indicators) != 1:
        return None, None
    return hooks[0].key_indicators[0], hooks[0].rules[0]
