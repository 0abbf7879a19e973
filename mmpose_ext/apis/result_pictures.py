"""Pictures of results: boxes and skeletons, bodies over the photograph, poses from two sides."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.apis.mesh import MeshPrediction
from mmpose_ext.apis.people import People
from mmpose_ext.fileio import atomic_path
from mmpose_ext.visualization.captions import INK, PAPER, text_width, write
from mmpose_ext.visualization.crowds import person_colors
from mmpose_ext.visualization.mesh_renderer import overlay_mesh, resize_camera
from mmpose_ext.visualization.mesh_views import view_mesh
from mmpose_ext.visualization.pose3d import draw_pose3d
from mmpose_ext.visualization.sheets import draw_skeleton, tile_images
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW, View

# A person's strokes are as for a picture this much larger than the person.
_STROKE = 2.5
# Height in pixels of the photograph beside 3D views.
_SHEET, _GAP = 768, 4
_VIEWS = (CAMERA_VIEW, SIDE_VIEW)


def draw_result(
    image: np.ndarray,
    people: People,
    dataset_meta: dict,
    kpt_thr: float = 0.3,
    panels: int | None = None,
) -> np.ndarray:
    """Draw what a model sees in a picture.

    Boxes, but where one is the whole picture, and skeletons: of one person in the dataset's
    colours, of several in a colour each. Where the people are in 3D, the picture is scaled to a
    height of 768 pixels and beside it each of them is seen from the camera and from the right, as
    skeleton or as body; bodies also lie over the picture.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8; it is not changed.
        people (People): The people.
        dataset_meta (dict): Of the model: skeleton and colours.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.
        panels (int | None): How many people are seen from two sides, those with the largest boxes;
            white where there are fewer. Defaults to None: all. A video needs a fixed number.

    Returns:
        np.ndarray: BGR image uint8: (H, W, 3), or with 3D views (768, W', 3).
    """
    if people.joints_3d is None and people.meshes is None:
        return draw_overlay(image, people, dataset_meta, kpt_thr)
    photo, factor = _fit(image)
    fitted = _scaled(people, factor)
    if people.meshes:
        drawn = _overlay_bodies(photo, people.meshes, image.shape[1::-1])
        _draw_boxes(drawn, fitted)
    else:
        drawn = draw_overlay(photo, fitted, dataset_meta, kpt_thr)
    drawn = _on_sheet(drawn)
    slots = len(people) if panels is None else panels
    return np.hstack([drawn, _side_views(people, dataset_meta, slots)]) if slots else drawn


def draw_overlay(
    image: np.ndarray, people: People, dataset_meta: dict, kpt_thr: float = 0.3
) -> np.ndarray:
    """Draw boxes and 2D skeletons over a picture.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8; it is not changed.
        people (People): The people.
        dataset_meta (dict): Of the model: skeleton and colours.
        kpt_thr (float): Keypoints with a lower score are not drawn. Defaults to 0.3.

    Returns:
        np.ndarray: A new BGR image (H, W, 3).
    """
    drawn = image.copy()
    _draw_boxes(drawn, people)
    for person, color in enumerate(person_colors(len(people))):
        meta = dataset_meta
        if len(people) > 1:
            meta = meta | {
                'keypoint_colors': [color] * people.keypoints.shape[1],
                'skeleton_link_colors': [color] * len(meta['skeleton_links']),
            }
        _draw_person(drawn, people, person, meta, kpt_thr)
    return drawn


def write_picture(path: str | Path, image: np.ndarray) -> Path:
    """Write a picture, whole or not at all.

    Args:
        path (str | Path): The file; its suffix says the format.
        image (np.ndarray): BGR image (H, W, 3) uint8.

    Returns:
        Path: The file.

    Raises:
        ValueError: If the suffix is none that OpenCV writes.
        OSError: If the file cannot be written, or the format has no room for so large a picture.
    """
    path = Path(path)
    if not cv2.haveImageWriter(f'x{path.suffix}'):
        raise ValueError(f'{path} has no suffix of a picture; .jpg or .png are')
    with atomic_path(path) as temporary:
        try:
            good = cv2.imwrite(str(temporary), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        except cv2.error:
            good = False
        if not good:
            H, W = image.shape[:2]
            raise OSError(
                f'OpenCV could not write {W} x {H} pixels to {path}: is there room on the disk? '
                'JPEG holds at most 65500 pixels across'
            )
    return path


def _draw_boxes(drawn: np.ndarray, people: People) -> None:
    colors = person_colors(len(people))
    for box, score, color in zip(people.boxes, people.box_scores, colors, strict=True):
        _draw_box(drawn, box, float(score), color)


def _draw_box(
    drawn: np.ndarray, box: np.ndarray, score: float, color: tuple[int, int, int]
) -> None:
    """Draw a box and its score in place, but for a box that is the whole picture."""
    H, W = drawn.shape[:2]
    if (box[:2] <= 0).all() and (box[2:] >= (W - 1, H - 1)).all():
        return
    # Boxes that reach far out of the picture must not overflow OpenCV's integers.
    (left, top), (right, bottom) = np.rint(np.clip(box, -30000, 30000)).astype(int).reshape(2, 2)
    width = max(1, round(max(right - left, bottom - top) / 250))
    bgr = color[::-1]
    cv2.rectangle(drawn, (int(left), int(top)), (int(right), int(bottom)), bgr, width, cv2.LINE_AA)
    height = float(np.clip(9 * width, 13, 48))
    text = f'{score:.2f}'
    room = round(text_width(text, height)) + 6
    x, y = max(int(left), 0), max(int(top) - round(1.3 * height), 0)
    cv2.rectangle(drawn, (x, y), (x + room, y + round(1.3 * height)), bgr, cv2.FILLED)
    write(drawn, text, (x + 3, y + 0.65 * height), height, INK)


def _draw_person(
    drawn: np.ndarray, people: People, person: int, meta: dict, kpt_thr: float
) -> None:
    """Draw a skeleton in place, on the part of the picture that it covers: pictures are large."""
    points, scores = people.keypoints[person], people.keypoint_scores[person]
    seen = points[scores >= kpt_thr]
    if not len(seen):
        return
    size = min(float(max(drawn.shape)), _STROKE * max(float(np.ptp(seen, axis=0).max()), 1.0))
    margin = size / 48 + 4
    limits = drawn.shape[1], drawn.shape[0]
    low = np.clip(np.floor(seen.min(0) - margin), 0, limits).astype(int)
    high = np.clip(np.ceil(seen.max(0) + margin), 0, limits).astype(int)
    if (low >= high).any():
        return
    part = drawn[low[1] : high[1], low[0] : high[0]]
    part[:] = draw_skeleton(part, points[None] - low, scores[None], meta, kpt_thr, size)


def _fit(image: np.ndarray) -> tuple[np.ndarray, float]:
    """Scale a picture to the height of a sheet, and give the factor."""
    H, W = image.shape[:2]
    # Panoramas are bounded too.
    factor = min(_SHEET / H, 2 * _SHEET / W)
    size = max(1, round(W * factor)), max(1, round(H * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(image, size, interpolation=method)
    return fitted, factor


def _on_sheet(picture: np.ndarray) -> np.ndarray:
    """Add white above and below up to the height of a sheet."""
    missing = _SHEET - len(picture)
    above = missing // 2
    rows = (above, missing - above)
    return np.pad(picture, (rows, (0, 0), (0, 0)), constant_values=PAPER[0])


def _scaled(people: People, factor: float) -> People:
    """Move people into a scaled picture; pixel x comes to lie at (x + 0.5) * factor - 0.5."""
    return People(
        keypoints=(people.keypoints + 0.5) * factor - 0.5,
        keypoint_scores=people.keypoint_scores,
        boxes=people.boxes * factor,
        box_scores=people.box_scores,
    )


def _overlay_bodies(
    photo: np.ndarray, meshes: Sequence[MeshPrediction], size: tuple[int, ...]
) -> np.ndarray:
    """Lay bodies over a scaled picture that was of ``size`` (W, H)."""
    K = resize_camera(meshes[0].K, size, (photo.shape[1], photo.shape[0]))
    return overlay_mesh(photo, np.stack([mesh.vertices for mesh in meshes]), meshes[0].faces, K)


def _side_views(people: People, meta: dict, slots: int) -> np.ndarray:
    """Draw people from two sides, on a sheet whose size depends on ``slots`` alone."""
    cell, columns = (_SHEET // 2, slots) if slots <= 2 else (_SHEET // 3, 2 * -(-slots // 3))
    cell -= _GAP * 2
    areas = np.prod(people.boxes[:, 2:] - people.boxes[:, :2], axis=1)
    chosen = sorted(np.argsort(-areas, kind='stable')[:slots].tolist())
    pictures = [_views_of(people, person, meta, cell) for person in chosen]
    blank = np.full((cell, cell, 3), PAPER, np.uint8)
    pictures += [[blank, blank]] * (slots - len(chosen))
    if slots <= 2:  # from the camera above, from the right below
        flat = [pair[view] for view in range(2) for pair in pictures]
    else:
        flat = [picture for pair in pictures for picture in pair]
    sheet = tile_images(flat, columns, _GAP)
    return _on_sheet(sheet)


def _views_of(people: People, person: int, meta: dict, cell: int) -> list[np.ndarray]:
    """Draw a person from the camera and from the right, marked with the colour of the overlay."""
    color = person_colors(len(people))[person][::-1]
    pictures = []
    for view in _VIEWS:
        if people.meshes is not None:
            body = people.meshes[person]
            picture = view_mesh(body.vertices, body.faces, view, cell)
        else:
            picture = _draw_joints(people, person, meta, view, cell)
        write(picture, view.name, (cell / 2, cell - 10), 14, INK, 'center')
        if len(people) > 1:
            cv2.circle(picture, (cell // 16, cell // 16), cell // 32, color, -1, cv2.LINE_AA)
        pictures.append(picture)
    return pictures


def _draw_joints(people: People, person: int, meta: dict, view: View, cell: int) -> np.ndarray:
    joints = people.joints_3d
    if joints is None:
        raise ValueError('people without joints_3d have no 3D view')
    colors = np.asarray(meta['skeleton_link_colors'], dtype=float)[:, ::-1]
    links = [(int(first), int(second)) for first, second in meta['skeleton_links']]
    return draw_pose3d(
        joints[person], links, [tuple(color) for color in colors.tolist()], view, cell
    )
