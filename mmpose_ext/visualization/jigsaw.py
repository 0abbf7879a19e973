"""Pictures of jigsaw pretraining: the puzzle, where the network finds each patch, its solution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.codecs.functional.jigsaw import (
    cell_size,
    check_permutation,
    inverse_permutation,
    patch_contrast,
    shuffle_patches,
    slots_at,
)
from mmpose_ext.visualization.captions import PAPER, header, text_width, write
from mmpose_ext.visualization.sheets import tile_images

Color = tuple[int, int, int]

# BGR; a green and a red that colour-blind eyes tell apart (after Okabe and Ito).
RIGHT: Color = (115, 180, 0)
WRONG: Color = (0, 60, 230)
UNCOUNTED: Color = (150, 150, 150)

_TITLES = ('the puzzle', 'predicted places', 'put together', 'truth')
_LEGEND = (
    (RIGHT, 'right place'),
    (WRONG, 'wrong place'),
    (UNCOUNTED, 'no contrast: not counted'),
    (None, 'Numbers: places in the original'),
)
_GAP = 4
_STRIP = 20  # below the pictures, for the score
_SMALLEST_TEXT = 7.0  # pixels; smaller numbers are not written


@dataclass(frozen=True)
class Answer:
    """What a network made of a puzzle.

    Attributes:
        taken (np.ndarray): Slot that it took for each patch of the original, (K,); -1 where it
            points outside the crop or nowhere.
        right (np.ndarray): Whether that is the patch's slot, bool (K,).
        counted (np.ndarray): Whether the patch counts, bool (K,).
    """

    taken: np.ndarray
    right: np.ndarray
    counted: np.ndarray

    @property
    def colors(self) -> list[Color]:
        """BGR of each patch: right, wrong or not counted."""
        pairs = zip(self.right.tolist(), self.counted.tolist(), strict=True)
        return [(RIGHT if right else WRONG) if counted else UNCOUNTED for right, counted in pairs]

    @property
    def score(self) -> str:
        """How many of the patches that count are right."""
        return f'{(self.right & self.counted).sum()} / {self.counted.sum()} right'


def draw_jigsaw(
    crop: np.ndarray,
    permutation: np.ndarray,
    points: np.ndarray,
    grid: tuple[int, int],
    *,
    visible: np.ndarray | None = None,
    use_udp: bool = False,
    height: int = 256,
) -> np.ndarray:
    """Draw how a network solves a puzzle: four pictures, titles above and a legend below.

    For the arguments, the pictures and what is refused see :func:`jigsaw_panels`.

    Returns:
        np.ndarray: BGR image (H', W', 3) uint8.
    """
    panels = jigsaw_panels(
        crop, permutation, points, grid, visible=visible, use_udp=use_udp, height=height
    )
    return tile_jigsaws([panels])


def tile_jigsaws(puzzles: Sequence[list[np.ndarray]], puzzles_per_row: int = 1) -> np.ndarray:
    """Lay puzzles out under titles and above a legend.

    Args:
        puzzles (Sequence[list[np.ndarray]]): Of each puzzle the pictures of
            :func:`jigsaw_panels`, all of one size.
        puzzles_per_row (int): How many stand beside each other. Defaults to 1.

    Returns:
        np.ndarray: BGR image (H', W', 3) uint8.

    Raises:
        ValueError: If there is no puzzle, sizes differ, or ``puzzles_per_row`` is not positive.
    """
    panels = [panel for puzzle in puzzles for panel in puzzle]
    sheet = tile_images(panels, len(_TITLES) * puzzles_per_row, _GAP)
    top = header(list(_TITLES) * puzzles_per_row, panels[0].shape[1], _GAP)
    return np.concatenate([top, sheet, legend(sheet.shape[1])])


def jigsaw_panels(
    crop: np.ndarray,
    permutation: np.ndarray,
    points: np.ndarray,
    grid: tuple[int, int],
    *,
    visible: np.ndarray | None = None,
    use_udp: bool = False,
    height: int = 256,
) -> list[np.ndarray]:
    """Draw a puzzle, where the network finds its patches, the solution that follows, the truth.

    In the solution, the place of each patch shows the slot that the network took for it, framed
    green where that is right, red where it is wrong: a slot that was taken twice is seen twice,
    and a patch that was looked for outside the crop leaves its place white. Predicted places are
    drawn where they are, but side by side where several lie in one slot.

    Args:
        crop (np.ndarray): The person's crop before the shuffle, BGR (H, W, 3) uint8.
        permutation (np.ndarray): Original patch that each slot shows, (K,).
        points (np.ndarray): Predicted place of each patch in the puzzle, (K, 2), pixels of the
            crop.
        grid (tuple[int, int]): Rows and columns of the puzzle, K cells.
        visible (np.ndarray | None): Positive for patches that count, (K,), in the order of the
            original. Defaults to None: all but those of a single colour.
        use_udp (bool): Whether points count from the centre of the first pixel, as those of UDP
            codecs do. Defaults to False.
        height (int): Height of the pictures in pixels, without the strip below them that holds
            the score. Defaults to 256.

    Returns:
        list[np.ndarray]: Four BGR images (height + 20, W', 3) uint8.

    Raises:
        ValueError: If the grid does not divide the crop, ``permutation`` is none, shapes do not
            fit the grid, or ``height`` is not positive.
    """
    crop, points = np.asarray(crop), np.asarray(points, np.float64)
    if height < 1:
        raise ValueError(f'height must be positive, got {height}')
    answer = judge(crop, permutation, points, grid, visible, use_udp)
    puzzle = shuffle_patches(crop, permutation, grid)
    solution = put_together(puzzle, answer.taken, grid)
    seen, solved, true = (_resize(image, height) for image in (puzzle, solution, crop))
    boxes = _boxes(seen, grid)
    for box in boxes.tolist():
        cv2.rectangle(seen, box[:2], box[2:], PAPER, 1)
    places = (points + 0.5 * use_udp) * height / crop.shape[0]
    found = _draw_places(seen, places, answer, boxes)
    _draw_frames(solved, answer, boxes)
    strips = [np.full((_STRIP, seen.shape[1], 3), PAPER, np.uint8) for _ in range(4)]
    write(strips[2], answer.score, (seen.shape[1] / 2, _STRIP / 2), 14, anchor='center')
    pictures = (seen, found, solved, true)
    return [np.concatenate(pair) for pair in zip(pictures, strips, strict=True)]


def judge(
    crop: np.ndarray,
    permutation: np.ndarray,
    points: np.ndarray,
    grid: tuple[int, int],
    visible: np.ndarray | None = None,
    use_udp: bool = False,
) -> Answer:
    """Tell which patches a network found; for the arguments see :func:`jigsaw_panels`."""
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f'a crop is (H, W, 3) uint8, got {crop.shape} {crop.dtype}')
    size = crop.shape[1], crop.shape[0]
    cell_size(grid, size)  # refuses a grid that does not divide the crop
    K = grid[0] * grid[1]
    check_permutation(permutation, K)
    counted = patch_contrast(crop, grid) if visible is None else np.asarray(visible)
    for name, values, shape in (('points', points, (K, 2)), ('visible', counted, (K,))):
        if values.shape != shape:
            raise ValueError(f'a puzzle of {grid} cells needs {name} {shape}, got {values.shape}')
    taken = slots_at(points, grid, size, udp=use_udp)
    return Answer(taken, taken == inverse_permutation(permutation), counted > 0)


def put_together(puzzle: np.ndarray, taken: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Solve a puzzle as a network says; unlike a permutation, it may take a slot twice.

    Args:
        puzzle (np.ndarray): The shuffled crop (H, W, C) uint8.
        taken (np.ndarray): Slot that is taken for each patch of the original, (K,); -1 for none.
        grid (tuple[int, int]): Rows and columns of the puzzle.

    Returns:
        np.ndarray: Image (H, W, C) uint8; places without a slot are white.
    """
    (rows, columns), (H, W, C) = grid, puzzle.shape
    slots = puzzle.reshape(rows, H // rows, columns, W // columns, C).swapaxes(1, 2)
    slots = slots.reshape(-1, *slots.shape[2:])
    patches = np.where((taken >= 0)[:, None, None, None], slots[taken], np.uint8(255))
    return patches.reshape(rows, columns, *slots.shape[1:]).swapaxes(1, 2).reshape(H, W, C)


def legend(width: int, height: int = 30) -> np.ndarray:
    """Explain colours and numbers.

    Args:
        width (int): Width of the picture in pixels; the words shrink until they fit.
        height (int): Height in pixels. Defaults to 30.

    Returns:
        np.ndarray: White BGR image (height, width, 3) uint8.
    """
    picture = np.full((height, width, 3), PAPER, np.uint8)
    size = 0.5 * height
    widths = [text_width(text, size) + (3.2 if color else 1.6) * size for color, text in _LEGEND]
    shrink = min(1.0, 0.98 * width / sum(widths))
    size, x, middle = size * shrink, size * shrink / 2, height / 2
    for (color, text), room in zip(_LEGEND, widths, strict=True):
        start = x
        if color is not None:
            corners = (x, middle - size / 2), (x + size, middle + size / 2)
            first, last = np.rint(corners).astype(int).tolist()
            cv2.rectangle(picture, first, last, color, cv2.FILLED)
            start += 1.6 * size
        write(picture, text, (start, middle), size)
        x += room * shrink
    return picture


def _resize(image: np.ndarray, height: int) -> np.ndarray:
    """Scale an image to a height; enlarged, it shows the network's own pixels."""
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_NEAREST
    return cv2.resize(image, (width, height), interpolation=method)


def _boxes(picture: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Give first and last pixel, x y x y, of the cells of a picture, int (K, 4)."""
    y = np.rint(np.linspace(0, picture.shape[0], grid[0] + 1)).astype(int)
    x = np.rint(np.linspace(0, picture.shape[1], grid[1] + 1)).astype(int)
    top, left = np.meshgrid(y[:-1], x[:-1], indexing='ij')
    bottom, right = np.meshgrid(y[1:], x[1:], indexing='ij')
    return np.stack([left, top, right - 1, bottom - 1], axis=-1).reshape(-1, 4)


def _draw_places(
    puzzle: np.ndarray, places: np.ndarray, answer: Answer, boxes: np.ndarray
) -> np.ndarray:
    """Draw a disc with each patch's number at its predicted place (K, 2) on a dimmed puzzle."""
    grey = cv2.cvtColor(puzzle, cv2.COLOR_BGR2GRAY)
    drawn = cv2.cvtColor((0.45 * grey + 70).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    places, radii = _set_apart(places, answer.taken, boxes)
    discs = zip(places.tolist(), radii.tolist(), answer.colors, strict=True)
    for patch, ((x, y), radius, color) in enumerate(discs):
        if not (abs(x) < 2**15 and abs(y) < 2**15):  # nowhere near the picture, or not finite
            continue
        middle = round(16 * x), round(16 * y)  # OpenCV counts in sixteenths of a pixel here
        for size, tint in ((radius + 1.2, PAPER), (radius, color)):
            cv2.circle(drawn, middle, round(16 * size), tint, cv2.FILLED, cv2.LINE_AA, 4)
        _write_number(drawn, patch, (x, y), 1.2 * radius)
    return drawn


def _set_apart(
    places: np.ndarray, taken: np.ndarray, boxes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give places (K, 2) and radii (K,) of discs; those that share a slot stand side by side."""
    side = _side(boxes)
    places, radii = places.copy(), np.full(len(places), max(1.5, 0.23 * side))
    for slot in np.unique(taken[taken >= 0]).tolist():
        patches = np.flatnonzero(taken == slot)
        if len(patches) == 1:
            continue
        across = math.ceil(math.sqrt(len(patches)))
        rows, columns = np.divmod(np.arange(len(patches)), across)
        lines = np.stack([columns, rows + (across - 1 - rows[-1]) / 2], axis=1)
        extent = boxes[slot, 2:] + 1 - boxes[slot, :2]
        places[patches] = boxes[slot, :2] + (lines + 0.5) / across * extent
        radii[patches] = min(0.23 * side, max(1.0, 0.44 * side / across - 1))
    return places, radii


def _draw_frames(picture: np.ndarray, answer: Answer, boxes: np.ndarray) -> None:
    """Frame the cells in place and write each one's number into its corner."""
    side = _side(boxes)
    stroke = max(1, min(3, side // 16))
    text = 0.2 * side
    tag = round(1.4 * text)
    for patch, (box, color) in enumerate(zip(boxes.tolist(), answer.colors, strict=True)):
        left, top, right, bottom = box
        cell = picture[top : bottom + 1, left : right + 1]
        cell[:stroke] = cell[-stroke:] = color
        cell[:, :stroke] = cell[:, -stroke:] = color
        if text >= _SMALLEST_TEXT:
            cell[:tag, :tag] = color
            _write_number(cell, patch, (tag / 2, tag / 2), text)


def _side(boxes: np.ndarray) -> int:
    """Give the shorter side of a cell in pixels."""
    return int((boxes[0, 2:] - boxes[0, :2]).min()) + 1


def _write_number(
    picture: np.ndarray, patch: int, place: tuple[float, float], height: float
) -> None:
    if height >= _SMALLEST_TEXT:
        write(picture, str(patch + 1), place, height, PAPER, anchor='center')
