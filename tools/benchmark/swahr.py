"""Time SWAHR's loss of tags, targets and decoding against MMPose's and plain loops, in one run.

    python tools/benchmark/swahr.py --threads 1

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians and their ratio go into
``docs/results/swahr_speed.md``. The exit status is 1 if a wanted figure is missed (with
``--quick``, which measures nothing, 0).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import mmpose
import numpy as np
import torch
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
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.codecs import AssociativeEmbedding
from mmpose.codecs.utils import generate_gaussian_heatmaps
from mmpose.models.losses import AssociativeEmbeddingLoss
from mmpose.registry import MODELS
from swahr_loops import COCO_ORDER, crowd_maps, crowd_points, loop_decode
from torch import Tensor
from torch.nn.functional import interpolate

from mmpose_ext.codecs import MultiResolutionAssociativeEmbedding
from mmpose_ext.codecs.functional.ae_decoding import decode_crowd
from mmpose_ext.models.heads.crowd_maps import aggregate_maps
from mmpose_ext.models.losses.ae_loss import BatchedAssociativeEmbeddingLoss

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'swahr_speed.md'
CONFIG = ROOT / 'configs' / 'swahr' / 'coco' / 'swahr_hrnet-w32_8xb20-300e_coco-512x512.py'
FLIP_INDICES = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)
LOSS_SPEEDUP, TARGETS_SPEEDUP, MMPOSE_SPEEDUP, LOOPS_SPEEDUP, MAX_SHARE = 20.0, 5.0, 5.0, 20.0, 0.15


@dataclass(frozen=True)
class Sizes:
    """How much is computed; ``--quick`` computes little."""

    batch: int = 20
    loss_people: tuple[int, ...] = (3, 30)
    level: int = 128
    target_people: int = 30
    picture: tuple[int, int] = (704, 512)
    sigma: float = 8.0
    crowds: tuple[int, ...] = (5, 12, 30, 118)
    network: int = 512
    network_people: int = 12


QUICK = Sizes(2, (2, 3), 32, 3, (176, 128), 2.0, (2, 4), 128, 2)


# The loss of the tags.


def loss_case(sizes: Sizes, people: int) -> Case:
    """Pull and push losses of a batch, forward and backward."""
    generator = torch.Generator().manual_seed(people)
    shape = (sizes.batch, 17, sizes.level, sizes.level)
    tags = torch.randn(shape, generator=generator).requires_grad_()
    places = torch.randint(sizes.level**2, (sizes.batch, people, 17), generator=generator)
    labelled = torch.rand(places.shape, generator=generator) < 0.8
    indices = list(torch.stack((places, labelled), dim=-1))
    # MMPose adds up the images.
    theirs = AssociativeEmbeddingLoss()
    ours = BatchedAssociativeEmbeddingLoss(pull_weight=1, push_weight=1, reduction='sum')

    def step(loss: torch.nn.Module) -> list[Tensor]:
        tags.grad = None
        pull, push = loss(tags, indices)
        (pull + push).backward()
        return [pull, push, tags.grad]

    def results() -> tuple[Arrays, Arrays]:
        other, mine = ([one.detach().numpy() for one in step(loss)] for loss in (theirs, ours))
        # MMPose's push loss holds the distances of people to themselves.
        other[1] = other[1] - sizes.batch * 0.5 / (people - 1)
        return other, mine

    name = f'loss of the tags, forward + backward, batch {sizes.batch}, {people} people each'
    step_theirs, step_ours = lambda: step(theirs), lambda: step(ours)
    return Case(name, 'MMPose', step_theirs, step_ours, results, 1e-4, LOSS_SPEEDUP)


# Targets.


def targets_case(sizes: Sizes) -> Case:
    """Heatmaps of both resolutions, ours with the pixels of the tags."""
    rng, side = np.random.default_rng(0), 4 * sizes.level
    levels = [(sizes.level, sizes.level), (2 * sizes.level, 2 * sizes.level)]
    points = crowd_points(rng, sizes.target_people, (side, side)).astype(np.float32)
    visible = (rng.random(points.shape[:2]) < 0.8).astype(np.float32)
    codec = MultiResolutionAssociativeEmbedding((side, side), levels, center='round')

    def theirs() -> Arrays:
        return [
            generate_gaussian_heatmaps(level, points * np.float32(level[0] / side), visible, 2.0)[0]
            for level in levels
        ]

    return Case(
        f'targets of {levels[0][0]} and {levels[1][0]} px, {sizes.target_people} people',
        "MMPose's generator, heatmaps only",
        theirs,
        lambda: codec.encode(points, visible),
        lambda: (theirs(), codec.encode(points, visible)['heatmaps']),
        1e-6,
        TARGETS_SPEEDUP,
    )


# Decoding.


def decode_cases(sizes: Sizes, people: int) -> list[Case]:
    """Grouping and refinement of one picture with two sets of tags."""
    heatmaps, tags = crowd_maps(people, sizes.picture, sizes.sigma)
    max_people = max(30, people)
    codec = AssociativeEmbedding(
        input_size=sizes.picture,
        heatmap_size=sizes.picture,
        decode_keypoint_order=list(COCO_ORDER),
        decode_topk=max_people,
        decode_center_shift=0.5,
    )

    def ours() -> tuple[np.ndarray, ...]:
        return decode_crowd(heatmaps, tags, COCO_ORDER, max_people=max_people)

    def mmpose_decode() -> list[np.ndarray]:
        decoded = codec.batch_decode(heatmaps[None], tags.flatten(0, 1)[None])
        return [one[0] for one in decoded]

    def loops() -> tuple[np.ndarray, ...]:
        return loop_decode(heatmaps, tags, max_people=max_people)

    def mmpose_results() -> tuple[Arrays, Arrays]:
        found = decode_crowd(heatmaps, tags, COCO_ORDER, max_people=max_people, refine=False)[1] > 0
        # MMPose leaves joints that it fills in at their pixels' corners.
        return tuple(
            [keypoints[found], np.floor(keypoints), scores, person_scores]
            for keypoints, scores, person_scores in (mmpose_decode(), ours())
        )

    name = f'decoding, {sizes.picture[0]}x{sizes.picture[1]}, {people} people'
    return [
        Case(name, 'MMPose', mmpose_decode, ours, mmpose_results, 1e-6, MMPOSE_SPEEDUP),
        Case(name, 'plain loops', loops, ours, lambda: (loops(), ours()), 1e-6, LOOPS_SPEEDUP),
    ]


# Whole inference.


def network_maps(people: int, side: int) -> list[Tensor]:
    """Maps (2, C, h, w) of both levels for a crowd and its mirror image, as the head gives them."""
    heatmaps, tags = crowd_maps(people, (side, side), side / 64)
    maps = torch.cat((heatmaps[None], tags))

    def resized(scale: int) -> Tensor:
        return interpolate(maps, (side // scale, side // scale), mode='area')

    def with_mirror(upright: Tensor, mirrored: Tensor) -> Tensor:
        return torch.stack((upright, mirrored.flip(-1)[FLIP_INDICES, ...]))

    heat, first, second = resized(4)
    levels = [torch.cat((with_mirror(heat, heat), with_mirror(first, second)), dim=1)]
    heat = resized(2)[0]
    return [*levels, with_mirror(heat, heat)]


def inference_case(sizes: Sizes) -> Case:
    """The network with flip test against all that comes after it."""
    init_default_scope('mmpose')
    model = MODELS.build(Config.fromfile(CONFIG).model).eval()
    side = sizes.network
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    maps = network_maps(sizes.network_people, side)

    @torch.no_grad()
    def network() -> tuple[Tensor, ...]:
        return model.head.forward(model.extract_feat(images))

    @torch.no_grad()
    def post_process() -> object:
        heatmaps, tags = aggregate_maps([maps], 17, FLIP_INDICES, (side, side))
        return model.head.decode((heatmaps, tags))[0]

    def results() -> tuple[Arrays, Arrays]:
        # Nothing to compare but that the maps are shaped like the network's, and hold the crowd.
        shapes = [[np.array(level.shape) for level in levels] for levels in (network(), maps)]
        counts = sizes.network_people, len(post_process().keypoints)
        return tuple([*shape, np.array([n])] for shape, n in zip(shapes, counts, strict=True))

    name = f'resizing, aggregation and decoding, {side}x{side}, {sizes.network_people} people'
    other = 'HRNet-W32 and head, on image and mirror image'
    return Case(name, other, network, post_process, results, 0, 1 / MAX_SHARE)


# Measuring.


def all_cases(sizes: Sizes) -> list[Callable[[], list[Case]]]:
    """Makers of the cases, so that not all their maps are in memory at once."""
    return [
        *(lambda people=people: [loss_case(sizes, people)] for people in sizes.loss_people),
        lambda: [targets_case(sizes)],
        *(lambda people=people: decode_cases(sizes, people) for people in sizes.crowds),
        lambda: [inference_case(sizes)],
    ]


# The page.


def growth_rows(times: dict[int, float]) -> tuple[list[str], list[str]]:
    """The table of how decoding grows with the crowd, and which of its steps are too large."""
    rows, missed = [], []
    for few, many in pairwise(times):
        growth, wanted = times[many] / times[few], many / few
        verdict = 'met' if growth <= wanted else 'missed'
        rows.append(f'| {few} to {many} | {growth:.2f} | <= {wanted:.2f} | {verdict} |')
        missed += [] if growth <= wanted else [f'growth from {few} to {many} people']
    return rows, missed


def report(rows: list[str], growth: list[str], load: float, command: str) -> str:
    """The Markdown page."""
    time_is = measured_in()
    return f"""# SWAHR: loss of the tags, targets, decoding

