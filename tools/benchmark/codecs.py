"""Time SimDR's encoding, losses and decoding against MMPose's, on the same data in one run.

    python tools/benchmark/codecs.py

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians and their ratio go into ``docs/results/codecs.md``. The
exit status is 1 if a wanted ratio is missed (with ``--quick``, which measures nothing, 0).
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mmengine
import mmpose
import numpy as np
import torch
from measuring import Arrays, finish, largest_difference, processor, timings
from mmpose.codecs import SimCCLabel
from mmpose.codecs.utils import get_simcc_maximum
from mmpose.registry import MODELS
from mmpose.utils.tensor_utils import to_numpy
from records import Comparison
from torch import Tensor

from mmpose_ext.codecs import SimDRLabel
from mmpose_ext.models import SimDRHead, SimDRKLLoss, SimDRSmoothingLoss

INPUT_SIZE = (192, 256)
BINS = (384, 512)
KEYPOINTS = 17
BATCH = 128
SMOOTHING = 0.1
# What gives MMPose's numbers; the rest of SimDRLabel's options does not change the speed.
AS_MMPOSE = {
    'smoothing_type': 'gaussian',
    'round_center': True,
    'score_type': 'raw',
    'score_reduction': 'min',
    'reject_nonpositive': True,
}
RESULTS = Path(__file__).parents[2] / 'docs' / 'results' / 'codecs.md'

Axes = tuple[Tensor, Tensor]


@dataclass
class Case:
    """One row: two ways to the same numbers, and what was asked of their speed's ratio."""

    name: str
    mmpose: Callable[[], Any]
    ours: Callable[[], Any]
    results: Callable[[], tuple[Arrays, Arrays]]  # MMPose's and ours; not timed
    wanted: float
    tolerance: float = 0.0


def encode_cases() -> list[Case]:
    """Encoding of one sample, all its keypoints labelled and inside the image.

    What is compared are 64 samples with keypoints inside, outside and unlabelled.
    """
    rng = np.random.default_rng(0)
    sample = rng.uniform(0, 191, (1, KEYPOINTS, 2)).astype(np.float32), np.ones((1, KEYPOINTS))
    mixed = (
        rng.uniform(-40, 300, (64, KEYPOINTS, 2)).astype(np.float32),
        (rng.random((64, KEYPOINTS)) < 0.8).astype(np.float32),
    )

    def case(name: str, mmpose_options: dict, options: dict) -> Case:
        theirs, ours = SimCCLabel(INPUT_SIZE, **mmpose_options), SimDRLabel(INPUT_SIZE, **options)
        is_asked = name != 'equal smoothing, dense'  # MMPose's labels; SimDR needs them nowhere
        same_kind = ours.smoothing_type == theirs.smoothing_type
        arrays = dense_labels if same_kind else index_labels
        return Case(
            f'encode, {name}',
            lambda: theirs.encode(*sample),
            lambda: ours.encode(*sample),
            lambda: (arrays(theirs.encode(*mixed)), arrays(ours.encode(*mixed))),
            wanted=5 if is_asked else 0,
        )

    smoothing = {'smoothing_type': 'standard', 'label_smooth_weight': SMOOTHING}
    gaussian = {'smoothing_type': 'gaussian', 'sigma': 6.0}
    return [
        case('index labels (MMPose: dense)', smoothing, {}),
        case('equal smoothing, dense', smoothing, smoothing),
        case('Gaussian', gaussian, {**gaussian, 'round_center': True}),
    ]


def dense_labels(encoded: dict) -> Arrays:
    """The three arrays: x labels, y labels, weights."""
    return list(encoded.values())


def index_labels(encoded: dict) -> Arrays:
    """The bins of the labelled keypoints, from index or dense labels, and which those are."""
    x, y, weights = encoded.values()
    used = weights > 0
    if x.ndim == 3:
        used &= x.any(axis=-1)  # MMPose leaves the labels of an unlabelled keypoint at 0
        x, y = x.argmax(axis=-1), y.argmax(axis=-1)
    return [x * used, y * used, used]


