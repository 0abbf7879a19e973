"""Train each method in float32, in half precision and compiled, and compare scores and times.

Each mannequin config is trained for a short schedule by ``tools/train.py``: as it is, with
``--amp``, and with ``CompileHook``, from the same seeds on the same data. The scores are those of
the last validation. What differs from seed to seed in float32 is the noise that the others are
held against.

    python tools/benchmark/precision.py

Trainings that are finished are not repeated: the same command goes on where it was cut off.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import claims
import measuring
import torch
from mmengine.config import Config

from mmpose_ext.fileio import write_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/results/precision.md'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
FLOAT, AMP, COMPILED = ARMS = ('float32', 'amp', 'compiled')

DATA = {
    'single': dict(kind='single', easy=True, num_train=1500, num_val=300, size=160, seed=31),
    'crowd': dict(kind='crowd', easy=True, people=[1, 3], num_train=800, num_val=100, size=160,
                  seed=31),
    'events': dict(kind='events', num_train=24, num_test=8, size=64, seed=31),
}  # fmt: skip
QUICK = {
    'single': dict(kind='single', easy=True, num_train=32, num_val=8, size=96, seed=31),
    'crowd': dict(kind='crowd', easy=True, people=[1, 2], num_train=16, num_val=4, size=96,
                  seed=31),
    'events': dict(kind='events', num_train=2, num_test=1, size=64, seed=31),
}  # fmt: skip


class Training(NamedTuple):
    """A method's training.

    Attributes:
        config (str): Below configs/.
        data (str): One of ``DATA``.
        score (str): Metric of its validation.
        steps (int): How long to train.
        options (dict): What to change in the config.
    """

    config: str
    data: str
    score: str
    steps: int
    options: dict = {}  # noqa: RUF012  # never written to


TRAININGS = {
    'SimDR': Training(
        'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py', 'single', 'coco/AP', 200
    ),
    'HEMlets': Training(
        'hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py',
        *('single', 'MPJPE', 200),
    ),
    'PoSh': Training(
        'posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py',
        *('single', 'smpl/PVE', 150),
        {
            'model.backbone.init_cfg': None,
            'model.backbone.frozen_stages': -1,
            'model.head.pose_head.init_cfg': None,
            'model.head.freeze_pose_head': False,
        },
    ),
    'HSJP': Training(
        'hsjp/mannequin/hsjp_res18-quarter_1xb32-1200_mannequin-128x96.py',
        *('single', 'hsjp/patch_acc', 150),
    ),
    'SWAHR': Training(
        'swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py', 'crowd', 'coco/AP', 100
    ),
    'EventHPE flow': Training(
        'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py',
        *('events', 'flow/EPE-body', 80),
    ),
    'EventHPE shape': Training(
        'eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py',
        *('events', 'events/PEL-MPJPE', 80),
        {'model.flow_net.init_cfg': None},
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the page.

    Args:
        arguments (Sequence[str], optional): Command line. Defaults to that of the process.

    Returns:
        int: 0.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--only', nargs='+', default=list(TRAININGS), choices=list(TRAININGS))
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1])
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='trainings at a time')
    parser.add_argument('--quick', action='store_true', help='two steps: a test, no figures')
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/precision')
    parser.add_argument('--out', type=Path, default=PAGE, help='Markdown file to write')
    options = parser.parse_args(arguments)
    load, work_dir = os.getloadavg()[0], options.work_dir.resolve()
    work_dir.mkdir(parents=True, exist_ok=True)
    data = QUICK if options.quick else DATA
    needed = {TRAININGS[name].data for name in options.only}
    roots = {kind: claims.make_data(data[kind], work_dir / 'data.log') for kind in sorted(needed)}
    threads = max(1, (os.cpu_count() or 1) // options.jobs)
    jobs = []
    for seed in options.seeds:
        for name in options.only:
            training = TRAININGS[name]
            steps = 2 if options.quick else training.steps
            for arm in ARMS:
                folder = folder_of(work_dir, name, arm, seed)
                if (folder / 'result.json').is_file():
                    continue
                config = config_of(training, roots[training.data], steps, seed)
                if arm == COMPILED:
                    backend = 'eager' if options.quick else 'inductor'
                    hook = dict(type='CompileHook', backend=backend, dynamic=False)
                    config.default_hooks['compile'] = hook
                write_text(folder / 'config.py', config.pretty_text)
                jobs.append(partial(train, folder, arm == AMP, training.score, threads))
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()
            write_text(options.out, page(work_dir, options, load))
    write_text(options.out, page(work_dir, options, load))
    print(options.out.read_text(encoding='utf-8'))
    return 0


def train(folder: Path, amp: bool, score: str, threads: int) -> None:
    """Train by the config in a folder, and leave its score and times in result.json."""
    tool = [sys.executable, 'tools/train.py', folder / 'config.py', '--work-dir', folder / 'run']
    claims.call([*tool, *(['--amp'] if amp else [])], folder / 'output.log', threads)
    result = read_log(folder / 'run', score)
    for weights in (folder / 'run').glob('*.pth'):
        weights.unlink()
    write_text(folder / 'result.json', json.dumps(result))
    print(f'{folder}: {result}', flush=True)


def config_of(training: Training, root: Path, steps: int, seed: int) -> Config:
    """A training's config: so many steps at a constant rate, one validation at the end."""
    config = Config.fromfile(ROOT / 'configs' / training.config)
    schedule = dict(by_epoch=False, max_iters=steps, val_interval=steps)
    if 'type' in config.train_cfg:
        schedule['type'] = config.train_cfg.type
    changes = {
        'train_cfg': dict(_delete_=True, **schedule),
        'param_scheduler': None,
        'log_processor.by_epoch': False,
        'default_hooks.logger': dict(interval=1, log_metric_by_epoch=False),
        'default_hooks.checkpoint': dict(interval=steps, by_epoch=False, save_best=None),
        'default_hooks.visualization.enable': False,
        'randomness.seed': seed,
        **training.options,
    }
    for loader in LOADERS:
        changes[f'{loader}.num_workers'] = 0
        changes[f'{loader}.persistent_workers'] = False
    config.merge_from_dict(changes)
    old_root = config.data_root
    for dataset in claims.datasets_of(config):
        dataset.data_root = f'{root}/'
        dataset.pop('indices', None)
    for metric in claims.metrics_of(config):
        if 'ann_file' in metric:
            metric.ann_file = metric.ann_file.replace(old_root, f'{root}/')
    return config


