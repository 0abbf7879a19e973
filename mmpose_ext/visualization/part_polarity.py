"""Part polarity for the eye: which end of each bone is nearer to the camera.

A bone is a wedge whose broad end is the near one, as perspective shows it, and a colour says
the same again: warm where the child is nearer, cool where it is farther, grey where the two
are level. A part without a label is a thin dashed line. Looks are our choice.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.codecs.functional.hemlets import UNKNOWN
from mmpose_ext.skeletons.human36m18 import NAMES, PARTS

# What a code means where +1 stands for 'the child is closer', and its colour (BGR). The three
# colours differ in lightness too, so that they can be told apart without colour vision.
MEANINGS = {1: 'closer', 0: 'level', -1: 'farther', UNKNOWN: 'unknown'}
COLORS = {1: (30, 90, 255), 0: (200, 200, 200), -1: (255, 150, 20), UNKNOWN: (150, 150, 150)}

_OUTLINE = (25, 25, 25)
# Widths of a bone at (parent, child) as multiples of the line width.
_WIDTHS = {1: (0.5, 2.2), 0: (1.0, 1.0), -1: (2.2, 0.5)}
# Bits of a fraction of a pixel in OpenCV's drawing functions.
_SHIFT = 4


def draw_part_polarity(
    image: np.ndarray,
    points: np.ndarray,
    polarity: np.ndarray,
    parts: Sequence[tuple[int, int]] = PARTS,
    visible: np.ndarray | None = None,
    line_width: float | None = None,
    closer_is: int = 1,
) -> np.ndarray:
    """Draw the parts of a person, coloured and shaped by their polarity.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8; it is not changed.
        points (np.ndarray): Joints (J, 2) or more columns, x and y in pixels.
        polarity (np.ndarray): Code of each part (P,): -2 unknown, -1, 0 or 1.
        parts (Sequence[tuple[int, int]]): (parent, child) joints of each part. Defaults to the
            14 of HEMlets.
        visible (np.ndarray | None): Joints (J,) that are labelled; a part that lacks an end is
            left out. Defaults to None, all whose position is finite.
        line_width (float | None): Width of a level bone in pixels. Defaults to None, 1/75 of
            the longer side of the image.
        closer_is (int): Code of 'the child is closer to the camera', 1 or -1. Defaults to 1.

    Returns:
        np.ndarray: A new BGR image.

    Raises:
        ValueError: If shapes do not belong together, a code is none of -2, -1, 0, 1, a part
            names a joint that is not there, or ``closer_is`` is neither 1 nor -1.
    """
    points = np.asarray(points, dtype=float)
    meaning = _as_closer_positive(polarity, len(parts), closer_is)
    _check_joints(image, points, parts, visible)
    width = max(image.shape[:2]) / 75 if line_width is None else float(line_width)
    usable = np.isfinite(points[:, :2]).all(axis=1)
    if visible is not None:
        usable &= np.asarray(visible) > 0
    canvas = image.copy()
    drawn = [k for k, part in enumerate(parts) if usable[list(part)].all()]
    # Labelled parts go over unlabelled ones; the order of the rest does not matter.
    for k in sorted(drawn, key=lambda k: meaning[k] != UNKNOWN):
        parent, child = points[list(parts[k]), :2]
        draw_bone(canvas, parent, child, int(meaning[k]), width)
    return canvas


def draw_bone(
    canvas: np.ndarray, parent: np.ndarray, child: np.ndarray, meaning: int, width: float
) -> None:
    """Draw one bone in place.

    Args:
        canvas (np.ndarray): BGR image (H, W, 3) uint8, changed.
        parent (np.ndarray): x and y of the parent in pixels.
        child (np.ndarray): x and y of the child in pixels.
        meaning (int): Key of ``MEANINGS``: 1 child closer, 0 level, -1 farther, -2 unknown.
        width (float): Width of a level bone in pixels.
    """
    color = COLORS[meaning]
    if meaning == UNKNOWN:
        _draw_dashes(canvas, parent, child, color, width)
        return
    radii = np.array(_WIDTHS[meaning]) * width / 2
    # First a dark rim, then the bone: readable on any background.
    for grow, shade in ((max(1.0, width / 6), _OUTLINE), (0.0, color)):
        _fill_wedge(canvas, parent, child, radii + grow, shade)


def polarity_legend(
    width: int, row_height: int = 22, background: tuple[int, int, int] = (255, 255, 255)
) -> np.ndarray:
    """Explain the drawing: a bone of each kind from parent to child, and what it means.

    Args:
        width (int): Width of the picture in pixels.
        row_height (int): Height of one of the four rows in pixels. Defaults to 22.
        background (tuple[int, int, int]): BGR colour. Defaults to white.

    Returns:
        np.ndarray: BGR image (4 * row_height, width, 3) uint8.
    """
    legend = np.full((4 * row_height, width, 3), background, np.uint8)
    texts = {
        1: 'child closer than parent',
        0: 'level',
        -1: 'child farther than parent',
        UNKNOWN: 'not labelled',
    }
    bone = 2.5 * row_height
    for row, (meaning, text) in enumerate(texts.items()):
        y = (row + 0.5) * row_height
        ends = np.array([[0.5 * row_height, y], [0.5 * row_height + bone, y]])
        draw_bone(legend, ends[0], ends[1], meaning, 0.28 * row_height)
        left = round(bone + 1.2 * row_height)
        put_text(legend, text, (left, round(y + row_height * 0.2)), row_height * 0.55)
    return legend


def polarity_card(
    image: np.ndarray,
    points: np.ndarray,
    polarity: np.ndarray,
    visible: np.ndarray,
    title: Sequence[str],
    size: int = 360,
) -> np.ndarray:
    """Make a card of a person: the crop with its 14 numbered parts, and a list of them.

    Args:
        image (np.ndarray): BGR image (H, W, 3) uint8.
        points (np.ndarray): The 18 joints of HEMlets (18, 2) in pixels.
        polarity (np.ndarray): Code of each of its 14 parts (14,); 1 is 'child closer'.
        visible (np.ndarray): Joints (18,) that are labelled, at least one.
        title (Sequence[str]): Lines of text above.
        size (int): Side of the square crop in pixels. Defaults to 360.

    Returns:
        np.ndarray: BGR image; of one shape for one ``size`` and number of lines.

    Raises:
        ValueError: As :func:`draw_part_polarity`, or if no joint is labelled.
    """
    seen = np.asarray(visible) > 0
    if not seen.any():
        raise ValueError(f'{" ".join(title)}: no joint is labelled, so there is nothing to crop')
    warp = _crop_matrix(points[seen, :2], size)
    crop = cv2.warpAffine(image, warp, (size, size), borderValue=(235, 235, 235))
    points = points[:, :2] @ warp[:, :2].T + warp[:, 2]
    crop = draw_part_polarity(crop, points, polarity, visible=visible)
    panel = np.full((size, round(0.64 * size), 3), 255, np.uint8)
    row, text = size / len(PARTS), size / 38
    for k, (parent, child) in enumerate(PARTS):
        y = (k + 0.5) * row
        ends = np.array([[0.5 * row, y], [1.8 * row, y]])
        draw_bone(panel, ends[0], ends[1], int(polarity[k]), 0.28 * row)
        words = f'{k} {NAMES[parent]} > {NAMES[child]}'.replace('_', ' ')
        put_text(panel, _shorten(words), (round(2.3 * row), round(y + text / 2)), text)
        if seen[[parent, child]].all():
            _number(crop, k, points[[parent, child]].mean(axis=0), text)
    head = np.full((round(1.8 * text * len(title) + text), size + panel.shape[1], 3), 255, np.uint8)
    for k, line in enumerate(title):
        put_text(head, line, (round(text / 2), round((1.8 * k + 1.5) * text)), text)
    return np.vstack([head, np.hstack([crop, panel])])


def put_text(
    canvas: np.ndarray,
    text: str,
    origin: tuple[int, int],
    height: float,
    color: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Write a line of text in place.

    Args:
        canvas (np.ndarray): BGR image (H, W, 3) uint8, changed.
        text (str): ASCII; other characters become question marks.
        origin (tuple[int, int]): Left end of the base line in pixels.
        height (float): Height of a capital letter in pixels.
        color (tuple[int, int, int]): BGR. Defaults to black.
    """
    text = text.encode('ascii', 'replace').decode()
    # Capitals of this font are 22 pixels high at scale 1.
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, height / 22, color, 1, cv2.LINE_AA)