def loss_cases(predictions: Axes) -> list[Case]:
    """Forward and backward of a batch, all its keypoints labelled and inside the image.

    What is compared are value and gradients of a batch with unlabelled keypoints.
    """
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(0, 191, (BATCH, KEYPOINTS, 2)).astype(np.float32)
    labelled = np.ones((BATCH, KEYPOINTS), dtype=np.float32)
    mixed = (rng.random((BATCH, KEYPOINTS)) < 0.7).astype(np.float32)
    logits = tuple(prediction.clone().requires_grad_() for prediction in predictions)

    def labels(codec: SimCCLabel, visible: np.ndarray) -> tuple[Axes, Tensor]:
        x, y, weights = map(torch.as_tensor, codec.encode(keypoints, visible).values())
        return (x, y), weights

    def case(name: str, codecs: tuple[SimCCLabel, SimDRLabel], loss: torch.nn.Module) -> Case:
        losses = MODELS.build({'type': 'KLDiscretLoss'}), loss
        timed, compared = (
            [
                (criterion, *labels(codec, visible))
                for criterion, codec in zip(losses, codecs, strict=True)
            ]
            for visible in (labelled, mixed)
        )
        return Case(
            f'loss, forward + backward, {name}',
            lambda: loss_step(logits, *timed[0]),
            lambda: loss_step(logits, *timed[1]),
            lambda: tuple(loss_arrays(logits, *side) for side in compared),
            wanted=3,
            tolerance=1e-5,
        )

    gaussian = SimCCLabel(INPUT_SIZE, 'gaussian', sigma=6.0)
    dense = SimCCLabel(INPUT_SIZE, 'standard', label_smooth_weight=SMOOTHING)
    index = SimDRLabel(INPUT_SIZE)
    return [
        case('KL to Gaussian labels', (gaussian, gaussian), SimDRKLLoss('batch_sum')),
        case(
            'equal smoothing, index labels (MMPose: dense)',
            (dense, index),
            SimDRSmoothingLoss(SMOOTHING, reduction='batch_sum'),
        ),
    ]


def loss_step(logits: Axes, loss: torch.nn.Module, target: Axes, weights: Tensor) -> Tensor:
    """Forward and backward."""
    for axis in logits:
        axis.grad = None
    value = loss(logits, target, weights)
    value.backward()
    return value


def loss_arrays(logits: Axes, *arguments: Any) -> Arrays:
    """The loss's value and its two gradients."""
    value = loss_step(logits, *arguments)
    return [value.detach().numpy(), *(axis.grad.numpy() for axis in logits)]


