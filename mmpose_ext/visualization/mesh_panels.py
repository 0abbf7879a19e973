"""The pictures of one person's body, all of one size. BGR throughout."""

from collections.abc import Sequence

import numpy as np

from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.visualization.captions import INK, PAPER, write
from mmpose_ext.visualization.mesh_person import MeshPerson
from mmpose_ext.visualization.mesh_renderer import BODY_COLOR, overlay_mesh
from mmpose_ext.visualization.mesh_views import view_mesh
from mmpose_ext.visualization.person3d import Crop
from mmpose_ext.visualization.stage3d import SIDE_VIEW, Color, View


def draw_body(
    photo: np.ndarray,
    crop: Crop,
    person: MeshPerson | None,
    faces: np.ndarray,
    K: np.ndarray,
    size: int = 256,
    color: Color = BODY_COLOR,
) -> np.ndarray:
    """Draw a person's body over his crop.

    Args:
        photo (np.ndarray): BGR photograph (H, W, 3) uint8.
        crop (Crop): The part of it to show.
        person (MeshPerson | None): The body; None where there is none.
        faces (np.ndarray): Its triangles (F, 3).
        K (np.ndarray): Intrinsics (3, 3) of the photograph in pixels.
        size (int): Side of the picture in pixels. Defaults to 256.
        color (Color): BGR of the body.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8; it says so where no body can be drawn.
    """
    picture = crop.cut(photo, (size, size))
    if person is None or not person.placed:
        note = 'no body' if person is None else 'place not known'
        write(picture, note, (size / 2, size / 2), size / 16, PAPER, 'center')
        return picture
    # The crop is a picture by the same camera with other intrinsics.
    warp = np.vstack((crop.warp_to((size, size)), (0.0, 0.0, 1.0)))
    return overlay_mesh(picture, person.vertices, faces, warp @ K, color=color)


def draw_body_view(
    person: MeshPerson | None,
    faces: np.ndarray,
    view: View = SIDE_VIEW,
    size: int = 256,
    color: Color = BODY_COLOR,
    down: Sequence[float] | None = None,
) -> np.ndarray:
    """Draw a person's body from any side.

    Args:
        person (MeshPerson | None): The body; None where there is none.
        faces (np.ndarray): Its triangles (F, 3).
        view (View): Where the viewer stands. Defaults to the camera's right.
        size (int): Side of the picture in pixels. Defaults to 256.
        color (Color): BGR of the body.
        down (Sequence[float] | None): Direction of gravity (3,), camera axes. Defaults to None, the
            camera's own vertical.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8; white with a note where there is no body.
    """
    if person is None:
        blank = np.full((size, size, 3), PAPER, np.uint8)
        write(blank, 'no body', (size / 2, size / 2), size / 16, INK, 'center')
        return blank
    down = (0.0, 1.0, 0.0) if down is None else down
    return view_mesh(person.vertices, faces, view, size, color=color, down=down)


def body_note(body: SMPLBody, width: int, height: int = 26) -> np.ndarray:
    """Say below pictures which body they show.

    Args:
        body (SMPLBody): The body model.
        width (int): Width of the pictures in pixels.
        height (int): Height of the line in pixels. Defaults to 26.

    Returns:
        np.ndarray: White image (height, width, 3) uint8.
    """
    name = str(body.model_path)
    if name.startswith('mannequin'):
        name += ", this package's own and not SMPL's"
    strip = np.full((height, width, 3), PAPER, np.uint8)
    text = (
        f'body model: {name.replace(chr(92), "/").rpartition("/")[2]}, {body.num_vertices} vertices'
    )
    write(strip, text, (height / 2, height / 2), 0.55 * height)
    return strip
