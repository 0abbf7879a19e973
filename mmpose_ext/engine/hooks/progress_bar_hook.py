"""A progress bar above the log, where somebody watches."""

import logging
import os
import sys
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import IterBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mmpose_ext.engine.best_metric import best_metric


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Show how far a training is, what it has learnt and when it will be done.

    One bar counts the iterations of the whole training, with epoch, loss (mean of the last
    ``window`` iterations), learning rate, and the best value of the metric that ``CheckpointHook``
    keeps the best checkpoint by; a second one counts batches while it validates or tests. The
    lines of the log go by above. Nothing is shown, and nothing is changed, on other processes
    than the main one, where ``sys.stdout`` is no terminal or one that cannot move its cursor
    (``TERM=dumb``), and where the run's logger writes to files only. The bars are rich's; what
    they show is our choice.

    Args:
        refresh_per_second (float): How often the bars are drawn anew. Defaults to 4.
        window (int): Iterations that the loss is averaged over. Defaults to 20.

    Raises:
        ValueError: If one of them is not positive.
    """

    # After RuntimeInfoHook, which notes the loss, and before the checkpoint of the last epoch.
    priority = 'NORMAL'

    def __init__(self, refresh_per_second: float = 4, window: int = 20) -> None:
        if refresh_per_second <= 0:
            raise ValueError(f'refresh_per_second should be positive, got {refresh_per_second}')
        if window < 1:
            raise ValueError(f'window should be at least 1 iteration, got {window}')
        self.refresh_per_second = refresh_per_second
        self.window = window
        self._progress: Progress | None = None
        self._close: weakref.finalize | None = None
        self._train: TaskID | None = None
        self._eval: TaskID | None = None

    def before_train(self, runner: Runner) -> None:
        """Show the bar of the training, at the iteration that a resumed one starts from.

        Args:
            runner (Runner): The runner.
        """
        if progress := self._open(runner):
            self._train = progress.add_task(
                'train', total=runner.max_iters, completed=runner.iter, note=''
            )

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Go on by an iteration.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch in its epoch.
            data_batch (Any): The batch.
            outputs (Any): What the model returned.
        """
        if self._progress is not None and self._train is not None:
            # Each time: save_best='auto' takes the first metric of the first validation.
            metric, _ = best_metric(runner)
            self._progress.update(
                self._train,
                completed=runner.iter + 1,
                description=_epoch(runner),
                note=training_note(runner.message_hub, metric, self.window),
            )

    def before_val_epoch(self, runner: Runner) -> None:
        """Show the bar of a validation.

        Args:
            runner (Runner): The runner.
        """
        self._begin(runner, 'validate', len(runner.val_dataloader))

    def before_test_epoch(self, runner: Runner) -> None:
        """Show the bar of a test.

        Args:
            runner (Runner): The runner.
        """
        self._begin(runner, 'test', len(runner.test_dataloader))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Go on by a batch.

        Args:
            runner (Runner): The runner.
            batch_idx (int): Index of the batch.
            data_batch (Any): The batch.
            outputs (Sequence[Any], optional): What the model returned.
        """
        if self._progress is not None and self._eval is not None:
            self._progress.update(self._eval, completed=batch_idx + 1)

    after_test_iter = after_val_iter

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the bar of a validation or test away.

        Args:
            runner (Runner): The runner.
            metrics (dict[str, float], optional): What was measured.
        """
        if self._progress is not None and self._eval is not None:
            self._progress.remove_task(self._eval)
            self._eval = None

    after_test_epoch = after_val_epoch

    def after_run(self, runner: Runner) -> None:
        """Leave the last state of the bar standing and give the terminal back.

        Args:
            runner (Runner): The runner.
        """
        if self._close is not None:
            self._close()
        self._progress = self._close = self._train = self._eval = None

    def _begin(self, runner: Runner, what: str, batches: int) -> None:
        if progress := self._open(runner):
            self._eval = progress.add_task(what, total=batches, note='')

    def _open(self, runner: Runner) -> Progress | None:
        if self._progress is None and is_main_process() and is_watched(runner.logger):
            progress = new_progress(self.refresh_per_second)
            screen = ExitStack()
            screen.enter_context(progress)
            screen.enter_context(output_above(progress.console, runner.logger))
            # Also when the training dies: no hook is called then.
            self._close = weakref.finalize(self, screen.close)
            self._progress = progress
        return self._progress


