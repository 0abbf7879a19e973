"""Reading MMPose's ``cameras.pkl`` without running what a pickle may hold."""

from collections.abc import Mapping
from typing import Any

import mmengine.fileio
import numpy as np

from mmpose_ext.pickles import restricted_load
from mmpose_ext.refusals import shown


def load_cameras(path: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Read a file of cameras as MMPose writes it for Human3.6M.

    Args:
        path (str): The file, a pickle of {(subject, camera): {'f', 'c', ...}}.

    Returns:
        dict: The cameras by subject and camera, such as ``('S1', '54138969')``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no pickle of such a dict, or holds anything but numpy arrays and
            plain values: nothing of it is run.
    """
    try:
        data = mmengine.fileio.get(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no file of cameras {path}; MMPose makes it from metadata.xml with '
            'preprocess_h36m.py, this package with make_mannequin.py'
        ) from error
    try:
        cameras = restricted_load(data)
    except ValueError as error:
        raise ValueError(
            f'{path} is no file of cameras ({error}); it should hold a '
            'pickled dict of dicts of numpy arrays, and nothing of it was run'
        ) from error
    if not isinstance(cameras, dict) or not cameras:
        raise ValueError(f'{path} should hold a dict of cameras, got {shown(cameras)}')
    for key, camera in cameras.items():
        named = isinstance(key, tuple) and [type(part) for part in key] == [str, str]
        if not named or not isinstance(camera, Mapping):
            raise ValueError(
                f'{path} should map (subject, camera) to a dict each, got {shown(key)}: '
                f'{shown(camera)}'
            )
    return cameras


def intrinsics_of(camera: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Give focal length and principal point of a camera.

    Args:
        camera (Mapping[str, Any]): An entry of the file; ``f`` and ``c`` hold x and y in px.

    Returns:
        tuple[np.ndarray, np.ndarray]: Focal length (2,) and principal point (2,) in px.

    Raises:
        ValueError: If one is missing or not two finite numbers, or a focal length is not
            positive.
    """
    values = []
    for name in ('f', 'c'):
        if name not in camera:
            raise ValueError(f'the camera has no {name}, only {shown(list(camera))}')
        try:
            value = np.asarray(camera[name], dtype=np.float64).reshape(-1)
        except (TypeError, ValueError, OverflowError):
            value = np.empty(0)
        if value.shape != (2,) or not np.isfinite(value).all():
            raise ValueError(
                f'{name} of the camera should be two finite numbers in px, got '
                f'{shown(camera[name])}'
            )
        values.append(value)
    focal, principal_pt = values
    if (focal <= 0).any():
        raise ValueError(f'focal length f should be positive, got {focal.tolist()} px')
    return focal, principal_pt


def gravity_of(camera: Mapping[str, Any], up_axis: int) -> np.ndarray | None:
    """Give the direction of gravity in a camera's own axes.

    Args:
        camera (Mapping[str, Any]): An entry of the file; ``R`` turns camera space into the world.
        up_axis (int): Axis of the world that points up: 2 in Human3.6M, 1 for mannequins.

    Returns:
        np.ndarray | None: Unit vector that points down, (3,); None if there is no ``R``.

    Raises:
        ValueError: If ``R`` is no 3x3 matrix of finite numbers.
    """
    if camera.get('R') is None:
        return None
    try:
        rotation = np.asarray(camera['R'], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        rotation = np.empty(0)
    if rotation.shape != (3, 3) or not np.isfinite(rotation).all():
        raise ValueError(f'R of the camera should be a finite 3x3 matrix, got {shown(camera["R"])}')
    down: np.ndarray = -rotation[up_axis]
    return down
