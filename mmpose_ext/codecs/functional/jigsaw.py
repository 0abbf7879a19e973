"""Heatmap-style jigsaw puzzles (HSJP): patches, slots and permutations, as plain functions.

Source: `Heatmap-Style Jigsaw Puzzles <https://arxiv.org/abs/2012.07101>`_ (2020), published as
"Learning Positional Priors for Pretraining 2D Pose Estimators" (HUMA 2021,
https://doi.org/10.1145/3475723.3484252). The abstract says that a network learns, from an image
of shuffled patches, the place of each patch as a heatmap; grid, gaps and conventions are ours.

A crop of ``size`` (w, h) px is cut by a ``grid`` (rows R, columns C) into K = R * C patches. The
places they are put into are the slots. Both are numbered row by row. A permutation ``p`` (K,) says
which patch a slot shows, ``shuffled.slot[s] = image.patch[p[s]]``; patch k lies in slot
``argsort(p)[k]``.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import cv2
import numpy as np


def check_grid(grid: Any) -> tuple[int, int]:
    """Check a grid.

    Args:
        grid (Sequence[int]): (rows, columns).

    Returns:
        tuple[int, int]: The same.

    Raises:
        ValueError: If it is not two positive whole numbers.
    """
    numbers = list(grid) if isinstance(grid, Sequence | np.ndarray) else []
    if len(numbers) != 2 or not all(
        isinstance(number, Integral) and not isinstance(number, bool) and int(number) > 0
        for number in numbers
    ):
        raise ValueError(f'grid must be (rows, columns), two whole numbers above 0, got {grid!r}.')
    return int(numbers[0]), int(numbers[1])


def cell_size(grid: Sequence[int], size: Sequence[int]) -> tuple[int, int]:
    """Size of a patch.

    Args:
        grid (Sequence[int]): (rows, columns).
        size (Sequence[int]): Size of the crop, (w, h) px.

    Returns:
        tuple[int, int]: (w, h) of a patch in px.

    Raises:
        ValueError: If the grid is not two positive whole numbers, or does not divide the size.
    """
    rows, columns = check_grid(grid)
    width, height = size
    if width <= 0 or height <= 0 or width % columns or height % rows:
        raise ValueError(
            f'a crop of {width}x{height} px (w x h) cannot be cut into {rows} rows and {columns} '
            f'columns of equal patches: {height} px / {rows} rows = {height / rows:g}, {width} px '
            f'/ {columns} columns = {width / columns:g}. Choose a grid whose rows divide the '
            'height and whose columns divide the width, as (4, 3) does for 192x256.'
        )
    return int(width // columns), int(height // rows)


def slot_centers(grid: Sequence[int], size: Sequence[int], udp: bool = False) -> np.ndarray:
    """Centres of the slots.

    Args:
        grid (Sequence[int]): (rows, columns).
        size (Sequence[int]): Size of the crop, (w, h) px.
        udp (bool): Count from the centre of the first pixel, as unbiased data processing does,
            not from its corner: half a pixel less.

    Returns:
        np.ndarray: (x, y) of each slot, float32 (K, 2) in px of the crop.

    Raises:
        ValueError: If the grid does not divide the size.
    """
    cell = cell_size(grid, size)
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    centers = (np.stack((columns, rows), axis=1) + 0.5) * cell - 0.5 * udp
    return centers.astype(np.float32)


def check_permutation(permutation: Any, length: int) -> np.ndarray:
    """Check a permutation.

    Args:
        permutation (Sequence[int]): Which patch each slot shows.
        length (int): Number of patches K.

    Returns:
        np.ndarray: The permutation, int64 (K,).

    Raises:
        ValueError: If it does not hold each of 0 to K - 1 once.
    """
    try:
        array = np.asarray(permutation)
    except ValueError:  # lists of different lengths
        array = np.zeros(0)
    if (
        array.shape != (length,)
        or array.dtype.kind not in 'iu'
        or not np.array_equal(np.sort(array), np.arange(length))
    ):
        raise ValueError(
            f'a permutation of {length} patches must hold each of 0 to {length - 1} once, got '
            f'{permutation!r}.'
        )
    return array.astype(np.int64)


def inverse_permutation(permutation: np.ndarray) -> np.ndarray:
    """The slot in which each patch lies.

    Args:
        permutation (np.ndarray): The patch that each slot shows, (K,).

    Returns:
        np.ndarray: The slot of each patch, int64 (K,).
    """
    return np.argsort(permutation).astype(np.int64)


def shuffle_patches(image: np.ndarray, permutation: Any, grid: Sequence[int]) -> np.ndarray:
    """Put the patches of an image into other slots, bit by bit as they are.

    Args:
        image (np.ndarray): Image (H, W, ...).
        permutation (Sequence[int]): The patch that each slot is to show, (K,).
        grid (Sequence[int]): (rows, columns).

    Returns:
        np.ndarray: A new image of the same shape and type.

    Raises:
        ValueError: If the grid does not divide the image, or the permutation is none.
    """
    height, width = image.shape[:2]
    cell_height = cell_size(grid, (width, height))[1]
    rows, columns = grid
    permutation = check_permutation(permutation, rows * columns).reshape(rows, 1, columns)
    # Each pixel row is cut into as many pieces as there are columns: pieces are what is moved.
    first = permutation // columns * cell_height * columns + permutation % columns
    pieces = first + np.arange(cell_height)[:, None] * columns
    by_piece = image.reshape(height * columns, -1)
    return by_piece.take(pieces.ravel(), axis=0).reshape(image.shape)


def unshuffle_patches(image: np.ndarray, permutation: Any, grid: Sequence[int]) -> np.ndarray:
    """Undo :func:`shuffle_patches`.

    Args:
        image (np.ndarray): Shuffled image (H, W, ...).
        permutation (Sequence[int]): The patch that each slot shows, (K,).
        grid (Sequence[int]): (rows, columns).

    Returns:
        np.ndarray: The image as it was.

    Raises:
        ValueError: If the grid does not divide the image, or the permutation is none.
    """
    permutation = check_permutation(permutation, grid[0] * grid[1])
    return shuffle_patches(image, inverse_permutation(permutation), grid)


def slots_at(
    points: np.ndarray, grid: Sequence[int], size: Sequence[int], udp: bool = False
) -> np.ndarray:
    """The slots in which points lie.

    A slot has its left and upper border, not the right and lower one.

    Args:
        points (np.ndarray): (x, y) in px of the crop, (..., 2).
        grid (Sequence[int]): (rows, columns).
        size (Sequence[int]): Size of the crop, (w, h) px.
        udp (bool): See :func:`slot_centers`.

    Returns:
        np.ndarray: Slots, int64 (...); -1 outside the crop and where a point is not finite.

    Raises:
        ValueError: If the grid does not divide the size.
    """
    cell = cell_size(grid, size)
    points = np.asarray(points, dtype=np.float64) + 0.5 * udp
    inside = ((points >= 0) & (points < np.asarray(size))).all(axis=-1)
    columns, rows = np.moveaxis(np.where(inside[..., None], points, 0) // cell, -1, 0)
    return np.where(inside, rows * grid[1] + columns, -1).astype(np.int64)


def patch_contrast(image: np.ndarray, grid: Sequence[int]) -> np.ndarray:
    """How far the pixels of each patch differ: 0 where they all have the same colour.

    Args:
        image (np.ndarray): Image (H, W) or (H, W, colours).
        grid (Sequence[int]): (rows, columns).

    Returns:
        np.ndarray: Largest minus smallest value of the colour that differs most, (K,), of the
        image's type; in the order of the image's patches.

    Raises:
        ValueError: If the grid does not divide the image.
    """
    height, width = image.shape[:2]
    cell_width, cell_height = cell_size(grid, (width, height))
    rows, columns = grid

    # numpy is many times faster where neighbours in memory are reduced side by side: first all
    # pixels of a row with those below, then all patches pixel by pixel.
    def reduced(extreme: np.ufunc) -> np.ndarray:
        rows_of_pixels = extreme.reduce(image.reshape(rows, cell_height, -1), axis=1)
        pixels = rows_of_pixels.reshape(rows * columns, cell_width, -1).swapaxes(0, 1)
        return np.asarray(extreme.reduce(np.ascontiguousarray(pixels), axis=0))

    return np.asarray((reduced(np.maximum) - reduced(np.minimum)).max(axis=1))


def jitter_patches(
    image: np.ndarray, grid: Sequence[int], offsets: np.ndarray, jitter: int
) -> np.ndarray:
    """Replace each patch by a window of it, enlarged to the patch: gaps hide the seams.

    Windows are ``jitter`` px narrower and lower than the patch, and resized bilinearly. A gap
    between patches is usual in jigsaw puzzles (Noroozi and Favaro, arXiv 1603.09246); that it is
    made this way is our choice.

    Args:
        image (np.ndarray): Image (H, W) or (H, W, colours).
        grid (Sequence[int]): (rows, columns).
        offsets (np.ndarray): (x, y) of each window's corner in its patch, int (K, 2) px, from 0
            to ``jitter``; in the order of the image's patches.
        jitter (int): What windows lack, in px.

    Returns:
        np.ndarray: A new image of the same shape and type.

    Raises:
        ValueError: If the grid does not divide the image, the jitter leaves no window, or an
            offset puts a window outside its patch.
    """
    size = image.shape[1], image.shape[0]
    cell = check_jitter(jitter, grid, size)
    offsets = np.asarray(offsets)
    if offsets.shape != (grid[0] * grid[1], 2):
        raise ValueError(f'offsets must be ({grid[0] * grid[1]}, 2), got {offsets.shape}.')
    if offsets.min() < 0 or offsets.max() > jitter:
        raise ValueError(f'offsets must be 0 to {jitter} px, got {offsets.tolist()}.')
    (rows, columns), (width, height) = grid, cell
    x_offsets, y_offsets = offsets.astype(np.float32).T.reshape(2, rows, columns)
    # x changes with the column of pixels and the row of patches, y the other way round.
    x = _window_coordinates(width, jitter, columns) + x_offsets.repeat(width, axis=1)
    y = _window_coordinates(height, jitter, rows)[:, None] + y_offsets.repeat(height, axis=0)
    maps = x.repeat(height, axis=0), y.repeat(width, axis=1)
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR).reshape(image.shape))


def check_jitter(jitter: int, grid: Sequence[int], size: Sequence[int]) -> tuple[int, int]:
    """Check that the jitter leaves something of a patch.

    Args:
        jitter (int): What windows lack, in px.
        grid (Sequence[int]): (rows, columns).
        size (Sequence[int]): Size of the crop, (w, h) px.

    Returns:
        tuple[int, int]: (w, h) of a patch in px.

    Raises:
        ValueError: If the grid does not divide the size, or the jitter is negative or as large
            as a patch.
    """
    cell = cell_size(grid, size)
    if not 0 <= jitter < min(cell):
        raise ValueError(
            f'jitter must be 0 to {min(cell) - 1} px for patches of {cell[0]}x{cell[1]} px '
            f'(w x h), got {jitter}.'
        )
    return cell


def image_from_input(
    points: Any, center: Any, scale: Any, size: Sequence[int], udp: bool = False
) -> np.ndarray:
    """Move points from the crop to the image, as MMPose's top-down estimators do it.

    The rotation of a crop is left out there, so it is here. With unbiased data processing the
    crop reaches from the first pixel's centre to the last one's, which MMPose's UDP codecs see
    to when they decode.

    Args:
        points (np.ndarray): (x, y) in px of the crop, (..., 2).
        center (np.ndarray): ``input_center`` of the sample, (2,) px of the image.
        scale (np.ndarray): ``input_scale``, (w, h) of the cropped box in px of the image.
        size (Sequence[int]): ``input_size``, (w, h) px of the crop.
        udp (bool): See :func:`slot_centers`.

    Returns:
        np.ndarray: (x, y) in px of the image, float64 (..., 2).
    """
    points, center, scale, length = _as_floats(points, center, scale, size)
    return points / (length - udp) * scale + center - 0.5 * scale


def input_from_image(
    points: Any, center: Any, scale: Any, size: Sequence[int], udp: bool = False
) -> np.ndarray:
    """Undo :func:`image_from_input`.

    Args:
        points (np.ndarray): (x, y) in px of the image, (..., 2).
        center (np.ndarray): ``input_center`` of the sample, (2,) px of the image.
        scale (np.ndarray): ``input_scale``, (w, h) of the cropped box in px of the image.
        size (Sequence[int]): ``input_size``, (w, h) px of the crop.
        udp (bool): See :func:`slot_centers`.

    Returns:
        np.ndarray: (x, y) in px of the crop, float64 (..., 2).
    """
    points, center, scale, length = _as_floats(points, center, scale, size)
    return (points - center + 0.5 * scale) / scale * (length - udp)


def _as_floats(*arrays: Any) -> list[np.ndarray]:
    return [np.asarray(array, dtype=np.float64) for array in arrays]


def _window_coordinates(length: int, jitter: int, count: int) -> np.ndarray:
    """Where the pixels of ``count`` patches side by side read, before the windows' offsets."""
    window = length - jitter
    # The centres of pixels, as cv2.resize places them; its borders repeat the last pixel.
    inside = np.clip((np.arange(length) + 0.5) * window / length - 0.5, 0, window - 1)
    return (np.arange(count)[:, None] * length + inside).ravel().astype(np.float32)
