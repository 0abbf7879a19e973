"""Kill trainings, resume them, and compare with those that were never stopped, bit for bit.

Each of the six methods trains a few steps of its mannequin config: once through, and once as a
chain of processes, each of which goes on from what the last one left when SIGKILL ended it: in
random iterations, in the middle of writing a checkpoint, and between that and naming it as the last
one. All weights, buffers, the states of optimizer, schedules and random generators must be the same
bit for bit, else the exit status is 1.

    python tools/benchmark/kill_and_resume.py --methods all --kills 3 --out kill_and_resume.md
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGKILL
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner, find_latest_checkpoint
from torch import Tensor

import mmpose_ext  # noqa: F401
from mmpose_ext.fileio import write_text

ROOT = Path(__file__).resolve().parents[2]
MAKE_DATA = ROOT / 'tools/dataset_converters/make_mannequin.py'
BATCH = 8
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Arguments of make_mannequin.py, so that a training is a matter of seconds.
DATA = {
    'single': ('single', '--num-train', '24', '--num-val', '8', '--size', '128'),
    'crowd': ('crowd', '--people', '1', '5', '--num-train', '24', '--num-val', '8',
              '--size', '128'),
    'events': ('events', '--num-train', '4', '--num-test', '2', '--raw'),
}  # fmt: skip


class Method(NamedTuple):
    """A training to kill: its config, the data, and what starts at random here."""

    config: str
    data: str
    pretrained: tuple[str, ...] = ()  # modules whose weights would be files


METHODS = {
    'simdr': Method('simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py', 'single'),
    'swahr': Method('swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py', 'crowd'),
    'hemlets': Method(
        'hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-weak-64x64.py', 'single'
    ),
    'posh': Method(
        'posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py',
        'single',
        ('backbone', 'head.pose_head'),
    ),
    'hsjp': Method('hsjp/mannequin/hsjp_res18-quarter_1xb32-1200_mannequin-128x96.py', 'single'),
    'eventhpe-flow': Method(
        'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py', 'events'
    ),
    'eventhpe-shape': Method(
        'eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py',
        'events',
        ('flow_net',),
    ),
}
MOMENTS = ('in an iteration', 'in the write', 'before last_checkpoint')


@HOOKS.register_module()
class KillHook(Hook):
    """Kill this process at a moment of a training.

    Args:
        moment (str): One of ``MOMENTS``.
        number (int): In which iteration, or in the writing of which checkpoint, from 1.
    """

    priority = 'VERY_HIGH'

    def __init__(self, moment: str, number: int) -> None:
        self.moment, self.number = moment, number

    def before_train(self, runner: Runner) -> None:
        """Lie in wait in the writing of files; this process is a fork that trains and ends."""
        if self.moment != MOMENTS[0]:
            os.fsync = self._at_the_disk

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Kill, if it is time."""
        if self.moment == MOMENTS[0] and runner.iter + 1 == self.number:
            os.kill(os.getpid(), SIGKILL)

    def _at_the_disk(self, descriptor: int) -> None:
        file = Path(os.readlink(f'/proc/self/fd/{descriptor}'))
        if self.moment == MOMENTS[1] and '.pth' in file.name:
            self.number -= 1
            if self.number == 0:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                os.kill(os.getpid(), SIGKILL)
        if self.moment == MOMENTS[2] and file.name.startswith('last_checkpoint'):
            self.number -= 1
            if self.number == 0:
                os.kill(os.getpid(), SIGKILL)


def small(method: Method, data_root: Path, workers: int) -> Config:
    """A method's config, cut down to a few steps that save and validate several times."""
    config = Config.fromfile(ROOT / 'configs' / method.config)
    config.randomness = dict(seed=0)
    if config.train_cfg.by_epoch:
        config.train_cfg.update(max_epochs=4, val_interval=2)
        interval = 1
    else:
        config.train_cfg.update(max_iters=8, val_interval=4)
        interval = 2
    config.default_hooks.checkpoint.update(interval=interval, max_keep_ckpts=1)
    config.train_dataloader.batch_size = BATCH
    sampler = config.train_dataloader.sampler
    if 'batch_size' in sampler:
        sampler.batch_size = BATCH
    if sampler.type == 'RecordingSampler':
        sampler.num_samples = 2 * BATCH
    for name in LOADERS:
        config[name].update(num_workers=0, persistent_workers=False)
        for part in config[name].dataset.get('datasets', [config[name].dataset]):
            part.data_root = f'{data_root}/'
            if 'indices' in part:  # the first so many, or the last
                part.indices = BATCH if part.indices > 0 else -BATCH
    if workers:
        config.train_dataloader.update(num_workers=workers, persistent_workers=True)
    for name in ('val_evaluator', 'test_evaluator'):
        if 'ann_file' in config[name]:
            config[name].ann_file = str(data_root / 'annotations/person_keypoints_val.json')
    for path in method.pretrained:
        module = config.model
        for key in path.split('.'):
            module = module[key]
        module.init_cfg = None
    return config


