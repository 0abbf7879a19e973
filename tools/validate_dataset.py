"""Find what breaks a training on your data before you train: a report, errors first.

    python tools/validate_dataset.py CONFIG [--split train]
    python tools/validate_dataset.py --ann annotations.json --images folder [--num-keypoints 17]

Given a config, the datasets that it trains, validates and tests with are looked at: annotation
files entry by entry, every picture as a training reads it, and whether names and number of
keypoints, model and metric go together. Given a COCO keypoint file and a folder, those. Exits
with 0 if there is no error (there may be warnings), with 1 if there is one.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmengine.config import Config
from tqdm import tqdm

from mmpose_ext.datasets.validation import (
    Keypoints,
    Report,
    validate_coco_file,
    validate_config,
    write_reports,
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (Sequence[str], optional): Its words. None: those of the process.

    Returns:
        argparse.Namespace: The options.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', nargs='?', help='config whose datasets are looked at')
    parser.add_argument('--split', choices=['train', 'val', 'test'], help='default: all of them')
    parser.add_argument('--ann', type=Path, help='COCO keypoint file, instead of a config')
    parser.add_argument('--images', type=Path, help='folder that its file names are relative to')
    parser.add_argument(
        '--num-keypoints', type=int, help="default: as many as the file's category names"
    )
    parser.add_argument('--skip-reading', action='store_true', help='only see that pictures exist')
    parser.add_argument('--examples', type=int, default=3, help='shown of each kind (default: 3)')
    parser.add_argument('--json', type=Path, help='write all findings to this file')
    options = parser.parse_args(arguments)
    if (options.config is None) == (options.ann is None):
        parser.error('give either a config or --ann FILE --images FOLDER')
    if options.ann is not None and (options.images is None or options.split):
        parser.error('--ann goes with --images FOLDER and without --split')
    if options.config is not None and (options.images or options.num_keypoints):
        parser.error('--images and --num-keypoints go with --ann; a config has its own')
    if options.num_keypoints is not None and options.num_keypoints < 1:
        parser.error(f'--num-keypoints should be at least 1, got {options.num_keypoints}')
    return options


def validate(options: argparse.Namespace) -> list[Report]:
    """Look at what the command line names.

    Args:
        options (argparse.Namespace): The options.

    Returns:
        list[Report]: A report for each file.

    Raises:
        SystemExit: If the config cannot be used.
    """
    looks = dict(read=not options.skip_reading, progress=show_progress)
    if options.ann is not None:
        number = options.num_keypoints
        keypoints = None if number is None else Keypoints(number)
        return [validate_coco_file(options.ann, options.images, keypoints, **looks)]
    try:
        splits = [options.split] if options.split else ['train', 'val', 'test']
        return validate_config(Config.fromfile(options.config), splits, **looks)
    except (OSError, ValueError) as error:
        raise SystemExit(f'{options.config}: {error}') from error


def show_progress(results: Iterable) -> Iterable:
    """Show a bar on standard error, if that is a terminal.

    Args:
        results (Iterable): What comes.

    Returns:
        Iterable: The same.
    """
    return tqdm(results, unit=' pictures', disable=None, leave=False, file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, print the reports and write them.

    Args:
        arguments (Sequence[str], optional): Words of the command line. None: the process's.

    Returns:
        int: 1 if there is an error, else 0.
    """
    options = parse(arguments)
    reports = validate(options)
    print('\n\n'.join(report.to_text(options.examples) for report in reports))
    if options.json is not None:
        write_reports(options.json, reports)
    return int(any(report.number('error') for report in reports))


if __name__ == '__main__':
    sys.exit(main())
