"""The pictures of one person of a 3D model, all of one size, and their legend. BGR throughout."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.codecs.hemlets_label import HEMletsLabel
from mmpose_ext.visualization.captions import INK, PAPER, text_width, write
from mmpose_ext.visualization.part_polarity import draw_bone, draw_part_polarity
from mmpose_ext.visualization.person3d import Crop, Person3D
from mmpose_ext.visualization.pose3d import GHOST, draw_pose3d
from mmpose_ext.visualization.sheets import draw_skeleton
from mmpose_ext.visualization.stage3d import CAMERA_VIEW, SIDE_VIEW, View

_DIM = 0.45


def draw_pose2d(
    photo: np.ndarray, crop: Crop, person: Person3D, meta: dict, size: int, kpt_thr: float
) -> np.ndarray:
    """Draw a person's 2D skeleton on his crop, through MMPose's visualizer.

    Args:
        photo (np.ndarray): BGR photograph (H, W, 3) uint8.
        crop (Crop): The part of it to show.
        person (Person3D): The person.
        meta (dict): ``metainfo`` of the dataset: skeleton and colours.
        size (int): Side of the picture in pixels.
        kpt_thr (float): Joints with a lower score are not drawn.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8.
    """
    # At twice the size lines are smooth, and thick enough after shrinking.
    large = (2 * size, 2 * size)
    points = crop.place(person.points, large)
    drawn = draw_skeleton(crop.cut(photo, large), points[None], person.scores[None], meta, kpt_thr)
    return cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA)


def draw_polarity(
    photo: np.ndarray, crop: Crop, person: Person3D, codec: HEMletsLabel, size: int
) -> np.ndarray:
    """Draw the polarity of a person's parts over his dimmed crop.

    Args:
        photo (np.ndarray): BGR photograph (H, W, 3) uint8.
        crop (Crop): The part of it to show.
        person (Person3D): The person.
        codec (HEMletsLabel): The model's codec: parts and the sign of the polarity.
        size (int): Side of the picture in pixels.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8; it says so where polarities are not known.
    """
    dimmed = np.rint(crop.cut(photo, (size, size)) * _DIM).astype(np.uint8)
    if person.polarity is None:
        write(dimmed, 'no HEMlets', (size / 2, size / 2), size / 16, PAPER, 'center')
        return dimmed
    return draw_part_polarity(
        dimmed,
        crop.place(person.points, (size, size)),
        person.polarity,
        [(parent, child) for parent, child in codec.parts.tolist()],
        visible=person.visible,
        closer_is=codec.closer_is,
    )


def draw_view(
    person: Person3D,
    meta: dict,
    view: View,
    size: int,
    truth: Person3D | None = None,
    down: Sequence[float] | None = None,
) -> np.ndarray:
    """Draw a person's 3D skeleton.

    Args:
        person (Person3D): The person.
        meta (dict): ``metainfo`` of the dataset: skeleton and colours.
        view (View): Where the viewer stands.
        size (int): Side of the picture in pixels.
        truth (Person3D | None): Truth, drawn as a thin grey skeleton. Defaults to None.
        down (Sequence[float] | None): Direction of gravity (3,), camera axes. Defaults to None, the
            camera's own vertical.

    Returns:
        np.ndarray: BGR image (size, size, 3) uint8; white with a note where there is no depth.
    """
    if person.joints is None:
        blank = np.full((size, size, 3), PAPER, np.uint8)
        write(blank, 'depth not known', (size / 2, size / 2), size / 16, INK, 'center')
        return blank
    colors = np.asarray(meta['skeleton_link_colors'], dtype=float)[:, ::-1]
    return draw_pose3d(
        person.joints,
        meta['skeleton_links'],
        [tuple(color) for color in colors.tolist()],
        view,
        size,
        truth=None if truth is None else truth.joints,
        down=(0.0, 1.0, 0.0) if down is None else down,
    )


def person_panels(
    photo: np.ndarray,
    crop: Crop,
    person: Person3D,
    meta: dict,
    codec: HEMletsLabel,
    *,
    size: int = 256,
    kpt_thr: float = 0.0,
    truth: Person3D | None = None,
    down: Sequence[float] | None = None,
) -> list[np.ndarray]:
    """Draw a person: 2D skeleton, 3D skeleton from two sides, polarity of the parts.

    Args:
        photo (np.ndarray): BGR photograph (H, W, 3) uint8.
        crop (Crop): The part of it to show.
        person (Person3D): The person.
        meta (dict): ``metainfo`` of the dataset: skeleton and colours.
        codec (HEMletsLabel): The model's codec.
        size (int): Side of a picture in pixels. Defaults to 256.
        kpt_thr (float): Joints with a lower score are left out of the 2D skeleton. Defaults to 0.
        truth (Person3D | None): Truth, a thin grey skeleton in the 3D views. Defaults to None.
        down (Sequence[float] | None): Direction of gravity (3,), camera axes.

    Returns:
        list[np.ndarray]: Four BGR images (size, size, 3) uint8.
    """
    return [
        draw_pose2d(photo, crop, person, meta, size, kpt_thr),
        draw_view(person, meta, CAMERA_VIEW, size, truth, down),
        draw_view(person, meta, SIDE_VIEW, size, truth, down),
        draw_polarity(photo, crop, person, codec, size),
    ]


def legend(width: int, meta: dict, height: int = 30, truth: bool = True) -> np.ndarray:
    """Explain colours in one line, or in as many as the width asks for.

    Args:
        width (int): Width of the picture in pixels.
        meta (dict): ``metainfo`` of the dataset: keypoints and their colours.
        height (int): Height of a line in pixels. Defaults to 30.
        truth (bool): Whether the grey skeleton of the truth is explained. Defaults to True.

    Returns:
        np.ndarray: White BGR image (lines * height, width, 3) uint8.
    """
    entries: list[tuple[str, object, float]] = []
    for side in ('right', 'left'):
        joints = [i for i, name in meta['keypoint_id2name'].items() if name.startswith(f'{side}_')]
        if joints:
            color = meta['keypoint_colors'][joints[0]][::-1]
            entries.append((side, tuple(int(channel) for channel in color), 0.28))
    if truth:
        entries.append(('truth', GHOST, 0.12))
    entries += [('child closer', 1, 0.22), ('level', 0, 0.22), ('child farther', -1, 0.22)]
    swatch, size = 1.3 * height, 0.5 * height
    widths = [round(swatch + 0.6 * height + text_width(e[0], size) + height) for e in entries]
    places, x, y = [], height // 3, 0
    for needed in widths:
        if x + needed > width and x > height // 3:
            x, y = height // 3, y + height
        places.append((x, y))
        x += needed
    picture = np.full((y + height, width, 3), PAPER, np.uint8)
    for (text, look, thickness), (left, top) in zip(entries, places, strict=True):
        ends = np.array([[left, top + height / 2], [left + swatch, top + height / 2]])
        if isinstance(look, int):
            draw_bone(picture, ends[0], ends[1], look, thickness * height)
        else:
            first, last = np.rint(ends).astype(int).tolist()
            cv2.line(picture, first, last, look, round(thickness * height), cv2.LINE_AA)
        write(picture, text, (left + swatch + 0.6 * height, top + height / 2), size)
    return picture
