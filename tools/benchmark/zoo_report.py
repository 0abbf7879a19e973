"""The page of :mod:`zoo` and its picture."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox, BboxBase
from zoo_list import Entry, Group
from zoo_published import path_of, published

from mmpose_ext.fileio import atomic_path

Measured = dict[str, dict[str, Any]]
# What config files are shown of MMPose's, whose copy lies inside the package.
MMPOSE_CONFIGS = 'https://github.com/open-mmlab/mmpose/blob/v1.3.2/configs/'
COSTS = {
    'GFLOPs of an image': lambda cost: cost['flops'] / 1e9,
    "time of an image in a large batch / SimpleBaseline R50's": (
        lambda cost: cost['batch']['relative_time']
    ),
}
LEAST_AP = 55  # what is below would press all others together
# Ours and MMPose's, told apart by colour-blind eyes too.
COLOURS = {False: '#0072b2', True: '#d55e00'}
# The figure of a config's test that stands for it.
PREFERRED = ('coco/AP', 'MPJPE', 'smpl/PVE', 'events/PEL-MPJPE', 'flow/EPE-body')
# Where a label may stand, in points from its marker: the first place that is free is taken.
PLACES = (
    *((6, 0), (0, 7), (0, -7), (-6, 0), (6, 8), (6, -8), (-6, 8), (-6, -8)),
    *((8, 16), (8, -16), (-8, 16), (-8, -16), (8, 24), (8, -24), (-8, 24), (-8, -24)),
)


def published_of(entry: Entry, group: Group) -> tuple[float, str] | None:
    """Published figure of a row and its source: the list's own, or a metafile's."""
    if entry.published is not None and entry.source is not None:
        return entry.published, entry.source
    return published(entry.config, group.dataset, group.metric) if group.metric else None


def figure(value: float, metric: str) -> str:
    """A published figure as tables print it: percent of what is a share."""
    return f'{100 * value:.1f}' if metric == 'AP' else f'{value:.1f}'


def measured_accuracy(found: dict[str, Any]) -> str:
    """What was measured of a checkpoint, or why it was not."""
    if 'accuracy' not in found:
        return 'no weights'
    scores = found['accuracy']
    if 'error' in scores:
        return f'failed: {short(scores["error"])}'
    first = next((name for name in PREFERRED if name in scores), next(iter(scores)))
    return f'{first} {scores[first]:.3g}'


def short(text: str, limit: int = 90) -> str:
    """The first line of a message, fit for a cell of a table."""
    line = text.splitlines()[0].replace('|', '/')
    return line if len(line) <= limit else f'{line[: limit - 1]}…'


def row(entry: Entry, group: Group, found: dict[str, Any], page: Path) -> str:
    """A line of a table."""
    path = path_of(entry.config)
    if entry.is_ours:
        link = os.path.relpath(path, page.parent)
    else:
        link = MMPOSE_CONFIGS + entry.config.removeprefix('mmpose::')
    cells = [f'[{entry.label}]({link})', 'ours' if entry.is_ours else 'MMPose']
    cost = found['cost']
    if 'error' in cost:
        cells += [f'not measured: {short(cost["error"])}', *[''] * 8]
    else:
        sides = cost['one'], cost['batch']
        cells += ['x'.join(map(str, cost['shape'])), f'{cost["params"] / 1e6:.2f}']
        cells.append(f'{cost["flops"] / 1e9:.3g}')
        cells += [f'{side["images_per_second"]:.3g}' for side in sides]
        cells += [f'{side["relative_time"]:.3g}' for side in sides]
        cells += [f'{side["mib"]:.0f}' for side in sides]
    cells.append(measured_accuracy(found))
    if group.metric:
        known = published_of(entry, group)
        cells += [figure(known[0], group.metric), known[1]] if known else ['-', '']
    return f'| {" | ".join(cells)} |'


def table(group: Group, content: dict[str, Any], page: Path) -> str:
    """A group's heading, text and table."""
    batch = content['batch']
    heads = ['model', 'by', 'input', 'params, M', 'GFLOPs']
    heads += ['images/s, batch 1', f'batch {batch}', 'relative time, batch 1', f'batch {batch}']
    heads += ['peak MiB, batch 1', f'batch {batch}', 'accuracy measured here']
    heads += [f'{group.metric} published by others', 'source'] if group.metric else []
    lines = [
        f'| {" | ".join(heads)} |',
        '|---|---|---' + '|---:' * 8 + '|---' * (len(heads) - 11) + '|',
    ]
    lines += [row(one, group, content['results'][one.config], page) for one in group.entries]
    return '\n\n'.join(filter(None, (f'## {group.title}', group.about, '\n'.join(lines))))


