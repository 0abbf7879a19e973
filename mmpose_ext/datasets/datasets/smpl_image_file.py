"""Reading our npz layout of images of people with SMPL parameters, every row checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import check_names
from mmpose_ext.datasets.datasets.smpl_parameters import (
    SHAPES,
    SMPLParameters,
    check_flags,
    parse_parameters,
)
from mmpose_ext.npz import read_npz
from mmpose_ext.skeletons import human36m18, smpl24

_JOINTS = human36m18.NUM_JOINTS
_OPTIONAL = (
    *(*SHAPES, 'has_smpl', 'gender'),
    *('keypoints_2d', 'joints_3d', 'K', 'has_camera', 'gravity'),
)
# Nobody is that far from a camera or the pelvis: such a length is one in millimetres.
_MAX_LENGTH = 100.0
# How far the length of a direction may be from 1: what float32 or a measured rotation leaves.
_UNIT_TOLERANCE = 1e-3
# How files name genders; 3DPW and SPIN write a letter.
GENDERS = {'': '', **{name: name for name in smpl24.GENDERS}}
GENDERS |= {name[0]: name for name in smpl24.GENDERS}


@dataclass(frozen=True)
class SMPLImages:
    """N people in images, with what is known of each.

    Attributes:
        imgnames (list[str]): Images, relative to the folder of images.
        bbox (np.ndarray): Crops x1, y1, x2, y2 in px, (N, 4).
        parameters (SMPLParameters): SMPL's parameters.
        keypoints_2d (np.ndarray): Keypoints in px, (N, 18, 2), 0 where not labelled.
        visible_2d (np.ndarray): Which are labelled, bool (N, 18).
        joints_3d (np.ndarray): Joints in camera axes in metres, (N, 18, 3), 0 where not labelled;
            in camera space where there is a camera.
        visible_3d (np.ndarray): Which are labelled, bool (N, 18).
        cameras (np.ndarray): Intrinsic matrices in px, (N, 3, 3), the identity where unknown.
        has_camera (np.ndarray): Where they are known, bool (N,).
        gravity (np.ndarray): Directions of down in camera axes, (N, 3), NaN where unknown.
        genders (list[str]): Of which body the parameters are: ``'male'``, ``'female'``,
            ``'neutral'``, or ``''`` where unknown.
    """

    imgnames: list[str]
    bbox: np.ndarray
    parameters: SMPLParameters
    keypoints_2d: np.ndarray
    visible_2d: np.ndarray
    joints_3d: np.ndarray
    visible_3d: np.ndarray
    cameras: np.ndarray
    has_camera: np.ndarray
    gravity: np.ndarray
    genders: list[str]

    @property
    def is_labelled(self) -> np.ndarray:
        """Which people have any label, bool (N,)."""
        labelled: np.ndarray = self.parameters.labelled > 0
        return labelled | self.visible_2d.any(1) | self.visible_3d.any(1)


def read_smpl_images(path: str) -> SMPLImages:
    """Read people in images.

    Args:
        path (str): An npz file as :class:`SMPLImageDataset` describes it.

    Returns:
        SMPLImages: The people.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, an array has the wrong shape, or a labelled value cannot
            be: not finite, a box without extent, a joint behind its camera, a length that cannot
            be metres, a direction that is no unit vector, a gender of no body. Names the file, the
            row and the field.
    """
    arrays = read_npz(path, ('imgname', 'bbox'), _OPTIONAL, "SMPLImageDataset's npz")
    names = check_names(path, arrays['imgname'])
    checker = _Rows(path, names)
    bbox = checker.numbers('bbox', arrays['bbox'], (4,))
    checker.refuse(~np.isfinite(bbox).all(1), 'bbox', bbox, 'finite')
    corners = bbox.reshape(-1, 2, 2)
    flat = (corners[:, 1] <= corners[:, 0]).any(1)
    checker.refuse(flat, 'bbox', bbox, 'x1, y1, x2, y2 in px with x1 < x2 and y1 < y2')
    keypoints_2d, visible_2d = checker.points('keypoints_2d', arrays, 2)
    joints_3d, visible_3d = checker.points('joints_3d', arrays, 3)
    cameras, has_camera = checker.cameras(arrays)
    far = (np.abs(joints_3d).max((1, 2))) > _MAX_LENGTH
    checker.refuse(far, 'joints_3d', joints_3d, 'in metres, not millimetres')
    behind = (visible_3d & (joints_3d[..., 2] <= 0)).any(1) & has_camera
    cure = 'in front of the camera (z > 0); without K of the row they may lie about the pelvis'
    checker.refuse(behind, 'joints_3d', joints_3d, cure)
    return SMPLImages(
        imgnames=names,
        bbox=bbox,
        parameters=_parameters(path, names, arrays),
        keypoints_2d=keypoints_2d,
        visible_2d=visible_2d,
        joints_3d=joints_3d,
        visible_3d=visible_3d,
        cameras=cameras,
        has_camera=has_camera,
        gravity=checker.directions('gravity', arrays),
        genders=checker.genders(arrays),
    )


def _parameters(path: str, names: list[str], arrays: dict[str, np.ndarray]) -> SMPLParameters:
    """Parse SMPL's parameters, which are all there or none of them."""
    given = [name for name in SHAPES if name in arrays]
    if given and len(given) < len(SHAPES):
        raise ValueError(f'{path} has {given} but not all of {list(SHAPES)}')
    if given:
        return parse_parameters(path, names, arrays)
    count = len(names)
    nothing = {name: np.zeros((count, *shape)) for name, shape in SHAPES.items()}
    return parse_parameters(path, names, {**nothing, 'has_smpl': np.zeros(count)})


