"""Check part polarities by eye: a sheet of people whose bones show which end is nearer.

    python tools/browse_part_polarity.py polarity.json --annotations h36m_train.npz \
        --images data/h36m/images --out sheet.png
    python tools/browse_part_polarity.py polarity.json --annotations mpii_train.json \
        --images data/mpii/images --ids 3 14 15

Annotations are MMPose's files of Human3.6M (.npz), MPII (a JSON list) or COCO (a JSON object).
What does not fit together - people whom the annotations lack, other images, labels of parts
that have no keypoints - is listed; then the exit status is 1.
"""

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from mmpose_ext.datasets.datasets.human36m_file import read_human36m
from mmpose_ext.datasets.datasets.part_polarity import (
    UNKNOWN,
    PartPolarityTable,
    load_part_polarity,
)
from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset
from mmpose_ext.datasets.datasets.strict_mpii import StrictMpiiDataset
from mmpose_ext.datasets.transforms.human36m18_converter import Human36m18Converter
from mmpose_ext.fileio import atomic_path
from mmpose_ext.npz import read_npz
from mmpose_ext.refusals import read_json
from mmpose_ext.skeletons.human36m18 import (
    LEFT_SHOULDER,
    NAMES,
    NUM_EVALUATED,
    PARTS,
    RIGHT_SHOULDER,
)
from mmpose_ext.visualization.part_polarity import polarity_card, polarity_legend
from mmpose_ext.visualization.sheets import tile_images

NUM_LISTED = 20


@dataclass(frozen=True)
class Person:
    """What is annotated of a person.

    Attributes:
        image (str): Image, below the folder of images.
        points (np.ndarray): The 18 joints of HEMlets (18, 2) in pixels.
        visible (np.ndarray): Whether each is labelled (18,).
    """

    image: str
    points: np.ndarray
    visible: np.ndarray