def _as_closer_positive(polarity: np.ndarray, num_parts: int, closer_is: int) -> np.ndarray:
    """Check codes (P,) and turn them so that +1 means 'child closer'."""
    if closer_is not in (1, -1):
        raise ValueError(f'closer_is must be 1 or -1, got {closer_is!r}')
    codes = np.asarray(polarity)
    if codes.shape != (num_parts,):
        raise ValueError(f'polarity must be ({num_parts},), a code per part, got {codes.shape}')
    wrong = sorted(set(codes.tolist()) - set(MEANINGS))
    if wrong:
        raise ValueError(f'polarity codes are -2 (unknown), -1, 0 and 1, got {wrong}')
    return np.where(codes == UNKNOWN, UNKNOWN, codes * closer_is).astype(int)


def _check_joints(
    image: np.ndarray,
    points: np.ndarray,
    parts: Sequence[tuple[int, int]],
    visible: np.ndarray | None,
) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'a BGR uint8 image is needed, got {image.shape} of {image.dtype}')
    if points.ndim != 2 or points.shape[1] < 2:
        raise ValueError(f'points must be (joints, 2), got {points.shape}')
    if visible is not None and np.shape(visible) != (len(points),):
        raise ValueError(f'visible must be ({len(points)},), got {np.shape(visible)}')
    unknown = [part for part in parts if not all(0 <= joint < len(points) for joint in part)]
    if unknown:
        raise ValueError(f'parts {unknown} name joints that are not among the {len(points)} given')


