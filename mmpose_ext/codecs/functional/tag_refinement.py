"""The pixels that suit the tags of people best, for the keypoints that grouping left out."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

# Sides of small tiles in pixels, and of large ones in small ones; every how many pixels one is
# sampled in x and y.
SMALL, LARGE, SAMPLED = 4, 2, 12
# How many pairs of target and large tile, and how many small tiles' pixels, are held at once: what
# the cache of a CPU holds, and 64 times that on other devices.
CACHED_BOUNDS, CACHED_TILES, DEVICE_FACTOR = 2**17, 2**13, 64


class _Extremes(NamedTuple):
    """Highest heat of each tile, lowest and highest tag of the first set, (K, h, w) each.

    The first set rules out almost all tiles, as the flip test's sets are much alike.
    """

    heat: Tensor
    low: Tensor
    high: Tensor

    def of_tiles(self, side: int) -> '_Extremes':
        """The same of the tiles of side x side that these tiles make up."""
        reductions = (torch.amax, torch.amin, torch.amax)
        return _Extremes(*map(_reduce_tiles, self, reductions, [side] * 3))

    def flatten(self) -> '_Extremes':
        """The same as (K * h * w,)."""
        return _Extremes(*(one.flatten() for one in self))

    def bounds(self, tiles: Tensor, centers: Tensor) -> Tensor:
        """The most that a pixel of a tile can be worth; (R, T) for such tiles, centers (R, L).

        Bounds hold in float32, whose rounding is monotonic: the distance to the nearest tag that a
        tile may have is computed as that to a tag, with the other sets' distances 0.
        """
        center = centers[:, :1]
        nearest = center.clamp(self.low.take(tiles), self.high.take(tiles))
        return self.heat.take(tiles) - _norm([nearest.sub_(center)]).round_()


class _TiledMaps:
    """Padded maps and what is known of their tiles, all flat: (K * H * W,) and (L, K * H * W)."""

    def __init__(self, heatmaps: Tensor, tags: Tensor) -> None:
        side = SMALL * LARGE
        padding = (0, -heatmaps.shape[-1] % side, 0, -heatmaps.shape[-2] % side)
        if any(padding):
            heatmaps = pad(heatmaps, padding, value=-torch.inf)
            tags = pad(tags, padding)
        height, self.width = heatmaps.shape[-2:]
        self.size = height * self.width
        small = _Extremes(heatmaps, tags[0], tags[0]).of_tiles(SMALL)
        # A tile with NaN may have any tag.
        small.low.nan_to_num_(-torch.inf, torch.inf, -torch.inf)
        small.high.nan_to_num_(torch.inf, torch.inf, -torch.inf)
        self.small, self.large = small.flatten(), small.of_tiles(LARGE).flatten()
        grid = height // SMALL, self.width // SMALL
        self.pixels = _members(height, self.width, SMALL, heatmaps.device)
        self.small_tiles = _members(*grid, LARGE, heatmaps.device)
        middle = slice(SAMPLED // 2, None, SAMPLED)
        self.sampled_heat = heatmaps[..., middle, middle].flatten(1)
        self.sampled_tags = tags[..., middle, middle].flatten(2)
        self.heat, self.tags = heatmaps.flatten(), tags.flatten(1)

    def sampled(self, joints: Tensor, centers: Tensor) -> Tensor:
        """Highest value among the sampled pixels, (M,)."""
        tags = (one[joints] for one in self.sampled_tags)
        return _values(self.sampled_heat[joints], tags, centers).amax(dim=1)

    def promising_tiles(
        self, joints: Tensor, centers: Tensor, least: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pairs and small tiles whose bounds reach what the pair has, (R,) each."""
        large, small = len(self.small_tiles), len(self.pixels)
        every = torch.arange(large, device=joints.device) + joints[:, None] * large
        bounds = self.large.bounds(every, centers)
        pairs, tiles = (bounds >= least[:, None]).nonzero(as_tuple=True)
        parts = self.small_tiles[tiles]
        flat = parts + (joints[pairs] * small)[:, None]
        bounds = self.small.bounds(flat, centers[pairs])
        rows, columns = (bounds >= least[pairs, None]).nonzero(as_tuple=True)
        return pairs[rows], parts[rows, columns]

    def best_in_tiles(
        self, joints: Tensor, centers: Tensor, tiles: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Highest value and its first pixel in one small tile for each of R rows, (R,) each."""
        pixels = self.pixels[tiles]
        flat = pixels + (joints * self.size)[:, None]
        tags = (one.take(flat) for one in self.tags)
        best, place = _values(self.heat.take(flat), tags, centers).max(dim=1)
        return best, pixels.gather(1, place[:, None])[:, 0]


def _reduce_tiles(maps: Tensor, reduce: Callable[..., Tensor], side: int) -> Tensor:
    rows = reduce(maps.unflatten(-2, (-1, side)), dim=-2)
    return reduce(rows.unflatten(-1, (-1, side)), dim=-1)


def _members(height: int, width: int, side: int, device: torch.device) -> Tensor:
    """Indices of what makes up each tile, in rising order, (T, side * side)."""
    indices = torch.arange(height * width, device=device)
    tiles = indices.view(height // side, side, width // side, side).transpose(1, 2)
    return tiles.reshape(-1, side * side)


def _norm(parts: Iterable[Tensor]) -> Tensor:
    """Euclidean norm over what is iterated; overwrites those tensors."""
    first, *others = parts
    total = first.square_()
    for part in others:
        total.add_(part.square_())
    return total.sqrt_()


def _values(heat: Tensor, tags: Iterable[Tensor], centers: Tensor) -> Tensor:
    """``heat - round(|tag - center|)``, -inf where a tag is NaN or infinite; (R, P)."""
    distance = _norm(tag - center for tag, center in zip(tags, centers.T[..., None], strict=True))
    return torch.where(distance < torch.inf, heat - distance.round(), -torch.inf)


def best_pixels(heatmaps: Tensor, tags: Tensor, joints: Tensor, centers: Tensor) -> Tensor:
    """Pixel where ``heatmap - round(|tag - center|)`` is highest, for M pairs of joint and center.

    Of equal pixels the first in memory is taken, and halves are rounded to even: the result is that
    of an exhaustive search. The search is a branch and bound: a sample of the pixels gives a value,
    and only tiles of 8x8 pixels whose bounds reach it, and of these only tiles of 4x4, are looked
    into. Loops are over parts of a size that the processor's cache holds.

    Args:
        heatmaps: (K, H, W), no NaN.
        tags: (L, K, H, W). Pixels with NaN or infinity are taken only if there are no others.
        joints: Which of the K maps, (M,) int64; fastest if equal ones are together.
        centers: Tags, (M, L).

    Returns:
        x and y in pixels, (M, 2) int64.
    """
    maps = _TiledMaps(heatmaps, tags)
    factor = 1 if heatmaps.device.type == 'cpu' else DEVICE_FACTOR
    step = max(1, factor * CACHED_BOUNDS // len(maps.small_tiles))
    parts = zip(joints.split(step), centers.split(step), strict=True)
    found = torch.cat([_best_pixels(maps, *part, factor * CACHED_TILES) for part in parts])
    return torch.stack((found % maps.width, found // maps.width), dim=1)


def _best_pixels(maps: _TiledMaps, joints: Tensor, centers: Tensor, step: int) -> Tensor:
    least = maps.sampled(joints, centers)
    pairs, tiles = maps.promising_tiles(joints, centers, least)
    parts = zip(pairs.split(step), tiles.split(step), strict=True)
    results = [maps.best_in_tiles(joints[pair], centers[pair], tile) for pair, tile in parts]
    values, pixels = (torch.cat(part) for part in zip(*results, strict=True))
    best = least.scatter_reduce(0, pairs, values, 'amax')
    last = maps.size - 1
    pixels = pixels.where(values == best[pairs], last)
    return torch.full_like(joints, last).scatter_reduce(0, pairs, pixels, 'amin')
