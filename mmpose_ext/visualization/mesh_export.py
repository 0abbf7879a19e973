"""Meshes as files that other programs open."""

from pathlib import Path
from types import ModuleType

import numpy as np

from mmpose_ext.fileio import atomic_path
from mmpose_ext.visualization.mesh_renderer import BODY_COLOR, check_mesh, join_bodies

FORMATS = ('.glb', '.obj', '.ply')
# Camera space has y down and z ahead; these formats have y up and z towards the viewer.
TO_Y_UP = np.diag((1.0, -1.0, -1.0))


def export_mesh(path: str | Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh, or several bodies as one, y up.

    Camera space is turned by diag(1, -1, -1), half a turn about x: y points up and z towards the
    camera, as viewers of these formats expect. Vertices keep number and order.

    Args:
        path (str | Path): The file, ``.glb``, ``.obj`` or ``.ply``; its folder is made.
        vertices (np.ndarray): Vertices (V, 3) in metres, camera space, or (N, V, 3) of several
            bodies.
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.

    Raises:
        ImportError: If ``trimesh`` is not installed.
        ValueError: If the suffix is another, shapes do not belong together, or vertices are not
            finite.
        OSError: If the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f'a mesh is written as {", ".join(FORMATS)}, got {Path(path).name!r}')
    points, triangles = join_bodies(*check_mesh(vertices, faces))
    trimesh = require_trimesh('export_mesh')
    mesh = trimesh.Trimesh(points @ TO_Y_UP, triangles, process=False)
    red, green, blue = (channel / 255 for channel in BODY_COLOR[::-1])
    material = trimesh.visual.material.PBRMaterial(
        # glTF's colours are linear light.
        baseColorFactor=[*(channel**2.2 for channel in (red, green, blue)), 1.0],
        metallicFactor=0.0,
        roughnessFactor=0.7,
    )
    options: dict = dict(vertex_normal=False)
    if suffix == '.obj':
        options = dict(include_normals=False, header='mmpose_ext')
    if suffix == '.glb':
        # Normals make viewers shade it smoothly.
        options = dict(include_normals=True)
        mesh.visual = trimesh.visual.TextureVisuals(material=material)
    with atomic_path(path) as temporary:
        mesh.export(temporary, **options)


def require_trimesh(user: str) -> ModuleType:
    """Import trimesh, which is optional.

    Args:
        user (str): Name of the function that needs it.

    Returns:
        ModuleType: ``trimesh``.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import trimesh
    except ImportError as error:
        raise ImportError(
            f'{user} needs trimesh: pip install "mmpose_ext[mesh]" or pip install trimesh'
        ) from error
    module: ModuleType = trimesh
    return module