def _fixed_point(values: np.ndarray) -> np.ndarray:
    # Bones that reach far out of the picture must not overflow OpenCV's integers.
    return np.rint(np.clip(values, -16384, 16384) * 2**_SHIFT).astype(np.int32)


def _fill_wedge(
    canvas: np.ndarray,
    parent: np.ndarray,
    child: np.ndarray,
    radii: np.ndarray,
    color: tuple[int, int, int],
) -> None:
    """Fill the hull of two discs, around parent and child."""
    along = child - parent
    length = float(np.hypot(*along))
    for center, radius in zip((parent, child), radii, strict=True):
        center_fixed = tuple(_fixed_point(center).tolist())
        radius_fixed = int(_fixed_point(np.array(radius)))
        cv2.circle(canvas, center_fixed, radius_fixed, color, -1, cv2.LINE_AA, _SHIFT)
    if length > 0:
        normal = np.array([-along[1], along[0]]) / length
        sides = ((parent, 1, 0), (child, 1, 1), (child, -1, 1), (parent, -1, 0))
        corners = np.stack([end + sign * radii[k] * normal for end, sign, k in sides])
        cv2.fillConvexPoly(canvas, _fixed_point(corners), color, cv2.LINE_AA, _SHIFT)


def _draw_dashes(
    canvas: np.ndarray,
    parent: np.ndarray,
    child: np.ndarray,
    color: tuple[int, int, int],
    width: float,
) -> None:
    """Draw a thin dashed line, a dash every three line widths."""
    length = float(np.hypot(*(child - parent)))
    count = min(100, max(1, round(length / (3 * width))))
    middles = (np.arange(count) + 0.5) / count
    starts, stops = (
        _fixed_point(parent + (middles + shift / count)[:, None] * (child - parent)).tolist()
        for shift in (-0.2, 0.2)
    )
    for shade, thick in ((_OUTLINE, 3), (color, 1)):
        for start, stop in zip(starts, stops, strict=True):
            cv2.line(canvas, start, stop, shade, thick, cv2.LINE_AA, _SHIFT)


def _crop_matrix(points: np.ndarray, size: int) -> np.ndarray:
    """Warp (2, 3) that brings a square around points (N, 2), with a margin, to a square."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / max(1.3 * float((high - low).max()), 16.0)
    shift = size / 2 - scale * (low + high) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def _shorten(words: str) -> str:
    return words.replace('right ', 'r ').replace('left ', 'l ')


def _number(canvas: np.ndarray, number: int, center: np.ndarray, height: float) -> None:
    """Write a small number on a white plate in place."""
    width, height = 0.85 * height * len(str(number)), 0.85 * height
    left, bottom = (round(float(v)) for v in np.add(center, (-width / 2, height / 2)))
    low, high = (left - 1, bottom - round(height) - 1), (left + round(width), bottom + 1)
    cv2.rectangle(canvas, low, high, (255, 255, 255), -1)
    put_text(canvas, str(number), (left, bottom), height)
