"""Put a paper's claim to the test on mannequin data: arms x settings x seeds.

    python tools/benchmark/claims.py simdr_low_resolution
    python tools/benchmark/claims.py simdr_low_resolution --quick

A claim is a file of ``configs/claims``: which configs (arms) are compared in
which settings, over which seeds, on which mannequins. An arm is the path of a
config, or ``dict(config=path, options={...})`` with values to change in it, as
``--cfg-options`` would. An arm may name a ``pretraining``, itself such a dict: it is
run once for each seed, and the arm of the same seed starts from its weights, as the
claim's ``start`` says: which ``init_cfg`` reads which file of its work directory.
Every run goes through ``tools/train.py`` and ``tools/test.py`` on the config that
lies in its folder under ``--work-dir``. Runs that are finished are not repeated and a run that was
cut off is resumed, so the same command can be given again at any time. The
table and the raw numbers go to ``--out`` (``docs/results``; with ``--quick``
they stay in the work directory). The last checkpoint is scored, not the best
one, which would have been chosen on the validation set. Of a claim with a
``curve`` that metric is also plotted over the training.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from claims_report import PRETRAINING, report
from mmengine.config import Config

from mmpose_ext.fileio import write_text

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """One training of one arm.

    Args:
        setting (str): Name of the setting, such as ``'64x64'``.
        arm (str): Name of the arm, such as ``'SimDR'``.
        seed (int): Seed of the training.
        config (Path): Config of the arm.
        folder (Path): Where the run keeps its files.
        options (dict): What the arm changes in its config.
        pretraining (Run | None): The run whose weights it starts from.
    """

    setting: str
    arm: str
    seed: int
    config: Path
    folder: Path
    options: dict = field(default_factory=dict, compare=False)
    pretraining: 'Run | None' = field(default=None, compare=False)

    @property
    def result_file(self) -> Path:
        """The file whose presence says that the run is finished."""
        return self.folder / 'result.json'

    @property
    def work_dir(self) -> Path:
        """Where the Runner writes; it puts a config of its own there."""
        return self.folder / 'work_dir'

    def __str__(self) -> str:
        return f'{self.setting} {self.arm} seed {self.seed}'


# glibc hands large blocks back to the system and fetches them anew in every step, which costs
# small networks more than their arithmetic gains from being small.
KEEP_MEMORY = {'MALLOC_MMAP_THRESHOLD_': str(10**9), 'MALLOC_TRIM_THRESHOLD_': str(4 * 10**9)}


def call(command: list[Any], log: Path, threads: int | None = None) -> None:
    """Run a command, its output into ``log``; on failure say what it printed last."""
    env = {**os.environ, **KEEP_MEMORY, 'OMP_NUM_THREADS': str(threads)} if threads else None
    with log.open('a', encoding='utf-8') as stream:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=env,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        tail = '\n'.join(log.read_text(encoding='utf-8', errors='replace').splitlines()[-15:])
        raise SystemExit(f'{" ".join(map(str, command))}\nfailed; the end of {log}:\n{tail}')


def load_claim(name: str, quick: bool) -> Config:
    """Load a claim's file and, for ``--quick``, cut it down."""
    path = ROOT / 'configs/claims' / f'{name}.py'
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob('*.py'))
        raise SystemExit(f'no claim named {name!r}; there are: {", ".join(known)}')
    claim = Config.fromfile(path)
    claim.setdefault('overrides', {})
    if quick:
        claim.data.update(claim.quick.get('data', {}))
        claim.overrides.update(claim.quick.get('overrides', {}))
        claim.start = claim.quick.get('start', claim.get('start', {}))
        claim.seeds = claim.quick.seeds
        claim.settings = {key: claim.settings[key] for key in claim.quick.settings}
    return claim


def plan(claim: Config, work_dir: Path) -> list[Run]:
    """List the runs of a claim: seeds outermost, so that a part of them is already fair.

    Of a seed its pretrainings come first, so that no arm waits for one behind it.
    """
    runs: list[Run] = []
    for seed in claim.seeds:
        arms = [
            (setting, arm, {'config': what} if isinstance(what, str) else what)
            for setting, arms in claim.settings.items()
            for arm, what in arms.items()
        ]
        names = dict.fromkeys(what['pretraining'] for *_, what in arms if 'pretraining' in what)
        pretrainings = {
            name: make_run(PRETRAINING, name, seed, claim.pretrainings[name], work_dir)
            for name in names
        }
        runs += pretrainings.values()
        for setting, arm, what in arms:
            start = pretrainings.get(what.get('pretraining'))
            runs.append(make_run(setting, arm, seed, what, work_dir, start))
    return runs


def make_run(
    setting: str, arm: str, seed: int, what: Any, work_dir: Path, pretraining: Run | None = None
) -> Run:
    """Make a run of what a claim's file says of an arm or a pretraining."""
    folder = work_dir / setting / arm / f'seed{seed}'
    options = dict(what.get('options', {}))
    return Run(setting, arm, seed, ROOT / what['config'], folder, options, pretraining)


def make_data(data: dict, log: Path) -> Path:
    """Make the mannequins of a claim, or find them made; return their folder."""
    words = [data['kind']]
    for key, value in data.items():
        if key != 'kind':
            values = value if isinstance(value, list) else [] if value is True else [value]
            words += [f'--{key.replace("_", "-")}', *map(str, values)]
    folder = ROOT / 'data/claims' / '_'.join(words).replace('--', '')
    tool = ROOT / 'tools/dataset_converters/make_mannequin.py'
    call([sys.executable, tool, *words, '--out', folder], log)
    return folder


def datasets_of(cfg: Config) -> Iterator[Any]:
    """Yield the dataset dicts of a config, train, val and test; of a combined one its parts."""
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = cfg[name].dataset
        yield from dataset.get('datasets', [dataset])


