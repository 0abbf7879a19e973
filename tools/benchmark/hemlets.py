"""Time HEMlets' encoding, soft-argmax and head against plain forms of them, in one run.

    python tools/benchmark/hemlets.py

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians and their ratio go into
``docs/results/hemlets_speed.md``, with the peak memory of the soft-argmax at batch 32, each
form in a process of its own. The exit status is 1 if a wanted figure is missed (with
``--quick``, which measures nothing, 0).
"""

import argparse
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
import mmpose
import numpy as np
import torch
from hemlets_head import head_samples, layers_forward, without_norms
from hemlets_loops import INPUT, loop_encode, partial_person, person
from hemlets_memory import FORMS, JOINTS, SIZE, naive_soft_argmax, soft_argmax_step
from measuring import (
    TABLE_HEAD,
    Arrays,
    Case,
    Table,
    command_of,
    finish,
    make_parser,
    measured_in,
    written_by,
)
from torch import Tensor

from mmpose_ext.codecs import HEMletsLabel
from mmpose_ext.models import HEMletsHead
from mmpose_ext.models.functional import soft_argmax_3d

SOFT_ARGMAX_BATCH, HEAD_BATCH, MEMORY_BATCH = 4, 2, 32
# For the 8x8 feature maps that a ResNet-50 makes of 256x256.
HEAD = {'in_channels': 2048}
MAX_ENCODE_MS, MAX_OVERHEAD, MIN_SPEEDUP, MAX_MEMORY = 1.0, 1.15, 10.0, 3.0
RESULTS = Path(__file__).parents[2] / 'docs' / 'results' / 'hemlets_speed.md'


# Encoding.


def encode_case() -> Case:
    """Encoding of one sample against the plain loop, with the figures that were asked for."""
    return replace(loop_case(), min_ratio=MIN_SPEEDUP, max_ms=MAX_ENCODE_MS)


def loop_case(share: bool = False) -> Case:
    """Encoding of one sample; 32 whole and 32 partial people are compared, the whole timed."""
    rng, codec = np.random.default_rng(0), HEMletsLabel()
    people = [person(rng) for _ in range(32)]
    partial = [partial_person(rng) for _ in range(32)]
    turn, other_turn = itertools.cycle(people), itertools.cycle(people)

    def results() -> tuple[Arrays, Arrays]:
        loops = [loop_encode(codec, **one, share=share) for one in people + partial]
        ours = [codec.encode(**one) for one in people + partial]
        theirs, mine = (
            [np.stack([one[key] for one in side]) for key in ours[0]] for side in (loops, ours)
        )
        return theirs, mine

    return Case(
        'encode one sample',
        "a loop over parts with MMPose's generate_gaussian_heatmaps",
        lambda: loop_encode(codec, **next(other_turn), share=share),
        lambda: codec.encode(**next(turn)),
        results,
        tolerance=1e-6,
    )


def sharing_note(repeats: int, seconds: float) -> str:
    """How encoding compares with a loop that draws no joint twice."""
    case = loop_case(share=True)
    case.difference()
    other, _, ratio = case.timings(repeats, seconds)
    return (
        'The loop that encoding is compared with (`tools/benchmark/hemlets_loops.py`) draws the '
        "joints' heatmaps with one call of MMPose's generator and each part's parent and child "
        'with another; it makes all that the codec returns, and checks nothing. All joints of the '
        '32 people that are encoded in turn are annotated and inside. If it instead copies the '
        f"joints' heatmaps into the parts', it takes {other:.3f} ms, and the ratio is {ratio:.2f}."
    )


# Soft-argmax.


def soft_argmax_case(device: str) -> Case:
    """Soft-argmax of a batch, forward and backward."""
    shape = (SOFT_ARGMAX_BATCH, JOINTS, SIZE, SIZE, SIZE)
    logits = (3 * torch.randn(shape, device=device)).requires_grad_()

    def arrays(function: Callable[[Tensor], Tensor]) -> Arrays:
        coords = soft_argmax_step(function, logits)
        return [coords.detach().cpu().numpy(), logits.grad.cpu().numpy()]

    return Case(
        f'soft-argmax, forward + backward, batch {SOFT_ARGMAX_BATCH}',
        'softmax and three sums with autograd',
        lambda: soft_argmax_step(naive_soft_argmax, logits),
        lambda: soft_argmax_step(soft_argmax_3d, logits),
        lambda: (arrays(naive_soft_argmax), arrays(soft_argmax_3d)),
        tolerance=1e-3,
    )


# The head.