{written_by(command, load, mmpose, mmpose_ext)}

17 keypoints, float32. Both sides of a row get the same data; results are compared before anything \
is timed, and the column "difference" is the largest one, relative to the largest value. Times and \
ratio are medians over turns in which both sides run one after the other, {time_is}. The ratio is \
the other's time divided by ours.

- The loss's gradients are compared too. From MMPose's push loss `0.5 / (P - 1)` per image is \
taken off, the share of people's distances to themselves.
- Crowds are made (`crowd_maps` of `tools/benchmark/swahr_loops.py`): Gaussians, smooth noise, two \
sets of tags that tell people apart but for noise, and a fifth of the keypoints too low to be \
found, to be filled in. No nose is: noses open the groups, and with all of them only one \
assignment costs least. As many candidates are taken as there are people, at least 30.
- The keypoints that MMPose fills in are compared by their pixels, in which it does not move them.
- The plain loops (`loop_decode`) are the authors' algorithm as the project knows it described, \
with a copy of the maps for each person, all keypoints looked for in all pixels, and Munkres' \
algorithm in Python.
- In the last row the network has random weights, and what comes after it gets maps of a crowd. \
What comes after may take {MAX_SHARE:.0%} of the network's time, a ratio of at least \
{1 / MAX_SHARE:.2f}; the column "difference" says that shapes and number of people agree.

{TABLE_HEAD}
{chr(10).join(rows)}

How our time of decoding grows with the people; no faster than their number is wanted.

| people | time grows by | wanted | met |
| --- | ---: | ---: | --- |
{chr(10).join(growth)}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = make_parser(__doc__, RESULTS, turns=3).parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sizes, turns, seconds = (QUICK, 1, 0.0) if options.quick else (Sizes(), options.turns, 0.5)
    table, decode_times = Table(), []
    for make in all_cases(sizes):
        cases = make()
        for case in cases:
            table.measure(case, turns, seconds)
            decode_times += table.ours[-1:] if case.other_name == 'plain loops' else []
    growth, too_large = growth_rows(dict(zip(sizes.crowds, decode_times, strict=True)))
    print('\n'.join(growth), flush=True)
    page = report(table.rows, growth, load, command_of(__file__, options))
    return finish(options, page, table.missed + too_large, table.comparisons)


if __name__ == '__main__':
    sys.exit(main())
