"""SMPL's pose and shape of people, out of npz files, checked and matched with images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import check_names
from mmpose_ext.npz import read_npz

# Arrays of the parameters and their shapes after N.
SHAPES = {'global_orient': (3,), 'body_pose': (69,), 'betas': (10,)}
# Betas count standard deviations; no person is farther from the mean than a handful.
_MAX_BETA = 100.0


@dataclass(frozen=True)
class SMPLParameters:
    """Parameters of N people, zeros for people of whom they are not known.

    Attributes:
        pose (np.ndarray): Axis-angle vectors of the 24 joints, the global orientation first, such
            that the body stands in camera space; (N, 24, 3) float32.
        betas (np.ndarray): Shape coefficients, (N, 10) float32.
        labelled (np.ndarray): 1 where the parameters are known, else 0; (N,) float32.
    """

    pose: np.ndarray
    betas: np.ndarray
    labelled: np.ndarray

    def take(self, index: np.ndarray) -> 'SMPLParameters':
        """Give some of the people.

        Args:
            index (np.ndarray): Their numbers among these, (M,).

        Returns:
            SMPLParameters: M people.
        """
        return SMPLParameters(self.pose[index], self.betas[index], self.labelled[index])

    def fields(self) -> dict[str, np.ndarray]:
        """Give the columns of a dataset.

        Returns:
            dict[str, np.ndarray]: ``smpl_pose`` (N, 1, 24, 3), ``smpl_betas`` (N, 1, 10) and
            ``has_smpl`` (N, 1); a row is what a sample holds.
        """
        return {
            'smpl_pose': self.pose[:, None],
            'smpl_betas': self.betas[:, None],
            'has_smpl': self.labelled[:, None],
        }


def check_flags(path: str, name: str, flags: np.ndarray, count: int) -> np.ndarray:
    """Check a column that says of which rows something is known.

    Args:
        path (str): The file, for the error.
        name (str): The column.
        flags (np.ndarray): Its values.
        count (int): Number of rows N.

    Returns:
        np.ndarray: bool (N,).

    Raises:
        ValueError: If it is not N times 0 or 1.
    """
    if flags.shape != (count,) or not np.isin(flags, (0, 1)).all():
        raise ValueError(
            f'{path}: {name} should be 0 or 1 of each of the {count} rows, got {flags.dtype} '
            f'{flags.shape} with the values {np.unique(flags)[:5].tolist()}'
        )
    return flags.astype(bool)


def parse_parameters(
    path: str, names: Sequence[str], arrays: Mapping[str, np.ndarray]
) -> SMPLParameters:
    """Check the arrays of a file of parameters.

    Args:
        path (str): The file, for the errors.
        names (Sequence[str]): Images of the N rows, for the errors.
        arrays (Mapping[str, np.ndarray]): ``global_orient`` (N, 3), ``body_pose`` (N, 69), both
            axis-angle, ``betas`` (N, 10), and optionally ``has_smpl`` (N,), 0 or 1. Rows with 0
            may hold anything.

    Returns:
        SMPLParameters: The parameters.

    Raises:
        ValueError: If a shape is wrong or a labelled value is not finite or no beta. Names the
            file, the row and the field.
    """
    count = len(names)
    labelled = np.ones(count, dtype=bool)
    if 'has_smpl' in arrays:
        labelled = check_flags(path, 'has_smpl', arrays['has_smpl'], count)
    for name, shape in SHAPES.items():
        values = arrays[name]
        if values.shape != (count, *shape) or values.dtype.kind != 'f':
            raise ValueError(
                f'{path}: {name} should be numbers {(count, *shape)}, got {values.dtype} '
                f'{values.shape}. SMPL has a global orientation, 23 joints as axis-angle and 10 '
                'betas; cut or convert the parameters of other models.'
            )
        good = np.isfinite(values) & (np.abs(values) <= _MAX_BETA if name == 'betas' else True)
        wrong = np.flatnonzero(labelled & ~good.all(axis=1))
        if len(wrong):
            row = int(wrong[0])
            raise ValueError(
                f'{path}: row {row} ({names[row]}): {name} should be finite'
                f'{f" and within {_MAX_BETA:g}" if name == "betas" else ""}, got '
                f'{values[row].tolist()!s:.120}. Mend it or set has_smpl of the row to 0.'
            )
    pose = np.concatenate([arrays['global_orient'], arrays['body_pose']], axis=1)
    return SMPLParameters(
        pose=np.where(labelled[:, None], pose, 0).reshape(count, 24, 3).astype(np.float32),
        betas=np.where(labelled[:, None], arrays['betas'], 0).astype(np.float32),
        labelled=labelled.astype(np.float32),
    )


def read_parameters(path: str, imgnames: Sequence[str]) -> SMPLParameters:
    """Read the parameters of the people of images, each of which shows one person.

    Args:
        path (str): An npz file with ``imgname`` and the arrays of :func:`parse_parameters`, its
            rows in any order. ``make_mannequin.py`` writes ``annotations/smpl_train.npz``,
            ``make_smpl_npz.py`` such files of real people.
        imgnames (Sequence[str]): The N images.

    Returns:
        SMPLParameters: The parameters in the order of the images.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As :func:`parse_parameters`; if an image is missing or, in the file or among
            the images, there twice, so that it does not tell the person.
    """
    arrays = read_npz(path, ('imgname', *SHAPES), ('has_smpl',), 'a file of SMPL parameters')
    names = check_names(path, arrays['imgname'])
    parameters = parse_parameters(path, names, arrays)
    rows = {name: row for row, name in enumerate(names)}
    for where, listed in ((path, names), ('the annotations', imgnames)):
        name, times = Counter(listed).most_common(1)[0]
        if times > 1:
            raise ValueError(
                f'{where}: the image {name} is there {times} times; parameters are found by '
                'the name of the image, which must show one person'
            )
    missing = [name for name in imgnames if name not in rows]
    if missing:
        raise ValueError(
            f'{path} lacks {len(missing)} of {len(imgnames)} images, such as {missing[0]} (its '
            f'own are named like {names[0]}). Add them, with has_smpl 0 where nothing is known.'
        )
    return parameters.take(np.array([rows[name] for name in imgnames]))
