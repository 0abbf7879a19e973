"""Reading MMPose's npz layout of Human3.6M, with every frame checked at the door."""

import os.path
import re
from dataclasses import dataclass

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import check_names
from mmpose_ext.datasets.datasets.camera_file import gravity_of, intrinsics_of, load_cameras
from mmpose_ext.npz import read_npz
from mmpose_ext.skeletons import human36m18

_NAME = re.compile(r'(?P<subject>[^_.]+)_(?P<action>[^.]+)\.(?P<camera>[^_.]+)_[^.]+\.\w+')
# People stand metres away: a depth above this is one in millimetres.
_MAX_DEPTH = 100.0


@dataclass(frozen=True)
class Human36mFrames:
    """Frames of Human3.6M, one person each.

    Attributes:
        rows (np.ndarray): Row of the file that each of the N frames is, (N,).
        imgnames (list[str]): Their images, as in the file.
        cameras (list[tuple[str, str]]): Subject and camera of each.
        videos (np.ndarray): Number of the video that a frame is from, (N,).
        joints (np.ndarray): Joints in camera space in metres, (N, 18, 3) float64; a joint that
            is not labelled lies at the pelvis.
        visible (np.ndarray): 1 where a joint is labelled, else 0, (N, 18) float32.
    """

    rows: np.ndarray
    imgnames: list[str]
    cameras: list[tuple[str, str]]
    videos: np.ndarray
    joints: np.ndarray
    visible: np.ndarray

    def take(self, index: np.ndarray) -> 'Human36mFrames':
        """Give some of the frames.

        Args:
            index (np.ndarray): Their numbers among these, (M,).

        Returns:
            Human36mFrames: M frames.
        """
        return Human36mFrames(
            rows=self.rows[index],
            imgnames=[self.imgnames[k] for k in index],
            cameras=[self.cameras[k] for k in index],
            videos=self.videos[index],
            joints=self.joints[index],
            visible=self.visible[index],
        )


def read_human36m(path: str) -> Human36mFrames:
    """Read frames and add their thorax, the mean of the shoulders (the authors' definition).

    Args:
        path (str): An npz file with imgname (N,) and S (N, 17, 4): joints in camera space in
            metres and 1 or 0 for labelled or not. Other arrays are not read.

    Returns:
        Human36mFrames: The frames.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, or a frame cannot be used: a name that is not
            SUBJECT_ACTION.CAMERA_FRAME.jpg, no pelvis, a labelled joint that is not finite or
            behind the camera, a length that cannot be metres. Names the frame and the field.
    """
    names, points = _read_arrays(path)
    joints, visible = points[..., :3], points[..., 3]
    _check_joints(path, names, joints, visible)
    matches = [_NAME.fullmatch(os.path.basename(name)) for name in names]
    for row, match in enumerate(matches):
        if match is None:
            raise ValueError(
                f'{path}: imgname of row {row} should read as '
                f'S1_Directions_1.54138969_000001.jpg does, got {names[row]!r}'
            )
    parsed = [match.group('subject', 'action', 'camera') for match in matches if match]
    joints = np.where(visible[..., None] > 0, joints, joints[:, :1])
    shoulders = [human36m18.LEFT_SHOULDER, human36m18.RIGHT_SHOULDER]
    thorax = joints[:, shoulders].mean(axis=1, keepdims=True)
    has_thorax = visible[:, shoulders].min(axis=1, keepdims=True)
    return Human36mFrames(
        rows=np.arange(len(names)),
        imgnames=names,
        cameras=[(subject, camera) for subject, _, camera in parsed],
        videos=np.unique(['_'.join(video) for video in parsed], return_inverse=True)[1],
        joints=np.concatenate([joints, thorax], axis=1),
        visible=np.concatenate([visible, has_thorax], axis=1).astype(np.float32),
    )


def _read_arrays(path: str) -> tuple[list[str], np.ndarray]:
    """Read imgname and S (N, 17, 4) float64."""
    arrays = read_npz(path, ('imgname', 'S'), what="MMPose's npz of Human3.6M")
    names, points = check_names(path, arrays['imgname']), arrays['S']
    if points.shape != (len(names), human36m18.NUM_EVALUATED, 4) or points.dtype.kind != 'f':
        raise ValueError(
            f'{path}: S should be joints in 3D, x, y, z and visibility, of shape '
            f'{(len(names), human36m18.NUM_EVALUATED, 4)}, got {points.dtype} {points.shape}'
        )
    return names, points.astype(np.float64, copy=False)


def cameras_of(
    frames: Human36mFrames, ann_file: str, camera_file: str, world_up: str = 'z'
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the cameras that took frames.

    Args:
        frames (Human36mFrames): N frames.
        ann_file (str): Where they are from, for the errors.
        camera_file (str): MMPose's ``cameras.pkl``.
        world_up (str): Axis of the cameras' world that points up: ``'z'`` in Human3.6M, ``'y'``
            for mannequins.

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Focal lengths (N, 2) and principal points (N, 2)
        in px, and unit vectors (N, 3) that point down in camera axes, NaN where the camera does
        not tell it.

    Raises:
        FileNotFoundError: If there is no file of cameras.
        ValueError: If it is no such file, or lacks a camera or what it should tell. Names the
            frame.
    """
    cameras = load_cameras(camera_file)
    up_axis = 'xyz'.index(world_up)
    found: dict[tuple[str, str], tuple] = {}
    for index, key in enumerate(frames.cameras):
        if key in found:
            continue
        frame = f'{ann_file}: row {frames.rows[index]} ({frames.imgnames[index]})'
        if key not in cameras:
            raise ValueError(
                f'{frame} was taken by camera {key[1]} of subject {key[0]}, which is not '
                f'among the {len(cameras)} cameras of {camera_file}. Give the file of cameras '
                'that was made with these annotations.'
            )
        try:
            down = gravity_of(cameras[key], up_axis)
            down = np.full(3, np.nan) if down is None else down
            found[key] = *intrinsics_of(cameras[key]), down
        except ValueError as error:
            raise ValueError(f'{frame}: camera {key} of {camera_file}: {error}') from error
    columns = zip(*(found[key] for key in frames.cameras), strict=True)
    focal, principal_pt, gravity = map(np.stack, columns)
    return focal, principal_pt, gravity


def _check_joints(path: str, names: list[str], joints: np.ndarray, visible: np.ndarray) -> None:
    """Refuse frames that cannot be projected; see :func:`read_human36m`."""
    finite, depth = np.isfinite(joints).all(axis=-1), joints[..., 2]
    labelled, root = visible == 1, human36m18.PELVIS

    def refuse(wrong: np.ndarray, what: str, values: np.ndarray) -> None:
        if wrong.any():
            row, joint = np.argwhere(wrong)[0]
            raise ValueError(
                f'{path}: row {row} ({names[row]}): S of joint {joint} '
                f'({human36m18.NAMES[joint]}) {what}, got {values[row, joint].tolist()}'
            )

    refuse(~np.isin(visible, (0, 1)), 'should have visibility 0 or 1', visible)
    only_root = np.arange(human36m18.NUM_EVALUATED) == root
    refuse(~labelled & only_root, 'is the root and must be labelled (visibility 1)', visible)
    refuse(labelled & ~finite, 'should be finite', joints)
    refuse(labelled & (depth <= 0), 'should lie in front of the camera (z > 0)', joints)
    refuse(labelled & (depth > _MAX_DEPTH), 'should be in metres, not millimetres', joints)
