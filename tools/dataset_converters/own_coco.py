"""Make of a labelling tool's COCO export what a config needs.

    python tools/dataset_converters/own_coco.py EXPORT.json --out data/mine [--val-fraction 0.2]

Writes OUT/train.json and OUT/val.json, the images and their people divided at random, and
OUT/keypoints.py, the names, left and right, skeleton and sigmas of the keypoints as MMPose wants
them. Look at the file, above all at `swap`: what is swapped when an image is flipped.
See docs/custom_data.md.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.own_data import as_python, metainfo_of, split_coco
from mmpose_ext.fileio import write_text
from mmpose_ext.refusals import read_json, refusing

_KIND = ('COCO keypoint file', 'see what tools/validate_dataset.py says of it')


def read_export(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a COCO keypoint file.

    Args:
        path (Path): The file.

    Returns:
        tuple[dict[str, Any], dict[str, Any]]: Its content, and the category with keypoints.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no COCO file with one category that has keypoints.
    """
    with refusing(path, *_KIND):
        content = read_json(path, 'a COCO keypoint file')
        categories = [c for c in content['categories'] if c.get('keypoints')]
    if len(categories) != 1:
        names = [category.get('name') for category in categories]
        raise ValueError(f'{path} should have one category with keypoints, there are {names}')
    return content, categories[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and write the files.

    Args:
        arguments (Sequence[str], optional): Words of the command line. None: the process's.

    Returns:
        int: 0.

    Raises:
        SystemExit: If the file cannot be used; says why.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('export', type=Path, help='COCO keypoint file')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    parser.add_argument('--val-fraction', type=float, default=0.2, help='default: 0.2')
    parser.add_argument('--seed', type=int, default=0, help='of the division (default: 0)')
    options = parser.parse_args(arguments)
    if not 0 < options.val_fraction < 1:
        parser.error(f'--val-fraction should be above 0 and below 1, got {options.val_fraction}')
    try:
        content, category = read_export(options.export)
        with refusing(options.export, *_KIND):
            metainfo = metainfo_of(category)
            splits = split_coco(content, options.val_fraction, options.seed)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    for name, split in zip(('train', 'val'), splits, strict=True):
        path = options.out / f'{name}.json'
        write_text(path, json.dumps(split))
        print(f'{path}: {len(split["images"])} images, {len(split["annotations"])} annotations')
    path = options.out / 'keypoints.py'
    write_text(path, as_python(metainfo))
    keypoints = metainfo['keypoint_info'].values()
    alone = [k['name'] for k in keypoints if not k['swap']]
    print(f'{path}: {len(keypoints)} keypoints; not swapped in flips: {", ".join(alone) or "none"}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
