import numpy as np
import pytest

from mmpose_ext.visualization import tile_images


def test_tiles_lie_in_rows_on_white():
    images = [np.full((2, 3, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = tile_images(images, columns=2, gap=1)
    assert sheet.shape == (2 * 3 + 1, 2 * 4 + 1, 3)
    assert (sheet[1:3, 1:4] == 10).all()
    assert (sheet[1:3, 5:8] == 20).all()
    assert (sheet[4:6, 1:4] == 30).all()
    assert (sheet[4:6, 5:8] == 255).all()
    assert (sheet[0] == 255).all()


@pytest.mark.parametrize(
    ('images', 'columns', 'message'),
    [
        ([], 1, 'got 0 and 1'),
        ([np.zeros((2, 2, 3), np.uint8)], 0, 'got 1 and 0'),
        ([np.zeros((2, 2, 3), np.uint8), np.zeros((3, 2, 3), np.uint8)], 1, 'one size'),
    ],
)
def test_refuses(images, columns, message):
    with pytest.raises(ValueError, match=message):
        tile_images(images, columns)