def metrics_of(cfg: Config) -> Iterator[Any]:
    """Yield the metric dicts of a config, of validation and test."""
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        yield from evaluator if isinstance(evaluator, list) else [evaluator]


def write_config(run: Run, claim: Config, data_root: Path) -> Path:
    """Write the run's own config: the arm's, with data, seed and overrides filled in.

    Raises:
        SystemExit: If the run was begun with other settings, which would mix two experiments.
    """
    cfg = Config.fromfile(run.config)
    cfg.merge_from_dict(run.options)
    if run.pretraining:
        for key, name in claim.start.items():
            weights = run.pretraining.work_dir / name
            cfg.merge_from_dict({f'{key}.checkpoint': str(weights)})
    old_root = cfg.data_root
    for dataset in datasets_of(cfg):
        dataset.data_root = f'{data_root}/'
    for metric in metrics_of(cfg):
        if 'ann_file' in metric:  # pretext metrics need none
            metric.ann_file = metric.ann_file.replace(old_root, f'{data_root}/')
    cfg.randomness = dict(seed=run.seed)
    cfg.merge_from_dict(dict(claim.overrides))
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / 'config.py'
    text = cfg.pretty_text  # takes a second
    if path.is_file() and path.read_text(encoding='utf-8') != text:
        raise SystemExit(
            f'{run} was begun with another config than {run.config} gives now. '
            f'Remove {run.folder} to run it anew.'
        )
    write_text(path, text)
    return path


def execute(run: Run, config: Path, threads: int, claim: Config) -> None:
    """Train and test one run and leave its ``result.json`` and the weights that others need."""
    log = run.folder / 'output.log'
    start = time.time()
    train = [sys.executable, 'tools/train.py', config, '--work-dir', run.work_dir, '--resume']
    call(train, log, threads)
    seconds = time.time() - start
    checkpoint = Path((run.work_dir / 'last_checkpoint').read_text().strip())
    scores = run.folder / 'metrics.json'
    test = [sys.executable, 'tools/test.py', config, checkpoint, '--work-dir', run.work_dir]
    call([*test, '--out', scores], log, threads)
    result = dict(
        setting=run.setting,
        arm=run.arm,
        seed=run.seed,
        config=str(run.config.relative_to(ROOT)),
        train_seconds=round(seconds, 1),
        metrics=json.loads(scores.read_text()),
    )
    if 'curve' in claim:
        result['curve'] = read_curve(run.work_dir, claim.curve)
    write_text(run.result_file, json.dumps(result, indent=2))
    needed = set(claim.start.values()) if run.setting == PRETRAINING else set()
    for weights in run.work_dir.glob('*.pth'):
        if weights.name not in needed:
            weights.unlink()


def after(before: Future | None, job: Callable[[], None]) -> None:
    """Do a job when another one is done."""
    if before is not None:
        before.result()
    job()


def read_curve(work_dir: Path, metric: str) -> dict[str, float]:
    """Read a validation metric over the training from the Runner's logs: step to value."""
    curve: dict[str, float] = {}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):  # one for each resume
        for line in log.read_text(encoding='utf-8').splitlines():
            scalars = json.loads(line)
            if metric in scalars:
                curve[str(scalars['step'])] = scalars[metric]
    return curve


def results_of(runs: list[Run]) -> list[dict]:
    """Read the results of the runs that are finished."""
    return [json.loads(run.result_file.read_text()) for run in runs if run.result_file.is_file()]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('name', help='a file of configs/claims, without suffix')
    parser.add_argument('--quick', action='store_true', help='two minutes, to see that it runs')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/claims/NAME')
    parser.add_argument('--out', type=Path, help='default: docs/results')
    parser.add_argument('--settings', nargs='+', help='run only these settings')
    parser.add_argument(
        '--jobs',
        type=int,
        default=os.cpu_count() or 1,
        help='runs at a time, which share the cores (default: one for each core, the '
        'fastest for small networks)',
    )
    return parser.parse_args()


def main() -> None:
    """Run the claim named on the command line."""
    args = parse_args()
    claim = load_claim(args.name, args.quick)
    suffix = '-quick' if args.quick else ''
    work_dir = (args.work_dir or ROOT / f'work_dirs/claims/{args.name}{suffix}').resolve()
    out = (args.out or (work_dir if args.quick else ROOT / 'docs/results')).resolve()
    command = f'python {shlex.join(["tools/benchmark/claims.py", *sys.argv[1:]])}'
    work_dir.mkdir(parents=True, exist_ok=True)

    runs = plan(claim, work_dir)
    data_root = make_data(claim.data, work_dir / 'data.log')
    configs = {run: write_config(run, claim, data_root) for run in runs}
    chosen = [run for run in runs if run.setting in (args.settings or claim.settings)]
    needed = {*chosen, *(run.pretraining for run in chosen)}
    todo = [run for run in runs if run in needed and not run.result_file.is_file()]
    threads = max(1, (os.cpu_count() or 1) // args.jobs)

    def write_report() -> str:
        return report(claim, args.name, results_of(runs), len(runs), out, command)

    with ThreadPoolExecutor(args.jobs) as pool:
        started: dict[Future, Run] = {}
        for run in todo:
            before = next((f for f, r in started.items() if r == run.pretraining), None)
            job = partial(execute, run, configs[run], threads, claim)
            started[pool.submit(after, before, job)] = run
        for future in as_completed(started):
            if future.exception():
                pool.shutdown(wait=False, cancel_futures=True)
            future.result()
            write_report()
            print(f'done: {started[future]}', flush=True)
    print(write_report())


if __name__ == '__main__':
    main()
