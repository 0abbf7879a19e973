"""A picture of a training at its end, and the name of its best checkpoint."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_ext.engine.best_metric import best_metric
from mmpose_ext.visualization.curves import draw_curves, read_history


@HOOKS.register_module()
class CurvesHook(Hook):
    """Draw the curves of a training into its work directory, and say which checkpoint is best.

    The curves are read from what MMEngine's ``LocalVisBackend`` wrote, also before the training
    was resumed. Without that backend a warning says so; the training is done by then. The best
    value of the metric by which ``CheckpointHook`` keeps the best checkpoint is marked.

    Args:
        out_file (str): Name of the picture in the work directory. Defaults to ``'curves.png'``.

    Raises:
        ValueError: If it is empty or ends in none of .png, .jpg, .pdf and .svg.
    """

    # After CheckpointHook and LoggerHook.
    priority = 'LOWEST'

    def __init__(self, out_file: str = 'curves.png') -> None:
        if Path(out_file).suffix not in ('.png', '.jpg', '.pdf', '.svg'):
            raise ValueError(f'out_file should be a .png, .jpg, .pdf or .svg, got {out_file!r}')
        self.out_file = out_file

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Draw the curves.

        Args:
            runner (Runner): The runner.
        """
        metric, rule = best_metric(runner)
        path = Path(runner.work_dir) / self.out_file
        try:
            history = read_history(runner.work_dir)
            draw_curves(history, path, best=metric, greater=rule != 'less')
        except (OSError, ValueError) as error:
            runner.logger.warning(f'No curves are drawn: {error}')
        else:
            runner.logger.info(f'Curves of the training: {path}')
        info = runner.message_hub.runtime_info
        if metric and info.get('best_ckpt'):
            score, checkpoint = info['best_score'], info['best_ckpt']
            runner.logger.info(f'Best checkpoint: {checkpoint} ({metric} {score:.4g})')
