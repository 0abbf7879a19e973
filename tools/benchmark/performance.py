"""Run all speed benchmarks, and put their comparisons into one table.

    python tools/benchmark/performance.py --threads 1

Each benchmark is a process of its own and writes its own page and, beside it, a record of its
comparisons; ``docs/results/performance.md`` is made of the records. One that fails is named, and
the others still run; what it measured in an earlier run stays in the table, with that run's
command. The exit status is 1 if one failed or a wanted figure is missed (with ``--quick``, which
measures nothing and writes no pages of docs/, only if one failed).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mmpose_ext  # isort: skip  # mends what MMPose's imports need
import cv2
import mmpose
import torch
from measuring import command_of, make_parser, written_by
from records import HEAD, Record, read_record, record_path

from mmpose_ext.fileio import write_text

TOOLS = Path(__file__).parent
PAGES = TOOLS.parents[1] / 'docs' / 'results'
RESULTS = PAGES / 'performance.md'


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of this folder.

    Attributes:
        name (str): Its script, without suffix.
        page (str): File name of its page.
        options (tuple[str, ...]): Options that keep it short.
    """

    name: str
    page: str
    options: tuple[str, ...] = ()

    def command(self, threads: int, quick: bool, out: Path) -> list[str]:
        """Command line that runs it."""
        command = [sys.executable, str(TOOLS / f'{self.name}.py'), '--threads', str(threads)]
        command += ['--out', str(out / self.page), *self.options]
        return [*command, '--quick'] if quick else command


BENCHMARKS = (
    Benchmark('steps', 'training_steps.md'),
    Benchmark('loaders', 'loaders.md'),
    Benchmark('codecs', 'codecs.md'),
    Benchmark('hemlets', 'hemlets_speed.md'),
    Benchmark('posh', 'posh_speed.md', ('--turns', '3')),
    Benchmark('swahr', 'swahr_speed.md'),
    Benchmark('hsjp', 'hsjp_speed.md', ('--turns', '3')),
    Benchmark('events', 'events_speed.md'),
    Benchmark('event_stream', 'event_stream_speed.md', ('--turns', '3')),
    Benchmark('infer', 'infer_speed.md', ('--turns', '3')),
    # All networks take an hour: the rows of the others stay as they were measured.
    Benchmark('export', 'export_speed.md', ('--turns', '3', '--only', 'simdr/mannequin')),
)


@dataclass(frozen=True)
class Outcome:
    """How a benchmark ended.

    Attributes:
        seconds (float): How long it took.
        failure (str): What it said last if it left no record, else empty.
    """

    seconds: float
    failure: str = ''


def run(benchmark: Benchmark, options: argparse.Namespace, out: Path) -> Outcome:
    """Run a benchmark to its end.

    That figures were missed is no failure: what it says last then is which, and its status is 1.
    """
    record, start = record_path(out / benchmark.page), time.time()
    before = record.stat().st_mtime_ns if record.is_file() else None
    print(f'== {benchmark.name}', flush=True)
    command = benchmark.command(options.threads, options.quick, out)
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    seconds = time.time() - start
    last = (done.stderr.strip().splitlines() or ['it said nothing'])[-1]
    has_ended = done.returncode == 0 or (done.returncode == 1 and last.startswith('Missed: '))
    if has_ended and record.is_file() and record.stat().st_mtime_ns != before:
        return Outcome(seconds)
    print(done.stderr, file=sys.stderr, flush=True)
    return Outcome(seconds, f'exit status {done.returncode}, {last}')


# The page.


def table(records: Sequence[Record]) -> str:
    """The comparisons of all records, each with a link to its page."""
    head, line = HEAD.splitlines()
    rows = [f'| page {head}', f'| --- {line}']
    for record in records:
        rows += [f'| [{record.title}]({record.page}) {one.row()}' for one in record.comparisons]
    return '\n'.join(rows)


def summary(records: Sequence[Record]) -> str:
    """How many comparisons there are, and which were missed."""
    comparisons = [one for record in records for one in record.comparisons]
    asked = [one for one in comparisons if one.wanted]
    missed = [f'{one.what} against {one.against}' for one in asked if not one.is_met]
    said = (
        f'{len(comparisons)} comparisons; a figure was asked of {len(asked)} of them, '
        f'{len(asked) - len(missed)} meet it.'
    )
    return said if not missed else f'{said} Missed: {"; ".join(missed)}.'


def report(records: Sequence[Record], outcomes: dict[str, Outcome], written: str) -> str:
    """The Markdown page."""
    failed = [f'- `{name}`: {one.failure}' for name, one in outcomes.items() if one.failure]
    trouble = ['Not measured in this run, because they failed:', '', *failed, ''] * bool(failed)
    sections = [
        f'## {section.title}\n\nFrom [{record.title}]({record.page}), which says how it is '
        f'measured.\n\n{section.text}\n'
        for record in records
        for section in record.sections
    ]
    commands = [f'- [{one.title}]({one.page}): {one.written}' for one in records]
    return '\n'.join(
        [
            '# Performance',
            '',
            written,
            '',
            'All speed comparisons in one table; the linked pages say what is compared and how. '
            'Results are compared before anything is timed: the column "difference" is the '
            "largest one, relative to the largest value. A ratio is the other's time divided by "
            'ours, both from one run.',
            '',
            summary(records),
            '',
            *trouble,
            table(records),
            '',
            *sections,
            '## Commands and machines',
            '',
            *commands,
            '',
        ]
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, RESULTS)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument(
        '--only', nargs='*', choices=names, default=names, help='benchmarks to run; none: the table'
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns the exit status."""
    options = parse(arguments)
    if options.quick and options.out == RESULTS:
        with tempfile.TemporaryDirectory() as folder:
            options.out = Path(folder) / RESULTS.name
            return measure(options)
    return measure(options)


def write(options: argparse.Namespace, outcomes: dict[str, Outcome], load: float) -> list[Record]:
    """Write the page of what there is by now; returns the records that it is made of."""
    found = (read_record(options.out.parent / benchmark.page) for benchmark in BENCHMARKS)
    records = [record for record in found if record is not None]
    written = written_by(command_of(__file__, options), load, cv2, mmpose, mmpose_ext)
    write_text(options.out, report(records, outcomes, written))
    return records


def measure(options: argparse.Namespace) -> int:
    """Run the benchmarks with pages beside ``options.out``; returns the exit status."""
    load = os.getloadavg()[0]
    torch.set_num_threads(options.threads)
    outcomes: dict[str, Outcome] = {}
    records = write(options, outcomes, load)
    for benchmark in BENCHMARKS:
        if benchmark.name in options.only:
            outcomes[benchmark.name] = run(benchmark, options, options.out.parent)
            records = write(options, outcomes, load)
    for name, one in outcomes.items():
        print(f'{name}: {one.seconds:.0f} s{", " + one.failure if one.failure else ""}')
    print(f'Written to {options.out}. {summary(records)}')
    failed = any(one.failure for one in outcomes.values())
    missed = any(not one.is_met for record in records for one in record.comparisons)
    return int(failed or (missed and not options.quick))


if __name__ == '__main__':
    sys.exit(main())
