"""Time training steps and their parts: every method beside MMPose's own, and how steps grow.

    python tools/benchmark/steps.py --threads 1

Trains our configs for mannequins and the published ones on mannequins, with random weights. A
method and what it is compared with take their steps in turns, on the same pictures with the same
trunk; medians go into ``docs/results/training_steps.md``, which is written after each method.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
import mmpose
import torch
from measuring import command_of, finish, make_parser, measured_in, written_by
from mmengine.registry import init_default_scope
from records import HEAD, Comparison, Section
from training_data import TrainingData
from training_methods import METHODS, Arm, Method
from training_steps import PARTS, Training, operations

RESULTS = Path(__file__).parents[2] / 'docs' / 'results' / 'training_steps.md'
SIZES = ('mannequins', 'published')
BATCHES, PEOPLE, SCALES = (8, 16, 32), (1, 5, 12), (1, 2)
GROWTH_BATCH = 8
IMAGES = 16
SPLIT_HEAD = f"""\
| training | batch | {' | '.join(PARTS)} | step, ms | outside of layers |
| --- | ---: | {' | '.join(['---:'] * len(PARTS))} | ---: | ---: |"""
GROWTH_HEAD = """\
| training | of what | from | to | step, ms | step, ms | grows by | of it linear |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""
OTHERS_HEAD = """\
| training | share of its time that torch spends outside of layers, and on what most |
| --- | --- |"""

Laps = dict[str, float]


@dataclass
class Measured:
    """What goes onto the page."""

    comparisons: list[Comparison] = field(default_factory=list)
    splits: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    growth: list[str] = field(default_factory=list)

    def sections(self) -> list[Section]:
        """The tables that are no comparisons."""
        tables = (
            ('Parts of a training step', SPLIT_HEAD, self.splits.values()),
            ('Outside of layers', OTHERS_HEAD, self.others.values()),
            ('How a training step grows', GROWTH_HEAD, self.growth),
        )
        return [Section(name, '\n'.join((head, *rows))) for name, head, rows in tables if rows]


# Measuring.


def in_turns(trainings: Sequence[Training], turns: int) -> list[list[Laps]]:
    """Parts of the steps of each training, which take them one after the other."""
    for training in trainings:
        training.step()  # the first allocates
    rounds = [[training.step() for training in trainings] for _ in range(turns)]
    return [list(laps) for laps in zip(*rounds, strict=True)]


def median_parts(laps: Sequence[Laps]) -> Laps:
    """Milliseconds of each part."""
    return {part: 1e3 * statistics.median(lap[part] for lap in laps) for part in PARTS}


def step_ms(laps: Sequence[Laps]) -> float:
    """Milliseconds of a step."""
    return 1e3 * statistics.median(sum(lap.values()) for lap in laps)


def split_row(label: str, batch: int, laps: Sequence[Laps], outside: float) -> str:
    """A line of how a step is split."""
    parts = ' | '.join(f'{time:.1f}' for time in median_parts(laps).values())
    return f'| {label} | {batch} | {parts} | {step_ms(laps):.1f} | {outside:.0%} |'


def others_row(label: str, shares: dict[str, float]) -> tuple[str, float]:
    """A line of what takes time beside layers, and the share of all of it."""
    outside = 1 - shares.get('layers', 0.0)
    most = [f'`{name}` {share:.0%}' for name, share in shares.items() if name != 'layers'][:4]
    return f'| {label} | {outside:.0%}: {", ".join(most)} |', outside


def compare(
    method: Method,
    is_published: bool,
    data: TrainingData,
    options: argparse.Namespace,
    measured: Measured,
) -> None:
    """Measure a method and what it is compared with, in turns."""
    arms = [arm for arm in (method.arm, *method.peers) if is_published or arm.small is not None]
    batch = 2 if options.quick else method.batches[is_published]
    root = method.data(data, is_published)
    trainings = [
        Training(arm.settings(is_published), root, batch, device=options.device) for arm in arms
    ]
    check_facts(arms, trainings)
    laps = in_turns(trainings, options.turns)
    size = SIZES[is_published]
    for arm, training, its in zip(arms, trainings, laps, strict=True):
        loaded = training.load()
        label = f'{arm.name}, {size}'
        row, outside = others_row(label, operations(lambda t=training, b=loaded: t.train(b)))
        split = split_row(label, batch, its, outside)
        measured.splits.setdefault(label, split)  # HEMlets' is PoSh's, too
        measured.others.setdefault(label, row)
        if arm is not method.arm:
            ratios = [
                sum(other.values()) / sum(ours.values())
                for other, ours in zip(its, laps[0], strict=True)
            ]
            what = f'training step of {method.name}, {size}, batch {batch}'
            ratio = statistics.median(ratios)
            one = Comparison(what, arm.name, step_ms(its), step_ms(laps[0]), ratio)
            measured.comparisons.append(one)
            print(one.row(), flush=True)
        print(split, flush=True)


def check_facts(arms: Sequence[Arm], trainings: Sequence[Training]) -> None:
    """See that all train the same trunk on pictures of one size.

    Raises:
        SystemExit: If they do not: what differs is not timed.
    """
    facts = [training.facts() for training in trainings]
    for arm, fact in zip(arms, facts, strict=True):
        if fact != facts[0]:
            sys.exit(
                f'"{arm.name}" is not timed: shape of pictures and weights of the trunk are '
                f'{fact}, of "{arms[0].name}" {facts[0]}.'
            )


