"""Make recordings for MMHPSDataset of the authors' MMHPSD, or of its newer release.

The preprocessed archive of EventHPE's authors (pose_events, events_256, full_pic_256, hmr_results,
vibe_results_0802, pred_flow_events_256):

    python tools/dataset_converters/mmhpsd.py data/mmhpsd_archive --out data/mmhpsd [--flow]

The newer release (mmhpsd_events/RECORDING/{events_frame_04,poses}):

    python tools/dataset_converters/mmhpsd.py data/mmhpsd_events --out data/mmhpsd --newer

Its pickles are read by a restricted unpickler: nothing that they may hold is run. Pictures are
linked, or copied with --copy; with --out the folder itself they stay where they are. A run that was
interrupted goes on where it stopped.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

import mmhpsd_sources as sources
from tqdm import tqdm

from mmpose_ext.datasets.datasets.event_recordings import read_event_source, read_recordings
from mmpose_ext.event_layout import (
    SPLITS,
    intrinsics,
    read_split,
    write_dataset_file,
    write_npz,
    write_split,
)
from mmpose_ext.flow_file import write_flow

SIZE, FPS = 256, 15.0
# The authors' test subjects.
TEST_SUBJECTS = ('subject01', 'subject02', 'subject07')
_RECORDING = re.compile(r'(subject\d+)_(group\d+)_(time\d+)')
# The authors leave this group out.
_LEFT_OUT = 'group4'
_PICTURES = (f'events_{SIZE}', f'full_pic_{SIZE}')


def find_recordings(folder: Path) -> list[dict[str, str]]:
    """List the recordings of a folder by their names.

    Args:
        folder (Path): Its folders are named subject01_group1_time1 and so on.

    Returns:
        list[dict[str, str]]: ``name``, ``subject`` and ``action`` of each; without group 4.

    Raises:
        FileNotFoundError: If there are none.
    """
    names = (
        sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []
    )
    matches = [match for name in names if (match := _RECORDING.fullmatch(name))]
    recordings = [
        {'name': match.group(), 'subject': match.group(1), 'action': match.group(2)}
        for match in matches
        if match.group(2) != _LEFT_OUT
    ]
    if not recordings:
        raise FileNotFoundError(
            f'{folder} has no folders subject*_group*_time*: give the folder of the unpacked '
            'archive, or --newer for the newer release'
        )
    return recordings


def write_splits(root: Path, recordings: list[dict[str, str]]) -> None:
    """Write dataset.json, and the authors' split by subjects.

    Args:
        root (Path): The folder of the recordings.
        recordings (list[dict[str, str]]): All of them.
    """
    focal, principal_pt = intrinsics(SIZE)
    pairs = (SIZE, SIZE), (focal, focal), (principal_pt, principal_pt)
    write_dataset_file(root, *pairs, FPS, 'mmhpsd')
    for split in SPLITS:
        is_test = split == 'test'
        write_split(
            root, split, [r for r in recordings if (r['subject'] in TEST_SUBJECTS) == is_test]
        )


def place_pictures(source: Path, root: Path, copy: bool) -> None:
    """Link or copy the folders of pictures, unless they are there.

    Args:
        source (Path): The authors' archive.
        root (Path): The folder of the recordings.
        copy (bool): Whether to copy them.

    Raises:
        FileNotFoundError: If there are no pictures of events.
    """
    for name in _PICTURES:
        here, there = source / name, root / name
        if not here.exists():
            if name.startswith('events'):
                raise FileNotFoundError(f'there is no folder {here} of event pictures')
            print(f'no {here}: stage 1 cannot be trained without gray pictures')
        elif there.exists():
            continue
        elif copy:
            partial = there.with_name(f'.partial-{name}')
            shutil.copytree(here, partial, dirs_exist_ok=True)
            os.replace(partial, there)
        else:
            there.symlink_to(here.resolve(), target_is_directory=True)


def convert_authors(options: argparse.Namespace) -> None:
    """Convert the authors' archive.

    Args:
        options (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If something is missing.
        ValueError: If a file is not as the authors' are; names it.
    """
    source, root = options.source, options.out
    recordings = find_recordings(source / 'pose_events')
    root.mkdir(parents=True, exist_ok=True)
    place_pictures(source, root, options.copy)
    for recording in tqdm(recordings, desc='recordings', unit='recording'):
        name = recording['name']
        for kind in ('hmr', 'vibe'):
            path = root / f'{kind}_results' / f'{name}.npz'
            if not path.exists() and (found := sources.network_poses(source, name, kind)):
                write_npz(path, **found)
        if options.flow:
            convert_flow(source, root, name)
        path = root / 'annotations' / f'{name}.npz'
        if not path.exists():
            write_npz(path, **sources.labels(source, name), **sources.event_counts(source, name))
    write_splits(root, recordings)


def convert_flow(source: Path, root: Path, name: str) -> None:
    """Convert the flow that the authors' stage 1 predicted.

    Args:
        source (Path): The authors' archive.
        root (Path): The folder of the recordings.
        name (str): The recording.

    Raises:
        ValueError: If a file is no flow.
    """
    folder = f'pred_flow_events_{SIZE}'
    for path in sorted((source / folder / name).glob('flow*.pkl')):
        target = root / folder / name / f'{path.stem}.npz'
        if not target.exists():
            write_flow(target, sources.read_flow_dump(path))


def convert_newer(options: argparse.Namespace) -> None:
    """Convert the newer release: events and poses, no gray pictures.

    Args:
        options (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If something is missing.
        ValueError: If a file is not as the release's are; names it.
    """
    root = options.out
    recordings = find_recordings(options.source)
    for recording in tqdm(recordings, desc='recordings', unit='recording'):
        path = root / 'annotations' / f'{recording["name"]}.npz'
        if path.exists():
            continue
        folder = options.source / recording['name']
        events = root / f'events_{SIZE}' / recording['name']
        counts = sources.write_packed_events(folder, events, SIZE)
        write_npz(path, **sources.newer_labels(folder), **counts)
    write_splits(root, recordings)


def describe(root: Path) -> str:
    """Read what was written as the dataset does, and say how much it is.

    Args:
        root (Path): The folder of the recordings.

    Returns:
        str: A line.

    Raises:
        ValueError: If something is not as the dataset wants it; names file and field.
    """
    source, said = read_event_source(root), []
    for split in SPLITS:
        if not read_split(root, split):
            said.append(f'nothing to {split}')
            continue
        recordings = read_recordings(source, root / f'{split}.json')
        frames = sum(len(r.poses.frames) for r in recordings if r.poses)
        said.append(f'{len(recordings)} recordings with {frames} poses to {split}')
    return ', '.join(said)


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', metavar='SOURCE', type=Path, help='the unpacked data')
    parser.add_argument('--out', metavar='ROOT', type=Path, required=True)
    parser.add_argument('--newer', action='store_true', help='the newer release')
    parser.add_argument('--flow', action='store_true', help="also the authors' predicted flow")
    parser.add_argument('--copy', action='store_true', help='copy pictures instead of linking')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Convert what the command line asks for."""
    options = parse_args(args)
    try:
        (convert_newer if options.newer else convert_authors)(options)
        print(f'{options.out}: {describe(options.out)}')
    except (OSError, ValueError) as error:
        sys.exit(f'mmhpsd: {error}')
    except KeyboardInterrupt:
        sys.exit('mmhpsd: interrupted; the same command goes on where it stopped')


if __name__ == '__main__':
    main()
