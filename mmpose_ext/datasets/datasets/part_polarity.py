"""Files of part polarities: for each person, which parts point towards the camera.

The format is ours, for the labels of FBI-Pose and HEMlets were never published. A JSON object::

    {"format": "part_polarity/1", "parts": [[0, 1], ...], "closer_is": 1,
     "people": [{"id": 7, "file_name": "im0007.jpg", "polarity": [1, 0, -1, -2, ...]}, ...]}

``parts`` are (parent, child) joints of :mod:`mmpose_ext.skeletons.human36m18`. ``id`` is the
annotation's id in COCO, its position in the file, from 0, in MPII and LSP, and the row of the npz
in Human3.6M. ``file_name`` is the image's name, with as many folders as one likes: a check
against a file of other people. A polarity is ``closer_is`` if the child is closer to the camera
than the parent, ``-closer_is`` if it is farther, 0 if neither, -2 if unknown. People who are left
out have unknown polarities.
"""

import json
import os.path
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmpose_ext.fileio import write_text
from mmpose_ext.refusals import read_json
from mmpose_ext.skeletons import human36m18

FORMAT = 'part_polarity/1'
UNKNOWN = -2
CODES = (UNKNOWN, -1, 0, 1)
Parts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class PartPolarityTable:
    """Part polarities of people.

    Attributes:
        path (str): The file, for errors.
        ids (list[int]): Samples of N people, each once.
        file_names (list[str]): Their images.
        polarity (np.ndarray): Their polarities in -2..1, (N, P) int64.
    """

    path: str
    ids: list[int]
    file_names: list[str]
    polarity: np.ndarray

    def align(self, ids: Sequence[int], img_paths: Sequence[str]) -> np.ndarray:
        """Bring the polarities into the order of a dataset's samples.

        Args:
            ids (Sequence[int]): Ids of M samples.
            img_paths (Sequence[str]): Their images.

        Returns:
            np.ndarray: Polarities, (M, P) int64; unknown for samples that are not in the table.

        Raises:
            ValueError: If the table has a sample that the dataset has not, or its image is
                another one; names file and sample.
        """
        position = {sample: index for index, sample in enumerate(ids)}
        rows = []
        for sample, name in zip(self.ids, self.file_names, strict=True):
            if sample not in position:
                raise ValueError(
                    f"{self.path}: id {sample} ({name}) is unknown: none of the dataset's "
                    f'{len(ids)} annotations has it. Is the file for another annotation file?'
                )
            image = img_paths[position[sample]]
            parts = PurePosixPath(name).parts
            if PurePosixPath(image).parts[-len(parts) :] != parts:
                raise ValueError(
                    f'{self.path}: id {sample}: file_name is {name!r}, but the image of that '
                    f'annotation is {image!r}. Is the file for another annotation file?'
                )
            rows.append(position[sample])
        aligned = np.full((len(ids), self.polarity.shape[1]), UNKNOWN, dtype=np.int64)
        aligned[rows] = self.polarity
        return aligned


def load_part_polarity(
    path: str | Path, parts: Parts = human36m18.PARTS, closer_is: int = 1
) -> PartPolarityTable:
    """Read a file of part polarities.

    Args:
        path (str | Path): The file.
        parts (Sequence[Sequence[int]]): (parent, child) of the P parts that are wanted; the
            file must have the same in the same order.
        closer_is (int): Polarity that is wanted of a child closer than its parent, 1 or -1; if
            the file says the other, signs are turned. Defaults to 1.

    Returns:
        PartPolarityTable: Its people.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is none of this format or its parts are others or name joints
            that are none; if a person's polarities are not P codes of -2, -1, 0, 1, or an id is
            no number or stands there twice. Names the file, the person and the field.
    """
    path = str(path)
    try:
        content = read_json(path, 'a file of part polarities')
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no file of part polarities {path}; derive_part_polarity.py makes one'
        ) from error
    if not isinstance(content, Mapping) or content.get('format') != FORMAT:
        found = content.get('format') if isinstance(content, Mapping) else content
        raise ValueError(f'{path}: format should be {FORMAT!r}, got {found!r:.80}')
    try:
        sign = _check_head(content, parts, closer_is)
        people = content.get('people')
        if not isinstance(people, list):
            raise ValueError(f'people should be a list, got {people!r:.80}')
        for index, person in enumerate(people):
            _check_person(index, person, len(parts))
        _check_twice([person['id'] for person in people])
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    polarity = np.array([person['polarity'] for person in people], dtype=np.int64)
    polarity = polarity.reshape(len(people), len(parts))
    return PartPolarityTable(
        path=path,
        ids=[person['id'] for person in people],
        file_names=[person['file_name'] for person in people],
        polarity=np.where(polarity == UNKNOWN, UNKNOWN, sign * polarity),
    )


