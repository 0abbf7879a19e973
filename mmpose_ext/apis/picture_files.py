"""Pictures of any kind as 8-bit BGR, whole or not at all.

Read by Pillow, which refuses files that are cut off, where OpenCV gives back a picture whose lower
part is grey. 8-bit JPEGs come out as :func:`cv2.imread` reads them, to the last bit.
"""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

PICTURE_SUFFIXES = frozenset(
    (
        *('.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.png', '.webp', '.tif', '.tiff', '.bmp'),
        *('.dib', '.gif', '.avif', '.heic', '.heif', '.jp2', '.j2k', '.tga'),
        *('.pbm', '.pgm', '.ppm', '.pnm'),
    )
)
# Pillow refuses twice its own bound of 89 Mpx; the largest cameras give 151 Mpx.
MAX_PIXELS = 175_000_000

# Those of photographs: no format whose reader starts a program, as that of PostScript does.
_FORMATS = (
    *('JPEG', 'MPO', 'PNG', 'WEBP', 'TIFF', 'BMP', 'DIB', 'GIF', 'AVIF', 'HEIF', 'JPEG2000'),
    *('PPM', 'TGA'),
)


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture.

    It is turned as its EXIF orientation says; 16-bit values are divided by 256, as OpenCV and
    Pillow do; grey becomes BGR; what is transparent is laid over white; of animations the first
    picture is taken. Colour profiles are not applied, which MMPose does not do either.

    Args:
        path (str | Path): The file: JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000, PPM or TGA,
            whatever its suffix; HEIC where ``pillow_heif`` is registered with Pillow.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no picture, is cut off or damaged, has more than ``MAX_PIXELS`` pixels,
            or values whose range is not known (float, 32-bit).
    """
    path = Path(path)
    if not path.is_file():
        kind = 'a folder' if path.is_dir() else 'missing'
        raise FileNotFoundError(f'{path} is {kind}; a picture is needed')
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        # Pillow warns from 89 Mpx on; MAX_PIXELS is our bound.
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=formats) as picture:
                _check_size(picture.size)
                return as_bgr8(_decode(picture))
        except Image.UnidentifiedImageError:
            raise ValueError(f'{path} {_no_picture(path)}') from None
        except Image.DecompressionBombError:
            raise ValueError(f'{path} has more than {_LIMIT}') from None
        # Decoders raise nearly anything on damaged files: OSError, SyntaxError, struct.error, ...
        except Exception as error:
            raise ValueError(f'{path} cannot be read: {error}') from error


def as_bgr8(image: np.ndarray) -> np.ndarray:
    """Turn an array into a BGR picture of 8 bits.

    Args:
        image (np.ndarray): Grey (H, W) or (H, W, 1), BGR (H, W, 3) or BGRA (H, W, 4), uint8 or
            uint16; uint16 is divided by 256, what is transparent is laid over white.

    Returns:
        np.ndarray: BGR image (H, W, 3) uint8; the given array where it is one already.

    Raises:
        ValueError: If it is of another shape or type, is empty, or has more than ``MAX_PIXELS``
            pixels.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f'a picture is uint8 or uint16, got {image.dtype}; if its values go from 0 to 1: '
            '(255 * image).round().astype(np.uint8)'
        )
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f'a picture is (H, W), or (H, W, C) of 1, 3 (BGR) or 4 (BGRA) channels, got '
            f'{image.shape}; give several pictures as a list'
        )
    if not image.size:
        raise ValueError(f'a picture needs pixels, got {image.shape}')
    _check_size((image.shape[1], image.shape[0]))
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return _over_white(image) if channels == 4 else np.ascontiguousarray(image)


_LIMIT = f'{MAX_PIXELS // 10**6} million pixels, as which no photograph comes; shrink it first'


def _check_size(size: tuple[int, int]) -> None:
    W, H = size
    if W * H > MAX_PIXELS:
        raise ValueError(f'{W} x {H} are more than {_LIMIT}')


def _decode(picture: Image.Image) -> np.ndarray:
    """Give the pixels upright: grey uint16, or BGR or BGRA uint8."""
    mode, kind = picture.mode, picture.format
    sixteen = mode.startswith('I;16') or (mode == 'I' and kind in ('PNG', 'PPM'))
    if mode == 'F' or (mode.startswith('I') and not sixteen):
        raise ValueError(
            f'its values are of mode {mode!r} (32-bit or float), whose range is not known; save it '
            'with 8 or 16 bits'
        )
    transparent = picture.has_transparency_data
    picture.load()
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except Exception:  # damaged EXIF is no reason to refuse sound pixels
        warnings.warn(f'{kind} with EXIF data that cannot be read: not turned', stacklevel=3)
    if sixteen:
        return np.asarray(picture).astype(np.uint16)
    # convert() would copy a picture that needs no conversion.
    wanted = 'RGBA' if transparent else 'RGB'
    pixels = np.asarray(picture if picture.mode == wanted else picture.convert(wanted))
    return cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if transparent else cv2.COLOR_RGB2BGR)


def _over_white(image: np.ndarray) -> np.ndarray:
    """Lay a picture (H, W, 4) over white."""
    colors, alpha = image[..., :3], image[..., 3:]
    if (alpha == 255).all():
        return np.ascontiguousarray(colors)
    # In integers of 16 bits, which hold 255 * 255 + 127, and in place: pictures may be large.
    blend: np.ndarray = colors.astype(np.uint16)
    blend *= alpha
    blend += (255 - alpha).astype(np.uint16) * 255 + 127
    blend //= 255
    return blend.astype(np.uint8)


def _no_picture(path: Path) -> str:
    if path.stat().st_size == 0:
        return 'is empty (0 bytes); copy it again'
    if path.suffix.lower() in ('.heic', '.heif'):
        return (
            'is HEIC, which Pillow cannot read; convert it, or pillow_heif.register_heif_opener()'
        )
    return 'is no picture, whatever its name says; JPEG, PNG, WebP, TIFF or BMP are'