def in_fork(task: Callable[[], Any], log: Path) -> int:
    """Run a task in a fork of this process, its output in a file; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        torch.set_num_threads(1)
        task()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def train(config: Config, folder: Path, kill: dict[str, Any] | None = None) -> int:
    """Train, or go on with what was trained in a folder; return the exit status."""
    config = Config(config.to_dict())
    config.work_dir, config.resume = str(folder), True
    folder.mkdir(parents=True, exist_ok=True)
    if kill:
        config.custom_hooks = [*config.get('custom_hooks', []), dict(type='KillHook', **kill)]
    return in_fork(lambda: Runner.from_cfg(config).train(), folder / 'output.log')


def flat(value: Any, name: str = '') -> dict[str, Any]:
    """Tensors and numbers in nested containers, by the path to them."""
    if isinstance(value, dict):
        items: Any = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {name: value}
    return {k: v for key, part in items for k, v in flat(part, f'{name}/{key}').items()}


def final_state(folder: Path) -> tuple[int, dict[str, Any]]:
    """Iterations of the last checkpoint, and all of it that training goes on from."""
    checkpoint = torch.load(find_latest_checkpoint(str(folder)), weights_only=False)
    kinds = ('state_dict', 'optimizer', 'param_schedulers', 'random_states')
    return checkpoint['meta']['iter'], flat({kind: checkpoint[kind] for kind in kinds})


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Names of what two states differ in; empty if they are the same bit for bit."""

    def same(one: Any, other: Any) -> bool:
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            bits = [t.contiguous().reshape(-1).view(torch.uint8) for t in (one, other)]
            return one.dtype == other.dtype and torch.equal(*bits)
        return type(one) is type(other) and one == other

    return [n for n in {**ours, **theirs} if not same(ours.get(n), theirs.get(n))]


def moments(steps: int, kills: int, seed: int) -> list[dict[str, Any]]:
    """When to kill one process after another: random iterations, and behind the first one writes.

    ``number`` is the iteration, or which of the checkpoints that a process writes.
    """
    chance = random.Random(seed)
    iterations = sorted(chance.sample(range(2, steps + 1), kills))
    first, *others = [dict(moment=MOMENTS[0], number=number) for number in iterations]
    return [first, *(dict(moment=moment, number=1) for moment in MOMENTS[1:]), *others]


def try_method(name: str, data: Path, folder: Path, options: argparse.Namespace) -> str:
    """Train once through and once with kills; return a row of a table."""
    config = small(METHODS[name], data, options.workers)
    through, stopped = folder / 'through', folder / 'stopped'
    if train(config, through):
        raise RuntimeError(f'{name} did not train:\n{log_of(through)}')
    steps, expected = final_state(through)
    killed = []
    for kill in moments(steps, options.kills, options.seed):
        status = train(config, stopped, kill)
        if status != -SIGKILL:
            raise RuntimeError(f'{name} {kill} ended with {status}:\n{log_of(stopped)}')
        left = find_latest_checkpoint(str(stopped))
        if left:
            torch.load(left, weights_only=False)  # raises if it is not whole
        number = f' {kill["number"]}' if kill['moment'] == MOMENTS[0] else ''
        killed.append(f'{kill["moment"]}{number} -> {Path(left).stem if left else "start"}')
    if train(config, stopped):
        raise RuntimeError(f'{name} did not go on:\n{log_of(stopped)}')
    wrong = differences(final_state(stopped)[1], expected)
    verdict = f'{len(wrong)} differ, first {wrong[0]}' if wrong else 'same'
    length = f'{steps} iterations' + (' in 4 epochs' if config.train_cfg.by_epoch else '')
    return f'| {name} | {length} | {"; ".join(killed)} | {len(expected)} | {verdict} |'


def log_of(folder: Path) -> str:
    """End of what the processes that trained in a folder said."""
    return (folder / 'output.log').read_text(errors='replace')[-3000:]


def make_data(kind: str, folder: Path) -> Path:
    """Make a small dataset of mannequins."""
    command = [sys.executable, MAKE_DATA, *DATA[kind], '--out', folder, '--seed', '0']
    subprocess.run([*map(str, command), '--workers', '1'], check=True, stdout=subprocess.DEVNULL)
    return folder


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--methods', nargs='+', default=['all'], choices=['all', *METHODS])
    parser.add_argument('--kills', type=int, default=2, help='random iterations to kill in')
    parser.add_argument('--seed', type=int, default=0, help='where these come from')
    parser.add_argument('--workers', type=int, default=0, help='loading processes, persistent')
    parser.add_argument(
        '--data',
        nargs='*',
        default=[],
        metavar='KIND=FOLDER',
        help='data of make_mannequin.py that is there: single, crowd, events',
    )
    parser.add_argument('--out', type=Path, help='Markdown file to write the table to')
    return parser.parse_args(args)  # fmt: skip


def main() -> int:
    """Try the methods, print and write the table."""
    options = parse_args()
    there = {kind: Path(path).resolve() for kind, path in (d.split('=', 1) for d in options.data)}
    names = list(METHODS) if 'all' in options.methods else options.methods
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in names:
            kind = METHODS[name].data
            if kind not in there:
                there[kind] = make_data(kind, folder / kind)
            rows.append(try_method(name, there[kind], folder / name, options))
            print(rows[-1], flush=True)
    if options.out:
        head = '| training | length | killed -> resumed from | compared | verdict |'
        write_text(options.out, '\n'.join([head, '| --- ' * 5 + '|', *rows]) + '\n')
    return int(any(not row.endswith('| same |') for row in rows))


if __name__ == '__main__':
    sys.exit(main())