def decode_cases(predictions: Axes) -> list[Case]:
    """Decoding of a batch, from the tensors that leave the head to arrays."""

    def case(name: str, decode: Callable, codec: SimDRLabel, tolerance: float) -> Case:
        def mmpose() -> list:
            # MMPose's DARK overwrites what it reads.
            axes = tuple(axis.clone() for axis in predictions) if codec.use_dark else predictions
            return [decode(*sample) for sample in to_numpy(axes, unzip=True)]

        def ours() -> tuple:
            return codec.batch_decode(*predictions)

        def results() -> tuple[Arrays, Arrays]:
            theirs = [np.concatenate(part) for part in zip(*mmpose(), strict=True)]
            return theirs, [np.concatenate(part) for part in ours()]

        return Case(f'decode, {name}', mmpose, ours, results, 5, tolerance)

    def softmax_scores(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bins, scores = get_simcc_maximum(x, y, apply_softmax=True)
        return bins / 2.0, scores

    plain, with_dark = SimCCLabel(INPUT_SIZE), SimCCLabel(INPUT_SIZE, use_dark=True)
    as_mmpose = SimDRLabel(INPUT_SIZE, **AS_MMPOSE)
    probabilities = SimDRLabel(INPUT_SIZE, score_reduction='min')
    dark = SimDRLabel(INPUT_SIZE, use_dark=True, **AS_MMPOSE)
    return [
        case('raw scores', plain.decode, as_mmpose, 0.0),
        case('softmax scores', softmax_scores, probabilities, 1e-6),
        case('DARK refinement', with_dark.decode, dark, 1e-4),
        head_decode_case(predictions, plain, as_mmpose),
    ]


def head_decode_case(predictions: Axes, plain: SimCCLabel, as_mmpose: SimDRLabel) -> Case:
    """The same with MMEngine's packing into InstanceData, which both sides pay for."""
    options = {
        'in_channels': 4,
        'out_channels': KEYPOINTS,
        'input_size': INPUT_SIZE,
        'in_featuremap_size': (6, 8),
        'deconv_out_channels': None,
    }
    mmpose_head = MODELS.build({'type': 'SimCCHead', **options})
    head = SimDRHead(**options)
    mmpose_head.decoder, head.decoder = plain, as_mmpose

    def arrays(instances: list) -> Arrays:
        names = ('keypoints', 'keypoint_scores')
        return [np.concatenate([instance[name] for instance in instances]) for name in names]

    return Case(
        'decode, raw scores, head.decode with packing',
        lambda: mmpose_head.decode(predictions),
        lambda: head.decode(predictions),
        lambda: (arrays(mmpose_head.decode(predictions)), arrays(head.decode(predictions))),
        wanted=5,
    )


def make_predictions() -> Axes:
    """A batch of noisy peaks of log-Gaussian shape, as a trained head gives them."""
    generator = torch.Generator().manual_seed(0)
    axes = []
    for bins in BINS:
        centers = torch.rand(BATCH, KEYPOINTS, 1, generator=generator) * (bins - 1)
        peak = 12 - (torch.arange(bins) - centers).square() / (2 * 6.0**2)
        noise = torch.randn(BATCH, KEYPOINTS, bins, generator=generator)
        axes.append(peak.clamp_min(-2) + 0.1 * noise)
    return axes[0], axes[1]


def table_row(case: Case, theirs: float, ours: float, ratio: float, unequal: float) -> str:
    """One line of the Markdown table."""
    wanted, verdict = '-', '-'
    if case.wanted:
        wanted, verdict = f'{case.wanted:g}', 'met' if is_met(case, ratio) else 'missed'
    return (
        f'| {case.name} | {theirs:.3f} | {ours:.3f} | {ratio:.2f} | {wanted} | {verdict} '
        f'| {unequal:.1g} |'
    )


def is_met(case: Case, ratio: float) -> bool:
    """Whether the ratio, as it is printed, is at least the wanted one."""
    return round(ratio, 2) >= case.wanted


def report(rows: list[str], command: str) -> str:
    """The Markdown page."""
    return '\n'.join(
        [
            '# SimDR: encoding, losses and decoding against MMPose',
            '',
            f'Written by `{command}` on {processor()}, '
            f'{torch.get_num_threads()} used, load average {os.getloadavg()[0]:.1f}; '
            f'Python {platform.python_version()}, '
            f'torch {torch.__version__}, numpy {np.__version__}, mmengine {mmengine.__version__}, '
            f'mmpose {mmpose.__version__}.',
            '',
            f'Input {INPUT_SIZE[0]}x{INPUT_SIZE[1]}, {BINS[0]} and {BINS[1]} bins, {KEYPOINTS} '
            f'keypoints. Encoding is of one sample, losses and decoding are of {BATCH}. Both sides '
            'get the same tensors; their results are compared before anything is timed, and the '
            'column "difference" is the largest one, relative to the largest value. Times and '
            'ratio are medians over turns in which both sides run one after the other. SimDR '
            "itself needs index labels; dense equal smoothing is for MMPose's recipes, and no "
            'ratio is wanted of it.',
            '',
            '| what | MMPose, ms | mmpose_ext, ms | ratio | wanted | met | difference |',
            '| --- | ---: | ---: | ---: | ---: | --- | ---: |',
            *rows,
            '',
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='few repeats: a test, no figures')
    # On a busy machine one thread gives steadier figures.
    parser.add_argument(
        '--threads', type=int, default=torch.get_num_threads(), help='threads of torch and OpenCV'
    )
    parser.add_argument('--out', type=Path, default=RESULTS, help='Markdown file to write')
    options = parser.parse_args(arguments)
    repeats, seconds = (1, 0.0) if options.quick else (40, 0.02)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    predictions = make_predictions()
    rows, missed, comparisons = [], [], []
    for case in [*encode_cases(), *loss_cases(predictions), *decode_cases(predictions)]:
        unequal = largest_difference(case.name, *case.results(), case.tolerance)
        theirs, ours, ratio = timings((case.mmpose, case.ours), repeats, seconds)
        rows.append(table_row(case, theirs, ours, ratio, unequal))
        missed += [] if is_met(case, ratio) else [case.name]
        wanted = f'>= {case.wanted:g}' if case.wanted else ''
        outcome = (wanted, is_met(case, ratio), unequal)
        comparisons.append(Comparison(case.name, 'MMPose', theirs, ours, ratio, *outcome))
        print(rows[-1], flush=True)
    command = f'python tools/benchmark/codecs.py --threads {options.threads}'
    command += ' --quick' if options.quick else ''
    return finish(options, report(rows, command), missed, comparisons)


if __name__ == '__main__':
    sys.exit(main())
