"""Time the loading of training samples: what a sample costs, and whether the data waits.

    python tools/benchmark/loaders.py --threads 1

Each transform of a pipeline is timed by itself in one process; then whole loaders with 0, 1 and 2
workers are timed beside the training step that they feed. All goes into
``docs/results/loaders.md``. The exit status is 1 where a loader of one worker is slower than the
step (with ``--quick``, which measures nothing, 0).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
import mmpose
import torch
from measuring import clock, command_of, finish, make_parser, measured_in, written_by
from mmengine.registry import init_default_scope
from records import Comparison, Section
from training_data import TrainingData
from training_methods import METHODS, Arm, Method, Settings
from training_steps import Training, make_loader

RESULTS = Path(__file__).parents[2] / 'docs' / 'results' / 'loaders.md'
SIZES = ('mannequins', 'published')
WORKERS = (0, 1, 2)
IMAGES = 16
STAGES = {
    'reading': (
        *('LoadImage', 'StrictLoadImage', 'LoadEventFrames', 'LoadGrayFrames', 'LoadClipPoses'),
        *('SampleEventInterval', 'SampleClipSteps'),
    ),
    'affine': (
        *('GetBBoxCenterScale', 'RandomFlip', 'RandomHalfBody', 'RandomBBoxTransform'),
        *('TopdownAffine', 'BottomupRandomAffine', 'HigherHRNetRandomAffine'),
        'EventShiftScaleRotate',
    ),
    'colour': ('PhotometricDistortion',),
    'puzzle': ('HSJPShuffle',),
    'targets': ('GenerateTarget', 'CrowdHeatmapMask', 'BottomupGetHeatmapMask'),
    'packing': ('PackPoseInputs', 'PackEventInputs'),
}
PARTS = ('annotation', *STAGES)
SAMPLE_HEAD = f"""\
| training | {' | '.join(PARTS)} | a sample, ms |
| --- | {' | '.join(['---:'] * len(PARTS))} | ---: |"""
LOADER_HEAD = """\
| training | the step needs | 0 workers | 1 worker | 2 workers | 1 worker, no targets |
| --- | ---: | ---: | ---: | ---: | ---: |"""


@dataclass
class Measured:
    """What goes onto the page."""

    samples: dict[str, str] = field(default_factory=dict)
    loaders: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    target_shares: list[float] = field(default_factory=list)  # of samples

    def targets(self) -> str:
        """How much of a sample its targets are, in a sentence."""
        shares = [share for share in self.target_shares if share]
        if not shares:
            return ''
        return (
            f'Encoding of targets is {min(shares):.0%} to {max(shares):.0%} of a sample: on the '
            'device it would save no more, besides what is then not packed and moved.'
        )

    def sections(self) -> list[Section]:
        """The tables that are no comparisons."""
        tables = (
            ('What a sample costs, ms', SAMPLE_HEAD, self.samples.values()),
            ('Samples a second', LOADER_HEAD, self.loaders),
        )
        return [Section(name, '\n'.join((head, *rows))) for name, head, rows in tables]


# A sample.


def stage_of(transform: object) -> str:
    """The stage that a transform belongs to.

    Raises:
        ValueError: If it belongs to none: nothing is left out of a sum.
    """
    name = type(transform).__name__
    for stage, names in STAGES.items():
        if name in names:
            return stage
    raise ValueError(f'{name} is in no stage: add it to STAGES of tools/benchmark/loaders.py.')


def sample_parts(dataset: Any, rounds: int) -> dict[str, float]:
    """Milliseconds of each part of a sample: medians over rounds of the mean of all samples."""
    dataset.full_init()
    found: list[dict[str, float]] = []
    for _ in range(rounds + 1):
        times = dict.fromkeys(PARTS, 0.0)
        for index in range(len(dataset)):
            last = clock()
            sample = dataset.get_data_info(index)
            for part, transform in [('annotation', None), *_staged(dataset)]:
                sample = sample if transform is None else transform(sample)
                now = clock()
                times[part] += now - last
                last = now
        found.append(times)
    return {
        part: 1e3 * statistics.median(times[part] for times in found[1:]) / len(dataset)
        for part in PARTS
    }


def _staged(dataset: Any) -> list[tuple[str, Any]]:
    return [(stage_of(one), one) for one in dataset.pipeline.transforms]


# Loaders.


def rate(settings: Settings, root: Path, batch: int, workers: int, seconds: float) -> float:
    """Samples a second of a loader that nothing waits for, on the clock."""
    batches = iter(make_loader(settings, root, batch, workers))
    for _ in range(2 * workers + 1):  # what was loaded while the workers began
        next(batches)
    count, start = 0, time.perf_counter()
    while not count or time.perf_counter() - start < seconds:
        next(batches)
        count += batch
    return count / (time.perf_counter() - start)


def need(settings: Settings, root: Path, batch: int, steps: int) -> float:
    """Samples a second that the model learns from, where data is at hand; on the clock."""
    training = Training(settings, root, batch)
    loaded = training.load()
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        training.train(loaded)
        times.append(time.perf_counter() - start)
    return batch / statistics.median(times[1:])


def measure(
    method: Method,
    is_published: bool,
    data: TrainingData,
    options: argparse.Namespace,
    measured: Measured,
) -> None:
    """Measure the samples of a method and its peers, and the loaders of the method."""
    root, batch = method.data(data, is_published), method.batches[is_published]
    seconds, rounds = (0.0, 1) if options.quick else (1.0, options.turns)
    for arm in (method.arm, *method.peers):
        if is_published or arm.small is not None:
            sample_row(arm, is_published, root, rounds, measured)
    settings, label = method.arm.settings(is_published), f'{method.name}, {SIZES[is_published]}'
    batch = 2 if options.quick else batch
    rates = {
        n: rate(settings, root, batch, n, seconds) for n in WORKERS[: 2 if options.quick else 3]
    }
    bare = settings.without_targets()
    has_targets = len(bare.dataset['pipeline']) < len(settings.dataset['pipeline'])
    without = f'{rate(bare, root, batch, 1, seconds):.0f}' if has_targets else '-'
    needed = need(settings, root, batch, min(rounds, 2))
    found = ' | '.join(f'{rates[n]:.0f}' if n in rates else '-' for n in WORKERS)
    measured.loaders.append(f'| {label} | {needed:.3g} | {found} | {without} |')
    print(measured.loaders[-1], flush=True)
    ratio = rates[1] / needed
    measured.comparisons.append(
        Comparison(
            f'loading of {label} by 1 worker, a sample',
            'its training step',
            *(1e3 / needed, 1e3 / rates[1], ratio, '>= 1', ratio >= 1),
        )
    )


def sample_row(arm: Arm, is_published: bool, root: Path, rounds: int, measured: Measured) -> None:
    """Measure what a sample costs."""
    label = f'{arm.name}, {SIZES[is_published]}'
    if label in measured.samples:  # HEMlets' is PoSh's, too
        return
    dataset = make_loader(arm.settings(is_published), root, 1, 0).dataset
    parts = sample_parts(dataset, rounds)
    times = ' | '.join(f'{parts[part]:.2f}' for part in PARTS)
    measured.target_shares.append(parts['targets'] / sum(parts.values()))
    measured.samples[label] = f'| {label} | {times} | {sum(parts.values()):.2f} |'
    print(measured.samples[label], flush=True)


# The page.


def report(measured: Measured, written: str) -> str:
    """The Markdown page."""
    samples, loaders = measured.sections()
    return f"""# Does training wait for data?

