"""Bodies of an image as files: a picture, meshes, parameters, an animation."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.apis.mesh import MeshPrediction
from mmpose_ext.fileio import atomic_path, write_text
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.captions import PAPER, header
from mmpose_ext.visualization.mesh_export import FORMATS, export_mesh
from mmpose_ext.visualization.mesh_panels import body_note, draw_body, draw_body_view
from mmpose_ext.visualization.mesh_person import MeshPerson
from mmpose_ext.visualization.mesh_renderer import overlay_mesh, resize_camera
from mmpose_ext.visualization.mesh_views import turntable, write_gif
from mmpose_ext.visualization.panels3d import draw_view
from mmpose_ext.visualization.person3d import Person3D
from mmpose_ext.visualization.sheets import tile_images
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW

_GAP = 4
_TITLES = (
    *('body', f'body {CAMERA_VIEW.name}', f'body {SIDE_VIEW.name}'),
    f'joints {SIDE_VIEW.name}',
)


def draw_meshes(
    photo: np.ndarray,
    people: Sequence[MeshPrediction],
    body: SMPLBody,
    meta: dict,
    cell: int = 256,
) -> np.ndarray:
    """Draw the bodies of an image: all over the photograph, then each from several sides.

    Args:
        photo (np.ndarray): BGR image (H, W, 3) uint8.
        people (Sequence[MeshPrediction]): Predictions of one image.
        body (SMPLBody): The model's body.
        meta (dict): ``dataset_meta`` of the model: skeleton and colours.
        cell (int): Side of the small pictures in pixels. Defaults to 256.

    Returns:
        np.ndarray: BGR image (H', W', 3) uint8.

    Raises:
        ValueError: If there is nobody.
    """
    if not people:
        raise ValueError('nobody was predicted, there is nothing to draw')
    cells = [picture for person in people for picture in _panels(photo, person, meta, cell)]
    rows = tile_images(cells, columns=len(_TITLES), gap=_GAP)
    width = rows.shape[1]
    top = _photograph(photo, people, width - 2 * _GAP, 3 * cell)
    margin = np.full((_GAP, width, 3), PAPER, np.uint8)
    sides = width - top.shape[1]
    top = np.pad(top, ((0, 0), (sides // 2, sides - sides // 2), (0, 0)), constant_values=255)
    titles = header(list(_TITLES), cell, _GAP)
    return np.concatenate([margin, top, titles, rows, body_note(body, width)])


def write_meshes(
    out_dir: str | Path,
    name: str,
    photo: np.ndarray,
    people: Sequence[MeshPrediction],
    body: SMPLBody,
    meta: dict,
    *,
    formats: Sequence[str] = ('glb',),
    gif: bool = False,
) -> list[Path]:
    """Write what a model sees in an image.

    ``NAME_overlay.jpg``, the picture of :func:`draw_meshes`; ``NAME_personN.glb`` or other
    formats, N from 0, in metres, y up, where the camera saw them; ``NAME.json``, parameters,
    joints, camera and the boxes, padding included; with ``gif`` also ``NAME_personN.gif``, each
    body on a turntable.

    Args:
        out_dir (str | Path): Folder; made if it is missing.
        name (str): What the names of the files begin with.
        photo (np.ndarray): BGR image (H, W, 3) uint8.
        people (Sequence[MeshPrediction]): Predictions.
        body (SMPLBody): The model's body.
        meta (dict): ``dataset_meta`` of the model.
        formats (Sequence[str]): ``'glb'``, ``'obj'``, ``'ply'``; none: no meshes.
        gif (bool): Whether to write animations. Defaults to False.

    Returns:
        list[Path]: The files.

    Raises:
        ImportError: If meshes are wanted and ``trimesh`` is not installed.
        ValueError: If a format is unknown, or there is nobody.
        OSError: If a file cannot be written.
    """
    unknown = [kind for kind in formats if f'.{kind}' not in FORMATS]
    if unknown:
        raise ValueError(f'meshes are written as {", ".join(FORMATS)}, got {unknown}')
    folder = Path(out_dir)
    picture = folder / f'{name}_overlay.jpg'
    drawn = draw_meshes(photo, people, body, meta)
    with atomic_path(picture) as temporary:
        if not cv2.imwrite(str(temporary), drawn, [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise OSError(f'OpenCV could not write {picture}')
    files = [picture, folder / f'{name}.json']
    write_text(files[1], json.dumps(_describe(photo, people, body), indent=1))
    for number, person in enumerate(people):
        stem = f'{name}_person{number}'
        for kind in formats:
            files.append(folder / f'{stem}.{kind}')
            export_mesh(files[-1], person.vertices, person.faces)
        if gif:
            files.append(folder / f'{stem}.gif')
            write_gif(files[-1], turntable(person.vertices, person.faces))
    return files


def _photograph(
    photo: np.ndarray, people: Sequence[MeshPrediction], width: int, height: int
) -> np.ndarray:
    """Draw all people over the photograph, which is shrunk or enlarged to fit."""
    H, W = photo.shape[:2]
    scale = min(width / W, height / H)
    size = max(1, round(W * scale)), max(1, round(H * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(photo, size, interpolation=method)
    K = resize_camera(people[0].K, (W, H), size)
    vertices = np.stack([person.vertices for person in people])
    return overlay_mesh(fitted, vertices, people[0].faces, K)


def _panels(photo: np.ndarray, person: MeshPrediction, meta: dict, cell: int) -> list[np.ndarray]:
    mesh = MeshPerson(person.vertices, person.smpl_joints, person.transl)
    seen = np.ones(len(person.joints), bool)
    pose = Person3D(person.keypoints[:, :2], person.keypoint_scores, person.joints, None, seen)
    return [
        draw_body(photo, person.crop, mesh, person.faces, person.K, cell),
        draw_body_view(mesh, person.faces, CAMERA_VIEW, cell),
        draw_body_view(mesh, person.faces, SIDE_VIEW, cell),
        draw_view(pose, meta, SIDE_VIEW, cell),
    ]


def _describe(photo: np.ndarray, people: Sequence[MeshPrediction], body: SMPLBody) -> dict:
    """Say everything but the vertices in plain values."""
    names = (
        *('box', 'keypoints', 'keypoint_scores', 'joints', 'smpl_joints'),
        *('global_orient', 'body_pose', 'betas', 'transl'),
    )
    return dict(
        image=dict(width=photo.shape[1], height=photo.shape[0]),
        units='metres; box (padding included): px; keypoints: px, px, mm; joints: mm; '
        'rotations: axis-angle in radians',
        body_model=Path(body.model_path).name,
        K=people[0].K.tolist(),
        people=[
            {name: np.asarray(getattr(person, name), float).tolist() for name in names}
            for person in people
        ],
    )
