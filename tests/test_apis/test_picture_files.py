import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from mmpose_ext.apis import picture_files
from mmpose_ext.apis.picture_files import MAX_PIXELS, as_bgr8, read_picture

H, W = 40, 60
FORMATS = ('jpg', 'png', 'webp', 'tif', 'bmp', 'gif', 'jp2', 'ppm', 'tga')


def photograph(channels=3, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, channels), np.uint8)
    return cv2.resize(coarse, (W, H))


def written(path, rgb, **settings):
    Image.fromarray(rgb).save(path, **settings)
    return path


def test_read_picture_is_what_opencv_reads_of_a_jpeg(tmp_path):
    path = written(tmp_path / 'photo.jpg', photograph(), quality=80)
    np.testing.assert_array_equal(read_picture(path), cv2.imread(str(path)))


@pytest.mark.parametrize('suffix', ['png', 'bmp', 'tif', 'ppm', 'tga', 'webp'])
def test_read_picture_keeps_lossless_pixels_in_bgr(tmp_path, suffix):
    settings = dict(lossless=True) if suffix == 'webp' else {}
    rgb = photograph()
    read = read_picture(written(tmp_path / f'photo.{suffix}', rgb, **settings))
    np.testing.assert_array_equal(read, rgb[..., ::-1])


def test_read_picture_goes_by_content_and_not_by_suffix(tmp_path):
    rgb = photograph()
    Image.fromarray(rgb).save(tmp_path / 'photo.jpg', format='PNG')
    np.testing.assert_array_equal(read_picture(tmp_path / 'photo.jpg'), rgb[..., ::-1])


@pytest.mark.parametrize('mode', ['L', '1', 'P', 'LA', 'RGBA', 'PA'])
def test_read_picture_makes_bgr_of_other_modes(tmp_path, mode):
    given = Image.fromarray(photograph()).convert(mode)
    given.save(tmp_path / 'photo.png') if mode != 'PA' else given.save(tmp_path / 'photo.tif')
    (path,) = tmp_path.iterdir()
    read = read_picture(path)
    assert (read.shape, read.dtype) == ((H, W, 3), np.uint8)
    np.testing.assert_array_equal(read, np.asarray(given.convert('RGB'))[..., ::-1])


def test_read_picture_cmyk(tmp_path):
    rgb = np.full((H, W, 3), (250, 10, 20), np.uint8)
    Image.fromarray(rgb).convert('CMYK').save(tmp_path / 'photo.jpg', quality=95)
    assert np.abs(read_picture(tmp_path / 'photo.jpg').astype(int) - rgb[..., ::-1]).max() < 8


@pytest.mark.parametrize('suffix', ['png', 'tif', 'pgm'])
def test_read_picture_scales_16_bit_grey(tmp_path, suffix):
    grey = np.linspace(0, 65535, H * W).reshape(H, W).astype(np.uint16)
    path = tmp_path / f'depth.{suffix}'
    assert cv2.imwrite(str(path), grey)
    read = read_picture(path)
    np.testing.assert_array_equal(read, np.repeat((grey >> 8)[..., None], 3, axis=2))
    assert (read.min(), read.max()) == (0, 255)


def test_read_picture_scales_16_bit_colours(tmp_path):
    bgr = photograph().astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / 'photo.png'), bgr)
    np.testing.assert_array_equal(read_picture(tmp_path / 'photo.png'), photograph())