# Growth.


def grown(method: Method, data: TrainingData, quick: bool) -> Iterator[tuple[str, dict]]:
    """What grows, and a maker of each training by how much there is of it."""
    settings = method.arm.settings(is_published=False)
    root = method.data(data, is_published=False)
    batches = (1, 2) if quick else BATCHES
    batch = batches[0] if quick else GROWTH_BATCH

    def of_scale(scale: int) -> Training:
        if method.pictures == 'events':  # frames are as large as they are recorded
            return Training(settings, data.events(scale * method.sizes[0]), batch)
        return Training(settings.of_size(scale), root, batch)

    def of_people(people: int) -> Training:
        return Training(settings, method.data(data, False, people), batch)

    yield 'batch', {n: lambda n=n: Training(settings, root, n) for n in batches}
    yield 'pixels', {scale**2: lambda scale=scale: of_scale(scale) for scale in SCALES}
    if method.people is not None:
        yield 'people', {n: lambda n=n: of_people(n) for n in PEOPLE}


def growth_rows(
    name: str, what: str, makers: dict[int, Callable[[], Training]], turns: int
) -> list[str]:
    """Lines of how a step grows from each amount to the next; in turns, as one machine sees it."""
    laps = in_turns([make() for make in makers.values()], turns)
    times = dict(zip(makers, map(step_ms, laps), strict=True))
    return [
        f'| {name} | {what} | {few} | {many} | {times[few]:.1f} | {times[many]:.1f} '
        f'| {times[many] / times[few]:.2f} | {times[many] / times[few] / (many / few):.2f} |'
        for few, many in pairwise(times)
    ]


# The page.


def report(measured: Measured, written: str) -> str:
    """The Markdown page."""
    splits, *rest = [f'## {one.title}\n\n{one.text}\n' for one in measured.sections()]
    compared = '\n'.join((HEAD, *(one.row() for one in measured.comparisons)))
    return f"""# Training steps

{written}

float32, random weights, pictures of mannequins, loaded in the process that trains. "Mannequins" \
are our configs for a laptop, "published" those of full size, with a small batch. Their names, and \
how MMPose's are fitted to the pictures, stand in `tools/benchmark/training_methods.py`. Medians \
over steps, which a method and what it is compared with take in turns, {measured_in()}.

## Against MMPose and without the method's own

A ratio is the other's time divided by ours. That the trunk's weights are as many, and the \
pictures of one size, is checked first. Where the other does less (integral regression has no \
maps of parts, PoSh is HEMlets and a body, associative embedding has one resolution), the ratio \
says what the method adds.

{compared}

{splits}
Parts are of the model's own `train_step`, in milliseconds; each moment is counted to the innermost:

- loading: the batch, pictures read and targets encoded, in the same process; with workers it \
does not stand in the way (see [loaders](loaders.md)),
- preparing: MMPose's data preprocessor: stacking, colours to floats,
- forward: the network (`extract_feat`, the head's `forward`, neck and flow),
- loss: the rest of `mode='loss'`: targets stacked, losses,
- backward and optimiser: those of MMEngine's optim wrapper, and rest: the sum of losses and what \
else MMEngine does.

The last column is the share of torch's own time, without Python's and the loading, that is not \
spent on convolutions and matrix products, forward or back, by its profiler in one step. A step \
that is bound by the network's layers has little of it. The profiler makes small operations look \
somewhat slower than they are.

{chr(10).join(rest)}
Growth is of the configs for mannequins, at batch {GROWTH_BATCH} but where the batch grows; for \
pixels, sides are doubled. The last column is growth divided by that of the amount: below 1, a \
step grows less than linearly.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, RESULTS, turns=3)
    parser.add_argument('--device', default='cpu', help='where the models are, such as cuda')
    parser.add_argument('--only', default='', help="part of a method's name")
    parser.add_argument('--size', choices=SIZES, help='configs of one size; default: both')
    options = parser.parse_args(arguments)
    options.turns = 1 if options.quick else options.turns
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = parse(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    init_default_scope('mmpose')
    measured = Measured()

    def write() -> int:
        command = command_of(__file__, options)
        command += f" --only '{options.only}'" if options.only else ''
        command += f' --size {options.size}' if options.size else ''
        written = written_by(command, load, mmpose, mmpose_ext)
        page = report(measured, written)
        return finish(options, page, [], measured.comparisons, measured.sections())

    sizes = [options.size] if options.size else SIZES[: 1 if options.quick else 2]
    with tempfile.TemporaryDirectory() as folder:
        data = TrainingData(Path(folder), 4 if options.quick else IMAGES)
        for method in METHODS:
            if options.only not in method.name:
                continue
            for size in sizes:
                compare(method, size == 'published', data, options, measured)
                write()
            for what, makers in grown(method, data, options.quick):
                rows = growth_rows(method.name, what, makers, options.turns)
                measured.growth += rows
                print('\n'.join(rows), flush=True)
            write()
    return write()


if __name__ == '__main__':
    sys.exit(main())
