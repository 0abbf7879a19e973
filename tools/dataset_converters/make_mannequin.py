"""Make mannequin data: pictures and event recordings of procedural people with exact labels.

Examples:
    python tools/dataset_converters/make_mannequin.py single --out data/mannequin
    python tools/dataset_converters/make_mannequin.py single --easy --out data/mannequin_easy
    python tools/dataset_converters/make_mannequin.py crowd --out data/mannequin_crowd --size 512
    python tools/dataset_converters/make_mannequin.py events --out data/mannequin_events
"""

import argparse
import os
import time
from concurrent.futures import BrokenExecutor
from dataclasses import fields
from pathlib import Path

# One core per process: set before numpy is imported.
for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

from mmpose_ext.synthetic import (  # noqa: E402
    EventRequest,
    Request,
    write_dataset,
    write_event_dataset,
)


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest='kind', required=True)
    for kind, what, size in (
        ('single', 'one person in each image', 256),
        ('crowd', 'several people in each image', 512),
    ):
        sub = kinds.add_parser(kind, help=what, description=f'Make images with {what}.')
        _add_common(sub, size, 'images', ('train', 2000), ('val', 200))
        sub.add_argument(
            '--easy',
            action='store_true',
            help='upright people seen from the front: a small network learns them in minutes',
        )
        if kind == 'crowd':
            sub.add_argument(
                '--people',
                type=int,
                nargs=2,
                default=(1, 12),
                metavar=('FEWEST', 'MOST'),
                help='number of people in an image',
            )
    what = 'recordings of an event camera: gray frames, events, true flow, poses'
    sub = kinds.add_parser('events', help=what, description=f'Make {what}.')
    _add_common(sub, 64, 'recordings', ('train', 160), ('test', 40))
    _add_events(sub)
    return parser.parse_args(args)


def _add_common(
    sub: argparse.ArgumentParser, size: int, unit: str, *splits: tuple[str, int]
) -> None:
    """Add what all kinds of data have."""
    sub.add_argument('--out', required=True, help='folder to write; must not exist')
    for split, count in splits:
        sub.add_argument(f'--num-{split}', type=int, default=count, help=f'{unit} to {split} on')
    sub.add_argument('--size', type=int, default=size, help='width and height in pixels')
    sub.add_argument('--seed', type=int, default=0, help='same seed, same bytes')
    sub.add_argument(
        '--workers', type=int, default=os.cpu_count() or 1, help='processes; one per core'
    )
    sub.add_argument('--contact-sheet', action='store_true', help='add contact_sheet.png')


def _add_events(sub: argparse.ArgumentParser) -> None:
    """Add what recordings of an event camera have; the defaults are the request's."""
    for name, what in (
        ('frames', 'gray frames of a recording'),
        ('fps', 'gray frames a second'),
        ('skip', 'frames that the true flow spans'),
        ('renders_per_bin', 'renders in a quarter of the time between frames'),
        ('threshold', 'change of the logarithm of intensity that makes an event'),
        ('threshold_noise', 'its standard deviation from pixel to pixel'),
        ('refractory_us', 'microseconds for which a pixel rests after an event'),
    ):
        default = getattr(EventRequest, name)
        option = '--' + name.replace('_', '-')
        sub.add_argument(option, type=type(default), default=default, help=f'{what} ({default})')
    sub.add_argument('--raw', action='store_true', help='write the events themselves, too')


def make(args: argparse.Namespace) -> Path:
    """Make what the command line asks for; give the folder."""
    names = {field.name for field in fields(EventRequest if args.kind == 'events' else Request)}
    asked = {name: value for name, value in vars(args).items() if name in names}
    how = dict(workers=args.workers, sheet=args.contact_sheet, progress=True)
    if args.kind == 'events':
        return write_event_dataset(args.out, EventRequest(**asked), **how)
    if args.kind == 'crowd':
        asked['people'] = tuple(args.people)
    return write_dataset(args.out, Request(**asked), **how)


def main() -> None:
    """Make what the command line asks for."""
    args = parse_args()
    start = time.perf_counter()
    try:
        out = make(args)
    except (ValueError, OSError) as error:
        raise SystemExit(f'make_mannequin: {error}') from error
    except BrokenExecutor as error:
        message = 'a worker was killed (out of memory?); nothing was written. Try --workers 1.'
        raise SystemExit(f'make_mannequin: {message}') from error
    except KeyboardInterrupt:
        raise SystemExit('make_mannequin: interrupted; nothing was written') from None
    print(f'{out}: ready after {time.perf_counter() - start:.1f} s')


if __name__ == '__main__':
    main()
