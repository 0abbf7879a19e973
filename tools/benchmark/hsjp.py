"""Time HSJP's shuffle, and its pretraining beside supervised training of the same network.

    python tools/benchmark/hsjp.py --threads 1

Every row first compares both results; unequal ones end the run. Then the two sides are timed in
turns, and the medians and their ratio go into ``docs/results/hsjp_speed.md``. The exit status is
1 if a wanted figure is missed (with ``--quick``, which measures nothing, 0).
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
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
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

from mmpose_ext.datasets import HSJPShuffle

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'hsjp_speed.md'
CONFIGS = ROOT / 'configs' / 'hsjp'
SIZE = (192, 256)
MAX_MS, MIN_IMAGES = 0.3, 0.97
# Pretraining, the supervised training of the same network, and the batch on a CPU.
PAIRS = {
    'ResNet-18 of half the width, 96x128': (
        'mannequin/hsjp_res18-half_1xb32-1200_mannequin-128x96.py',
        'mannequin/td-hm_res18-half-hsjp_1xb32-400_mannequin-128x96.py',
        32,
    ),
    'ResNet-50, 192x256': (
        'coco/hsjp_res50_8xb64-210e_coco-256x192.py',
        'coco/td-hm_res50-hsjp_8xb64-210e_coco-256x192.py',
        8,
    ),
}


# The shuffle.


def loop_shuffle(sample: dict[str, Any], shuffle: HSJPShuffle) -> dict[str, Any]:
    """What the transform does, patch by patch."""
    permutation, offsets = shuffle.draw(sample['id'])
    image, (rows, columns), jitter = sample['img'], shuffle.grid, shuffle.jitter
    height, width = image.shape[0] // rows, image.shape[1] // columns
    shuffled = np.empty_like(image)
    places = np.empty((1, rows * columns, 2), np.float32)
    visible = np.ones((1, rows * columns), np.float32)
    for slot, patch in enumerate(permutation.tolist()):
        y, x = patch // columns * height, patch % columns * width
        piece = image[y : y + height, x : x + width]
        if jitter:
            left, top = offsets[patch]
            window = piece[top : top + height - jitter, left : left + width - jitter]
            piece = cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)
        colours = piece.reshape(-1, 3)
        visible[0, patch] = (colours.max(0) - colours.min(0)).max() > shuffle.min_contrast
        y, x = slot // columns * height, slot % columns * width
        shuffled[y : y + height, x : x + width] = piece
        places[0, patch] = x + width / 2, y + height / 2
    size, scale = np.array(sample['input_size']), sample['input_scale']
    in_image = places / size * scale + sample['input_center'] - 0.5 * scale
    return dict(
        img=shuffled,
        keypoints=in_image,
        transformed_keypoints=places,
        keypoints_visible=visible,
        hsjp_perm=permutation,
    )


def shuffle_case(grid: tuple[int, int], jitter: int = 0) -> Case:
    """The whole transform on one crop, with a patch outside the picture."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    # Smooth as photographs are: OpenCV's two ways to interpolate differ on noise.
    image = cv2.GaussianBlur(image, (0, 0), 3)
    image[: SIZE[1] // grid[0], : SIZE[0] // grid[1]] = 0
    crop = dict(
        img=image,
        id=1,
        input_size=SIZE,
        input_center=np.array([300, 200], np.float32),
        input_scale=np.array([150, 200], np.float32),
    )
    shuffle = HSJPShuffle(grid=grid, jitter=jitter, seed=0)

    def theirs() -> dict[str, Any]:
        return loop_shuffle(crop, shuffle)

    def ours() -> dict[str, Any]:
        return shuffle.transform(dict(crop))

    def results() -> tuple[Arrays, Arrays]:
        other, mine = theirs(), ours()
        return list(other.values()), [mine[name] for name in other]

    name = f'HSJPShuffle of {grid[0]}x{grid[1]} patches' + f', jitter {jitter} px' * (jitter > 0)
    # OpenCV resizes and remaps with weights of different precision.
    tolerance = 0.02 if jitter else 1e-6
    max_ms = None if jitter else MAX_MS
    return Case(name, 'patch by patch', theirs, ours, results, tolerance, max_ms=max_ms)


# Training.


def write_people(folder: Path, count: int) -> Path:
    """Write pictures of 320x240 px with a person of 17 keypoints each, and their COCO file."""
    rng = np.random.default_rng(0)
    pictures, people = [], []
    for number in range(count):
        image = rng.integers(0, 256, (240, 320, 3)).astype(np.uint8)
        name = f'{number}.jpg'
        cv2.imwrite(str(folder / name), cv2.GaussianBlur(image, (0, 0), 2))
        pictures.append(dict(id=number, file_name=name, width=320, height=240))
        keypoints = np.c_[rng.uniform((100, 30), (220, 210), (17, 2)), np.full(17, 2)]
        person = dict(bbox=[100, 30, 120, 180], area=12000, iscrowd=0, num_keypoints=17)
        person.update(keypoints=keypoints.ravel().tolist(), category_id=1)
        people.append(dict(person, id=number, image_id=number))
    path = folder / 'people.json'
    categories = [dict(id=1, name='person')]
    path.write_text(json.dumps(dict(images=pictures, annotations=people, categories=categories)))
    return path


class Training:
    """Training steps of a config on the pictures of a COCO file, loaded in this process."""

    def __init__(self, config: str, people: Path, batch: int) -> None:
        settings = Config.fromfile(CONFIGS / config)
        settings.model.backbone.init_cfg = None
        torch.manual_seed(0)
        self.model = MODELS.build(settings.model).train()
        self.optim_wrapper = build_optim_wrapper(self.model, settings.optim_wrapper)
        loader = settings.train_dataloader
        loader.update(batch_size=batch, num_workers=0, persistent_workers=False)
        loader.sampler = dict(type='InfiniteSampler', shuffle=True)
        loader.dataset.update(data_root='', ann_file=str(people), indices=None)
        loader.dataset.data_prefix = dict(img=str(people.parent))
        self.loader = Runner.build_dataloader(loader, seed=0)
        self.batches: Iterator[dict] = iter(self.loader)

    def load(self) -> dict:
        """Load a batch."""
        return next(self.batches)

    def step(self) -> dict:
        """Load a batch and train on it."""
        return self.model.train_step(self.load(), self.optim_wrapper)

    def facts(self) -> Arrays:
        """What both trainings should have in common: input, output but for channels, trunk."""
        batch = self.load()
        shapes = batch['inputs'][0].shape, batch['data_samples'][0].gt_fields.heatmaps.shape[1:]
        weights = [weight.numel() for weight in self.model.backbone.parameters()]
        return [np.array(fact) for fact in (len(batch['inputs']), *shapes, weights)]


def training_cases(name: str, people: Path, batch: int) -> list[Case]:
    """Whole steps of pretraining and supervised training, and their loading alone."""
    pretraining, supervised = (Training(config, people, batch) for config in PAIRS[name][:2])

    def results() -> tuple[Arrays, Arrays]:
        return supervised.facts(), pretraining.facts()

    return [
        Case(
            f'{name}: training step with loading, {batch} images',
            'supervised',
            supervised.step,
            pretraining.step,
            results,
            0,
            min_ratio=MIN_IMAGES,
        ),
        Case(
            f'{name}: loading alone, {batch} images',
            'supervised',
            supervised.load,
            pretraining.load,
            results,
            0,
        ),
    ]


def all_cases(folder: Path, quick: bool) -> Iterator[Case]:
    """The rows, made when their turn comes."""
    yield from (shuffle_case(grid) for grid in ((2, 2), (4, 3), (8, 6), (16, 12)))
    yield shuffle_case((4, 3), jitter=16)
    init_default_scope('mmpose')
    people = write_people(folder, 4 if quick else 64)
    names = list(PAIRS)[:1] if quick else PAIRS
    for name in names:
        yield from training_cases(name, people, 2 if quick else PAIRS[name][2])


# The page.


def report(rows: list[str], load: float, command: str) -> str:
    """The Markdown page."""
    time_is = measured_in()
    return f"""# HSJP: the shuffle, and pretraining beside supervised training

{written_by(command, load, cv2, mmpose, mmpose_ext)}

Results are compared before anything is timed; the column "difference" is the largest one, \
relative to the largest value. Times and ratio are medians over turns in which both sides run one \
after the other, {time_is}. The ratio is the other's time divided by ours: with as many images in \
both, also our images per second divided by the other's.

- The shuffle is all that `HSJPShuffle` does to a crop of {SIZE[0]}x{SIZE[1]} px (w x h): it \
draws, looks for patches without contrast, moves the patches and writes the keypoints. The plain \
loop (`loop_shuffle`) does the same patch by patch. With jitter, which is an ablation, OpenCV \
interpolates every pixel; that was given no limit.
- A training step loads a batch in the same process, and goes forward, back and on by the \
optimizer, by the configs in `PAIRS` of `tools/benchmark/hsjp.py`, without a GPU. The same trunk \
ends in 12 heatmaps in pretraining, in 17 in supervised training. Both read the same 64 pictures \
of 320x240 px. That sizes and trunk agree is what the column "difference" says here.
- Loading alone says what matters where a GPU is faster than its loaders.

{TABLE_HEAD}
{chr(10).join(rows)}
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = make_parser(__doc__, RESULTS, turns=5).parse_args(arguments)
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    turns, seconds = (1, 0.0) if options.quick else (options.turns, 1.0)
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        for case in all_cases(Path(folder), options.quick):
            table.measure(case, turns, seconds)
    page = report(table.rows, load, command_of(__file__, options))
    return finish(options, page, table.missed, table.comparisons)


if __name__ == '__main__':
    sys.exit(main())
