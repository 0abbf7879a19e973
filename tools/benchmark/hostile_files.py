"""Feeds damaged files, and files made to harm, to every reader.

A child process with bounded memory reads the files of a reader; each gets so many seconds. What may
come out is a result, or an error that names the file: a ValueError, an OSError, or the words with
which a tool ends. Everything else is a defect: a crash, a hang, code that was run, another error,
one that does not say which file it was.
"""

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import h5py
import torch
from hostile_corpus import Hostile, corpus
from hostile_readers import READERS, Reader
from measuring import command_of, finish, make_parser, written_by
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

PAGE = Path(__file__).resolve().parents[2] / 'docs/results/hostile_files.md'
SECONDS, MEMORY = 20.0, 2 * 2**30
KINDS = (
    *('folder, empty', 'cut off', 'bytes changed', 'other format', 'values changed'),
    *('deep nesting', '100 MB', 'arrays changed', 'bombs, lying headers', 'bombs'),
    'would run code',
)
GOOD = ('read', 'refused')
# Of the slow readers' files, and with --quick of all, so many are tried.
_SLOW_SHARE, _QUICK_SHARE = 0.2, 0.02


@dataclass
class Tried:
    """What became of a reader's files.

    Attributes:
        counts (Counter): Files by kind and outcome.
        defects (list[str]): What should not have been, a line each.
        longest (float): Seconds that the slowest file took.
        memory (float): MB that the reader took at most, above what it began with.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    longest: float = 0.0
    memory: float = 0.0

    def add(self, file: Hostile, index: int, outcome: str, detail: str = '') -> None:
        """Count a file."""
        self.counts[file.kind, outcome] += 1
        if outcome not in GOOD:
            self.defects.append(f'{file.kind}, file {index}: {outcome}: {detail:.300}')


def judge(reader: Reader, path: Path, canary: Path) -> tuple[str, str]:
    """Let a reader read a file.

    Args:
        reader (Reader): The reader.
        path (Path): The file.
        canary (Path): What code in the file would write.

    Returns:
        tuple[str, str]: The outcome, ``'read'`` or ``'refused'`` where all is well, and details.
    """
    outcome, detail = 'read', ''
    try:
        reader.read(path)
    except (Exception, SystemExit) as error:
        names_it = path.name in str(error)
        told = isinstance(error, ValueError | OSError | SystemExit) and names_it
        outcome = 'refused' if told else 'refused without the name' if not names_it else 'error'
        detail = f'{type(error).__name__}: {error}'
    if canary.exists():
        canary.unlink()
        outcome, detail = 'code run', detail
    return outcome, detail


def files_of(reader: Reader, folder: Path, share: float) -> Iterator[Hostile]:
    """Make the bad files of a reader, after its well-made one in a folder."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    reader.write(path)
    seed = sum(map(ord, reader.name))
    share *= _SLOW_SHARE if reader.slow else 1
    return corpus(path.read_bytes(), path.suffix, folder / 'canary', share, seed)


def place(path: Path, content: bytes | None) -> None:
    """Put a bad file, or a folder, where the well-made one was."""
    if path.is_dir():
        path.rmdir()
    if content is None:
        path.unlink(missing_ok=True)
        path.mkdir()
    else:
        path.write_bytes(content)


def _child(reader: Reader, folder: Path, files: Sequence[Hostile], out: Connection) -> None:
    torch.set_num_threads(1)
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    quiet = open(os.devnull, 'w')  # noqa: SIM115  for the rest of the process
    os.dup2(quiet.fileno(), 2)
    warnings.simplefilter('ignore')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with redirect_stdout(quiet), redirect_stderr(quiet):
        for file in files:
            place(folder / reader.file, file.content)
            start = time.process_time()
            outcome, detail = judge(reader, folder / reader.file, folder / 'canary')
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            out.send((outcome, detail[:400], time.process_time() - start, grown))


def attempt(reader: Reader, share: float) -> Tried:
    """Try all files of a reader, going on behind one at which it crashed or hung."""
    tried, context = Tried(), multiprocessing.get_context('fork')
    folder = Path(tempfile.mkdtemp(prefix='hostile-'))
    try:
        files = list(files_of(reader, folder, share))
        outcome, detail = judge(reader, folder / reader.file, folder / 'canary')
        if outcome != 'read':
            raise SystemExit(f'{reader.name}: its well-made file is not read: {detail}')
        done = 0
        while done < len(files):
            receive, send = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(reader, folder, files[done:], send))
            child.start()
            send.close()
            done = _collect(receive, files, done, tried)
            child.kill()
            child.join()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tried


