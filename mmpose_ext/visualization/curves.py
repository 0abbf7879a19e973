"""Curves of a training, from what MMEngine logged of it."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmpose_ext.fileio import atomic_path
from mmpose_ext.refusals import refusing

# What LoggerHook writes beside what is to be drawn.
_BOOKKEEPING = {'data_time', 'time', 'memory', 'eta', 'epoch', 'iter', 'step'}
_COLUMNS = 3
_MAX_LEGEND = 8


@dataclass
class History:
    """What was logged of a training, over one or more runs of it.

    Attributes:
        train (list[dict[str, float]]): Lines of the training, by rising ``step``, an iteration.
        val (list[dict[str, float]]): Results of validations, by rising ``step``.
        by_epoch (bool): Whether the steps of validations are epochs; else iterations.
    """

    train: list[dict[str, float]] = field(default_factory=list)
    val: list[dict[str, float]] = field(default_factory=list)
    by_epoch: bool = True

    def series(self, key: str, lines: Iterable[Mapping[str, float]]) -> tuple[list, list]:
        """Steps and values of one quantity.

        Args:
            key (str): Its name.
            lines (Iterable[Mapping[str, float]]): ``train`` or ``val``.

        Returns:
            tuple[list, list]: Steps and values, of equal length.
        """
        points = [(line['step'], line[key]) for line in lines if key in line]
        return [step for step, _ in points], [value for _, value in points]


def read_history(work_dir: str | Path) -> History:
    """Read what a training wrote into its work directory, runs that resumed it included.

    A run that begins at an earlier step than the one before it ended takes the place of what came
    after: so do runs that were resumed from a checkpoint, and such as were begun anew.

    Args:
        work_dir (str | Path): Work directory, with ``TIMESTAMP/vis_data/scalars.json``.

    Returns:
        History: The lines.

    Raises:
        FileNotFoundError: If nothing is logged there.
        ValueError: If a file is none of MMEngine's; names file and line.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    history = History()
    for path in files:
        with refusing(path, 'log of MMEngine', 'move it away'):
            _add_log(history, _read_lines(path))
    if not history.train:
        raise FileNotFoundError(
            f'{work_dir} has no scalars of a training (TIMESTAMP/vis_data/scalars.json). Give the '
            'work directory of one, whose visualizer has a LocalVisBackend.'
        )
    return history


def _add_log(history: History, lines: list[dict[str, Any]]) -> None:
    """Add what a run logged, in the place of what an earlier run logged of the same steps."""
    train = [line for line in lines if 'iter' in line]
    if not train:
        return  # validated or tested only
    history.by_epoch = 'epoch' in train[0]
    start, first = train[0]['step'], train[0]['epoch' if history.by_epoch else 'step']
    history.train = [line for line in history.train if line['step'] < start] + train
    old = [line for line in history.val if line['step'] < first]
    history.val = old + _validations(lines, history.by_epoch)


def draw_curves(
    history: History, path: str | Path, *, best: str | None = None, greater: bool = True
) -> None:
    """Draw losses, accuracies, learning rate and validation metrics over a training.

    One panel for the losses, on a logarithmic scale where they span more than a factor of ten, one
    for each other quantity, and one for each metric with its variants: ``AP``, ``AP .5``, ...
    The layout is our choice.

    Args:
        history (History): What was logged.
        path (str | Path): Picture to write, atomically; its suffix is the format.
        best (str, optional): Metric whose best value is marked. Defaults to none.
        greater (bool): Whether a greater value of it is better. Defaults to True.

    Raises:
        ValueError: If Matplotlib does not know the format.
    """
    train, val = _panels(history.train), _panels(history.val)
    rows = math.ceil((len(train) + len(val)) / _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3 * rows), layout='constrained')
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axis, (title, keys) in zip(axes, train.items(), strict=False):
        _draw_panel(axis, title, {key: history.series(key, history.train) for key in keys})
        axis.set_xlabel('iteration')
    for axis, (title, keys) in zip(axes[len(train) :], val.items(), strict=False):
        series = {key: history.series(key, history.val) for key in keys}
        _draw_panel(axis, title, series, marker='.')
        axis.set_title(f'val: {axis.get_title()}')
        axis.set_xlabel('epoch' if history.by_epoch else 'iteration')
        if best in series:
            _mark_best(axis, *series[best], greater)
    for axis in axes[len(train) + len(val) :]:
        axis.set_visible(False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    # What follows the last line break is being written, or was when the run was killed.
    for number, text in enumerate(path.read_text(encoding='utf-8').split('\n')[:-1], start=1):
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or not isinstance(line.get('step'), int):
                raise ValueError('there is no step')
        except ValueError as error:
            raise ValueError(
                f'{path}, line {number} is none that MMEngine logs: {error}. Move the file away.'
            ) from error
        lines.append({k: v for k, v in line.items() if isinstance(v, int | float)})
    return lines


def _validations(lines: list[dict[str, Any]], by_epoch: bool) -> list[dict[str, Any]]:
    """Results of validations; LoggerHook by default gives those of an iteration as of step 0."""
    results, reached = [], 0
    for line in lines:
        if 'iter' in line:
            reached = line['step']
        else:
            results.append(line if by_epoch else {**line, 'step': max(line['step'], reached)})
    return results


def _panels(lines: list[dict[str, float]]) -> dict[str, list[str]]:
    """Titles of panels, with the quantities that each holds, in the order of the log."""
    panels: dict[str, list[str]] = {}
    for key in dict.fromkeys(key for line in lines for key in line):
        # COCO's metrics are -1 where there is nobody of that size.
        if key in _BOOKKEEPING or all(line.get(key, -1) == -1 for line in lines):
            continue
        stem = re.split(r'[ _(]', key, maxsplit=1)[0]
        panels.setdefault(stem, []).append(key)
    return dict(sorted(panels.items(), key=lambda panel: panel[0] != 'loss'))


def _draw_panel(axis: Axes, title: str, series: dict[str, tuple], marker: str = '') -> None:
    for key, (steps, values) in series.items():
        main = key == title or len(series) == 1
        style = dict(linewidth=1.8, color='black', zorder=3) if main else dict(linewidth=1)
        axis.plot(steps, values, marker=marker, label=key, **style)
    finite = [v for _, values in series.values() for v in values if math.isfinite(v)]
    if title == 'loss' and finite and min(finite) > 0 and max(finite) > 10 * min(finite):
        axis.set_yscale('log')
    axis.set_title(next(iter(series)) if len(series) == 1 else title)
    axis.grid(alpha=0.3)
    if 1 < len(series) <= _MAX_LEGEND:
        axis.legend(fontsize='x-small')


def _mark_best(axis: Axes, steps: list, values: list, greater: bool) -> None:
    points = [(v, step) for step, v in zip(steps, values, strict=True) if math.isfinite(v)]
    if points:
        value, step = max(points) if greater else min(points)
        axis.plot([step], [value], marker='*', markersize=12, color='tab:red', zorder=4)
        axis.annotate(
            f'{value:.4g}', (step, value), textcoords='offset points', xytext=(-4, 8), ha='right'
        )
