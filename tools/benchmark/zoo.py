"""Measure our configs and named ones of MMPose's zoo on one machine in one run.

    python tools/benchmark/zoo.py --threads 1

Every config runs in a process of its own, with random weights and nothing fetched: parameters,
operations, images per second and peak memory at batch 1 and 32, each time in turns with the same
reference network. With ``--weights DIR`` the checkpoints there (``<config's name>.pth``, MMPose's
own ``<config's name>-*.pth`` or work dirs of that name) are tested by their config's own test on
the data that it names. Published figures come from the metafiles and stand in their own column.
Configs given by name are measured in place of the list's.

Writes ``docs/results/zoo.md``, ``zoo.json`` beside it and ``docs/images/zoo.png``. ``--redraw``
makes page and picture of that JSON without measuring; ``--resume`` measures what it lacks, after a
run that was stopped.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import mmcv
import mmengine
import mmpose
from measuring import command_of, finish, make_parser, written_by
from zoo_list import GROUPS, Entry, Group
from zoo_measure import Settings, accuracy, cost, measure_apart
from zoo_published import path_of
from zoo_report import Measured, plot, report

from mmpose_ext.fileio import write_text

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / 'docs' / 'results' / 'zoo.md'
PICTURE = ROOT / 'docs' / 'images' / 'zoo.png'


def checkpoint_of(config: str, folder: Path | None) -> Path | None:
    """The checkpoint of a config in a folder, if there is one.

    ``<stem>.pth``, what MMPose calls ``<stem>-<hash>_<date>.pth``, or the best or last checkpoint
    of a work dir ``<stem>``.
    """
    if folder is None:
        return None
    stem = path_of(config).stem
    patterns = f'{stem}.pth', f'{stem}-*_*.pth', f'{stem}/best_*.pth'
    for pattern in patterns:
        if found := sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime):
            return found[-1]
    pointer = folder / stem / 'last_checkpoint'
    return Path(pointer.read_text().strip()) if pointer.is_file() else None


def measure_all(
    entries: Iterable[Entry], settings: Settings, weights: Path | None
) -> Iterator[tuple[str, Measured]]:
    """Measure configs, one after the other, and say how it goes."""
    for entry in entries:
        start = time.perf_counter()
        found = dict(cost=measure_apart(cost, entry.config, settings))
        if checkpoint := checkpoint_of(entry.config, weights):
            found['accuracy'] = measure_apart(
                accuracy, entry.config, str(checkpoint.resolve()), settings
            )
        wrong = '; '.join(part['error'] for part in found.values() if 'error' in part)
        print(f'{entry.config}: {wrong or f"{time.perf_counter() - start:.0f} s"}', flush=True)
        yield entry.config, found


def chosen_groups(configs: list[str]) -> list[Group]:
    """The list's groups, or those of its configs that are named, and the others in a last one.

    Raises:
        FileNotFoundError: If there is no such config.
    """
    if not configs:
        return list(GROUPS)
    for config in configs:
        if not path_of(config).is_file():
            raise FileNotFoundError(f'There is no config {config!r}: looked at {path_of(config)}.')
    kept = [group.only(configs) for group in GROUPS]
    listed = {entry.config for group in kept for entry in group.entries}
    others = tuple(Entry(path_of(one).stem, one) for one in configs if one not in listed)
    return [group for group in (*kept, Group('Others', '', '', others)) if group.entries]


def run(groups: Iterable[Group], options: argparse.Namespace, record: Path) -> dict[str, Any]:
    """Measure and record; the record is whole after every config, should the run be stopped."""
    load, start = os.getloadavg()[0], time.perf_counter()
    quick = dict(turns=1, seconds=0.0, batch=2) if options.quick else dict(turns=options.turns)
    settings = Settings(options.threads, options.device, **quick)
    command = ' '.join((command_of(__file__, options), *options.configs))
    command += f' --weights {options.weights}' if options.weights else ''
    content: dict[str, Any] = dict(vars(settings), written=[], results={})
    if options.resume:
        content = json.loads(record.read_text(encoding='utf-8'))
        if (former := {name: content[name] for name in vars(settings)}) != vars(settings):
            raise ValueError(f'{record} was measured with {former}, resume it with the same.')
    earlier, known = content['written'], content['results']
    entries = [one for group in groups for one in group.entries if one.config not in known]
    for config, found in measure_all(entries, settings, options.weights):
        known[config] = found
        minutes = (time.perf_counter() - start) / 60
        written = written_by(command, load, mmpose, mmcv, mmengine, mmpose_ext)
        content['written'] = [*earlier, f'{written} It took {minutes:.0f} minutes.']
        write_text(record, json.dumps(content, indent=1) + '\n')
    return content


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; the exit status is 1 if a given checkpoint could not be tested."""
    parser = make_parser(__doc__, RESULTS, turns=Settings.turns)
    parser.add_argument('configs', nargs='*', help="in place of the list's; MMPose's: mmpose::...")
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--weights', type=Path, help='folder of checkpoints to test')
    parser.add_argument('--picture', type=Path, default=PICTURE, help='PNG file to write')
    parser.add_argument('--redraw', action='store_true', help='measure nothing')
    parser.add_argument('--resume', action='store_true', help='measure what the record lacks')
    options = parser.parse_args(arguments)
    record, groups = options.out.with_suffix('.json'), chosen_groups(options.configs)
    if options.redraw:
        content = json.loads(record.read_text(encoding='utf-8'))
    else:
        content = run(groups, options, record)
    groups = [kept for group in groups if (kept := group.only(content['results'])).entries]
    picture = plot(groups, content, options.picture)
    page = report(groups, content, picture, options.out)
    tests = {name: found.get('accuracy', {}) for name, found in content['results'].items()}
    return finish(options, page, [name for name, found in tests.items() if 'error' in found])


if __name__ == '__main__':
    sys.exit(main())
