"""SPIN's and Human3.6M's labels as the arrays of SMPLImageDataset."""

import os.path
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmpose_ext.datasets.datasets.annotation_checks import check_names
from mmpose_ext.datasets.datasets.human36m_file import cameras_of, read_human36m
from mmpose_ext.datasets.datasets.human36m_image import root_box
from mmpose_ext.npz import read_npz
from mmpose_ext.skeletons import human36m18

# SPIN's boxes are squares of scale * 200 px.
_SCALE_UNIT = 200.0
_PARAMETERS = ('pose', 'shape')


def to_18(points: np.ndarray, sources: Sequence[Sequence[int]]) -> np.ndarray:
    """Bring the joints of another skeleton to our 18.

    Pelvis and thorax become the means of hips and shoulders where nothing else gives them.

    Args:
        points (np.ndarray): Points and whether they are labelled, (N, K, D + 1); a number above 0
            means labelled.
        sources (Sequence[Sequence[int]]): Tables as ``human36m18.FROM_SPIN_24``; the first that
            gives a labelled joint counts.

    Returns:
        np.ndarray: (N, 18, D + 1) float64, the flag 0 or 1; zeros where not labelled.
    """
    points = np.asarray(points, dtype=np.float64)
    points = np.concatenate([points[..., :-1], points[..., -1:] > 0], axis=-1)
    points = np.where(points[..., -1:] > 0, points, 0.0)
    result = np.zeros((len(points), human36m18.NUM_JOINTS, points.shape[2]))
    for table in sources:
        index = np.asarray(table)
        found = np.where(index[:, None] >= 0, points[:, index], 0.0)
        result = np.where(result[..., -1:] > 0, result, found)
    for joint, pair in human36m18.MEANS.items():
        ends = result[:, list(pair)]
        mean = np.where(ends[..., -1:].min(1) > 0, ends.mean(1), 0.0)
        result[:, joint] = np.where(result[:, joint, -1:] > 0, result[:, joint], mean)
    return result


def square_boxes(center: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Give boxes x1, y1, x2, y2 (N, 4) of centres (N, 2) and sides (N,), in px."""
    half = np.asarray(side, dtype=np.float64)[:, None] / 2
    return np.concatenate([center - half, center + half], axis=1)


def spin_arrays(
    path: str,
    body3d: str | None = None,
    cameras: str | None = None,
    box: str = 'root',
    world_up: str = 'z',
) -> dict[str, np.ndarray]:
    """Convert a file of SPIN, the layout that many mesh datasets are passed around in.

    Its arrays: imgname (N,), center (N, 2) px and scale (N,) in 200 px; optionally part
    (N, 24, 3), S (N, 24, 4) in metres, pose (N, 72), shape (N, 10), has_smpl (N,).

    Args:
        path (str): The file.
        body3d (str, optional): MMPose's npz of Human3.6M. Rows whose image (by its name without
            folders) is there take name, 3D joints, 2D points, camera and gravity from it.
        cameras (str, optional): ``cameras.pkl`` that belongs to it.
        box (str): The crop: ``'root'``: HEMlets' square of 2 m about the pelvis where a camera is
            known, ``'file'``: centre and scale of the file.
        world_up (str): Axis of the cameras' world that points up: ``'z'`` in Human3.6M, ``'y'``
            for mannequins.

    Returns:
        dict[str, np.ndarray]: Arrays of SMPLImageDataset.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has not these arrays; names it.
    """
    optional = ('part', 'S', *_PARAMETERS, 'has_smpl')
    data = read_npz(path, ('imgname', 'center', 'scale'), optional, "SPIN's npz")
    names = check_names(path, data['imgname'])
    shapes = dict(center=(2,), scale=(), part=(24, 3), S=(24, 4), pose=(72,), shape=(10,))
    _check_shapes(path, data, len(names), shapes)
    columns = {
        'imgname': np.array(names),
        'bbox': square_boxes(data['center'], data['scale'] * _SCALE_UNIT),
        **_parameters(path, data),
    }
    tables = (human36m18.FROM_SPIN_24, human36m18.FROM_SPIN_24_ELSE)
    for source, name in (('part', 'keypoints_2d'), ('S', 'joints_3d')):
        if source in data:
            columns[name] = to_18(data[source], tables)
    if body3d is None:
        return columns
    if cameras is None:
        raise ValueError(f'the cameras of {body3d} are wanted too: give --cameras')
    measured = _human36m_columns(body3d, cameras, world_up)
    return _take_over(columns, measured, path, body3d, box)


def human36m_arrays(
    path: str, cameras: str, mosh: str, box: str = 'root', world_up: str = 'z'
) -> dict[str, np.ndarray]:
    """Convert MMPose's npz of Human3.6M and SMPL parameters of its frames.

    Args:
        path (str): MMPose's npz.
        cameras (str): ``cameras.pkl``.
        mosh (str): An npz with imgname (M,), pose (M, 72), axis-angle in camera space, and shape
            (M, 10), such as SPIN's. Frames are found by the name of the image without folders;
            those that are not there have no SMPL parameters. MoSh's parameters in the world's
            axes, or without names of images, cannot be used.
        box (str): As in :func:`spin_arrays`; ``'file'`` needs center and scale.
        world_up (str): As in :func:`spin_arrays`.

    Returns:
        dict[str, np.ndarray]: Arrays of SMPLImageDataset.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has not these arrays or no frame has parameters; names it.
    """
    columns = _human36m_columns(path, cameras, world_up)
    if box == 'file':
        data = read_npz(path, ('center', 'scale'), what="MMPose's npz of Human3.6M")
        columns['bbox'] = square_boxes(data['center'], data['scale'] * _SCALE_UNIT)
    data = read_npz(
        mosh,
        ('imgname', *_PARAMETERS),
        ('has_smpl',),
        'SMPL parameters with the names of their images (imgname), pose and shape',
    )
    names = check_names(mosh, data['imgname'])
    _check_shapes(mosh, data, len(names), dict(pose=(72,), shape=(10,)))
    parameters = _parameters(mosh, data)
    rows = _rows_by_name(mosh, names)
    found = np.array([rows.get(os.path.basename(name), -1) for name in columns['imgname']])
    if (found < 0).all():
        raise ValueError(
            f'{mosh} has parameters of none of the images of {path}: its are named like '
            f'{names[0]}, those like {columns["imgname"][0]}'
        )
    labelled = parameters.pop('has_smpl')[found] * (found >= 0)
    return {
        **columns,
        **{name: values[found] for name, values in parameters.items()},
        'has_smpl': labelled,
    }


def _parameters(path: str, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give SMPL's parameters by our names."""
    given = [name for name in _PARAMETERS if name in data]
    if not given:
        return {}
    if len(given) == 1:
        raise ValueError(f'{path} has {given[0]}, but only one of {_PARAMETERS}')
    return {
        'global_orient': data['pose'][:, :3].astype(np.float64),
        'body_pose': data['pose'][:, 3:].astype(np.float64),
        'betas': data['shape'].astype(np.float64),
        'has_smpl': np.asarray(data.get('has_smpl', np.ones(len(data['pose'])))).reshape(-1),
    }