def read_log(work_dir: Path, score: str) -> dict[str, float]:
    """Score of the last validation, and seconds a step without the wait for data, a median."""
    lines = next(work_dir.glob('*/vis_data/scalars.json')).read_text(encoding='utf-8').splitlines()
    scalars = [json.loads(line) for line in lines]
    times = [
        one['time'] - one['data_time'] for one in scalars if 'data_time' in one and 'loss' in one
    ]
    return dict(
        score=next(one[score] for one in reversed(scalars) if score in one),
        seconds=statistics.median(times[len(times) // 2 :]),
    )


def folder_of(work_dir: Path, name: str, arm: str, seed: int) -> Path:
    """Where a training keeps its files."""
    return work_dir / name.replace(' ', '-') / arm / f'seed{seed}'


def page(work_dir: Path, options: argparse.Namespace, load: float) -> str:
    """The page, of what is finished."""
    rows = [row(work_dir, name, options.seeds) for name in TRAININGS]
    command = 'python tools/benchmark/precision.py'
    command += f' --jobs {options.jobs}' if options.jobs != os.cpu_count() else ''
    command += ' --quick' if options.quick else ''
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // options.jobs))
    return f"""\
# Half precision and compiled

Each method's mannequin config, trained for a short schedule by `tools/train.py`: as it is, with
`--amp` (bfloat16 on a CPU), and with
[`CompileHook`](../training.md#half-precision-and-compilers), from the seeds
{', '.join(map(str, options.seeds))}. Scores are those of the last step: the mean, and in brackets
each seed's. What float32 differs by from seed to seed is the noise; a difference
within it says nothing. Times are of a step without the wait for data, medians of the second half,
as shares of float32's: below 1 is faster.

| method | steps | score | float32 | amp | compiled | ms a step | amp | compiled |
| --- | ---: | --- | --- | --- | --- | ---: | ---: | ---: |
{chr(10).join(line for line in rows if line)}

{measuring.written_by(command, load)} {options.jobs} trainings at a time, a thread each.
"""


def row(work_dir: Path, name: str, seeds: Sequence[int]) -> str:
    """A method's line; empty while nothing is finished."""
    found = {
        arm: [
            json.loads(path.read_text())
            for seed in seeds
            if (path := folder_of(work_dir, name, arm, seed) / 'result.json').is_file()
        ]
        for arm in ARMS
    }
    if not found[FLOAT]:
        return ''
    training = TRAININGS[name]
    cells = [name, str(training.steps), training.score]
    cells += [_scores([one['score'] for one in found[arm]]) for arm in ARMS]
    times = {arm: [one['seconds'] for one in found[arm]] for arm in ARMS}
    cells.append(f'{1000 * statistics.median(times[FLOAT]):.0f}')
    for arm in ARMS[1:]:
        ratios = [other / first for other, first in zip(times[arm], times[FLOAT], strict=False)]
        cells.append(f'{statistics.median(ratios):.2f}' if ratios else '')
    return f'| {" | ".join(cells)} |'


def _scores(values: list[float]) -> str:
    if not values:
        return ''
    return f'{statistics.mean(values):.3g} ({", ".join(f"{value:.3g}" for value in values)})'


if __name__ == '__main__':
    sys.exit(main())