def read_people(path: Path) -> dict[int, Person]:
    """Read people, by the id that files of polarities know them by.

    Args:
        path (Path): Annotations of Human3.6M, MPII or COCO.

    Returns:
        dict[int, Person]: The people who have keypoints.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of these, or broken.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no annotation file {path}')
    if path.suffix == '.npz':
        return _read_human36m(path)
    is_mpii = isinstance(read_json(path, 'annotations of MPII or COCO, or .npz'), list)
    dataset_type, source = (StrictMpiiDataset, 'mpii') if is_mpii else (StrictCocoDataset, 'coco')
    convert = Human36m18Converter(source)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = dataset_type(ann_file=str(path), data_prefix=dict(img=''))
    people = {}
    for index in range(len(dataset)):
        sample = convert.transform(dataset.get_data_info(index))
        visible = sample['keypoints_visible'][0, :, 0] > 0
        people[sample['id']] = Person(sample['img_path'], sample['keypoints'][0], visible)
    return people


def _read_human36m(path: Path) -> dict[int, Person]:
    frames = read_human36m(str(path))
    points = read_npz(str(path), ['part'], what='frames with keypoints in pixels, to draw')['part']
    if points.shape != (len(frames.imgnames), NUM_EVALUATED, 3) or points.dtype.kind not in 'fiu':
        raise ValueError(f'{path}: part should be numbers (N, 17, 3), got {points.shape}')
    points = points[..., :2]
    thorax = points[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=1, keepdims=True)
    points = np.concatenate([points, thorax], axis=1)
    people = zip(frames.imgnames, points, frames.visible > 0, strict=True)
    return {row: Person(*person) for row, person in enumerate(people)}


def find_problems(table: PartPolarityTable, people: dict[int, Person]) -> list[str]:
    """List what does not fit between polarities and annotations.

    Args:
        table (PartPolarityTable): The polarities.
        people (dict[int, Person]): The annotated people by id.

    Returns:
        list[str]: A line for each problem.
    """
    problems = []
    for index, (sample, name) in enumerate(zip(table.ids, table.file_names, strict=True)):
        person = people.get(sample)
        if person is None:
            problems.append(f'id {sample} ({name}): the annotations have no such person')
            continue
        parts = PurePosixPath(name).parts
        if PurePosixPath(person.image).parts[-len(parts) :] != parts:
            problems.append(f'id {sample}: is {name} here, but {person.image} in the annotations')
        ends = person.visible[np.array(PARTS)].all(axis=1)
        for part in np.flatnonzero((table.polarity[index] != UNKNOWN) & ~ends).tolist():
            bone = ' > '.join(NAMES[joint] for joint in PARTS[part])
            problems.append(f'id {sample} ({name}): {bone} lacks a keypoint, its label is unused')
    return problems


def choose(table: PartPolarityTable, ids: Sequence[int] | None, num: int) -> list[int]:
    """Choose people to draw: those asked for, or some spread evenly.

    Args:
        table (PartPolarityTable): The polarities.
        ids (Sequence[int] | None): Who is asked for.
        num (int): How many, if nobody is asked for.

    Returns:
        list[int]: Positions in the table.

    Raises:
        ValueError: If the table has not who is asked for, or nobody, or ``num`` is below 1.
    """
    if num < 1:
        raise ValueError(f'--num must be at least 1, got {num}')
    if not table.ids:
        raise ValueError(f'{table.path} labels nobody')
    if ids is None:
        return np.unique(np.linspace(0, len(table.ids) - 1, num).astype(int)).tolist()
    position = {sample: index for index, sample in enumerate(table.ids)}
    absent = [sample for sample in ids if sample not in position]
    if absent:
        raise ValueError(f'{table.path} has no ids {absent}')
    return [position[sample] for sample in ids]


def make_sheet(
    table: PartPolarityTable,
    people: dict[int, Person],
    chosen: Sequence[int],
    images: Path,
    columns: int,
) -> np.ndarray:
    """Draw a card of each chosen person below a legend.

    Args:
        table (PartPolarityTable): The polarities.
        people (dict[int, Person]): The annotated people by id.
        chosen (Sequence[int]): Positions in the table; who is not annotated is left out.
        images (Path): Folder of the images.
        columns (int): Cards in a row.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If an image is missing.
        ValueError: If nobody is left, somebody has no keypoints, or ``columns`` is below 1.
    """
    if columns < 1:
        raise ValueError(f'--columns must be at least 1, got {columns}')
    cards = []
    for index in chosen:
        sample = table.ids[index]
        if sample not in people:
            continue
        person = people[sample]
        image = cv2.imread(str(images / person.image))
        if image is None:
            raise FileNotFoundError(
                f'OpenCV cannot read {images / person.image}. Is --images the folder that '
                f'{person.image} lies in?'
            )
        title = [f'id {sample}', PurePosixPath(person.image).name]
        codes = table.polarity[index]
        cards.append(polarity_card(image, person.points, codes, person.visible, title))
    if not cards:
        raise ValueError('nobody to draw: the annotations have none of these people')
    sheet = tile_images(cards, min(columns, len(cards)), gap=8)
    return np.vstack([polarity_legend(sheet.shape[1]), sheet])


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('polarity', type=Path, help='file of part polarities')
    parser.add_argument('--annotations', type=Path, required=True, help='.npz or .json')
    parser.add_argument('--images', type=Path, required=True, help='folder of the images')
    parser.add_argument('--out', type=Path, default=Path('part_polarity.png'), help='picture')
    parser.add_argument('--ids', type=int, nargs='+', help='people to draw')
    parser.add_argument('--num', type=int, default=12, help='or how many; default: 12')
    parser.add_argument('--columns', type=int, default=3, help='people in a row; default: 3')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    """Draw the sheet and list the problems."""
    options = parse_args(args)
    try:
        table = load_part_polarity(options.polarity)
        people = read_people(options.annotations)
        problems = find_problems(table, people)
        for problem in problems[:NUM_LISTED]:
            print(problem)
        chosen = choose(table, options.ids, options.num)
        sheet = make_sheet(table, people, chosen, options.images, options.columns)
        with atomic_path(options.out) as temporary:
            if not cv2.imwrite(str(temporary), sheet):
                raise OSError(f'OpenCV could not write {options.out}')
    except (OSError, ValueError) as error:
        sys.exit(f'browse_part_polarity: {error}')
    unlabelled = len(people.keys() - set(table.ids))
    print(f'{len(table.ids)} people are labelled, {unlabelled} of the annotations are not')
    print(f'{options.out}: look at it')
    if problems:
        sys.exit(f'browse_part_polarity: {len(problems)} problems, listed up to {NUM_LISTED}')


if __name__ == '__main__':
    main()
