"""An exact z-buffer for triangle meshes, vectorised over triangles, rows and pixels."""

from dataclasses import dataclass

import numpy as np

# Nothing nearer than this is drawn, in metres.
NEAR = 0.1


@dataclass(frozen=True)
class Fragments:
    """What is seen at each pixel that a triangle covers.

    Attributes:
        pixels (np.ndarray): Flat indices (P,) of the covered pixels, rising.
        faces (np.ndarray): The triangle (P,) that is nearest at each of them.
        barycentric (np.ndarray): Perspective-correct weights (P, 3) of its corners.
        depth (np.ndarray): Depth image (H, W) in metres along the line of sight's axis,
            infinite where nothing is.
    """

    pixels: np.ndarray
    faces: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray


def rasterize(points: np.ndarray, faces: np.ndarray, K: np.ndarray, shape: tuple) -> Fragments:
    """Find the nearest triangle at the centre of every pixel.

    A triangle covers the pixels whose centres lie in it. Rows are cut at the edge lines,
    which two neighbours compute alike, so that no gap opens between them.
    Triangles with a corner nearer than ``NEAR`` or seen from behind are left out.

    Args:
        points (np.ndarray): Camera-space points (V, 3) in metres.
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.
        K (np.ndarray): Intrinsics (3, 3) in pixels; pixel centres at integers.
        shape (tuple): Height and width of the image.

    Returns:
        Fragments: The visible surface.
    """
    H, W = shape
    z = np.maximum(points[:, 2], NEAR)
    xy = points[:, :2] / z[:, None] * (K[0, 0], K[1, 1]) + K[:2, 2]
    x, y = xy[faces, 0], xy[faces, 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    first = np.maximum(np.ceil(_least(y)), 0)
    last = np.minimum(np.floor(-_least(-y)), H - 1)
    seen = (area < -1e-9) & (_least(points[faces, 2]) > NEAR) & (first <= last)
    seen &= (-_least(-x) >= 0) & (_least(x) <= W - 1)
    kept = np.flatnonzero(seen)

    row_face, row = _ranges(first[kept].astype(np.int64), last[kept].astype(np.int64))
    start, stop = _row_spans(x[kept], y[kept], row_face, row, W)
    span, column = _ranges(start, stop)
    owner, row = row_face[span], row[span]
    weights = _edge_weights(x[kept], y[kept], area[kept], owner, column, row)
    # 1 / z is linear in the image, which makes the weights perspective-correct too.
    inverse = (1 / z)[faces[kept]][owner] * weights
    nearness = inverse[:, 0] + inverse[:, 1] + inverse[:, 2]

    pixel = row * W + column
    best = np.zeros(H * W)
    np.maximum.at(best, pixel, nearness)
    winner = np.full(H * W, -1)
    wins = np.flatnonzero(nearness == best[pixel])
    winner[pixel[wins]] = wins
    covered = np.flatnonzero(winner >= 0)
    chosen = winner[covered]
    depth = np.full(H * W, np.inf)
    depth[covered] = 1 / nearness[chosen]
    return Fragments(
        pixels=covered,
        faces=kept[owner[chosen]],
        barycentric=inverse[chosen] / nearness[chosen, None],
        depth=depth.reshape(H, W),
    )


def _least(x: np.ndarray) -> np.ndarray:
    """Give the least of three columns (F, 3); much faster than ``min(axis=1)``."""
    return np.minimum(np.minimum(x[:, 0], x[:, 1]), x[:, 2])


def _ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spell out the ranges first..last: (index of the range, value), one after another."""
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(count)), count)
    begin = np.cumsum(count) - count
    return owner, np.arange(len(owner)) - begin[owner] + first[owner]


def _row_spans(
    x: np.ndarray, y: np.ndarray, face: np.ndarray, row: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give the first and last column that each row of each triangle covers."""
    low = np.zeros(len(row))
    high = np.full(len(row), float(width - 1))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        # Both faces beside an edge walk it from its upper end, for equal rounding.
        swap = (y[:, a] > y[:, b]) | ((y[:, a] == y[:, b]) & (x[:, a] > x[:, b]))
        x0, x1 = np.where(swap, x[:, b], x[:, a]), np.where(swap, x[:, a], x[:, b])
        y0, y1 = np.where(swap, y[:, b], y[:, a]), np.where(swap, y[:, a], y[:, b])
        rise = y1 - y0
        slope = (x1 - x0) / np.where(rise == 0, 1, rise)
        crossing = x0[face] + (row - y0[face]) * slope[face]
        level = rise[face] == 0
        # Front faces are seen counter-clockwise: what goes down bounds them on the left.
        down = ~swap[face]
        low = np.where(down & ~level, np.maximum(low, crossing), low)
        high = np.where(~down & ~level, np.minimum(high, crossing), high)
    return np.ceil(low).astype(np.int64), np.floor(high).astype(np.int64)


def _edge_weights(
    x: np.ndarray,
    y: np.ndarray,
    area: np.ndarray,
    face: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
) -> np.ndarray:
    """Give the barycentric weights (P, 3) of pixels in the image plane."""
    # Each weight is a plane over the image: set up per face, evaluated per pixel.
    origin_x, origin_y = x[:, 0], y[:, 0]
    gradient_x = np.stack([y[:, 2] - y[:, 0], y[:, 0] - y[:, 1]], 1) / area[:, None]
    gradient_y = np.stack([x[:, 0] - x[:, 2], x[:, 1] - x[:, 0]], 1) / area[:, None]
    dx, dy = (column - origin_x[face])[:, None], (row - origin_y[face])[:, None]
    two = gradient_x[face] * dx + gradient_y[face] * dy
    two = np.clip(two, 0, 1)
    first = np.maximum(1 - two[:, :1] - two[:, 1:], 0)
    return np.concatenate([first, two], axis=1)
