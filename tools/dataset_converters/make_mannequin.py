"""Make mannequin data: pictures of procedural people with exact labels.

Examples:
    python tools/dataset_converters/make_mannequin.py single --out data/mannequin
    python tools/dataset_converters/make_mannequin.py single --easy --out data/mannequin_easy
    python tools/dataset_converters/make_mannequin.py crowd --out data/mannequin_crowd --size 512
"""

import argparse
import os
import time
from concurrent.futures import BrokenExecutor

# One core per process: set before numpy is imported.
for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(_name, '1')

from mmpose_ext.synthetic import Request, write_dataset  # noqa: E402


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
        sub.add_argument('--out', required=True, help='folder to write; must not exist')
        sub.add_argument('--num-train', type=int, default=2000, help='images to train on')
        sub.add_argument('--num-val', type=int, default=200, help='images to validate on')
        sub.add_argument('--size', type=int, default=size, help='width and height in pixels')
        sub.add_argument('--seed', type=int, default=0, help='same seed, same bytes')
        sub.add_argument(
            '--workers', type=int, default=os.cpu_count() or 1, help='processes; one per core'
        )
        sub.add_argument('--contact-sheet', action='store_true', help='add contact_sheet.png')
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
    return parser.parse_args(args)


def main() -> None:
    """Make what the command line asks for."""
    args = parse_args()
    start = time.perf_counter()
    try:
        request = Request(
            kind=args.kind,
            num_train=args.num_train,
            num_val=args.num_val,
            size=args.size,
            seed=args.seed,
            people=tuple(getattr(args, 'people', (1, 12))),
            easy=args.easy,
        )
        out = write_dataset(
            args.out,
            request,
            workers=args.workers,
            sheet=args.contact_sheet,
            progress=True,
        )
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