{written}

"Mannequins" are our configs for a laptop, with pictures of 256x256 px (crowds 192x192, events \
64x64), "published" those of full size, with pictures of 512x512 px (events 256x256). All are \
pictures of mannequins, read from files that the system holds in memory.

## {samples.title}

Each transform by itself, in one process: medians over rounds of the mean of all samples. \
"Annotation" is the dataset's copy of what is known of a sample, "reading" is reading and decoding \
of files, "affine" boxes, flip and warp. Times are taken {measured_in()}.

{samples.text}

{measured.targets()}

## {loaders.title}

On the clock, of loaders that nothing waits for, on {os.cpu_count()} cores, beside the samples a \
second that the training step learns from where its batch is at hand already, with \
{torch.get_num_threads()} thread(s). The last column has a pipeline that encodes no targets: no \
encoding on the device could let a worker load more samples than that.

{loaders.text}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = make_parser(__doc__, RESULTS, turns=3)
    parser.add_argument('--only', default='', help="part of a method's name")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    init_default_scope('mmpose')
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        data = TrainingData(Path(folder), 4 if options.quick else IMAGES)
        for method in METHODS:
            for is_published in (False,) if options.quick else (False, True):
                if options.only in method.name:
                    measure(method, is_published, data, options, measured)
    command = command_of(__file__, options)
    command += f" --only '{options.only}'" if options.only else ''
    written = written_by(command, load, cv2, mmpose, mmpose_ext)
    missed = [one.what for one in measured.comparisons if not one.is_met]
    page = report(measured, written)
    return finish(options, page, missed, measured.comparisons, measured.sections())


if __name__ == '__main__':
    sys.exit(main())