def report(
    groups: Sequence[Group], content: dict[str, Any], picture: Path | None, page: Path
) -> str:
    """The Markdown page."""
    is_one_thread = content['device'] == 'cpu' and content['threads'] == 1
    clock = "the process's own CPU time" if is_one_thread else 'wall-clock time'
    memory = 'of the process above its libraries' if content['device'] == 'cpu' else 'on the GPU'
    shown = ''
    if picture is not None:
        shown = (
            f'![Accuracy against cost]({os.path.relpath(picture, page.parent)})\n\n'
            '*Accuracies are published by others, costs measured here. Models without a published '
            f'figure, or with one below {LEAST_AP}, are not shown.*'
        )
    text = f"""# The zoo: our networks beside MMPose's

{' Resumed: '.join(content['written'])}

- **Measured here** are parameters, GFLOPs, images per second, relative time, memory and what the \
column "accuracy measured here" has. **Published by others** is the last figure, whose source \
stands beside it; none of those was repeated here.
- Costs are of the network, from normalised pixels to its outputs (heatmaps, vectors, tags, \
joints, bodies), with random weights, noise for images, float32, without flip test and without \
decoding, which [codecs.md](codecs.md) and [swahr_speed.md](swahr_speed.md) have. RTMO's and \
YOLOX-Pose's are of the graph that trains, as MMPose's own counter takes it.
- GFLOPs are 10⁹ multiply-adds, each counted once, of the operators that MMEngine's counter knows.
- Images per second are medians, in {clock}. The relative time is that of an image divided by the \
time that SimpleBaseline R50, one image at a time, took just before and after: trust it more than \
images per second on a machine that is busy with other things. What is slow ran once at the large \
batch. How noisy the machine was is seen in pairs that differ in the last layer alone, SimDR W32 \
and HRNet W32, SimDR R50 and SimCC R50.
- Memory is the peak {memory}: weights, inputs and all that the network keeps.
- Accuracies are measured where a checkpoint and its data were given (`--weights`).
- SMPL's files are not ours to have: where they are missing, the mannequin is the body."""
    tables = [table(group, content, page) for group in groups]
    return '\n\n'.join(filter(None, (text, shown, *tables))) + '\n'


# The picture.


def points_of(group: Group, results: Measured) -> list[tuple[Entry, dict[str, Any], float]]:
    """Rows with a measured cost and a published AP that is not too low to be drawn."""
    rows = []
    for entry in group.entries:
        known, cost = published_of(entry, group), results[entry.config]['cost']
        if known and 'error' not in cost and 100 * known[0] >= LEAST_AP:
            rows.append((entry, cost, 100 * known[0]))
    return rows


def plot(groups: Iterable[Group], content: dict[str, Any], path: Path) -> Path | None:
    """Draw published AP against measured costs: a row of panels for each group that has both."""
    shown = [
        (group, rows)
        for group in groups
        if group.metric == 'AP' and (rows := points_of(group, content['results']))
    ]
    if not shown:
        return None
    figure, panels = plt.subplots(
        len(shown), len(COSTS), figsize=(13, 5.2 * len(shown)), squeeze=False
    )
    drawn = []
    for line, (group, rows) in zip(panels, shown, strict=True):
        for panel, (name, cost_of) in zip(line, COSTS.items(), strict=True):
            points = [(one, cost_of(cost), ap) for one, cost, ap in rows]
            for is_ours, colour in COLOURS.items():
                some = [(x, ap) for one, x, ap in points if one.is_ours == is_ours]
                label = 'mmpose_ext' if is_ours else 'MMPose'
                panel.scatter(*np.reshape(some, (-1, 2)).T, color=colour, label=label)
            panel.set(xscale='log', xlabel=name, title=group.title)
            panel.set_ylabel(f'AP on {group.dataset} val2017, published')
            panel.margins(0.15)
            panel.grid(alpha=0.3, which='both')
            panel.legend(loc='lower right')
            drawn.append((panel, points))
    figure.tight_layout()
    figure.canvas.draw()  # from here on it is known where things lie
    for panel, points in drawn:
        label_points(panel, points)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90)
    plt.close(figure)
    return path


def label_points(panel: Axes, points: Sequence[tuple[Entry, float, float]]) -> None:
    """Write the names beside the markers, inside the panel and where nothing else is."""
    markers = [panel.transData.transform((x, y)) for _, x, y in points]
    taken = [Bbox([marker - 4, marker + 4]) for marker in markers]
    taken.append(panel.get_legend().get_window_extent())
    for entry, x, y in points:
        names = [_annotate(panel, entry, x, y, place) for place in PLACES]
        boxes = [name.get_window_extent() for name in names]
        outside = [10 * (not _contains(panel.bbox, box)) for box in boxes]
        clashes = [box.count_overlaps(taken) + out for box, out in zip(boxes, outside, strict=True)]
        best = clashes.index(min(clashes))
        taken.append(boxes.pop(best))
        names.pop(best)
        for name in names:
            name.remove()


def _contains(outer: BboxBase, inner: BboxBase) -> bool:
    return bool((outer.min <= inner.min).all() and (inner.max <= outer.max).all())


def _annotate(panel: Axes, entry: Entry, x: float, y: float, place: tuple[int, int]) -> Annotation:
    right, up = place
    return panel.annotate(
        entry.label,
        (x, y),
        place,
        textcoords='offset points',
        fontsize=7.5,
        color=COLOURS[entry.is_ours],
        ha='center' if not right else 'left' if right > 0 else 'right',
        va='center' if right or not up else 'bottom' if up > 0 else 'top',
    )