def test_read_picture_lays_transparent_pixels_over_white(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[0] = (200, 100, 3, 0), (200, 100, 3, 128), (200, 100, 3, 255)
    read = read_picture(written(tmp_path / 'logo.png', rgba))
    np.testing.assert_array_equal(read[0], [(255, 255, 255), (129, 177, 227), (3, 100, 200)])
    np.testing.assert_array_equal(read[1], 255)


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif', 'webp'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_read_picture_turns_as_exif_says(tmp_path, orientation, suffix):
    upright = np.full((H, W, 3), 255, np.uint8)
    upright[: H // 4, : W // 2] = 0  # dark at the top left
    turns = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(
        tmp_path / f'photo.{suffix}', np.ascontiguousarray(turns[orientation]), exif=exif
    )
    read = read_picture(path)
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 5


@pytest.mark.parametrize('size', [(1, 1), (1, 300), (300, 1)])
def test_read_picture_of_one_pixel_across(tmp_path, size):
    rgb = np.full((*size, 3), 77, np.uint8)
    np.testing.assert_array_equal(read_picture(written(tmp_path / 'dot.png', rgb)), rgb)


def test_read_picture_of_108_million_pixels_without_a_warning(tmp_path):
    Image.new('L', (12000, 9000), 9).save(tmp_path / 'large.png', compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read = read_picture(tmp_path / 'large.png')
    assert read.shape == (9000, 12000, 3)
    assert read[0, 0].tolist() == read[-1, -1].tolist() == [9, 9, 9]


@pytest.mark.parametrize('width', [20000, 10000])
def test_read_picture_refuses_too_many_pixels(tmp_path, monkeypatch, width):
    """20000 are beyond Pillow's own bound, 10000 only beyond ours."""
    monkeypatch.setattr(picture_files, 'MAX_PIXELS', 50_000_000)
    Image.new('1', (width, 10000)).save(tmp_path / 'bomb.png')
    with pytest.raises(ValueError, match=r'bomb\.png .*more than .*million pixels.*shrink'):
        read_picture(tmp_path / 'bomb.png')


def test_the_bound_is_below_that_of_pillow():
    assert 12000 * 9000 < MAX_PIXELS < 2 * Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('share', [0.02, 0.4, 0.95])
def test_read_picture_refuses_files_that_are_cut_off(tmp_path, suffix, share):
    raw = written(tmp_path / f'photo.{suffix}', photograph()).read_bytes()
    cut = tmp_path / f'cut.{suffix}'
    cut.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ValueError, match=rf'cut\.{suffix} (cannot be read|is no picture)'):
        read_picture(cut)


def read_or_none(path):
    try:
        return read_picture(path)
    except ValueError:
        return None


@pytest.mark.filterwarnings('ignore::UserWarning')
def test_read_picture_of_damaged_files_gives_a_picture_or_a_value_error(tmp_path):
    rng = np.random.default_rng(1)
    refused = 0
    for suffix in FORMATS:
        raw = written(tmp_path / f'photo.{suffix}', photograph()).read_bytes()
        for _ in range(20):
            damaged = bytearray(raw)
            for place in rng.integers(0, min(len(raw), 300), 8):
                damaged[place] = rng.integers(256)
            (tmp_path / 'damaged').write_bytes(damaged)
            read = read_or_none(tmp_path / 'damaged')
            refused += read is None
            assert read is None or (read.ndim, read.dtype) == (3, np.uint8)
    assert refused > 20


def test_read_picture_survives_damaged_exif(tmp_path):
    path = written(tmp_path / 'photo.jpg', photograph(), exif=b'Exif\0\0rubbish')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        assert read_picture(path).shape == (H, W, 3)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('note.jpg', b'Dear reader, this is a letter.', 'is no picture, whatever its name says'),
        ('none.png', b'', 'is empty'),
        ('phone.heic', b'\0\0\0\x18ftypheic\0\0\0\0', 'HEIC.*convert it'),
        ('drawing.jpg', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 'is no picture'),
    ],
)
def test_read_picture_refuses_what_is_no_picture(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f'{name} .*{message}'):
        read_picture(tmp_path / name)


@pytest.mark.parametrize('dtype', [np.float32, np.int32])
def test_read_picture_refuses_values_of_unknown_range(tmp_path, dtype):
    Image.fromarray(np.full((H, W), 3, dtype)).save(tmp_path / 'depth.tif')
    with pytest.raises(ValueError, match='range is not known; save it with 8 or 16 bits'):
        read_picture(tmp_path / 'depth.tif')


def test_read_picture_refuses_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.jpg is missing'):
        read_picture(tmp_path / 'gone.jpg')
    with pytest.raises(FileNotFoundError, match='is a folder'):
        read_picture(tmp_path)


def test_as_bgr8_known_values():
    assert as_bgr8(np.array([[7]], np.uint8)).tolist() == [[[7, 7, 7]]]
    assert as_bgr8(np.array([[[7]]], np.uint8)).tolist() == [[[7, 7, 7]]]
    assert as_bgr8(np.array([[0, 256, 65535]], np.uint16))[..., 0].tolist() == [[0, 1, 255]]
    assert as_bgr8(np.array([[[1, 2, 3, 0], [1, 2, 3, 255]]], np.uint8)).tolist() == [
        [[255, 255, 255], [1, 2, 3]]
    ]
    half = as_bgr8(np.full((1, 1, 4), 32768 + 127, np.uint16))
    assert half.tolist() == [[[191, 191, 191]]]  # 128 at an opacity of 128 / 255


def test_as_bgr8_does_not_copy_a_picture_that_is_one():
    image = photograph()
    assert np.shares_memory(as_bgr8(image), image)
    assert as_bgr8(image[:, ::2]).flags.c_contiguous


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (np.zeros((H, W, 3)), r'uint8 or uint16, got float64.*255 \* image'),
        (np.zeros((H, W), bool), 'got bool'),
        (np.zeros((2, H, W, 3), np.uint8), 'several pictures as a list'),
        (np.zeros((3, H, W), np.uint8), r'1, 3 \(BGR\) or 4'),
        (np.zeros((0, W, 3), np.uint8), 'needs pixels'),
        (np.zeros(5, np.uint8), r'got \(5,\)'),
    ],
)
def test_as_bgr8_refuses_other_arrays(image, message):
    with pytest.raises(ValueError, match=message):
        as_bgr8(image)
