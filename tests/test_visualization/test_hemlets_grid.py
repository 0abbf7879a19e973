import numpy as np
import pytest

from mmpose_ext.codecs.functional.hemlets import gaussian_heatmaps, hemlets_from_heatmaps
from mmpose_ext.skeletons.human36m18 import PARTS
from mmpose_ext.visualization import draw_hemlets_grid

NAMES = ('a', 'b', 'c')
TWO_PARTS = ((0, 1), (1, 2))
BLACK = np.zeros((64, 64, 3), np.uint8)


def labels():
    heatmaps = gaussian_heatmaps(np.array([(16, 16), (48, 16), (16, 48)], float), (64, 64), 3.0)
    polarity = np.array([1, -1])
    return heatmaps, hemlets_from_heatmaps(heatmaps, polarity, TWO_PARTS), polarity


def cells(grid, cell):
    """Cut the 2 x 3 cells of two parts out: a row of three to each block."""
    dark = np.argwhere((grid == 0).all(-1))
    columns = np.flatnonzero(np.bincount(dark[:, 1], minlength=grid.shape[1]) >= cell // 2)
    starts = columns[np.flatnonzero(np.diff(columns, prepend=-9) > 1)]
    rows = np.bincount(dark[:, 0], minlength=len(grid))
    top = int(np.flatnonzero(rows > cell)[0])
    return [grid[top : top + cell, x : x + cell] for x in starts]


def test_each_map_stands_in_its_place():
    _, hemlets, _ = labels()
    grid = draw_hemlets_grid(BLACK, hemlets, parts=TWO_PARTS, joint_names=NAMES, cell=64)
    found = cells(grid, 64)
    assert len(found) == 6
    # Part 0, closer: the parent (16, 16) at level, the child (48, 16) in the last column.
    # Part 1, farther: the child (16, 48) in the first column, the parent (48, 16) at level.
    peaks = [None, (16, 16), (48, 16), (16, 48), (48, 16), None]
    for picture, peak in zip(found, peaks, strict=True):
        light = picture.astype(int).sum(-1)
        if peak is None:
            assert light.max() == 0
        else:
            y, x = np.unravel_index(light.argmax(), light.shape)
            assert np.hypot(x - peak[0], y - peak[1]) < 2


def test_the_chosen_polarity_is_framed():
    heatmaps, hemlets, polarity = labels()
    options = dict(parts=TWO_PARTS, joint_names=NAMES, cell=64)
    plain = draw_hemlets_grid(BLACK, hemlets, heatmaps, **options)
    framed = draw_hemlets_grid(BLACK, hemlets, heatmaps, polarity=polarity, **options)
    unknown = draw_hemlets_grid(BLACK, hemlets, heatmaps, polarity=[-2, -2], **options)
    assert (plain == unknown).all()
    differing = np.flatnonzero((plain != framed).any((0, 2)))
    # One frame in each block, the first block's in its last column, the second's in its first.
    halves = np.split(differing, np.flatnonzero(np.diff(differing) > 10) + 1)
    assert [int(np.ptp(half)) for half in halves] == [63, 63]


def test_the_other_sign_swaps_the_titles():
    _, hemlets, _ = labels()
    options = dict(parts=TWO_PARTS, joint_names=NAMES, cell=64)
    usual = draw_hemlets_grid(BLACK, hemlets, **options)
    other = draw_hemlets_grid(BLACK, hemlets, closer_is=-1, **options)
    changed = np.flatnonzero((usual != other).any((1, 2)))
    assert len(changed)
    assert changed.max() < 26  # above the maps, 0.4 of a cell


def test_full_size():
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 255, (256, 192, 3), dtype=np.uint8)
    maps = rng.normal(size=(60, 32, 24)).astype(np.float32)
    grid = draw_hemlets_grid(crop, maps[:42], maps[42:], polarity=np.zeros(14, int))
    assert grid.dtype == np.uint8
    assert grid.shape[0] == 29 + 7 * 75
    without = draw_hemlets_grid(crop, maps[:42])
    assert without.shape[1] < grid.shape[1]


@pytest.mark.parametrize(
    ('hemlets', 'heatmaps', 'options', 'message'),
    [
        (np.zeros((41, 8, 8)), None, {}, r'\(42, h, w\), got \(41, 8, 8\)'),
        (np.zeros((42, 8, 8)), np.zeros((17, 8, 8)), {}, r'\(18, h, w\), got \(17, 8, 8\)'),
        (np.zeros((42, 8)), None, {}, r'got \(42, 8\)'),
        (np.zeros((42, 8, 8)), None, dict(closer_is=0), 'closer_is'),
        (np.zeros((42, 8, 8)), None, dict(parts=((0, 99), *PARTS[1:])), '99'),
    ],
)
def test_refuses(hemlets, heatmaps, options, message):
    with pytest.raises(ValueError, match=message):
        draw_hemlets_grid(BLACK, hemlets, heatmaps, **options)
