"""3D skeletons as solid bodies: balls and sticks, in files that viewers can turn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmpose_ext.fileio import atomic_path
from mmpose_ext.visualization.mesh_export import TO_Y_UP, require_trimesh
from mmpose_ext.visualization.mesh_renderer import join_bodies
from mmpose_ext.visualization.stage3d import Color

_MM = 1000.0
# Radii in metres: about those of a forearm and an elbow.
_STICK, _BALL = 0.022, 0.032
_SIDES = 12
_BALL_COLOR = (70, 70, 70)


def skeleton_mesh(
    joints: np.ndarray, links: Sequence[tuple[int, int]], link_colors: Sequence[Color]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build balls for the joints and sticks for the bones of people.

    Args:
        joints (np.ndarray): Joints (N, J, 3) in mm; NaN where one is not known: it is left out,
            and its bones with it.
        links (Sequence[tuple[int, int]]): The two joints of each bone, (L, 2).
        link_colors (Sequence[Color]): RGB colour of each bone, 0 to 255, (L, 3).

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Vertices (V, 3) in metres, axes as those of the
        joints; triangles (F, 3), counter-clockwise seen from outside; RGB colour of each vertex
        (V, 3) uint8.

    Raises:
        ValueError: If the joints are not (N, J, 3), a bone names another joint, or there is not
            one colour for each bone.
        ImportError: If ``trimesh`` is not installed.
    """
    joints = np.asarray(joints, dtype=np.float64) / _MM
    if joints.ndim != 3 or joints.shape[2] != 3:
        raise ValueError(f'joints must be (N, J, 3) in mm, got {joints.shape}')
    ends = np.asarray(links, dtype=int).reshape(-1, 2)
    colors = np.asarray(link_colors, dtype=np.uint8).reshape(-1, 3)
    if len(ends) != len(colors):
        raise ValueError(f'{len(ends)} bones need as many colours, got {len(colors)}')
    if ends.size and not (ends.min() >= 0 and ends.max() < joints.shape[1]):
        raise ValueError(f'a bone names a joint that is none of 0 to {joints.shape[1] - 1}: {ends}')
    trimesh = require_trimesh('skeleton_mesh')

    known = np.isfinite(joints).all(axis=2)
    middles = joints[known]
    ball = trimesh.creation.icosphere(subdivisions=2, radius=_BALL)
    balls = ball.vertices + middles[:, None]

    starts, stops = joints[:, ends[:, 0]], joints[:, ends[:, 1]]
    lengths = np.linalg.norm(stops - starts, axis=2)
    solid = lengths > 1e-6  # false for NaN, too
    stick = trimesh.creation.cylinder(radius=_STICK, height=1.0, sections=_SIDES)
    sticks = _lay(np.asarray(stick.vertices), starts[solid], stops[solid])
    stick_colors = np.broadcast_to(colors, (len(joints), *colors.shape))[solid]

    ball_points, ball_faces = join_bodies(balls, ball.faces)
    stick_points, stick_faces = join_bodies(sticks, stick.faces)
    ball_colors = np.full((len(ball_points), 3), _BALL_COLOR, dtype=np.uint8)
    return (
        np.concatenate((ball_points, stick_points)),
        np.concatenate((ball_faces, stick_faces + len(ball_points))),
        np.concatenate((ball_colors, np.repeat(stick_colors, len(stick.vertices), axis=0))),
    )


def export_skeletons(
    path: str | Path,
    joints: np.ndarray,
    links: Sequence[tuple[int, int]],
    link_colors: Sequence[Color],
    spacing: float = 1000.0,
) -> None:
    """Write people as balls and sticks to a glTF file, y up.

    Joints that are relative to a root tell nothing about where people are: they are put side by
    side, in the order that they are given in.

    Args:
        path (str | Path): The file, ``.glb``; its folder is made.
        joints (np.ndarray): Joints (N, J, 3) in mm relative to the root, camera axes (x right, y
            down, z ahead).
        links (Sequence[tuple[int, int]]): The two joints of each bone.
        link_colors (Sequence[Color]): RGB colour of each bone, 0 to 255.
        spacing (float): mm from one person to the next. Defaults to 1000.

    Raises:
        ValueError: If the suffix is another, nobody is there, or see :func:`skeleton_mesh`.
        ImportError: If ``trimesh`` is not installed.
        OSError: If the file cannot be written.
    """
    if Path(path).suffix.lower() != '.glb':
        raise ValueError(f'skeletons are written as .glb, got {Path(path).name!r}')
    if not len(joints):
        raise ValueError('there is nobody to write: joints (0, J, 3)')
    places = (np.arange(len(joints)) - (len(joints) - 1) / 2) * spacing
    standing = np.asarray(joints, dtype=np.float64) + places[:, None, None] * (1.0, 0.0, 0.0)
    vertices, faces, colors = skeleton_mesh(standing, links, link_colors)
    trimesh = require_trimesh('export_skeletons')
    mesh = trimesh.Trimesh(vertices @ TO_Y_UP, faces, vertex_colors=colors, process=False)
    with atomic_path(path) as temporary:
        mesh.export(temporary, include_normals=True)


def _lay(stick: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Lay a stick (V, 3), of length 1 along z about 0, between points (M, 3): (M, V, 3)."""
    axis = stops - starts
    ahead = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    # Any direction that is not along the stick will do: the axis that it has least of.
    other = np.eye(3)[np.abs(ahead).argmin(axis=1)]
    across = np.cross(other, ahead)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    frame = np.stack((across, np.cross(ahead, across), axis), axis=1)
    placed: np.ndarray = stick @ frame + (starts + stops)[:, None] / 2
    return placed