@dataclass(frozen=True)
class _Rows:
    """Rows of a file, to be checked and named in errors."""

    path: str
    names: Sequence[str]

    def refuse(self, wrong: np.ndarray, field: str, values: np.ndarray, expected: str) -> None:
        """Raise an error that names the first row that is wrong, (N,)."""
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(
                f'{self.path}: row {row} ({self.names[row]}): {field} should be {expected}, got '
                f'{np.asarray(values[row]).tolist()!s:.160}'
            )

    def numbers(self, field: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Check the shape (N, *shape) of an array of numbers; give it as float64."""
        if values.shape != (len(self.names), *shape) or values.dtype.kind not in 'fiu':
            raise ValueError(
                f'{self.path}: {field} should be numbers {(len(self.names), *shape)}, got '
                f'{values.dtype} {values.shape}'
            )
        return values.astype(np.float64)

    def points(
        self, field: str, arrays: dict[str, np.ndarray], dims: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give points (N, 18, dims), 0 where not labelled, and which are labelled (N, 18)."""
        empty = np.zeros((len(self.names), _JOINTS, dims + 1))
        values = self.numbers(field, arrays.get(field, empty), (_JOINTS, dims + 1))
        points, flags = values[..., :dims], values[..., dims]
        told = np.isin(flags, (0, 1)).all(1)
        self.refuse(~told, field, flags, 'flagged by 0 or 1 for each joint (its last number)')
        labelled = flags == 1
        lost = (labelled & ~np.isfinite(points).all(-1)).any(1)
        self.refuse(lost, field, points, 'finite where labelled')
        return np.where(labelled[..., None], points, 0.0), labelled

    def directions(self, field: str, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """Give unit vectors (N, 3), NaN where not known."""
        unknown = np.full((len(self.names), 3), np.nan)
        values = self.numbers(field, arrays.get(field, unknown), (3,))
        usable = np.abs(np.linalg.norm(values, axis=1) - 1) < _UNIT_TOLERANCE
        expected = 'a unit vector, or NaN in all of x, y, z where it is not known'
        self.refuse(~(usable | np.isnan(values).all(1)), field, values, expected)
        return values

    def genders(self, arrays: dict[str, np.ndarray]) -> list[str]:
        """Give the genders of the N bodies, '' where not known."""
        count = len(self.names)
        values = arrays.get('gender', np.full(count, ''))
        if values.shape != (count,) or values.dtype.kind != 'U':
            raise ValueError(
                f'{self.path}: gender should be text ({count},), got {values.dtype} {values.shape}'
            )
        unknown = ~np.isin(values, list(GENDERS))
        self.refuse(unknown, 'gender', values, "'male', 'female', 'neutral' or '' if not known")
        return [GENDERS[value] for value in values.tolist()]

    def cameras(self, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Give intrinsic matrices (N, 3, 3) and where they are known (N,)."""
        count = len(self.names)
        known = check_flags(
            self.path, 'has_camera', arrays.get('has_camera', np.ones(count)), count
        )
        if 'K' not in arrays:
            return np.broadcast_to(np.eye(3), (count, 3, 3)), np.zeros(count, dtype=bool)
        values = self.numbers('K', arrays['K'], (3, 3))
        diagonal = values[:, (0, 1), (0, 1)]
        usable = np.isfinite(values).all((1, 2)) & (diagonal > 0).all(1)
        pinhole = (values[:, 2] == (0, 0, 1)).all(1) & (values[:, 0, 1] == 0)
        expected = '[[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in px with fx, fy > 0'
        self.refuse(known & ~(usable & pinhole), 'K', values, expected)
        return np.where(known[:, None, None], values, np.eye(3)), known
