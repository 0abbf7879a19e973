import pytest
import torch
from torch import Tensor

from mmpose_ext.codecs.functional import tag_refinement
from mmpose_ext.codecs.functional.tag_refinement import best_pixels


def exhaustive(heatmaps: Tensor, tags: Tensor, joints: Tensor, centers: Tensor) -> Tensor:
    distance = (tags[:, joints] - centers.T[..., None, None]).square().sum(0).sqrt()
    value = heatmaps[joints] - distance.round()
    found = value.flatten(1).argmax(dim=1)
    return torch.stack((found % heatmaps.shape[2], found // heatmaps.shape[2]), dim=1)


def some_maps(kind: str, L: int, H: int, W: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(L * H)
    heatmaps = torch.rand(3, H, W, generator=generator)
    tags = torch.randn(L, 3, H, W, generator=generator)
    if kind == 'smooth':
        tags = tags.cumsum(-1) * 0.1
    elif kind == 'ties':  # few values, so that many pixels are equal and distances halves
        heatmaps, tags = (heatmaps * 3).floor() / 4, (tags * 2).round() / 2
    elif kind == 'negative':
        heatmaps -= 2
    elif kind == 'flat':
        heatmaps, tags = torch.full_like(heatmaps, 0.3), torch.zeros_like(tags)
    return heatmaps, tags


@pytest.mark.parametrize('kind', ['noise', 'smooth', 'ties', 'negative', 'flat'])
@pytest.mark.parametrize(('L', 'H', 'W'), [(2, 40, 64), (1, 33, 21), (3, 5, 70)])
def test_best_pixels_are_those_of_an_exhaustive_search(kind, L, H, W, monkeypatch):
    heatmaps, tags = some_maps(kind, L, H, W)
    joints = torch.arange(20) % 3
    centers = torch.randn(20, L, generator=torch.Generator().manual_seed(1)).mul(2).round() / 2
    wanted = exhaustive(heatmaps, tags, joints, centers)
    assert torch.equal(best_pixels(heatmaps, tags, joints, centers), wanted)
    # The same in many small parts.
    monkeypatch.setattr(tag_refinement, 'CACHED_BOUNDS', 200)
    monkeypatch.setattr(tag_refinement, 'CACHED_TILES', 100)
    assert torch.equal(best_pixels(heatmaps, tags, joints, centers), wanted)


@pytest.mark.parametrize('bad', [float('nan'), float('inf'), -float('inf')])
def test_pixels_with_tags_that_are_not_finite_are_no_match(bad):
    heatmaps, tags = some_maps('smooth', 2, 16, 24)
    heatmaps[0, 4, 4] = 9
    tags[1, 0, 4, 4] = bad
    joints, centers = torch.zeros(1, dtype=torch.int64), tags[:, 0, 9, 20][None]
    heatmaps[0, 9, 20] = 5
    assert best_pixels(heatmaps, tags, joints, centers).tolist() == [[20, 9]]


def test_most_tiles_are_not_looked_into(monkeypatch):
    heatmaps, tags = some_maps('smooth', 2, 64, 64)
    heatmaps *= 0.1
    heatmaps[:, 28:33, 28:33] += 0.5  # around a sampled pixel
    looked_into = []
    original = tag_refinement._TiledMaps.best_in_tiles

    def counting(self, joints, centers, tiles):
        looked_into.append(len(tiles))
        return original(self, joints, centers, tiles)

    monkeypatch.setattr(tag_refinement._TiledMaps, 'best_in_tiles', counting)
    joints, centers = torch.arange(3), torch.stack([tags[:, k, 30, 30] for k in range(3)])
    best_pixels(heatmaps, tags, joints, centers)
    assert sum(looked_into) < 3 * 256 / 16