def _collect(receive: Connection, files: Sequence[Hostile], done: int, tried: Tried) -> int:
    while done < len(files):
        file = files[done]
        done += 1
        try:
            if not receive.poll(SECONDS):
                tried.add(file, done - 1, 'hang', f'more than {SECONDS:g} s')
                return done
            outcome, detail, seconds, grown = receive.recv()
        except EOFError:
            tried.add(file, done - 1, 'crash')
            return done
        tried.add(file, done - 1, outcome, detail)
        tried.longest = max(tried.longest, seconds)
        tried.memory = max(tried.memory, grown)
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all readers and write the page; 1 if there was a defect."""
    parser = make_parser(__doc__ or '', PAGE)
    parser.add_argument('--share', type=float, default=1.0, help='of the files (default: 1)')
    parser.add_argument('--only', default='', help='readers whose name begins so')
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    init_default_scope('mmpose')
    MMLogger.get_current_instance().setLevel('ERROR')
    load, results = os.getloadavg()[0], {}
    for reader in READERS:
        if reader.name.startswith(options.only):
            results[reader.name] = tried = attempt(
                reader, _QUICK_SHARE if options.quick else options.share
            )
            print(f'{reader.name}: {tried.counts.total()} files', flush=True)
            for defect in tried.defects:
                print(f'  {defect}', flush=True)
    missed = [f'{name}: {len(one.defects)}' for name, one in results.items() if one.defects]
    command = command_of(__file__, options)
    command += f' --share {options.share:g}' if options.share < 1 else ''
    page = _page(results, written_by(command, load, cv2, h5py))
    return max(finish(options, page, missed), int(bool(missed)))


def _page(results: dict[str, Tried], written: str) -> str:
    total = sum((one.counts for one in results.values()), Counter())
    number = total.total()
    refused = sum(count for (_, outcome), count in total.items() if outcome == 'refused')
    defects = sum(len(one.defects) for one in results.values())
    others = Counter(outcome for (_, outcome) in total.elements() if outcome not in GOOD)
    longest = max((one.longest for one in results.values()), default=0)
    memory = max((one.memory for one in results.values()), default=0)
    rows = [_row(name, one) for name, one in results.items()]
    return '\n'.join(
        [
            *_HEAD,
            f'**{number} bad files, {len(results)} readers: {refused} refused by an error that '
            f'names the file, {number - refused - defects} read, {defects} anything else'
            f'{": " + ", ".join(f"{n} {o}" for o, n in others.items()) if others else ""}.** The '
            f'slowest took {longest:.1f} s, and none took more than {memory:.0f} MB above what '
            'the reader began with.',
            '',
            '| reader | ' + ' | '.join(KINDS) + ' | anything else |',
            '|---|' + '---:|' * (len(KINDS) + 1),
            *rows,
            '',
            *_FOOT,
            '',
            written,
            '',
        ]
    )


def _row(name: str, tried: Tried) -> str:
    cells = []
    for kind in KINDS:
        number = sum(count for (of, _), count in tried.counts.items() if of == kind)
        cells.append(f'{number} ({tried.counts[kind, "refused"]})' if number else '')
    return f'| {name} | {" | ".join(cells)} | {len(tried.defects)} |'


_HEAD = (
    '# Is a bad file refused?',
    '',
    'Each reader gets a small well-made file, and then what can be made of it: cut off at many',
    'places, with other bytes, of another format, with other values at each node of a JSON file,',
    'nested deeply, in 100 MB of JSON, with arrays of other types, shapes and values, with headers',
    'that say more than the file holds, as a bomb that unpacks to gigabytes, and with pickles that',
    'would write a file if any of them were run. A child process of 2 GiB reads them, 20 s each.',
    '',
    'A file may be read, where what was changed does no harm or cannot be told, or it must be',
    'refused by an error that names it. Anything else is a defect: a crash, a hang, code that was',
    'run, another error, an error that does not name the file.',
    '',
)
_FOOT = (
    'In the cells: files tried, and in brackets how many of them were refused. Of videos,',
    "checkpoints, archives and what MMPose's datasets read one in five was tried; recordings of",
    'events were read as a whole and in their first 100 windows. Configs are not among the',
    'formats: they are Python and run as such, as in all of OpenMMLab; take none from strangers.',
    "Nor are AEDAT 4 and RAW, which optional libraries read, Human3.6M's CDF files, which MMPose's",
    'own tool reads, and ONNX files, whose SHA-256 must be the one in their description. The',
    'validation of COCO files does not refuse: what is wrong is in its report.',
)


if __name__ == '__main__':
    sys.exit(main())
