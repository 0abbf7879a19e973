"""Contact sheets: many pictures in one, to see whether they show people."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.synthetic.labels import OUTSIDE, VISIBLE, PersonLabels
from mmpose_ext.synthetic.renderer import PROP_ID, Rendering
from mmpose_ext.synthetic.skeleton import COCO_NAMES
from mmpose_ext.synthetic.staging import Picture

# Bones of COCO's body and the colours of sides: left, right, middle (BGR).
_BONES = [
    ('left_shoulder', 'left_elbow'),
    ('left_elbow', 'left_wrist'),
    ('right_shoulder', 'right_elbow'),
    ('right_elbow', 'right_wrist'),
    ('left_hip', 'left_knee'),
    ('left_knee', 'left_ankle'),
    ('right_hip', 'right_knee'),
    ('right_knee', 'right_ankle'),
    ('left_shoulder', 'right_shoulder'),
    ('left_hip', 'right_hip'),
    ('left_shoulder', 'left_hip'),
    ('right_shoulder', 'right_hip'),
    ('nose', 'left_eye'),
    ('nose', 'right_eye'),
    ('left_eye', 'left_ear'),
    ('right_eye', 'right_ear'),
]
_SIDE_COLORS = {'left': (80, 220, 60), 'right': (40, 140, 255), 'nose': (255, 200, 60)}


def draw_labels(image: np.ndarray, people: Sequence[PersonLabels]) -> np.ndarray:
    """Draw keypoints: discs where visible, rings where hidden.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8.
        people (Sequence[PersonLabels]): Labels of its people.

    Returns:
        np.ndarray: A new BGR image.
    """
    canvas = image.copy()
    for labels in people:
        if not labels.area:
            continue
        span = max(labels.bbox[2:].max(), 24)
        thick = 2 if span > 160 else 1
        radius = int(np.clip(span / 70, 1, 4))
        points = [tuple(int(v) for v in np.rint(p)) for p in labels.coco]
        flags = dict(zip(COCO_NAMES, labels.coco_visibility, strict=True))
        at = dict(zip(COCO_NAMES, points, strict=True))
        for a, b in _BONES:
            if OUTSIDE not in (flags[a], flags[b]):
                same = a.split('_')[0] == b.split('_')[0]
                color = _SIDE_COLORS[a.split('_')[0]] if same else (230, 230, 230)
                cv2.line(canvas, at[a], at[b], color, thick, cv2.LINE_AA)
        for name, flag in flags.items():
            if flag != OUTSIDE:
                color = _SIDE_COLORS[name.split('_')[0]]
                width = -1 if flag == VISIBLE else 1
                cv2.circle(canvas, at[name], radius + (flag != VISIBLE), color, width, cv2.LINE_AA)
    return canvas


def depth_picture(rendering: Rendering) -> np.ndarray:
    """Show depth: near is bright, the backdrop black. BGR (H, W, 3) uint8."""
    seen = np.isfinite(rendering.depth)
    shade = np.zeros(seen.shape)
    if seen.any():
        depth = rendering.depth[seen]
        low, high = np.log(depth.min()), np.log(depth.max() + 1e-3)
        shade[seen] = 255 - 200 * (np.log(depth) - low) / (high - low)
    return cv2.applyColorMap(shade.astype(np.uint8), cv2.COLORMAP_INFERNO)


def id_picture(rendering: Rendering) -> np.ndarray:
    """Show who is where: a hue per person, a shade per part, things grey. BGR uint8."""
    person, part = rendering.person_id.astype(int), rendering.part_id.astype(int)
    hue = (person * 67) % 180
    value = 150 + (part * 37) % 106
    hsv = np.stack([hue, np.full_like(hue, 170), value], axis=-1).astype(np.uint8)
    picture = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    picture[person == 0] = 30
    picture[person == PROP_ID] = 110
    return picture


def contact_sheet(pictures: Sequence[Picture], columns: int = 8) -> np.ndarray:
    """Lay pictures out: plain ones, then the same with keypoints; at last depth and ids.

    Args:
        pictures (Sequence[Picture]): Pictures of one size.
        columns (int): Pictures in a row. Defaults to 8.

    Returns:
        np.ndarray: BGR image, uint8.

    Raises:
        ValueError: If there is no picture, or ``columns`` is not positive.
    """
    if not pictures or columns < 1:
        raise ValueError(f'need pictures and columns >= 1, got {len(pictures)} and {columns}')
    columns = min(columns, len(pictures))
    half = -(-len(pictures) // 2 // columns) * columns
    cells = [
        draw_labels(p.image, p.labels) if k >= half else p.image for k, p in enumerate(pictures)
    ]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    first = [p.rendering for p in pictures[: -(-columns // 2)]]
    last = [show(r) for r in first for show in (depth_picture, id_picture)]
    cells += last[:columns]
    gap = 3
    cells = [
        cv2.copyMakeBorder(c, 0, gap, 0, gap, cv2.BORDER_CONSTANT, value=(255,) * 3) for c in cells
    ]
    rows = [np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)]
    return np.vstack(rows)[:-gap, :-gap]
