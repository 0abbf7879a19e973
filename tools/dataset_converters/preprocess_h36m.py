"""Prepare Human3.6M: from its official files to images, annotations and cameras for MMPose.

    python tools/dataset_converters/preprocess_h36m.py --original DOWNLOADS \
        --processed data/h36m --jobs 4

DOWNLOADS holds, for each subject, what the official site gives (the names that MMPose's tool
wants, s1/Videos.tgz and so on, will do too), and metadata.xml of the official code release:

    Videos_S1.tgz  Poses_D2_Positions_S1.tgz  Poses_D3_Positions_mono_S1.tgz  ...  metadata.xml

What is written is what MMPose's own preprocess_h36m.py writes; that tool does the work. This
one can be stopped at any time and goes on where it was when the same command is given again:
no archive is extracted twice, no video decoded twice, and no file is ever half written.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import numpy as np
from resumable_h36m import FRAME_RATE, SUBJECTS, ResumablePreprocessH36m
from tqdm import tqdm


def generate_all(converter: ResumablePreprocessH36m, jobs: int) -> list[str]:
    """Do all sequences that are not done, with a progress bar.

    One that fails does not stop the others: hours of decoding are not lost to one bad file.

    Args:
        converter (ResumablePreprocessH36m): What does them.
        jobs (int): Processes. With 1 this process does the work.

    Returns:
        list[str]: What went wrong, a line for each sequence that failed.

    Raises:
        OSError: If the disk is full.
    """
    keys = converter.remaining()
    bar = tqdm(total=len(keys), desc='sequences', unit='video')
    with bar, _run(converter, keys, jobs) as results:
        problems = []
        for problem in results:
            problems += [problem] if problem else []
            bar.update()
    return sorted(problems)


@contextlib.contextmanager
def _run(converter: ResumablePreprocessH36m, keys: list, jobs: int) -> Iterator:
    """Iterate over the outcomes of all sequences, done here or by processes."""
    if jobs == 1:
        yield (_do_sequence(converter, key) for key in keys)
        return
    # Fresh processes: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(jobs, context) as pool:
        futures = [pool.submit(_do_sequence, converter, key) for key in keys]
        try:
            yield (future.result() for future in as_completed(futures))
        finally:
            pool.shutdown(cancel_futures=True)


def _do_sequence(converter: ResumablePreprocessH36m, key: tuple[str, str, str, str]) -> str:
    """Do a sequence; say what went wrong, or nothing."""
    cv2.setNumThreads(1)
    try:
        converter.generate_sequence(key)
    except OSError:
        raise
    except Exception as error:
        return f'{converter.sequence_name(key)}: {type(error).__name__}: {error}'
    return ''


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--original', required=True, help='folder of the official archives')
    parser.add_argument('--metadata', help='metadata.xml; default: the one in ORIGINAL')
    parser.add_argument('--extracted', help='default: "extracted" beside ORIGINAL')
    parser.add_argument('--processed', help='folder to write; default: "processed" beside ORIGINAL')
    parser.add_argument(
        '--subjects', nargs='+', default=SUBJECTS, metavar='S', help='default: the seven with poses'
    )
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        *('--stride', '--sample-rate'), type=int, default=5, help='every which frame; default: 5'
    )
    rate.add_argument('--fps', type=int, help='frames a second instead: 50, 25, 10, 5, 2 or 1')
    parser.add_argument(
        '--skip', nargs='+', default=(), metavar='SEQ', help='such as S11/Directions.54138969'
    )
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='default: all cores')
    return parser.parse_args(args)


def prepare(args: argparse.Namespace) -> Path:
    """Do everything that is not done.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        Path: Folder of the annotations.

    Raises:
        ValueError, OSError: As the methods say, or if an argument is wrong.
    """
    if args.jobs < 1:
        raise ValueError(f'--jobs must be at least 1, got {args.jobs}')
    if args.fps is not None and (args.fps < 1 or FRAME_RATE % args.fps):
        raise ValueError(f'--fps must be 50, 25, 10, 5, 2 or 1, got {args.fps}')
    beside = Path(args.original).absolute().parent
    converter = ResumablePreprocessH36m(
        args.original,
        args.extracted or str(beside / 'extracted'),
        args.processed or str(beside / 'processed'),
        args.metadata or str(Path(args.original, 'metadata.xml')),
        sample_rate=FRAME_RATE // args.fps if args.fps else args.stride,
        subjects=tuple(args.subjects),
        skip=tuple(args.skip),
    )
    converter.extract_tgz()
    converter.generate_cameras_file()
    problems = generate_all(converter, args.jobs)
    if problems:
        listed = '\n  '.join(problems)
        raise ValueError(
            f'{len(problems)} sequences failed, all others are done:\n  {listed}\nReplace these '
            'files in the extracted folder, or name the sequences after --skip, and run the same '
            'command again.'
        )
    converter.generate_annotations()
    return converter.annotation_dir


def main(args: list[str] | None = None) -> None:
    """Prepare what the command line asks for."""
    try:
        folder = prepare(parse_args(args))
    except (ValueError, OSError, BrokenExecutor) as error:
        sys.exit(f'preprocess_h36m: {error}')
    except KeyboardInterrupt:
        sys.exit('preprocess_h36m: interrupted; the same command goes on from here')
    for file in sorted(folder.glob('h36m_*.npz')):
        with np.load(file) as data:
            print(f'{file}: {len(data["imgname"])} frames')


if __name__ == '__main__':
    main()