def _human36m_columns(path: str, cameras_path: str, world_up: str) -> dict[str, np.ndarray]:
    """Give names, crops, 3D joints, the photographs' own 2D points and cameras of frames."""
    frames = read_human36m(path)
    focal, principal_pt, gravity = cameras_of(frames, path, cameras_path, world_up)
    intrinsics = np.zeros((len(focal), 3, 3))
    intrinsics[:, (0, 1), (0, 1)] = focal
    intrinsics[:, :2, 2] = principal_pt
    intrinsics[:, 2, 2] = 1
    columns = {
        'imgname': np.array(frames.imgnames),
        'bbox': root_box(frames.joints[:, 0], focal, principal_pt),
        'joints_3d': np.concatenate([frames.joints, frames.visible[..., None]], axis=-1),
        'K': intrinsics,
        'gravity': gravity,
    }
    data = read_npz(path, (), ('part',))
    if 'part' in data:
        _check_shapes(path, data, len(focal), dict(part=(17, 3)))
        columns['keypoints_2d'] = to_18(data['part'], [(*range(17), -1)])
    return columns


def _take_over(
    columns: dict[str, np.ndarray],
    measured: dict[str, np.ndarray],
    path: str,
    body3d: str,
    box: str,
) -> dict[str, np.ndarray]:
    """Give rows of a SPIN file what was measured of their images."""
    rows = _rows_by_name(body3d, measured['imgname'].tolist())
    found = np.array([rows.get(os.path.basename(name), -1) for name in columns['imgname']])
    known = found >= 0
    if not known.any():
        raise ValueError(
            f'{body3d} has none of the images of {path}: its are named like '
            f'{measured["imgname"][0]}, those like {columns["imgname"][0]}'
        )
    result = {**columns, 'has_camera': known.astype(np.float64)}
    for name, values in measured.items():
        if name == 'bbox' and box == 'file':
            continue
        unknown = np.nan if name == 'gravity' else 0.0
        own = columns.get(name, np.full((len(known), *values.shape[1:]), unknown))
        flags = known.reshape(-1, *[1] * (values.ndim - 1))
        result[name] = np.where(flags, values[found], own)
    return result


def _rows_by_name(path: str, names: Sequence[str]) -> dict[str, int]:
    """Find rows by names of images without their folders, which must differ."""
    bases = [os.path.basename(name) for name in names]
    name, times = Counter(bases).most_common(1)[0]
    if times > 1:
        raise ValueError(f'{path}: the image {name} is there {times} times; which row is meant?')
    return {base: row for row, base in enumerate(bases)}


def _check_shapes(
    path: str, data: dict[str, np.ndarray], count: int, shapes: dict[str, tuple[int, ...]]
) -> None:
    for name, shape in shapes.items():
        if name in data and (
            data[name].shape != (count, *shape) or data[name].dtype.kind not in 'fiu'
        ):
            raise ValueError(
                f'{Path(path)}: {name} should be numbers {(count, *shape)}, got '
                f'{data[name].dtype} {data[name].shape}'
            )
