import cv2
import numpy as np
import pytest
from mmpose.codecs import MSRAHeatmap, UDPHeatmap

from mmpose_ext.codecs.functional.jigsaw import (
    cell_size,
    check_permutation,
    image_from_input,
    input_from_image,
    inverse_permutation,
    jitter_patches,
    patch_contrast,
    shuffle_patches,
    slot_centers,
    slots_at,
    unshuffle_patches,
)

GRID, SIZE = (4, 3), (192, 256)
PERMUTATION = [6, 11, 4, 10, 2, 8, 1, 7, 9, 3, 0, 5]


def noise(height, width, *colours, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, (height, width, *colours)).astype(dtype)


def loop_shuffle(image, permutation, grid):
    """The definition, patch by patch."""
    shuffled = np.empty_like(image)
    height, width = image.shape[0] // grid[0], image.shape[1] // grid[1]
    for slot, patch in enumerate(permutation):
        (row, column), (old_row, old_column) = divmod(slot, grid[1]), divmod(patch, grid[1])
        shuffled[row * height :, column * width :][:height, :width] = image[
            old_row * height :, old_column * width :
        ][:height, :width]
    return shuffled


def test_golden_two_by_two():
    image = np.array([[10, 20], [30, 40]])
    assert shuffle_patches(image, [2, 0, 3, 1], (2, 2)).tolist() == [[30, 10], [40, 20]]
    assert inverse_permutation(np.array([2, 0, 3, 1])).tolist() == [1, 3, 0, 2]


def test_golden_permutation_and_places():
    permutation = np.random.RandomState(0).permutation(12)
    assert permutation.tolist() == PERMUTATION
    slots = inverse_permutation(permutation)
    assert slots.tolist() == [10, 6, 4, 9, 2, 11, 0, 7, 5, 8, 3, 1]
    places = slot_centers(GRID, SIZE)[slots]
    assert places.dtype == np.float32
    assert places.tolist() == [
        *([96, 224], [32, 160], [96, 96], [32, 224], [160, 32], [160, 224]),
        *([32, 32], [96, 160], [160, 96], [160, 160], [32, 96], [96, 32]),
    ]
    heatmaps = MSRAHeatmap(SIZE, (48, 64), sigma=2).encode(places[None])['heatmaps']
    y, x = np.divmod(heatmaps.reshape(12, -1).argmax(1), 48)
    assert list(zip(x, y, strict=True)) == [
        *((24, 56), (8, 40), (24, 24), (8, 56), (40, 8), (40, 56)),
        *((8, 8), (24, 40), (40, 24), (40, 40), (8, 24), (24, 8)),
    ]


def test_golden_heatmaps_of_the_identity():
    image = noise(256, 192, 3)
    np.testing.assert_array_equal(shuffle_patches(image, np.arange(12), GRID), image)
    encoded = MSRAHeatmap(SIZE, (48, 64), sigma=2).encode(slot_centers(GRID, SIZE)[None])
    heatmaps = encoded['heatmaps']
    assert heatmaps.shape == (12, 64, 48)
    assert heatmaps.dtype == np.float32
    y, x = np.divmod(heatmaps.reshape(12, -1).argmax(1), 48)
    assert y.tolist() == np.repeat([8, 24, 40, 56], 3).tolist()
    assert x.tolist() == [8, 24, 40] * 4
    assert (heatmaps.max(axis=(1, 2)) == 1).all()
    around = heatmaps[0, 8, [8, 9, 14, 15]]
    np.testing.assert_allclose(around, [1, 0.8824969, 0.011109, 0], atol=1e-6)
    assert heatmaps[0, 9, 9] == pytest.approx(0.7788008)
    assert ((heatmaps > 0).sum(axis=(1, 2)) == 169).all()
    np.testing.assert_allclose(heatmaps.sum(axis=(1, 2)), 25.08129, rtol=1e-5)
    assert (heatmaps > 0).sum(axis=0).max() == 1


