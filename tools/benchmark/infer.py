"""Time poses of many pictures at once against MMPose's inference of one picture at a time.

    python tools/benchmark/infer.py

Every row first computes both results and compares them; unequal ones end the run. Then the two
sides are timed in turns, and the medians go into ``docs/results/infer_speed.md``. Weights are
random: they do not change the time of a top-down model. Bottom-up models are left out, since
theirs depends on how many people they find.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
import mmpose
import numpy as np
import torch
from measuring import (
    Arrays,
    Case,
    command_of,
    finish,
    make_parser,
    measured_in,
    written_by,
)
from mmengine.model import BaseModel
from mmpose.apis import inference_topdown, init_model
from records import Comparison

from mmpose_ext.apis import Boxes, TorchBackend

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'infer_speed.md'
CONFIGS = {  # people of a picture; a large network takes its time for each of them anyway
    'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py': (1, 4),
    'hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py': (1, 4),
    'simdr/coco/simdr_res50_4xb32-140e_coco-256x192.py': (1,),
}
PICTURE = (640, 480)
PICTURES, BATCH = 16, 16
HEAD = """\
| config | people a picture | MMPose, people/s | mmpose_ext, people/s | ratio | difference |
| --- | ---: | ---: | ---: | ---: | ---: |"""
ABOUT = """\
# Poses of many pictures at once

{written}

{pictures} pictures of {w}x{h} with so many people each: `mmpose.apis.inference_topdown` picture by
picture, which batches the people of one, against `mmpose_ext.apis.TorchBackend`, which batches the
people of all of them by {batch}. Both run the same model, weights random, with its config's
pipeline and flip test, and read no files. Results are compared first: the last column has the
largest difference of a keypoint relative to the largest coordinate. Rates and ratio are of the
medians of turns in which both sides run one after the other, {clock}.

What batches save is the overhead of a call: the pipeline is built once, and a small network is
called less often. A large one takes its time for each person anyway on one core.

"""


def scene(people: int) -> tuple[list[np.ndarray], list[Boxes]]:
    """Pictures of noise, and boxes of people of them."""
    rng = np.random.default_rng(0)
    width, height = PICTURE
    images = [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(PICTURES)]
    boxes = []
    for _ in images:
        corners = rng.uniform(0, (width / 2, height / 2), (people, 2))
        sizes = rng.uniform((60, 120), (240, 230), (people, 2))
        boxes.append(Boxes.of(np.concatenate((corners, corners + sizes), axis=1)))
    return images, boxes


def case(name: str, model: BaseModel, people: int) -> Case:
    """Many pictures at once against one at a time."""
    images, boxes = scene(people)
    backend = TorchBackend(model, batch_size=BATCH)
    given = [found.boxes.astype(np.float32) for found in boxes]

    def one_by_one() -> list:
        return [
            sample
            for image, found in zip(images, given, strict=True)
            for sample in inference_topdown(model, image, found)
        ]

    def results() -> tuple[Arrays, Arrays]:
        stock = [sample.pred_instances.keypoints[0, :, :2] for sample in one_by_one()]
        ours = np.concatenate([found.keypoints for found in backend.predict(images, boxes)])
        return [np.stack(stock)], [ours]

    return Case(
        f'{name}, {people} a picture',
        'inference_topdown',
        one_by_one,
        lambda: backend.predict(images, boxes),
        results,
        tolerance=1e-4,
    )


def measure(config: str, people: int, turns: int, seconds: float) -> tuple[str, Comparison]:
    """Measure a config; gives its line of the table, and the same for the record."""
    torch.manual_seed(0)
    model = init_model(str(ROOT / 'configs' / config), device='cpu')
    one = case(Path(config).stem, model, people)
    difference = one.difference()
    other, ours, ratio = one.timings(turns, seconds)
    rates = [people * PICTURES / milliseconds * 1e3 for milliseconds in (other, ours)]
    name = f'poses of {PICTURES} pictures, {people} people each, {Path(config).stem}'
    row = (
        f'| {Path(config).stem} | {people} | {rates[0]:.1f} | {rates[1]:.1f} | {ratio:.2f} '
        f'| {difference:.1g} |'
    )
    against = "MMPose's inference_topdown"
    return row, Comparison(name, against, other, ours, ratio, difference=difference)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the page."""
    load = os.getloadavg()[0]
    options = make_parser(__doc__, RESULTS, turns=5).parse_args(arguments)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    configs, turns, seconds = list(CONFIGS), options.turns, 0.5
    if options.quick:
        configs, turns, seconds = configs[:1], 1, 0.01
    rows, comparisons = [], []
    for config in configs:
        for people in CONFIGS[config]:
            row, comparison = measure(config, people, turns, seconds)
            rows.append(row)
            comparisons.append(comparison)
            print(row, flush=True)
    about = ABOUT.format(
        written=written_by(command_of(__file__, options), load, cv2, mmpose, mmpose_ext),
        pictures=PICTURES,
        w=PICTURE[0],
        h=PICTURE[1],
        batch=BATCH,
        clock=measured_in(),
    )
    return finish(options, about + '\n'.join((HEAD, *rows, '')), [], comparisons)


if __name__ == '__main__':
    sys.exit(main())