def write_part_polarity(
    path: str | Path,
    ids: Sequence[int],
    file_names: Sequence[str],
    polarity: np.ndarray,
    parts: Parts = human36m18.PARTS,
    closer_is: int = 1,
) -> None:
    """Write a file of part polarities, atomically.

    Args:
        path (str | Path): The file.
        ids (Sequence[int]): Samples of N people.
        file_names (Sequence[str]): Their images.
        polarity (np.ndarray): Codes -2, -1, 0, 1, (N, P).
        parts (Sequence[Sequence[int]]): (parent, child) of the P parts.
        closer_is (int): What the codes say of a child closer than its parent, 1 or -1.

    Raises:
        ValueError: If the file could not be read again; says why.
    """
    codes = np.asarray(polarity)
    if codes.shape != (len(ids), len(parts)) or len(file_names) != len(ids):
        raise ValueError(
            f'expected polarities {(len(ids), len(parts))} and {len(ids)} file names, got '
            f'{codes.shape} and {len(file_names)}'
        )
    people = [
        {'id': int(sample), 'file_name': str(name), 'polarity': row}
        for sample, name, row in zip(ids, file_names, codes.tolist(), strict=True)
    ]
    for index, person in enumerate(people):
        _check_person(index, person, len(parts))
    _check_twice([person['id'] for person in people])
    head = {
        'format': FORMAT,
        'parts': [[int(joint) for joint in part] for part in parts],
        'closer_is': closer_is,
    }
    _check_head(head, parts, closer_is)
    # A person a line: people look into such files, and compare them.
    lines = ',\n'.join(json.dumps(person, ensure_ascii=False) for person in people)
    write_text(path, f'{json.dumps(head)[:-1]}, "people": [\n{lines}\n]}}\n')


def check_parts(parts: Any) -> tuple[tuple[int, int], ...]:
    """Check a list of parts.

    Args:
        parts (Any): What should be (parent, child) joints of P parts.

    Returns:
        tuple[tuple[int, int], ...]: The parts.

    Raises:
        ValueError: If they are not pairs of two different joints, or name unknown ones.
    """
    if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
        raise ValueError(f'parts should be a list of pairs of joints, got {parts!r:.80}')
    checked = []
    for part in parts:
        if not isinstance(part, Sequence) or [type(joint) for joint in part] != [int, int]:
            raise ValueError(f'parts should be pairs (parent, child) of joints, got {part!r:.80}')
        unknown = [joint for joint in part if not 0 <= joint < human36m18.NUM_JOINTS]
        if unknown:
            raise ValueError(
                f'part {tuple(part)} names unknown joints {unknown}; joints are 0 to '
                f'{human36m18.NUM_JOINTS - 1}'
            )
        if part[0] == part[1]:
            raise ValueError(f'part {tuple(part)} should join two different joints')
        checked.append((part[0], part[1]))
    return tuple(checked)


def _check_head(content: Mapping[str, Any], parts: Parts, closer_is: int) -> int:
    """Check parts and sign of a file; give the factor that turns its codes into ours."""
    found, wanted = check_parts(content.get('parts')), check_parts(parts)
    if found != wanted:
        raise ValueError(f'parts should be those of the codec, {wanted}, got {found}')
    sign = content.get('closer_is')
    if type(sign) is not int or sign not in (1, -1):
        raise ValueError(f'closer_is should be 1 or -1, got {sign!r:.80}')
    return sign * closer_is


def _check_person(index: int, person: Any, num_parts: int) -> None:
    """Check an entry of ``people``."""
    if not isinstance(person, Mapping):
        raise ValueError(f'people[{index}] should be a JSON object, got {person!r:.80}')
    for name in ('id', 'file_name', 'polarity'):
        if name not in person:
            raise ValueError(f'people[{index}] has no {name}')
    sample, codes = person['id'], person['polarity']
    if type(sample) is not int:
        raise ValueError(f'people[{index}].id should be a whole number, got {sample!r:.80}')
    who = f'people[{index}] (id {sample})'
    name = person['file_name']
    if not isinstance(name, str) or not os.path.basename(name):
        raise ValueError(f'{who}: file_name should name an image, got {name!r:.80}')
    if not isinstance(codes, list) or len(codes) != num_parts:
        found = len(codes) if isinstance(codes, list) else repr(codes)[:80]
        raise ValueError(f'{who}: polarity should have {num_parts} codes, one a part, got {found}')
    for part, code in enumerate(codes):
        if type(code) is not int or code not in CODES:
            raise ValueError(
                f'{who}: polarity[{part}] should be one of {CODES} ({UNKNOWN} for unknown), '
                f'got {code!r:.80}'
            )


def _check_twice(ids: Sequence[int]) -> None:
    """Refuse ids that stand there more than once."""
    twice = sorted(sample for sample, count in Counter(ids).items() if count > 1)
    if twice:
        raise ValueError(f'id {twice[0]} stands there twice ({len(twice)} ids do); give each once')
