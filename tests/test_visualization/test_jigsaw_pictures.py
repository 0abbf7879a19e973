import numpy as np
import pytest

from mmpose_ext.codecs.functional.jigsaw import shuffle_patches, slot_centers
from mmpose_ext.visualization.jigsaw import (
    RIGHT,
    UNCOUNTED,
    WRONG,
    draw_jigsaw,
    jigsaw_panels,
    judge,
    put_together,
    tile_jigsaws,
)

GRID, SIZE = (4, 3), (192, 256)
PERMUTATION = np.array([6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5])  # RandomState(0).permutation(12)
SLOTS = np.array([10, 6, 4, 9, 2, 11, 0, 7, 5, 8, 3, 1])  # in which each patch lies


def crop():
    return np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)


def places():
    """Where a network that makes no mistake finds the patches."""
    return slot_centers(GRID, SIZE)[SLOTS].astype(float)


def panels(points, **options):
    """The pictures, without the strip of the score."""
    return [one[:256] for one in jigsaw_panels(crop(), PERMUTATION, points, GRID, **options)]


def cell(picture, number, margin=0):
    """A cell of a picture; with a margin, what no frame covers and no number."""
    row, column = divmod(number, GRID[1])
    return picture[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64][margin:, margin:][
        : 64 - 2 * margin, : 64 - 2 * margin
    ]


def frame_of(picture, number):
    """The one colour of a cell's border."""
    patch = cell(picture, number)
    border = np.concatenate([patch[0], patch[-1], patch[:, 0], patch[:, -1]])
    colors = np.unique(border, axis=0)
    assert len(colors) == 1
    return tuple(colors[0].tolist())


def test_puzzle_and_truth_are_what_they_are_called():
    puzzle, _, _, true = panels(places())
    shuffled = shuffle_patches(crop(), PERMUTATION, GRID)
    assert (true == crop()).all()
    for slot in range(12):
        assert (cell(puzzle, slot, 2) == cell(shuffled, slot, 2)).all()


def test_right_answers_give_the_person_back():
    _, found, solved, true = panels(places())
    for patch in range(12):
        assert (cell(solved, patch, 20) == cell(true, patch, 20)).all()
        assert frame_of(solved, patch) == RIGHT
    # A disc of the same colour, but for its number, at each predicted place.
    for x, y in places().astype(int).tolist():
        assert (found[y - 13, x] == RIGHT).all()
    assert judge(crop(), PERMUTATION, places(), GRID).score == '12 / 12 right'


def test_mistakes_stand_where_they_were_made():
    points = places()
    points[[2, 5]] = points[[5, 2]]  # taken for each other
    points[7] = points[8]  # a slot taken twice
    points[9] = (-1, 10)  # outside
    _, found, solved, true = panels(points)
    for patch, shown in ((2, 5), (5, 2), (7, 8), (8, 8)):
        assert (cell(solved, patch, 20) == cell(true, shown, 20)).all()
    assert (cell(solved, 9, 20) == 255).all()
    wrong = [patch for patch in range(12) if frame_of(solved, patch) == WRONG]
    assert wrong == [2, 5, 7, 9]
    # Both are seen in the slot that was taken twice, by their numbers.
    x, y = points[8].astype(int)
    assert (found[y - 10, x - 16] == WRONG).all()
    assert (found[y - 10, x + 16] == RIGHT).all()
    assert judge(crop(), PERMUTATION, points, GRID).score == '8 / 12 right'


def test_all_in_one_slot_are_all_seen():
    _, found, _, _ = panels(np.tile((70.0, 70.0), (12, 1)))
    # Three lines of four in slot 4, 16 px apart, seen above the numbers; patch 2 lies there.
    discs = found[64 + 16 - 5 : 128 : 16, 64 + 8 : 128 : 16].reshape(-1, 3)[:12]
    assert [tuple(disc) for disc in discs.tolist()] == [WRONG] * 2 + [RIGHT] + [WRONG] * 9
    for slot in (0, 3, 5, 8):
        assert not (cell(found, slot) == WRONG).all(-1).any()


def test_a_point_that_is_no_number_is_nowhere():
    points = places()
    points[[0, 1, 2]] = (np.nan, 3), (np.inf, 3), (1e30, 3)
    _, found, solved, _ = panels(points)
    assert judge(crop(), PERMUTATION, points, GRID).taken[:4].tolist() == [-1, -1, -1, 9]
    assert not (cell(found, 10) == WRONG).all(-1).any()
    assert not (found == WRONG).all(-1).any()
    assert all((cell(solved, patch, 20) == 255).all() for patch in (0, 1, 2))


