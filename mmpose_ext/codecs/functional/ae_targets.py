"""Targets of HigherHRNet: crowds as heatmaps, and where each person's joints lie in them.

Source: `HigherHRNet <https://arxiv.org/abs/1908.10357>`_ and
`SWAHR <https://arxiv.org/abs/2012.15175>`_, whose public code draws the same targets; and
MMPose's ``AssociativeEmbedding`` codec, which draws others. N people, K joints, maps of (w, h) px.
"""

import numpy as np

CENTERS = ('truncate', 'round')

# Beyond any map and well within int64, so that far-off coordinates convert safely.
_FAR = 2.0**31


def gaussian_window(sigma: float, center: str = 'truncate') -> np.ndarray:
    """A joint's Gaussian ``exp(-d^2 / (2 sigma^2))`` on a square window around its pixel.

    Args:
        sigma: Standard deviation in pixels, > 0. Where it is not whole, the radius is rounded
            (our choice: the sources' windows are then off their centre).
        center: ``'truncate'``: the authors' window of radius 3 sigma + 1, computed in float64.
            ``'round'``: MMPose's of radius 3 sigma, computed in float32.

    Returns:
        The window, float32 (2r + 1, 2r + 1), 1 in the middle.
    """
    exact = center == 'truncate'
    radius = round(3 * sigma + exact)
    offsets = np.arange(-radius, radius + 1).astype(np.float64 if exact else np.float32)
    squares = np.square(offsets)
    distances = squares[:, None] + squares
    return np.asarray(np.exp(-distances / (2 * sigma**2)), dtype=np.float32)


def center_pixels(points: np.ndarray, center: str = 'truncate') -> np.ndarray:
    """The pixels that stand for points.

    Args:
        points: Coordinates in pixels of the map, finite, (..., 2).
        center: ``'truncate'``: ``int(x)``, the authors'. ``'round'``: ``int(x + 0.5)``, MMPose's.
            Both go towards 0, so that a point less than a pixel outside counts as inside.

    Returns:
        Pixels (x, y), int64 (..., 2); some may lie outside the map.
    """
    if center == 'round':
        points = points + np.asarray(0.5, dtype=points.dtype)
    return np.clip(points, -_FAR, _FAR).astype(np.int64)


def labelled(visible: np.ndarray) -> np.ndarray:
    """Whether joints are labelled: visibility of 0.5 or more (COCO's 1 and 2 alike)."""
    return visible >= 0.5


def crowd_heatmaps(
    points: np.ndarray,
    visible: np.ndarray,
    size: tuple[int, int],
    sigma: float = 2.0,
    center: str = 'truncate',
) -> np.ndarray:
    """One heatmap per joint type, with a Gaussian for each person; the greatest value wins.

    Bit-equal to the authors' generator (``'truncate'``) or MMPose's (``'round'``) for whole
    sigmas. The authors leave out joints whose pixel lies outside the map; MMPose draws the part
    of their window that lies inside.

    Args:
        points: Coordinates in pixels of the map, finite, (N, K, 2).
        visible: Visibilities, (N, K); below 0.5 means unlabelled.
        size: Size of the map, (w, h) in pixels.
        sigma: Standard deviation in pixels.
        center: Which pixel a joint is centred on and how far it reaches, see
            :func:`center_pixels` and :func:`gaussian_window`.

    Returns:
        Heatmaps in [0, 1], float32 (K, h, w).
    """
    width, height = size
    joints = points.shape[1]
    window = gaussian_window(sigma, center)
    radius = window.shape[0] // 2
    pixels = center_pixels(points, center)
    # Centres this far outside still touch the map.
    reach = 0 if center == 'truncate' else radius
    near = ((pixels >= -reach) & (pixels < np.array(size) + reach)).all(axis=-1)
    person, joint = np.nonzero(labelled(visible) & near)

    # One cell behind the maps takes what the windows have outside them.
    outside = joints * height * width
    offsets = np.arange(-radius, radius + 1)
    x, y = (pixels[person, joint].T[..., None] + offsets)[..., None]
    rows = np.where((y >= 0) & (y < height), (joint[:, None, None] * height + y) * width, outside)
    columns = np.where((x >= 0) & (x < width), x, outside)
    cells = np.minimum(rows + columns.swapaxes(1, 2), outside)
    values = np.broadcast_to(window, cells.shape)
    maps = np.zeros(outside + 1, dtype=np.float32)
    np.maximum.at(maps, cells.ravel(), values.ravel())
    return maps[:-1].reshape(joints, height, width)


def keypoint_indices(
    points: np.ndarray,
    visible: np.ndarray,
    size: tuple[int, int],
    center: str = 'truncate',
    max_people: int | None = None,
) -> np.ndarray:
    """Where the tags of people's joints are read.

    Args:
        points: Coordinates in pixels of the map, finite, (N, K, 2).
        visible: Visibilities, (N, K); below 0.5 means unlabelled.
        size: Size of the map, (w, h) in pixels.
        center: See :func:`center_pixels`.
        max_people: Keep at most this many people: those with the most joints to read, the
            earlier of equals, in their order. None keeps all.

    Returns:
        ``[y * w + x, 1]`` for each labelled joint inside the map and ``[0, 0]`` for the others,
        int64 (N, K, 2), or (max_people, K, 2) if there are more.
    """
    width, _ = size
    pixels = center_pixels(points, center)
    valid = labelled(visible) & ((pixels >= 0) & (pixels < np.array(size))).all(axis=-1)
    indices = np.where(valid, pixels[..., 1] * width + pixels[..., 0], 0)
    result = np.stack([indices, valid.astype(np.int64)], axis=-1)
    if max_people is not None and len(result) > max_people:
        most = np.argsort(-valid.sum(axis=1), kind='stable')[:max_people]
        result = result[np.sort(most)]
    return result
