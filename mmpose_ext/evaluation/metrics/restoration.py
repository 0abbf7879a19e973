"""Ways to turn predictions in image coordinates into poses in millimetres."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mmpose_ext.evaluation.functional.restore_3d import (
    BONES,
    COARSE_DEPTHS,
    FINE_OFFSETS,
    GENERIC_CENTER,
    GENERIC_FOCAL,
    MEAN_BONE_LENGTHS,
    back_project,
    scale_to_bone_length,
    search_root_depth,
    total_bone_length,
)
from mmpose_ext.evaluation.metrics.pose_batch import PoseBatch


class Restoration(Protocol):
    """A way to turn predictions into millimetres.

    Attributes:
        bones (list[tuple[int, int]]): The bones that it looks at.
    """

    bones: list[tuple[int, int]]

    def __call__(self, batch: PoseBatch, root_index: int) -> np.ndarray:
        """Restore the predictions (N, K, 3) of a batch, up to a translation, in mm."""


class BoneSearch:
    """``'bone_search'``: no truth is used; the root's depth is what fits average bones best.

    That is the authors' way, and so are the defaults.

    Args:
        camera (str): ``'generic'``, one camera for all, which suits the images of Human3.6M
            (1000 pixels wide), or ``'sample'``, the sample's ``focal`` and ``principal_pt``
            (our addition, for other cameras).
        focal (float): Focal length of the generic camera in pixels.
        principal_pt (Sequence[float]): Its principal point in pixels, (x, y).
        bones (Sequence[tuple[int, int]]): The two joints of each bone.
        bone_lengths (Sequence[float]): The bones' average lengths in mm.
        coarse_depths (Sequence[float]): Depths of the root in mm to try first.
        fine_offsets (Sequence[float]): Offsets in mm to try from the best of them.

    Raises:
        ValueError: If a value is invalid.
    """

    def __init__(
        self,
        camera: str = 'generic',
        focal: float = GENERIC_FOCAL,
        principal_pt: Sequence[float] = GENERIC_CENTER,
        bones: Sequence[tuple[int, int]] = BONES,
        bone_lengths: Sequence[float] = MEAN_BONE_LENGTHS,
        coarse_depths: Sequence[float] = COARSE_DEPTHS,
        fine_offsets: Sequence[float] = FINE_OFFSETS,
    ) -> None:
        if camera not in ('generic', 'sample'):
            raise ValueError(f"camera must be 'generic' or 'sample', got {camera!r}.")
        if not focal > 0:
            raise ValueError(f'focal must be a positive number of pixels, got {focal!r}.')
        if len(principal_pt) != 2:
            raise ValueError(f'principal_pt must be (x, y) in pixels, got {principal_pt!r}.')
        self.bones = check_bones(bones)
        if len(bone_lengths) != len(self.bones) or not np.min(bone_lengths) > 0:
            raise ValueError(
                f'bone_lengths must be {len(self.bones)} positive numbers of mm, one for each '
                f'bone, got {bone_lengths!r}.'
            )
        for name, depths in (('coarse_depths', coarse_depths), ('fine_offsets', fine_offsets)):
            if not len(depths):
                raise ValueError(f'{name} must hold a number of mm at least, got {depths!r}.')
        if min(coarse_depths) <= 0:
            raise ValueError(f'coarse_depths must be positive, got {coarse_depths!r}.')
        self.camera = camera
        self.generic = ((focal, focal), principal_pt)
        self.bone_lengths = bone_lengths
        self.coarse_depths = coarse_depths
        self.fine_offsets = fine_offsets

    def __call__(self, batch: PoseBatch, root_index: int) -> np.ndarray:
        """Restore the predictions (N, K, 3) of a batch, in mm of the camera's space."""
        focal, center = map(np.asarray, self.generic)
        if self.camera == 'sample':
            focal, center = _intrinsics(batch, "restore='bone_search' with camera='sample'")
        depth = search_root_depth(
            batch.pred,
            focal,
            center,
            self.bones,
            self.bone_lengths,
            self.coarse_depths,
            self.fine_offsets,
        )
        return back_project(batch.pred, depth, focal, center)


