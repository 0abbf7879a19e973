"""Words on pictures."""

import math
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

INK = (40, 40, 40)
PAPER = (255, 255, 255)

_ANCHORS = {'left': 0.0, 'center': 0.5, 'right': 1.0}
_OVERSAMPLING = 4


def write(
    picture: np.ndarray,
    text: str,
    position: tuple[float, float],
    height: float = 14.0,
    color: tuple[int, int, int] = INK,
    anchor: str = 'left',
) -> None:
    """Write a line of text in place.

    Args:
        picture (np.ndarray): Image (H, W, 3) uint8, changed.
        text (str): The text; the font knows Latin letters.
        position (tuple[float, float]): Where the anchor lies, x and y in pixels.
        height (float): Size of the font in pixels. Defaults to 14.
        color (tuple[int, int, int]): In the order of the picture's channels. Defaults to dark grey.
        anchor (str): What of the text lies there: its ``'left'`` end, ``'center'`` or ``'right'``
            end, always at half its height. Defaults to ``'left'``.
    """
    # Drawn large and shrunk: hinting at small sizes would eat the spaces between words.
    font = _font(height)
    ascent, descent = font.getmetrics()
    length = math.ceil(font.getlength(text))
    room = -(-length // _OVERSAMPLING), -(-(ascent + descent) // _OVERSAMPLING)
    mask = Image.new('L', (room[0] * _OVERSAMPLING, room[1] * _OVERSAMPLING))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    ink = cv2.resize(np.asarray(mask), room, interpolation=cv2.INTER_AREA)
    left = round(position[0] - _ANCHORS[anchor] * room[0])
    top = round(position[1] - room[1] / 2)
    x = slice(max(left, 0), max(left + room[0], 0))
    y = slice(max(top, 0), max(top + room[1], 0))
    target = picture[y, x]
    opacity = ink[y.start - top :, x.start - left :][: target.shape[0], : target.shape[1], None]
    blend = target + (np.asarray(color) - target.astype(float)) * (opacity / 255)
    target[:] = np.rint(blend).astype(np.uint8)


def text_width(text: str, height: float) -> float:
    """Measure a line of text.

    Args:
        text (str): The text.
        height (float): Size of the font in pixels.

    Returns:
        float: Width in pixels.
    """
    return float(_font(height).getlength(text)) / _OVERSAMPLING


def header(titles: list[str], width: int, gap: int, height: int = 26) -> np.ndarray:
    """Make a strip of titles above a row of pictures laid out by ``tile_images``.

    Args:
        titles (list[str]): Title of each picture; it shrinks until it fits.
        width (int): Width of a picture in pixels.
        gap (int): Pixels between pictures and around them.
        height (int): Height of the strip in pixels. Defaults to 26.

    Returns:
        np.ndarray: White image (height, len(titles) * (width + gap) + gap, 3) uint8.
    """
    strip = np.full((height, len(titles) * (width + gap) + gap, 3), PAPER, np.uint8)
    size = 0.62 * height
    widest = max(text_width(title, size) for title in titles)
    size *= min(1.0, 0.94 * width / widest)
    for column, title in enumerate(titles):
        center = gap + column * (width + gap) + width / 2
        write(strip, title, (center, height * 0.6), size, anchor='center')
    return strip


@lru_cache(maxsize=32)
def _font(height: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(height * _OVERSAMPLING)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ImportError('this Pillow has no FreeType; install pillow>=10.1 from a wheel')
    return font