def test_plain_patches_do_not_count():
    image = crop()
    cell(image, 0)[:] = 0
    cell(image, 11)[:] = 77
    points = places()
    points[[0, 5]] = points[[5, 0]]
    _, _, solved, _ = jigsaw_panels(image, PERMUTATION, points, GRID)
    assert [frame_of(solved, patch) for patch in (0, 5, 11)] == [UNCOUNTED, WRONG, UNCOUNTED]
    assert judge(image, PERMUTATION, points, GRID).score == '9 / 10 right'
    # Those who know better say so.
    visible = np.arange(12) == 3
    answer = judge(image, PERMUTATION, points, GRID, visible)
    assert answer.score == '1 / 1 right'
    assert answer.colors == [UNCOUNTED] * 3 + [RIGHT] + [UNCOUNTED] * 8


@pytest.mark.parametrize(('use_udp', 'slot'), [(False, 0), (True, 1)])
def test_half_a_pixel_of_udp(use_udp, slot):
    points = np.tile((63.5, 10.0), (12, 1))
    answer = judge(crop(), PERMUTATION, points, GRID, use_udp=use_udp)
    assert (answer.taken == slot).all()


def test_udp_only_counts_from_elsewhere():
    points = places() + np.random.default_rng(1).uniform(-20, 20, (12, 2))
    plain = jigsaw_panels(crop(), PERMUTATION, points, GRID)
    udp = jigsaw_panels(crop(), PERMUTATION, points - 0.5, GRID, use_udp=True)
    assert all((one == other).all() for one, other in zip(plain, udp, strict=True))


def test_put_together_undoes_the_shuffle():
    image = np.array([[10, 20], [30, 40]], np.uint8)[..., None]
    puzzle = shuffle_patches(image, [2, 0, 3, 1], (2, 2))
    assert puzzle[..., 0].tolist() == [[30, 10], [40, 20]]
    solved = put_together(puzzle, np.array([1, 3, 0, 2]), (2, 2))
    assert (solved == image).all()
    assert put_together(puzzle, np.array([-1, 3, 3, 2]), (2, 2))[..., 0].tolist() == [
        [255, 20],
        [20, 40],
    ]


@pytest.mark.parametrize('height', [64, 256, 300, 512])
def test_size(height):
    pictures = jigsaw_panels(crop(), PERMUTATION, places(), GRID, height=height)
    assert {one.shape for one in pictures} == {(height + 20, height * 3 // 4, 3)}
    # The score is written below the solution only.
    written = [(one[height:] != 255).any() for one in pictures]
    assert written == [False, False, True, False]
    if height == 512:  # the network's own pixels, two to a pixel
        assert (pictures[3][:512:2, ::2] == crop()).all()
        assert (pictures[3][1:512:2, 1::2] == crop()).all()


@pytest.mark.parametrize('grid', [(1, 1), (2, 2), (8, 6), (16, 12)])
def test_other_grids(grid):
    K = grid[0] * grid[1]
    permutation = np.random.default_rng(0).permutation(K)
    points = slot_centers(grid, SIZE)[np.argsort(permutation)]
    _, _, solved, true = jigsaw_panels(crop(), permutation, points, grid)
    h, w = 256 // grid[0], 192 // grid[1]
    middle = np.s_[h // 2 :: h, w // 2 :: w]
    assert (solved[:256][middle] == true[:256][middle]).all()
    assert judge(crop(), permutation, points, grid).score == f'{K} / {K} right'


def test_titles_and_legend_stand_around_the_pictures():
    image = crop()
    drawn = draw_jigsaw(image, PERMUTATION, places(), GRID, height=128)
    assert drawn.shape == (26 + (128 + 20 + 8) + 30, 4 * 100 + 4, 3)
    assert (image == crop()).all()
    for color in (RIGHT, WRONG, UNCOUNTED):
        assert (drawn[-30:] == color).all(-1).any()
    pictures = jigsaw_panels(image, PERMUTATION, places(), GRID, height=128)
    sheet = tile_jigsaws([pictures] * 3, puzzles_per_row=2)
    assert sheet.shape == (26 + 2 * (128 + 20 + 4) + 4 + 30, 8 * 100 + 4, 3)
    with pytest.raises(ValueError, match='columns'):
        tile_jigsaws([pictures], puzzles_per_row=0)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(crop=np.zeros((256, 192), np.uint8)), r'\(256, 192\)'),
        (dict(crop=np.zeros((256, 192, 3))), 'float64'),
        (dict(grid=(3, 3)), '256'),
        (dict(permutation=[0] * 12), 'once'),
        (dict(points=np.zeros((11, 2))), r'points \(12, 2\), got \(11, 2\)'),
        (dict(visible=np.ones((1, 12))), r'visible \(12,\), got \(1, 12\)'),
        (dict(height=0), 'height'),
    ],
)
def test_refuses(change, message):
    good = dict(crop=crop(), permutation=PERMUTATION, points=places(), grid=GRID)
    with pytest.raises(ValueError, match=message):
        jigsaw_panels(**good | change)