class TrueRoot:
    """``'gt_root'``: the sample's camera and the true depth of the root, as 3DMPPE has it."""

    def __init__(self) -> None:
        self.bones: list[tuple[int, int]] = []

    def __call__(self, batch: PoseBatch, root_index: int) -> np.ndarray:
        """Restore the predictions (N, K, 3) of a batch, in mm of the camera's space."""
        focal, center = _intrinsics(batch, "restore='gt_root'")
        depth = batch.gt[:, root_index, 2]
        batch.check(depth > 0, 'the root joint of lifting_target must lie before the camera.')
        return back_project(batch.pred, depth, focal, center)


class BoneScale:
    """``'bone_scale'``: an orthographic view, scaled to a total length of the bones.

    The idea is that of Integral Human Pose; that the target is the true total of the sample, over
    bones of which it has both ends, is our choice. Needs the sample's ``mm_per_px``.

    Args:
        total_length (float, optional): The total length in mm for all samples. None: the true one.
        bones (Sequence[tuple[int, int]]): The two joints of each bone that counts.

    Raises:
        ValueError: If a value is invalid.
    """

    def __init__(
        self,
        total_length: float | None = None,
        bones: Sequence[tuple[int, int]] = BONES,
    ) -> None:
        if total_length is not None and not total_length > 0:
            raise ValueError(f'total_length must be a positive number of mm, got {total_length!r}.')
        self.total_length = total_length
        self.bones = check_bones(bones)

    def __call__(self, batch: PoseBatch, root_index: int) -> np.ndarray:
        """Restore the predictions (N, K, 3) of a batch, in mm, up to a translation."""
        mm_per_px = batch.meta('mm_per_px', (), "restore='bone_scale'")
        if self.total_length is not None:
            target = np.full(len(batch.pred), self.total_length)
            return scale_to_bone_length(batch.pred, mm_per_px, target, self.bones)
        target = total_bone_length(batch.gt, self.bones, batch.valid)
        batch.check(
            target > 0,
            "restore='bone_scale' needs a bone whose two ends are valid in lifting_target. Give "
            'total_length to do without.',
        )
        return scale_to_bone_length(batch.pred, mm_per_px, target, self.bones, batch.valid)


RESTORATIONS = {'bone_search': BoneSearch, 'gt_root': TrueRoot, 'bone_scale': BoneScale}


def build_restoration(name: str, options: dict) -> Restoration:
    """Build a way to restore.

    Args:
        name (str): ``'bone_search'``, ``'gt_root'`` or ``'bone_scale'``.
        options (dict): Arguments of its class.

    Returns:
        Restoration: It.

    Raises:
        ValueError: If the name or a value is invalid.
        TypeError: If it has no such argument.
    """
    if name not in RESTORATIONS:
        raise ValueError(f'restore must be one of {list(RESTORATIONS)}, got {name!r}.')
    try:
        return RESTORATIONS[name](**options)
    except TypeError as error:
        raise TypeError(f'restore={name!r} does not take {options!r}: {error}') from error


def check_bones(bones: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Check a list of bones.

    Args:
        bones (Sequence[tuple[int, int]]): The two joints of each bone.

    Returns:
        list[tuple[int, int]]: The bones.

    Raises:
        ValueError: If a bone is no pair of two joints.
    """
    array = np.asarray(bones)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in 'iu' or array.min() < 0:
        raise ValueError(f'bones must be pairs of joint indices, got {bones!r}.')
    if (array[:, 0] == array[:, 1]).any():
        raise ValueError(f'a bone needs two joints, got {bones!r}.')
    return [(int(first), int(second)) for first, second in array]


def _intrinsics(batch: PoseBatch, wanted_by: str) -> tuple[np.ndarray, np.ndarray]:
    """Collect focal lengths and principal points in pixels, (N, 2) each."""
    focal = batch.meta('focal', (2,), wanted_by)
    return focal, batch.meta('principal_pt', (2,), wanted_by, positive=False)
