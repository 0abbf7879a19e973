"""Put a paper's claim to the test on mannequin data: arms x settings x seeds.

    python tools/benchmark/claims.py simdr_low_resolution
    python tools/benchmark/claims.py simdr_low_resolution --quick

A claim is a file of ``configs/claims``: which configs (arms) are compared in
which settings, over which seeds, on which mannequins. An arm is the path of a
config, or ``dict(config=path, options={...})`` with values to change in it, as
``--cfg-options`` would. Every run goes through
``tools/train.py`` and ``tools/test.py`` on the config that lies in its folder
under ``--work-dir``. Runs that are finished are not repeated and a run that was
cut off is resumed, so the same command can be given again at any time. The
table and the raw numbers go to ``--out`` (``docs/results``; with ``--quick``
they stay in the work directory). The last checkpoint is scored, not the best
one, which would have been chosen on the validation set.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from measuring import processor
from mmengine.config import Config

import mmpose_ext
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
    """

    setting: str
    arm: str
    seed: int
    config: Path
    folder: Path
    options: dict = field(default_factory=dict, compare=False)

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
        claim.seeds = claim.quick.seeds
        claim.settings = {key: claim.settings[key] for key in claim.quick.settings}
    return claim


def plan(claim: Config, work_dir: Path) -> list[Run]:
    """List the runs of a claim: seeds outermost, so that a part of them is already fair."""
    runs = []
    for seed in claim.seeds:
        for setting, arms in claim.settings.items():
            for arm, what in arms.items():
                config, options = (
                    (what, {}) if isinstance(what, str) else (what['config'], what['options'])
                )
                folder = work_dir / setting / arm / f'seed{seed}'
                runs.append(Run(setting, arm, seed, ROOT / config, folder, dict(options)))
    return runs


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


def write_config(run: Run, claim: Config, data_root: Path) -> Path:
    """Write the run's own config: the arm's, with data, seed and overrides filled in.

    Raises:
        SystemExit: If the run was begun with other settings, which would mix two experiments.
    """
    cfg = Config.fromfile(run.config)
    cfg.merge_from_dict(run.options)
    old_root = cfg.data_root
    for dataset in datasets_of(cfg):
        dataset.data_root = f'{data_root}/'
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        if 'ann_file' in evaluator:
            evaluator.ann_file = evaluator.ann_file.replace(old_root, f'{data_root}/')
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


def execute(run: Run, config: Path, threads: int) -> None:
    """Train and test one run and leave its ``result.json``."""
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
    write_text(run.result_file, json.dumps(result, indent=2))
    for weights in run.work_dir.glob('*.pth'):
        weights.unlink()


def spread(values: list[float], digits: int) -> str:
    """Write mean and, of several values, the sample standard deviation."""
    mean = f'{statistics.mean(values):.{digits}f}'
    return f'{mean} ± {statistics.stdev(values):.{digits}f}' if len(values) > 1 else mean


def table(claim: Config, results: list[dict]) -> str:
    """Write the Markdown table: a row for each arm in each setting."""
    main = claim.metrics[0]
    digits = claim.get('digits', 3)
    names = ' | '.join(f'{metric} (mean ± sd)' for metric in claim.metrics)
    lines = [
        f'| setting | arm | {names} | {main} by seed | difference to {claim.baseline}, by seed '
        '| s a run |',
        '|---' * (len(claim.metrics) + 5) + '|',
    ]
    for setting, arms in claim.settings.items():
        scores = {
            arm: [r for r in results if (r['setting'], r['arm']) == (setting, arm)] for arm in arms
        }
        reference = {r['seed']: r['metrics'][main] for r in scores.get(claim.baseline, [])}
        for arm, rows in scores.items():
            by_seed = {r['seed']: r['metrics'][main] for r in rows}
            gaps = [f'{v - reference[s]:+.{digits}f}' for s, v in by_seed.items() if s in reference]
            means = ' | '.join(
                spread([r['metrics'][metric] for r in rows], digits) if rows else 'not run'
                for metric in claim.metrics
            )
            seconds = f'{statistics.mean([r["train_seconds"] for r in rows]):.0f}' if rows else ''
            lines.append(
                f'| {setting} | {arm} | {means} | '
                f'{" ".join(f"{v:.{digits}f}" for v in by_seed.values())} | '
                f'{"" if arm == claim.baseline else " ".join(gaps)} | {seconds} |'
            )
    return '\n'.join(lines)


def report(claim: Config, name: str, runs: list[Run], out: Path, command: str) -> str:
    """Write the JSON and the Markdown page of what has been run so far."""
    results = [json.loads(r.result_file.read_text()) for r in runs if r.result_file.is_file()]
    data = ', '.join(f'{key} {value}' for key, value in claim.data.items())
    paragraphs = [
        f'# {claim.title}',
        f'**Claim.** {claim.claim} Source: {claim.source}.',
        table(claim, results),
        claim.get('reading', ''),
        f'{len(results)} of {len(runs)} runs. Mannequins: {data}. '
        f'{claim.get("tested", "Last checkpoint, flip test, ground-truth boxes.")}\n'
        f'Machine: {processor()}, torch {torch.__version__}; mmpose_ext {mmpose_ext.__version__}.',
        f'```\n{command}\n```\n',
    ]
    page = '\n\n'.join(filter(None, paragraphs))
    header = dict(claim=name, command=command, machine=processor(), data=dict(claim.data))
    write_text(out / f'{name}.json', json.dumps(dict(header, results=results), indent=2) + '\n')
    write_text(out / f'{name}.md', page)
    return page


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
    todo = [
        run
        for run in runs
        if run.setting in (args.settings or claim.settings) and not run.result_file.is_file()
    ]
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    with ThreadPoolExecutor(args.jobs) as pool:
        started = {pool.submit(execute, run, configs[run], threads): run for run in todo}
        for future in as_completed(started):
            if future.exception():
                pool.shutdown(wait=False, cancel_futures=True)
            future.result()
            report(claim, args.name, runs, out, command)
            print(f'done: {started[future]}', flush=True)
    print(report(claim, args.name, runs, out, command))


if __name__ == '__main__':
    main()
