"""Do the tests see a mistake? Formulas are made wrong, one at a time, and tests must go red.

The mutations stand in mutation_lists/: for each source file the tests that should see them, and
pairs of a text that occurs once in the file and the wrong text for it. They are made in a copy of
the repository, so that the working tree stays as it is. At the end the tests that went red run on
sources that are not mutated, where they must be green. The exit status is 1 if a mutation
survives, or if the list does not fit the sources any more.

    python tools/benchmark/mutations.py
    python tools/benchmark/mutations.py --only codecs losses
    python tools/benchmark/mutations.py --minutes 20 --state mutations.txt
"""

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from measuring import processor
from mutated_tests import ELSEWHERE, TIMED_OUT

from mmpose_ext.fileio import write_text

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings it
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).with_name('mutation_lists')
PAGE = ROOT / 'docs/results/mutations.md'
KILLED, SURVIVED = 'killed', 'survived'
# What an exit status of pytest says about the list instead.
ERRORS = {
    2: 'the tests cannot be read, see the mutation for a slip',
    4: 'the package cannot be imported, see the mutation for a slip',
    5: 'no tests were found',
    ELSEWHERE: 'the tests do not import mmpose_ext from the copy',
    TIMED_OUT: 'the tests did not end',
}


class Mutation(NamedTuple):
    """A mistake to make: in ``file``, ``new`` in place of ``old``; ``tests`` should see it."""

    part: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The change on one line."""
        old, new = (' '.join(text.split()) for text in (self.old, self.new))
        return f'{self.file}: {old} -> {new or "nothing"}'


class Outcome(NamedTuple):
    """What came out for a mutation: killed, survived, or what is wrong with the list."""

    mutation: Mutation
    verdict: str
    killer: str | None  # the test that went red
    seconds: float


def read_lists(paths: Iterable[Path]) -> list[Mutation]:
    """Read lists of mutations; the name of a file is that of the part.

    Raises:
        ValueError: If a list has other fields than it should have.
    """
    mutations = []
    for path in paths:
        content = tomllib.loads(path.read_text(encoding='utf-8'))
        try:
            for source in content['source']:
                for old, new in source['mutations']:
                    tests = tuple(source['tests'])
                    mutations.append(Mutation(path.stem, source['file'], old, new, tests))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{path} is no list of mutations ({error!r}). Each [[source]] has a file, tests, '
                'and mutations: pairs of the text and the wrong text.'
            ) from error
    return mutations


def fault(mutation: Mutation, root: Path = ROOT) -> str | None:
    """Say what makes a mutation stale, if anything does."""
    path = root / mutation.file
    if not path.is_file():
        return 'there is no such file'
    number = path.read_text(encoding='utf-8').count(mutation.old)
    if number != 1:
        return f'its text occurs {number} times, not once'
    for test in mutation.tests:
        file, _, function = test.partition('::')
        if not (root / file).is_file():
            return f'there is no {file}'
        if function and f'def {function}(' not in (root / file).read_text(encoding='utf-8'):
            return f'there is no {test}'
    return None


class Copy:
    """A copy of the repository in a folder, and a process there that runs tests."""

    def __init__(self, folder: Path, timeout: int) -> None:
        self.root = folder / 'repository'
        names = ('git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
        listed = subprocess.run(names, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in set(filter(None, listed.stdout.split('\0'))):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        script = self.root / 'tools/benchmark/mutated_tests.py'
        self.process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', script, folder, str(timeout)],
            cwd=self.root,
            env={**os.environ, 'PYTHONPATH': str(self.root), 'OMP_NUM_THREADS': '1'},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run_tests(self, *args: str) -> tuple[int, list[str]]:
        """Exit status of pytest on sources as they are now, and the tests that went red.

        Raises:
            RuntimeError: If the process there has ended.
        """
        self.process.stdin.write(json.dumps(args) + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError('the process that runs the tests has ended, see its output above.')
        status, red = json.loads(answer)
        return status, red

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def try_out(mutation: Mutation, copy: Copy) -> Outcome:
    """Make a mutation, run its tests until one goes red, and undo it."""
    begin = time.perf_counter()
    verdict, killer = fault(mutation, copy.root), None
    if verdict is None:
        path = copy.root / mutation.file
        text = path.read_text(encoding='utf-8')
        path.write_text(text.replace(mutation.old, mutation.new), encoding='utf-8')
        try:
            status, red = copy.run_tests('-x', *mutation.tests)
        finally:
            path.write_text(text, encoding='utf-8')
        verdict = {0: SURVIVED, 1: KILLED}.get(status) or _problem(status)
        killer = red[0] if verdict == KILLED else None
    return Outcome(mutation, verdict, killer, time.perf_counter() - begin)


def checked(found: Sequence[Outcome], copy: Copy) -> list[Outcome]:
    """Run the tests that went red without mutations; those that are red still killed nothing."""
    killers = sorted({one.killer for one in found if one.killer})
    status, red = copy.run_tests(*killers) if killers else (0, [])
    if status not in (0, 1):
        raise RuntimeError(f'the tests cannot be run without mutations: {_problem(status)}.')
    return [
        one._replace(verdict=f'{one.killer} is red without it') if one.killer in red else one
        for one in found
    ]


def _problem(status: int) -> str:
    return ERRORS.get(status, f'pytest ended with the status {status}')


def read_state(path: Path) -> dict[Mutation, Outcome]:
    """What an earlier run wrote of what came out, if there was one."""
    found = {}
    for line in path.read_text(encoding='utf-8').splitlines() if path.exists() else ():
        (part, file, old, new, tests), *rest = json.loads(line)
        mutation = Mutation(part, file, old, new, tuple(tests))
        found[mutation] = Outcome(mutation, *rest)
    return found


def report(found: Sequence[Outcome], listed: int, command: str) -> str:
    """The page: a table by source file, and each mutation that was not killed."""
    verdicts = Counter(one.verdict for one in found)
    table = []
    for file in dict.fromkeys(one.mutation.file for one in found):
        mine = [one.verdict for one in found if one.mutation.file == file]
        table.append(f'| `{file}` | {len(mine)} | {mine.count(KILLED)} | {mine.count(SURVIVED)} |')
    others = [
        f'- {one.verdict}: `{one.mutation.summary}`' for one in found if one.verdict != KILLED
    ]
    lines = [
        '# Do the tests see a mistake?',
        '',
        'Formulas made wrong on purpose, one at a time: a sign, an axis, a weight, a border, a',
        'mask. For each, the tests of that formula must go red; those few are run, not the suite.',
        'The mutations and their tests stand in `tools/benchmark/mutation_lists/`. They were',
        'chosen by hand, one or more for each formula: not a share of all that could be wrong.',
        '',
        f'**{len(found)} of {listed} mutations made, in {len(table)} files: '
        f'{verdicts[KILLED]} killed, {verdicts[SURVIVED]} survived, '
        f'{len(others) - verdicts[SURVIVED]} stale.**',
        '',
        *(['Not killed:', '', *others, ''] if others else []),
        '| file | mutations | killed | survived |',
        '| --- | ---: | ---: | ---: |',
        *table,
        '',
        f'Written by `{command}` in {sum(one.seconds for one in found):.0f} s on {processor()}, '
        f'1 used; Python {platform.python_version()}.',
    ]
    return '\n'.join(lines) + '\n'


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--lists', type=Path, default=LISTS, help='folder of the lists')
    parser.add_argument('--only', nargs='+', metavar='PART', help='lists by name; default: all')
    parser.add_argument('--match', default='', help='only files whose path has this text')
    parser.add_argument(
        '--state', type=Path, help='file that keeps what came out; what it has is not run again'
    )
    parser.add_argument(
        '--minutes', type=float, default=math.inf, help='when to stop; the rest is left for later'
    )
    parser.add_argument('--timeout', type=int, default=120, help='seconds for one run of tests')
    parser.add_argument(
        '--out', type=Path, help=f'page to write; default where all is run: {PAGE.name} in the docs'
    )
    options = parser.parse_args(args)
    names = {path.stem: path for path in sorted(options.lists.glob('*.toml'))}
    unknown = sorted(set(options.only or ()) - names.keys())
    if unknown or not names:
        parser.error(f'{options.lists} has the lists {list(names)}, not {unknown}.')
    options.paths = [path for name, path in names.items() if name in (options.only or names)]
    if options.out is None and not options.only and not options.match:
        options.out = PAGE
    return options


def in_turn(mutations: Sequence[Mutation]) -> list[Mutation]:
    """The first of each file, then the second of each: a run that is cut short saw all files."""
    number: Counter[str] = Counter()
    turns = []
    for one in mutations:
        number[one.file] += 1
        turns.append(number[one.file])
    return [one for _, one in sorted(zip(turns, mutations, strict=True), key=lambda pair: pair[0])]


def run(mutations: Sequence[Mutation], options: argparse.Namespace) -> list[Outcome]:
    """What comes out, or came out in an earlier run; new outcomes are printed and kept."""
    known = read_state(options.state) if options.state else {}
    missing = [one for one in in_turn(mutations) if one not in known]
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder), options.timeout)
        try:
            for number, mutation in enumerate(missing, start=1):
                if time.monotonic() > end:
                    break
                known[mutation] = outcome = try_out(mutation, copy)
                if options.state:
                    with options.state.open('a', encoding='utf-8') as file:
                        file.write(json.dumps(outcome) + '\n')
                print(f'{number}/{len(missing)} {outcome.verdict}: {mutation.summary}', flush=True)
            return checked([known[one] for one in mutations if one in known], copy)
        finally:
            copy.close()


def main() -> int:
    """Run the mutations, print what came out, and write the page."""
    options = parse_args()
    listed = [one for one in read_lists(options.paths) if options.match in one.file]
    found = run(listed, options)
    if options.out:
        command = 'python tools/benchmark/mutations.py'
        command += f' --only {" ".join(options.only)}' if options.only else ''
        write_text(options.out, report(found, len(listed), command))
        print(f'Written to {options.out}.')
    return int(any(one.verdict != KILLED for one in found))


if __name__ == '__main__':
    sys.exit(main())
