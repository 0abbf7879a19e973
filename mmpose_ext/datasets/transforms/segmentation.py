"""COCO segmentations as masks, with everything checked that pycocotools takes on trust.

Its C code reads and writes past its buffers if run lengths do not fit the mask's size.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xtcocotools.mask as coco_mask

# Longest coordinate of a polygon in pixels: far beyond any picture, well within C's int.
_MAX_COORDINATE = 1e5


def run_lengths(counts: str | bytes | Sequence[int]) -> np.ndarray:
    """Run lengths of a run-length encoding (RLE), background first.

    COCO's compressed form has 5 bits of a number in each character (48 and above), the lowest
    first; bit 5 says that more follow, bit 4 of the last is the sign; from the fourth run on, the
    numbers are differences to the run before the last.

    Args:
        counts: COCO's compressed string, or the lengths in pixels.

    Returns:
        The lengths in pixels, int64 (R,).

    Raises:
        ValueError: If the string is broken or a length is no whole number.
    """
    if isinstance(counts, str | bytes):
        return _decompress(counts.encode() if isinstance(counts, str) else counts)
    lengths = np.asarray(counts, dtype=None if np.size(counts) else np.int64)
    if lengths.ndim != 1 or lengths.dtype.kind not in 'iu':
        raise ValueError('its counts should be whole numbers')
    return lengths.astype(np.int64)


def _decompress(text: bytes) -> np.ndarray:
    chars = np.frombuffer(text, dtype=np.uint8).astype(np.int64) - 48
    if not len(chars):
        return chars
    ends = np.flatnonzero(chars & 32 == 0)
    if (chars < 0).any() or (chars > 63).any() or not len(ends) or ends[-1] != len(chars) - 1:
        raise ValueError('its counts are no compressed run lengths, or are cut off')
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(chars)) - np.repeat(starts, ends - starts + 1)
    if places.max() > 6:
        raise ValueError('its counts have a number of more than 35 bits')
    numbers = np.add.reduceat((chars & 31) << (5 * places), starts)
    negative = chars[ends] & 16 != 0
    numbers -= negative.astype(np.int64) << (5 * (places[ends] + 1))
    # Two sums side by side: of the even runs, and of the odd ones, whose first is no difference.
    lengths = numbers.copy()
    lengths[1::2] = np.cumsum(numbers[1::2])
    lengths[2::2] = np.cumsum(numbers[2::2])
    return lengths


def rle_mask(rle: Mapping[str, Any], shape: tuple[int, int]) -> np.ndarray:
    """Mask of a run-length encoding.

    Args:
        rle: ``counts``, compressed (str or bytes) or a list, and ``size``, [h, w].
        shape: Shape of the picture, (h, w) in pixels.

    Returns:
        Mask, bool (h, w); all False if there are no counts.

    Raises:
        ValueError: If the size is not the picture's, or the runs do not fill it exactly.
    """
    if not {'counts', 'size'} <= rle.keys():
        raise ValueError(f'a run-length encoding needs counts and size, it has {sorted(rle)}')
    if np.ravel(rle['size']).tolist() != list(shape):
        raise ValueError(
            f'it is of a picture of {rle["size"]} (h, w) pixels, but the picture has {list(shape)}'
        )
    lengths = run_lengths(rle['counts'])
    height, width = shape
    if not len(lengths):
        return np.zeros(shape, dtype=bool)
    if lengths.min() < 0:
        raise ValueError(f'its counts have a negative run length, {lengths.min()}')
    if lengths.max() > height * width or lengths.sum() != height * width:
        raise ValueError(f'its runs have {lengths.sum()} pixels instead of {height * width}')
    filled = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return filled.reshape(width, height).T


def polygons_mask(polygons: Sequence[Sequence[float]], shape: tuple[int, int]) -> np.ndarray:
    """Mask of what one polygon or more cover.

    Args:
        polygons: Corners of each, [x1, y1, x2, y2, ...] in pixels. Empty ones are left out, and
            so are those of fewer than three corners, which cover nothing.
        shape: Shape of the picture, (h, w) in pixels.

    Returns:
        Mask, bool (h, w).

    Raises:
        ValueError: If a polygon is no even number of finite coordinates.
    """
    kept = []
    for polygon in polygons:
        corners = np.asarray(polygon)
        if (
            corners.ndim != 1
            or len(corners) % 2
            or (corners.size and corners.dtype.kind not in 'iuf')
        ):
            raise ValueError(f'a polygon should be [x1, y1, x2, y2, ...], got {polygon!r}')
        if not (np.abs(corners.astype(float)) <= _MAX_COORDINATE).all():
            raise ValueError(
                f'coordinates of a polygon should be finite and within {_MAX_COORDINATE:g}'
            )
        if len(corners) >= 6:
            kept.append(corners.tolist())
    if not kept:
        return np.zeros(shape, dtype=bool)
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(kept, *shape))).astype(bool)


def segmentation_mask(segmentation: object, shape: tuple[int, int]) -> np.ndarray:
    """Mask of a COCO annotation's ``segmentation``.

    Args:
        segmentation: Polygons (a list), a run-length encoding (a dict), or None for nothing.
        shape: Shape of the picture, (h, w) in pixels.

    Returns:
        Mask, bool (h, w).

    Raises:
        ValueError: If it is something else, or broken.
    """
    if segmentation is None:
        return np.zeros(shape, dtype=bool)
    if isinstance(segmentation, Mapping):
        return rle_mask(segmentation, shape)
    if isinstance(segmentation, list | tuple):
        return polygons_mask(segmentation, shape)
    raise ValueError(
        'it should be a list of polygons or a run-length encoding with counts and size, got '
        f'{type(segmentation).__name__}'
    )