def head_cases(device: str) -> list[Case]:
    """The head's loss, forward and backward, against its layers with given gradients."""
    head = HEMletsHead(**HEAD).to(device)
    head.volume_layers[-1].weight.data.mul_(10)
    feats = (torch.randn(HEAD_BATCH, HEAD['in_channels'], 8, 8, device=device),)
    feats[0].requires_grad_()
    samples = head_samples(HEAD_BATCH, device)
    gradients = [torch.randn_like(output) for output in layers_forward(head, feats)]

    def layers_step(layers: HEMletsHead) -> None:
        layers.zero_grad()
        torch.autograd.backward(list(layers_forward(layers, feats)), gradients)

    def loss_step() -> Tensor:
        head.zero_grad()
        losses = head.loss(feats, samples)
        total: Tensor = sum(losses[name] for name in losses if name.startswith('loss'))
        total.backward()
        return total

    def naive_loss_step() -> Tensor:
        head.zero_grad()
        volume, maps = layers_forward(head, feats)
        coords = naive_soft_argmax(volume.unflatten(1, (JOINTS, SIZE)))
        labels = torch.cat([one.gt_instance_labels.keypoint_labels for one in samples])
        truth = [[one.gt_fields.heatmaps, one.gt_fields.hemlets] for one in samples]
        squares = (maps - torch.stack([torch.cat(one) for one in truth])).square()
        total = ((coords - labels).abs().sum() + 0.05 * squares.sum()) / HEAD_BATCH
        total.backward()
        return total

    def arrays(step: Callable[[], Tensor]) -> Arrays:
        values = [step(), *(head.volume_layers[i].weight.grad for i in (0, 3))]
        return [value.detach().cpu().numpy() for value in values]

    def results() -> tuple[Arrays, Arrays]:
        return arrays(naive_loss_step), arrays(loss_step)

    def case(other_name: str, other: Callable[[], object], limit: float | None = None) -> Case:
        name = f'head with losses, forward + backward, batch {HEAD_BATCH}'
        return Case(name, other_name, other, loss_step, results, 1e-3, min_ratio=limit)

    bare = without_norms(head)
    return [
        case('its convolutions alone', lambda: layers_step(bare), 1 / MAX_OVERHEAD),
        case('its convolutions, batch norms and ReLUs', lambda: layers_step(head)),
        case('the same with a naive soft-argmax and losses', naive_loss_step),
    ]


# Measuring.


def peak_memory(form: str, batch: int, device: str) -> float:
    """Peak of the memory that a forward and backward takes, in bytes; in a process of its own."""
    script = Path(__file__).with_name('hemlets_memory.py')
    options = ['--batch', str(batch), '--device', device, '--threads', str(torch.get_num_threads())]
    done = subprocess.run(
        [sys.executable, script, form, *options], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.split()[-1])


# The page.


def memory_rows(peaks: dict[str, float], batch: int) -> list[str]:
    """The Markdown table of peak memory."""
    volume = batch * JOINTS * SIZE**3 * 4
    return [
        f'| {form} | {peak / 2**20:.0f} | {peak / volume:.2f} | {peak / peaks[FORMS[0]]:.2f} |'
        for form, peak in peaks.items()
    ]


def machine(device: str) -> str | None:
    """The name of what computes; None for the CPU."""
    return None if device == 'cpu' else torch.cuda.get_device_name()


def report(
    rows: list[str],
    note: str,
    memory: list[str],
    load: float,
    batch: int,
    device: str,
    command: str,
) -> str:
    """The Markdown page."""
    time_is = measured_in(device)
    return f"""# HEMlets: encoding, soft-argmax and head

{written_by(command, load, mmpose, mmpose_ext, machine=machine(device))}

Input {INPUT}x{INPUT}, {JOINTS} joints, 14 parts, maps of {SIZE}x{SIZE}, volumes of \
{SIZE}x{SIZE}x{SIZE}, the head of a ResNet-50, float32. Both sides of a row get the same data; \
results are compared before anything is timed, and the column "difference" is the largest one, \
relative to the largest value. (Layers alone have no such result: the head is then compared with \
the naive form.) Times \
and ratio are medians over turns in which both sides run one after the other, {time_is}. The \
ratio is the other's time divided by ours; the head may take {MAX_OVERHEAD:g} times as long as its \
convolutions, a ratio of at least {1 / MAX_OVERHEAD:.2f}.

{TABLE_HEAD}
{chr(10).join(rows)}

{note}

Peak memory of a forward and a backward pass of the soft-argmax at batch {batch}, the volume of \
{batch * JOINTS * SIZE**3 * 4 / 2**20:.0f} MiB and its gradient included, each in a process of \
its own ({'its resident memory' if device == 'cpu' else "torch's allocator"}). Less than \
{MAX_MEMORY:g} times that of the volume and its gradient alone, "{FORMS[0]}", is wanted.

| what | MiB | volumes | times "{FORMS[0]}" |
| --- | ---: | ---: | ---: |
{chr(10).join(memory)}
"""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, RESULTS)
    parser.add_argument('--device', default='cpu', help='of soft-argmax and head, such as cuda')
    parser.add_argument('--batch', type=int, default=MEMORY_BATCH, help='batch of the memory')
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = parse(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    torch.manual_seed(0)
    repeats, seconds = (1, 0.0) if options.quick else (9, 0.1)
    table = Table()
    cases = [encode_case(), soft_argmax_case(options.device), *head_cases(options.device)]
    for case in cases:
        table.measure(case, repeats, seconds)
    note = sharing_note(repeats, seconds)
    print(note, flush=True)
    peaks = {form: peak_memory(form, options.batch, options.device) for form in FORMS}
    memory = memory_rows(peaks, options.batch)
    print('\n'.join(memory), flush=True)
    if not peaks['mmpose_ext'] < MAX_MEMORY * peaks[FORMS[0]]:
        table.missed.append('peak memory')
    command = command_of(__file__, options)
    page = report(table.rows, note, memory, load, options.batch, options.device, command)
    return finish(options, page, table.missed, table.comparisons)


if __name__ == '__main__':
    sys.exit(main())
