"""HEMlets as a picture: a row for each part, a column for each polarity."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.codecs.functional.hemlets import check_parts
from mmpose_ext.skeletons.human36m18 import NAMES, PARTS
from mmpose_ext.visualization.captions import INK, PAPER, text_width, write

_MUTED = (130, 130, 130)
_FRAME = (120, 220, 90)
_GAP, _GUTTER = 3, 12


def draw_hemlets_grid(
    crop: np.ndarray,
    hemlets: np.ndarray,
    heatmaps: np.ndarray | None = None,
    *,
    polarity: np.ndarray | None = None,
    parts: Sequence[tuple[int, int]] = PARTS,
    joint_names: Sequence[str] = NAMES,
    closer_is: int = 1,
    cell: int = 72,
    colormap: int = cv2.COLORMAP_INFERNO,
) -> np.ndarray:
    """Draw the triplets of all parts, and the joints' heatmaps, over the dimmed input.

    Half of the parts stand on the left, the others beside them, the heatmaps to the right. Each
    map is shown from 0 to 1, the height of its Gaussians; what lies outside is cut off.

    Args:
        crop (np.ndarray): What the network sees, BGR (H, W, 3) uint8.
        hemlets (np.ndarray): HEMlets (3P, h, w): three maps for each part, of polarity -1, 0, +1.
        heatmaps (np.ndarray | None): Heatmaps of the joints (J, h, w). Defaults to None.
        polarity (np.ndarray | None): Polarity of each part (P,), whose map gets a frame; codes
            other than -1, 0, 1 give none. Defaults to None.
        parts (Sequence[tuple[int, int]]): (parent, child) of each part. Defaults to the 14 of
            HEMlets.
        joint_names (Sequence[str]): Names of the J joints.
        closer_is (int): Polarity of a child that is closer to the camera, 1 or -1. Defaults to 1.
        cell (int): Side of a map in the picture in pixels. Defaults to 72.
        colormap (int): OpenCV's colour map. Defaults to ``cv2.COLORMAP_INFERNO``.

    Returns:
        np.ndarray: BGR image (H', W', 3) uint8.

    Raises:
        ValueError: If there are not three maps for each part or one for each joint, or
            ``closer_is`` is neither 1 nor -1.
    """
    if closer_is not in (1, -1):
        raise ValueError(f'closer_is must be 1 or -1, got {closer_is!r}')
    parts = check_parts(parts, len(joint_names)).tolist()
    hemlets = _check(hemlets, 3 * len(parts), f'hemlets need three maps for each of {len(parts)}')
    rows = -(-len(parts) // 2)
    background = 0.55 * cv2.resize(crop, (cell, cell), interpolation=cv2.INTER_AREA)
    triplets = list(_overlay(hemlets, background, colormap))
    for part in np.flatnonzero(np.isin([] if polarity is None else polarity, (-1, 0, 1))):
        chosen = triplets[3 * part + int(np.asarray(polarity)[part]) + 1]
        cv2.rectangle(chosen, (1, 1), (cell - 2, cell - 2), _FRAME, 3)
    names = [name.replace('_', ' ') for name in joint_names]
    label = round(max(text_width(name, _font_size(cell)) for name in names)) + 12
    blocks = [
        _part_block(
            triplets[3 * first : 3 * (first + rows)],
            [(names[parent], names[child]) for parent, child in parts[first : first + rows]],
            ('farther', 'level', 'closer')[::closer_is],
            (label, cell),
        )
        for first in range(0, len(parts), rows)
    ]
    if heatmaps is not None:
        heatmaps = _check(heatmaps, len(names), 'heatmaps need one map for each joint, that is')
        blocks.append(_joint_block(heatmaps, background, names, rows, colormap))
    grid = np.full((len(blocks[0]), _GUTTER, 3), PAPER, np.uint8)
    for block in blocks:
        below = len(grid) - len(block)
        block = np.pad(block, ((0, below), (0, _GUTTER), (0, 0)), constant_values=PAPER[0])
        grid = np.concatenate((grid, block), axis=1)
    return grid


def _check(maps: np.ndarray, count: int, need: str) -> np.ndarray:
    maps = np.asarray(maps, dtype=np.float32)
    if maps.ndim != 3 or len(maps) != count:
        raise ValueError(f'{need}: ({count}, h, w), got {maps.shape}')
    return maps


def _overlay(maps: np.ndarray, background: np.ndarray, colormap: int) -> np.ndarray:
    """Lay maps (C, h, w) over a background (s, s, 3), as (C, s, s, 3) uint8."""
    side = len(background)
    large = np.stack([cv2.resize(m, (side, side), interpolation=cv2.INTER_LINEAR) for m in maps])
    heat = np.nan_to_num(large).clip(0, 1)
    levels = np.rint(255 * heat).astype(np.uint8).reshape(-1, side)
    colors = cv2.applyColorMap(levels, colormap).reshape(*heat.shape, 3)
    opacity = heat[..., None] ** 0.75
    return np.rint(background * (1 - opacity) + colors * opacity).astype(np.uint8)


def _font_size(cell: int) -> float:
    return cell / 5.5


def _blank(rows: int, width: int, cell: int) -> np.ndarray:
    """Make white paper for a line of titles and ``rows`` maps."""
    return np.full((_row_top(rows, cell), width, 3), PAPER, np.uint8)


def _top(cell: int) -> int:
    return round(cell * 0.4)


def _row_top(row: int, cell: int) -> int:
    return _top(cell) + row * (cell + _GAP)


def _paste(block: np.ndarray, picture: np.ndarray, top: int, left: int) -> None:
    block[top : top + len(picture), left : left + len(picture)] = picture


def _part_block(
    cells: list[np.ndarray],
    bones: list[tuple[str, str]],
    meanings: Sequence[str],
    widths: tuple[int, int],
) -> np.ndarray:
    """Lay triplets out; ``widths`` are those of the labels and of a cell."""
    label, cell = widths
    size = _font_size(cell)
    block = _blank(len(bones), label + 3 * (cell + _GAP), cell)
    for column, (code, meaning) in enumerate(zip(('-1', '0', '+1'), meanings, strict=True)):
        center = label + column * (cell + _GAP) + cell / 2
        write(block, f'{code} {meaning}', (center, _top(cell) / 2), size, anchor='center')
    for index, picture in enumerate(cells):
        left = label + index % 3 * (cell + _GAP)
        _paste(block, picture, _row_top(index // 3, cell), left)
    for row, (parent, child) in enumerate(bones):
        y = _row_top(row, cell) + cell / 2
        write(block, parent, (label - 8, y - 0.6 * size), size, _MUTED, anchor='right')
        write(block, child, (label - 8, y + 0.6 * size), size, INK, anchor='right')
    return block


def _joint_block(
    heatmaps: np.ndarray, background: np.ndarray, names: Sequence[str], rows: int, colormap: int
) -> np.ndarray:
    """Lay heatmaps out in columns of ``rows``, each above its name."""
    cell = len(background)
    size = _font_size(cell)
    side = round(cell - 1.2 * size)
    small = cv2.resize(background, (side, side), interpolation=cv2.INTER_AREA)
    pitch = round(max(cell, *(text_width(name, size) for name in names))) + 2 * _GAP
    width = -(-len(names) // rows) * pitch
    block = _blank(rows, width, cell)
    write(block, 'joints', (width / 2, _top(cell) / 2), size, anchor='center')
    pictures = _overlay(heatmaps, small, colormap)
    for index, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        column, row = divmod(index, rows)
        center = (column + 0.5) * pitch
        _paste(block, picture, _row_top(row, cell), round(center - side / 2))
        bottom = _row_top(row + 1, cell) - _GAP
        write(block, name, (center, bottom - 0.5 * size), size, anchor='center')
    return block