@pytest.mark.parametrize(
    ('size', 'grid', 'sigma'), [(SIZE, GRID, 2), ((288, 384), GRID, 3), (SIZE, (8, 6), 1)]
)
def test_heatmaps_hold_the_places_exactly(size, grid, sigma):
    heatmap_size = size[0] // 4, size[1] // 4
    codec = MSRAHeatmap(size, heatmap_size, sigma=sigma)
    places = slot_centers(grid, size)[None]
    decoded, _ = codec.decode(codec.encode(places)['heatmaps'])
    assert np.abs(decoded - places).max() == 0
    # Without bias, they are places among the pixels' centres.
    codec = UDPHeatmap(size, heatmap_size, sigma=sigma)
    places = slot_centers(grid, size, udp=True)[None]
    decoded, _ = codec.decode(codec.encode(places)['heatmaps'])
    crop = (0, 0), size, size
    decoded = input_from_image(image_from_input(decoded, *crop), *crop, udp=True)
    assert np.abs(decoded - places).max() < 0.2
    np.testing.assert_array_equal(
        slots_at(decoded[0], grid, size, udp=True), np.arange(grid[0] * grid[1])
    )


@pytest.mark.parametrize('grid', [(1, 1), (4, 3), (8, 6), (16, 12), (1, 12)])
@pytest.mark.parametrize('colours', [(), (1,), (3,)])
def test_shuffle_is_the_loop(grid, colours):
    image = noise(64, 48, *colours, dtype=np.float32)
    permutation = np.random.default_rng(1).permutation(grid[0] * grid[1])
    before = image.copy()
    shuffled = shuffle_patches(image, permutation, grid)
    np.testing.assert_array_equal(shuffled, loop_shuffle(image, permutation, grid))
    assert shuffled.dtype == image.dtype
    assert shuffled.flags['C_CONTIGUOUS']
    np.testing.assert_array_equal(unshuffle_patches(shuffled, permutation, grid), image)
    assert not np.shares_memory(shuffled, image)
    np.testing.assert_array_equal(image, before)


def test_shuffle_of_views():
    image = noise(64, 48, 3)
    for view in (image[:, ::-1], image[..., ::-1], noise(48, 64, 3).swapaxes(0, 1)):
        expected = loop_shuffle(view, PERMUTATION, GRID)
        np.testing.assert_array_equal(shuffle_patches(view, PERMUTATION, GRID), expected)


@pytest.mark.parametrize(
    ('grid', 'size'), [((3, 3), SIZE), ((4, 5), SIZE), ((4, 3), (0, 256)), ((4, 3), (191, 256))]
)
def test_refuses_a_grid_that_does_not_divide(grid, size):
    message = rf'{size[0]}x{size[1]} px .* {grid[0]} rows and {grid[1]} columns .* as \(4, 3\)'
    with pytest.raises(ValueError, match=message):
        cell_size(grid, size)
    with pytest.raises(ValueError, match=message):
        slot_centers(grid, size)


@pytest.mark.parametrize('grid', [(0, 3), (4, -3), (4.0, 3), (4,), (4, 3, 2), (True, 3), '43'])
def test_refuses_what_is_no_grid(grid):
    with pytest.raises(ValueError, match='grid must be'):
        cell_size(grid, SIZE)


@pytest.mark.parametrize(
    'permutation',
    [[0, 1, 2], [0, 1, 2, 2], [1, 2, 3, 4], [-1, 0, 1, 2], [0.0, 1.0, 2.0, 3.0], [[0, 1], [2]]],
)
def test_refuses_what_is_no_permutation(permutation):
    with pytest.raises(ValueError, match='permutation of 4 patches must hold each of 0 to 3'):
        check_permutation(permutation, 4)
    with pytest.raises(ValueError, match='permutation of 4 patches'):
        shuffle_patches(np.zeros((2, 2)), permutation, (2, 2))


def test_centers_of_known_slots():
    assert slot_centers((1, 2), (8, 2)).tolist() == [[2, 1], [6, 1]]
    assert slot_centers((1, 2), (8, 2), udp=True).tolist() == [[1.5, 0.5], [5.5, 0.5]]


@pytest.mark.parametrize(
    ('point', 'slot', 'udp_slot'),
    [
        ((0, 0), 0, 0),
        ((-0.5, 0), -1, 0),
        ((-0.51, 0), -1, -1),
        ((63.49, 63.49), 0, 0),
        ((63.5, 63.5), 0, 4),
        ((64, 63.4), 1, 1),
        ((191.4, 255.4), 11, 11),
        ((191.5, 255.4), 11, -1),
        ((192, 10), -1, -1),
        ((10, 256), -1, -1),
        ((np.nan, 10), -1, -1),
        ((10, np.inf), -1, -1),
    ],
)
def test_slots_of_points(point, slot, udp_slot):
    assert slots_at(np.array(point), GRID, SIZE) == slot
    assert slots_at(np.array(point), GRID, SIZE, udp=True) == udp_slot