def is_watched(logger: logging.Logger) -> bool:
    """Whether the log is shown in a terminal that can draw a bar.

    Args:
        logger (logging.Logger): The run's logger.

    Returns:
        bool: True if standard output is a terminal and some handler writes to it or to standard
        error.
    """
    return (
        sys.stdout is not None
        and sys.stdout.isatty()
        and not Console().is_dumb_terminal
        and bool(_screen_handlers(logger))
    )


def new_progress(refresh_per_second: float) -> Progress:
    """Bars with a name, a count, the time gone by and to come, and a note.

    Args:
        refresh_per_second (float): How often they are drawn anew.

    Returns:
        Progress: Not started; its tasks need a field ``note``.
    """
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn('left'),
        TimeRemainingColumn(),
        TextColumn('{task.fields[note]}', markup=False),
        refresh_per_second=refresh_per_second,
        expand=True,
        redirect_stdout=False,  # see AboveBars
        redirect_stderr=False,
    )


class AboveBars(FileProxy):
    """A stream that writes above the bars; in a process forked off, which has none, as it did.

    Without that, a loading process would draw its copy of the bars, or wait for a lock that
    another thread held when it was forked off.

    Args:
        console (Console): Where the bars are.
        file (IO[str]): The stream that it stands for.
    """

    def __init__(self, console: Console, file: IO[str]) -> None:
        super().__init__(console, file)
        self._process = os.getpid()

    def write(self, text: str) -> int:
        """Write a text.

        Args:
            text (str): What to write; the bars' process waits for the end of a line.

        Returns:
            int: Its length.
        """
        if os.getpid() != self._process:
            return self.rich_proxied_file.write(text)
        return super().write(text)

    def flush(self) -> None:
        """Write what there is of a line."""
        if os.getpid() != self._process:
            self.rich_proxied_file.flush()
        else:
            super().flush()


@contextmanager
def output_above(console: Console, logger: logging.Logger) -> Iterator[None]:
    """Let what is printed and logged go by above the bars.

    Handlers of a log hold the terminal itself, so that rich's own redirection misses them.

    Args:
        console (Console): Where the bars are.
        logger (logging.Logger): The run's logger.

    Yields:
        None: While it does.
    """
    handlers = [(handler, handler.stream) for handler in _screen_handlers(logger)]
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = AboveBars(console, stdout), AboveBars(console, stderr)
    for handler, _ in handlers:
        handler.setStream(sys.stdout)
    try:
        yield
    finally:
        for handler, stream in handlers:
            handler.setStream(stream)
        sys.stdout, sys.stderr = stdout, stderr


def training_note(hub: MessageHub, best_metric: str | None, window: int) -> str:
    """What stands beside the bar of a training.

    Args:
        hub (MessageHub): Where MMEngine notes losses and learning rates.
        best_metric (str, optional): Name of the metric of the best checkpoint.
        window (int): Iterations that the loss is averaged over.

    Returns:
        str: Loss, learning rate and best value so far, as far as they are known.
    """
    scalars = hub.log_scalars
    parts = []
    if 'train/loss' in scalars:
        parts.append(f'loss {scalars["train/loss"].mean(window):.4g}')
    rates = [name for name in scalars if name == 'train/lr' or name.startswith('train/lr/')]
    if rates:
        parts.append(f'lr {scalars[rates[0]].current():.3g}')
    if best_metric and 'best_score' in hub.runtime_info:
        parts.append(f'best {best_metric} {hub.get_info("best_score"):.4g}')
    return ', '.join(parts)


def _epoch(runner: Runner) -> str:
    if isinstance(runner.train_loop, IterBasedTrainLoop):
        return 'train'
    return f'epoch {runner.epoch + 1}/{runner.max_epochs}'


def _screen_handlers(logger: logging.Logger) -> list[logging.StreamHandler]:
    """Handlers that write to the terminal; a file's handler is one of streams too."""
    screens = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return [
        handler
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler)
        and not isinstance(handler, logging.FileHandler)
        and handler.stream in screens
    ]
