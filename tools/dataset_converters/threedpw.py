"""3DPW's sequence files as the arrays of SMPLImageDataset.

Its poses are in the world's axes; each frame's ``cam_poses`` takes them into camera space.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from smpl_sources import square_boxes, to_18
from tqdm import tqdm

from mmpose_ext.datasets.datasets.human36m_image import root_box
from mmpose_ext.datasets.datasets.smpl_image_file import GENDERS
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.pickles import restricted_load
from mmpose_ext.refusals import refusing
from mmpose_ext.skeletons import human36m18

# Margin of the crop about the projected joints ('joints'), SPIN's.
_BOX_MARGIN = 1.2
# OpenPose's confidence above which a keypoint is labelled, SPIN's.
_MIN_CONFIDENCE = 0.3
_BATCH = 256
_PERSON_KEYS = ('poses', 'betas', 'trans', 'jointPositions', 'poses2d', 'campose_valid', 'genders')


def threedpw_arrays(
    folder: str,
    split: str,
    body: SMPLBody | None = None,
    stride: int = 1,
    box: str = 'root',
) -> dict[str, np.ndarray]:
    """Convert the people of a split whose camera is known.

    3DPW has no joints of Human3.6M: papers regress them from the labelled body. Give that body to
    have ``joints_3d``, placed by the labelled pelvis; metrics need only ``truth='body'``.
    2D keypoints are OpenPose's, above a confidence of 0.3. The labels are of male and female SMPL
    bodies, named in ``gender``; a neutral body looks different at the same betas.

    Args:
        folder (str): The folder sequenceFiles, with train, validation and test.
        split (str): One of these.
        body (SMPLBody, optional): Makes the 18 joints. Defaults to None: no 3D joints.
        stride (int): Takes every n-th frame. Defaults to 1.
        box (str): The crop: ``'root'``: HEMlets' square of 2 m about the pelvis, the body's if
            there is one and else SMPL's; ``'joints'``: SPIN's, 1.2 times the extent of the
            projected joints of SMPL.

    Returns:
        dict[str, np.ndarray]: Arrays of SMPLImageDataset.

    Raises:
        FileNotFoundError: If there are no sequence files.
        ValueError: If one is not as 3DPW's are, or the stride is below 1; names the file and the
            field.
    """
    if stride < 1:
        raise ValueError(f'--stride should be at least 1, got {stride}')
    paths = sorted(Path(folder, split).glob('*.pkl'))
    if not paths:
        raise FileNotFoundError(
            f'there are no sequence files {Path(folder, split)}/*.pkl; 3DPW is to be had at '
            'virtualhumans.mpi-inf.mpg.de/3DPW'
        )
    people = []
    for path in tqdm(paths, desc=f'3DPW {split}', unit='sequence'):
        sequence = read_sequence(path)
        for number in range(len(sequence['poses'])):
            people.append(_person(sequence, number, stride))
    columns = {name: np.concatenate([person[name] for person in people]) for name in people[0]}
    pelvis = columns.pop('pelvis')
    if not len(pelvis):
        raise ValueError(f'{Path(folder, split)} shows nobody whose camera is known')
    if body is not None:
        columns['joints_3d'] = _body_joints(body, columns, pelvis)
        pelvis = columns['joints_3d'][:, human36m18.PELVIS, :3]
    if box == 'root':
        intrinsics = columns['K']
        focal, principal_pt = intrinsics[:, (0, 1), (0, 1)], intrinsics[:, :2, 2]
        columns['bbox'] = root_box(pelvis, focal, principal_pt)
    return columns


def read_sequence(path: Path) -> dict[str, Any]:
    """Read a sequence of 3DPW; nothing that its pickle may hold is run.

    Args:
        path (Path): The file, written by Python 2.

    Returns:
        dict[str, Any]: For each of P people and F frames ``poses`` (F, 72), ``betas`` (10,),
        ``trans`` (F, 3), ``jointPositions`` (F, 72), ``poses2d`` (F, 3, 18), ``campose_valid``
        (F,) and ``genders``; ``cam_poses`` (F, 4, 4), ``cam_intrinsics`` (3, 3), ``sequence``.

    Raises:
        ValueError: If it is no such file; names the field.
    """
    with refusing(path, 'sequence of 3DPW', 'nothing of it was run'):
        return _read_sequence(path)


def _read_sequence(path: Path) -> dict[str, Any]:
    data = restricted_load(path.read_bytes(), encoding='latin1')
    wanted = ('sequence', 'cam_poses', 'cam_intrinsics', *_PERSON_KEYS)
    missing = [name for name in wanted if not isinstance(data, dict) or name not in data]
    if missing:
        raise ValueError(f'{path} is no sequence of 3DPW: it lacks {missing}')
    frames = len(data['cam_poses'])
    shapes = {
        'poses': (frames, 72),
        'trans': (frames, 3),
        'jointPositions': (frames, 72),
        'poses2d': (frames, 3, 18),
        'campose_valid': (frames,),
    }
    _check(path, 'cam_poses', data['cam_poses'], (frames, 4, 4))
    _check(path, 'cam_intrinsics', data['cam_intrinsics'], (3, 3))
    for name in _PERSON_KEYS:
        if len(data[name]) != len(data['poses']):
            raise ValueError(f'{path}: {name} is not about all {len(data["poses"])} people')
    for name, shape in shapes.items():
        for values in data[name]:
            _check(path, name, values, shape)
    for values in data['betas']:
        if np.ndim(values) != 1 or len(values) < 10:
            raise ValueError(f'{path}: betas should be at least 10, got {np.shape(values)}')
    return data


def _person(sequence: dict[str, Any], number: int, stride: int) -> dict[str, np.ndarray]:
    """Give the columns of a person, and the pelvis (N, 3) in camera space in metres."""
    name, letter = str(sequence['sequence']), str(sequence['genders'][number])
    valid = np.asarray(sequence['campose_valid'][number]) > 0
    extrinsics = np.asarray(sequence['cam_poses'], np.float64)
    intrinsics = np.asarray(sequence['cam_intrinsics'], np.float64)
    joints = np.asarray(sequence['jointPositions'][number], np.float64).reshape(-1, 24, 3)
    joints = joints @ extrinsics[:, :3, :3].transpose(0, 2, 1) + extrinsics[:, None, :3, 3]
    seen = (joints[..., 2] > 0).all(1)
    if (valid & ~seen).any():
        left_out = int((valid & ~seen).sum())
        tqdm.write(f'{name}: person {number} is behind the camera in {left_out} frames, left out')
    frames = np.flatnonzero(valid & seen & (np.arange(len(valid)) % stride == 0))
    joints, extrinsics = joints[frames], extrinsics[frames]
    pose = np.asarray(sequence['poses'][number], np.float64)[frames]
    pixels = joints @ intrinsics.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    low, high = pixels.min(1), pixels.max(1)
    detected = np.asarray(sequence['poses2d'][number], np.float64)[frames].transpose(0, 2, 1)
    detected = np.where(detected[..., 2:] > _MIN_CONFIDENCE, detected, 0)
    count = len(frames)
    return {
        'imgname': np.array([f'{name}/image_{frame:05d}.jpg' for frame in frames], dtype='U100'),
        'bbox': square_boxes((low + high) / 2, (high - low).max(1) * _BOX_MARGIN),
        'global_orient': turn(extrinsics[:, :3, :3], pose[:, :3]),
        'body_pose': pose[:, 3:],
        'betas': np.tile(np.asarray(sequence['betas'][number], np.float64)[:10], (count, 1)),
        'keypoints_2d': to_18(detected, [human36m18.FROM_OPENPOSE_18]),
        'K': np.tile(intrinsics, (count, 1, 1)),
        'gender': np.full(count, GENDERS.get(letter, letter), dtype='U10'),
        'pelvis': joints[:, 0],
    }


def turn(rotation: np.ndarray, axis_angle: np.ndarray) -> np.ndarray:
    """Turn orientations into other axes.

    Args:
        rotation (np.ndarray): From the old axes to the new, (N, 3, 3).
        axis_angle (np.ndarray): Orientations in the old axes, (N, 3).

    Returns:
        np.ndarray: Axis-angle vectors in the new axes, (N, 3).
    """
    if not len(axis_angle):
        return np.zeros((0, 3))
    turned: np.ndarray = (
        Rotation.from_matrix(rotation) * Rotation.from_rotvec(axis_angle)
    ).as_rotvec()
    return turned


def _body_joints(body: SMPLBody, columns: dict[str, np.ndarray], pelvis: np.ndarray) -> np.ndarray:
    """Give the body's 18 joints, SMPL's pelvis at the labelled place: (N, 18, 4)."""
    pose = np.concatenate([columns['global_orient'], columns['body_pose']], axis=1)
    matrices = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3)
    joints = []
    for start in tqdm(range(0, len(pose), _BATCH), desc='joints', unit='batch'):
        rotations = torch.from_numpy(matrices[start : start + _BATCH]).float()
        betas = torch.from_numpy(columns['betas'][start : start + _BATCH]).float()
        with torch.no_grad():
            posed = body(rotations[:, :1], rotations[:, 1:], betas)
        joints.append((posed.joints - posed.smpl_joints[:, :1]).double().numpy())
    placed = np.concatenate(joints) + pelvis[:, None]
    return np.concatenate([placed, np.ones((*placed.shape[:2], 1))], axis=-1)


def _check(path: Path, name: str, values: Any, shape: Sequence[int]) -> None:
    """Refuse what is no array of numbers of a shape."""
    array = np.asarray(values)
    if array.shape != tuple(shape) or array.dtype.kind not in 'fiub':
        raise ValueError(
            f'{path}: {name} should be numbers {tuple(shape)}, got {array.dtype} {array.shape}'
        )