def test_slots_of_the_centres():
    for udp in (False, True):
        centers = slot_centers(GRID, SIZE, udp).reshape(2, 6, 2)
        slots = slots_at(centers, GRID, SIZE, udp)
        assert slots.dtype == np.int64
        assert slots.tolist() == np.arange(12).reshape(2, 6).tolist()


def test_contrast_is_that_of_the_colour_that_differs_most():
    image = np.zeros((64, 48, 3), dtype=np.uint8)
    image[:16, 16:32] = 200, 0, 90  # one colour all over
    image[16:32, 0, 1] = 7
    image[63, 47] = 250, 255, 255
    contrast = patch_contrast(image, GRID)
    assert contrast.dtype == np.uint8
    assert contrast.tolist() == [0, 0, 0, 7, *[0] * 7, 255]
    assert patch_contrast(image[..., 1], GRID).tolist() == [0, 0, 0, 7, *[0] * 7, 255]


@pytest.mark.parametrize('jitter', [0, 1, 5, 15])
def test_jitter_is_a_resized_window_of_each_patch(jitter):
    image = cv2.GaussianBlur(noise(64, 48, 3), (0, 0), 2)
    offsets = np.random.default_rng(2).integers(0, jitter + 1, (12, 2))
    jittered = jitter_patches(image, GRID, offsets, jitter)
    assert jittered.shape == image.shape
    assert jittered.dtype == image.dtype
    expected = np.empty_like(image)
    for patch, (x, y) in enumerate(offsets):
        row, column = divmod(patch, 3)
        cell = slice(16 * row, 16 * row + 16), slice(16 * column, 16 * column + 16)
        window = image[cell][y : y + 16 - jitter, x : x + 16 - jitter]
        expected[cell] = cv2.resize(window, (16, 16), interpolation=cv2.INTER_LINEAR)
    # OpenCV resizes and remaps with weights of different precision.
    assert np.abs(jittered.astype(int) - expected).max() <= (1 if jitter else 0)


def test_jitter_keeps_the_shape_of_a_grey_image():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    offsets = np.zeros((4, 2), int)
    jittered = jitter_patches(image, (2, 2), offsets, 1)
    assert jittered.shape == image.shape
    np.testing.assert_array_equal(
        jittered[..., 0], jitter_patches(image[..., 0], (2, 2), offsets, 1)
    )


def test_jitter_of_patches_that_are_no_squares():
    image = np.zeros((8, 12), dtype=np.uint8)
    image[:4, 4:8] = 50  # patch 1 of (2, 3), 4 px wide and high
    image[4:, 8:] = np.arange(0, 160, 10).reshape(4, 4)
    offsets = np.zeros((6, 2), dtype=int)
    offsets[5] = 3, 1
    jittered = jitter_patches(image, (2, 3), offsets, 3)
    assert (jittered[:4, 4:8] == 50).all()
    assert (jittered[:4, :4] == 0).all()
    assert (jittered[4:, 8:] == 70).all()


@pytest.mark.parametrize(
    ('offsets', 'jitter', 'message'),
    [
        (np.zeros((12, 2), int), 16, 'jitter must be 0 to 15 px for patches of 16x16 px'),
        (np.zeros((12, 2), int), -1, 'jitter must be 0 to 15 px'),
        (np.zeros((11, 2), int), 4, r'offsets must be \(12, 2\), got \(11, 2\)'),
        (np.full((12, 2), 5), 4, 'offsets must be 0 to 4 px'),
        (np.full((12, 2), -1), 4, 'offsets must be 0 to 4 px'),
    ],
)
def test_refuses_windows_outside_their_patches(offsets, jitter, message):
    with pytest.raises(ValueError, match=message):
        jitter_patches(np.zeros((64, 48), np.uint8), GRID, offsets, jitter)


def test_crop_to_image_and_back():
    points = slot_centers(GRID, SIZE)[None]
    center, scale = np.array([300, 200], np.float32), np.array([96, 128], np.float32)
    in_image = image_from_input(points, center, scale, SIZE)
    assert in_image[0, 0].tolist() == [300 - 48 + 16, 200 - 64 + 16]
    np.testing.assert_allclose(input_from_image(in_image, center, scale, SIZE), points, atol=1e-9)


def test_unbiased_crop_to_image_and_back():
    corners, crop = np.array([[0, 0], [191, 255]]), ((96, 128), SIZE, SIZE)
    assert image_from_input(corners, *crop, udp=True).tolist() == [[0, 0], list(SIZE)]
    np.testing.assert_allclose(
        input_from_image(image_from_input(corners, *crop, udp=True), *crop, udp=True), corners
    )
