"""What mannequins wear: colours as functions of the place on the T-pose.

A garment's border is a curve on the body, and a pattern is a wave over it, so that both
stay where they are as the body moves. Heights are above the soles of the mean body.
"""

from dataclasses import dataclass

import numpy as np

from mmpose_ext.synthetic.skeleton import PELVIS_HEIGHT

# Colours are linear BGR in 0..1.
_SKIN = ((0.48, 0.60, 0.86), (0.40, 0.54, 0.80), (0.27, 0.40, 0.64), (0.16, 0.24, 0.42))
_HAIR = ((0.05, 0.06, 0.08), (0.10, 0.17, 0.28), (0.22, 0.42, 0.62), (0.55, 0.56, 0.58))
_EYES = (0.06, 0.05, 0.05)
_LIPS = (0.62, 0.55, 0.80)
PATTERNS = ('plain', 'hoops', 'pinstripes', 'checks', 'dots', 'fade', 'panel')


@dataclass(frozen=True)
class Outfit:
    """What a person wears, and skin and hair.

    Attributes:
        skin (np.ndarray): Colour (3,) of the skin, BGR in 0..1.
        hair (np.ndarray): Colour (3,) of the hair.
        hairline (float): How far down the hair comes at the back, in metres.
        tops (np.ndarray): Two colours (2, 3) of the upper garment.
        bottoms (np.ndarray): Two colours (2, 3) of the lower garment.
        shoes (np.ndarray): Colour (3,) of the shoes.
        patterns (tuple[str, str]): Patterns of the upper and the lower garment.
        wave (tuple[float, float]): Wavelength of the pattern in metres, and its phase.
        sleeve (float): How far from the middle the sleeves reach, in metres.
        leg (float): Height above the soles to which the trousers reach, in metres.
        waist (float): Height at which upper and lower garment meet, in metres.
    """

    skin: np.ndarray
    hair: np.ndarray
    hairline: float
    tops: np.ndarray
    bottoms: np.ndarray
    shoes: np.ndarray
    patterns: tuple[str, str]
    wave: tuple[float, float]
    sleeve: float
    leg: float
    waist: float


def _dye(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw cloth colours: greys and blues often, every hue sometimes. (count, 3) BGR."""
    hue = rng.random((count, 1)) * 2 * np.pi
    tint = 0.5 + 0.5 * np.cos(hue - np.array([[4.19, 2.09, 0.0]]))
    saturation = rng.beta(1.2, 1.6, (count, 1))
    value = rng.uniform(0.06, 0.92, (count, 1))
    return value * (1 - saturation + saturation * tint)


def draw_outfit(rng: np.random.Generator) -> Outfit:
    """Draw clothes, skin and hair.

    Args:
        rng (np.random.Generator): Source of randomness.

    Returns:
        Outfit: The outfit.
    """
    tone = rng.random() * (len(_SKIN) - 1)
    low = int(tone)
    skin = np.array(_SKIN[low]) * (1 - tone + low) + np.array(_SKIN[low + 1]) * (tone - low)
    dyes = _dye(rng, 5)
    if rng.random() < 0.12:  # one piece
        dyes[2:4] = dyes[:2]
    patterns = rng.choice(PATTERNS, 2, p=[0.42, 0.14, 0.10, 0.10, 0.06, 0.08, 0.10])
    if rng.random() < 0.7:
        patterns[1] = 'plain'
    return Outfit(
        skin=skin,
        hair=np.array(_HAIR[rng.choice(len(_HAIR), p=[0.4, 0.3, 0.2, 0.1])]),
        hairline=rng.choice([0.0, 0.02, 0.10]),
        tops=dyes[:2],
        bottoms=dyes[2:4],
        shoes=dyes[4] * 0.7,
        patterns=(str(patterns[0]), str(patterns[1])),
        wave=(rng.uniform(0.05, 0.16), rng.random() * 2 * np.pi),
        sleeve=rng.choice([0.19, 0.30, 0.44, 0.66], p=[0.12, 0.42, 0.11, 0.35]),
        leg=rng.choice([0.10, 0.30, 0.52, 0.66], p=[0.64, 0.08, 0.16, 0.12]),
        waist=rng.uniform(0.93, 1.02),
    )


def _edge(distance: np.ndarray, softness: float = 0.006) -> np.ndarray:
    """Turn a signed distance in metres into a soft mask: 1 where positive."""
    return np.clip(distance / softness + 0.5, 0, 1)


def _pattern(kind: str, wave: tuple[float, float], points: np.ndarray) -> np.ndarray:
    """Give the share (P,) of the second colour at points of a garment."""
    k, phase = 2 * np.pi / wave[0], wave[1]
    x, y, z = points.T
    if kind == 'hoops':  # around the trunk, and around the arms
        along = np.where(np.abs(x) > 0.2, np.abs(x), y)
        return _edge(np.sin(k * along + phase), 0.5)
    if kind == 'pinstripes':
        return _edge(np.sin(2 * k * x + phase) - 0.5, 0.6)
    if kind == 'checks':
        return 0.5 * (_edge(np.sin(k * x + phase), 0.6) + _edge(np.sin(k * y), 0.6))
    if kind == 'dots':
        return _edge(np.sin(k * x) * np.sin(k * y + phase) * np.cos(0.5 * k * z) - 0.4, 0.3)
    if kind == 'fade':
        return np.clip((y - 0.05) / 0.4, 0, 1)
    if kind == 'panel':  # another colour across the chest or down the side
        side = np.abs(x) - 0.10 if phase > np.pi else 0.08 - np.abs(y - 0.33)
        return _edge(side)
    return np.zeros(len(points))


def _mix(below: np.ndarray, above: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lay one colour over another."""
    return below + (above - below) * mask[:, None]


def body_colors(points: np.ndarray, outfit: Outfit) -> np.ndarray:
    """Give the colour of the person at points of the T-pose.

    Args:
        points (np.ndarray): Points (P, 3) of the skin in the T-pose of the mean body,
            pelvis at the origin, in metres.
        outfit (Outfit): What the person wears.

    Returns:
        np.ndarray: Colours (P, 3), BGR in 0..1.
    """
    # Most points need most garments, and few need the face: each is coloured apart.
    points = np.asarray(points)
    x, y = np.abs(points[:, 0]), points[:, 1] + PELVIS_HEIGHT
    colors = np.empty((len(points), 3), dtype=points.dtype)
    z = points[:, 2]
    neck = (y > 1.44) & (np.hypot(x, z + 0.02) < 0.07)
    chin = (y > 1.455) & (z > 0.045) & (x < 0.07)
    head = neck | chin | ((y > 1.50) & (x < 0.15))
    colors[head] = _head_colors(points[head], outfit)
    lower = y < outfit.waist + 0.01
    colors[lower] = _lower_colors(points[lower], outfit)
    upper = ~(head | lower)
    colors[upper] = _upper_colors(points[upper], outfit)
    return colors


def _head_colors(points: np.ndarray, outfit: Outfit) -> np.ndarray:
    """Colour neck, face and hair."""
    x, y, z = np.abs(points[:, 0]), points[:, 1] + PELVIS_HEIGHT, points[:, 2]
    colors = np.broadcast_to(outfit.skin, points.shape)
    # Cheeks and brows shade the face, eyes and mouth make it one.
    mouth = 1 - ((x / 0.024) ** 2 + ((y - 1.532) / 0.007) ** 2)
    colors = _mix(colors, outfit.skin * _LIPS, _edge(mouth, 1.2) * (z > 0.05))
    white = 1 - (((x - 0.031) / 0.015) ** 2 + ((y - 1.604) / 0.008) ** 2)
    colors = _mix(colors, np.array([0.85, 0.87, 0.9]), _edge(white, 1.0) * (z > 0.04))
    iris = 1 - (((x - 0.031) / 0.008) ** 2 + ((y - 1.604) / 0.008) ** 2)
    colors = _mix(colors, np.array(_EYES), _edge(iris, 1.0) * (z > 0.04))
    brow = 0.004 - np.abs(y - 1.624 + 0.15 * (x - 0.032))
    brow = np.minimum(brow, 0.020 - np.abs(x - 0.033))
    colors = _mix(colors, outfit.hair, 0.8 * _edge(brow) * (z > 0.04))
    # Hair: above a line that falls from the forehead to the nape, clear of the ears.
    line = np.interp(z, [-0.06, -0.03, 0.03, 0.10], [1.535, 1.60, 1.63, 1.655])
    line = line - outfit.hairline * (z < -0.01)
    near_ear = np.hypot(y - 1.58, z + 0.004) < 0.034
    hair = _edge(y - line) * ~(near_ear & (x > 0.078))
    strands = 0.95 + 0.1 * np.sin(160 * points[:, 0] + 60 * y) * np.sin(40 * z + 90 * y)
    return _mix(colors, outfit.hair * strands[:, None], hair)


def _upper_colors(points: np.ndarray, outfit: Outfit) -> np.ndarray:
    """Colour trunk and arms."""
    x, y, z = np.abs(points[:, 0]), points[:, 1] + PELVIS_HEIGHT, points[:, 2]
    cloth = _mix(outfit.tops[:1], outfit.tops[1], _pattern(outfit.patterns[0], outfit.wave, points))
    # The collar is cut lower in front.
    neck = np.hypot(x, z + 0.02) - np.where(z > 0, 0.085, 0.075)
    worn = np.minimum(outfit.sleeve - x, np.maximum(neck, 1.40 - y))
    hem = _edge(0.012 - np.abs(worn - 0.012), 0.01) * 0.25
    return _mix(np.broadcast_to(outfit.skin, points.shape), cloth * (1 - hem[:, None]), _edge(worn))


def _lower_colors(points: np.ndarray, outfit: Outfit) -> np.ndarray:
    """Colour hips, legs and feet, and the waist with what is above it."""
    x, y, z = points[:, 0], points[:, 1] + PELVIS_HEIGHT, points[:, 2]
    cloth = _mix(
        outfit.bottoms[:1], outfit.bottoms[1], _pattern(outfit.patterns[1], outfit.wave, points)
    )
    colors = _mix(np.broadcast_to(outfit.skin, points.shape), cloth, _edge(y - outfit.leg))
    fly = _edge(0.003 - np.abs(x)) * (z > 0) * (y > 0.85)
    colors = colors * (1 - 0.3 * fly[:, None])
    sole = _edge(0.018 - y)
    shoe = outfit.shoes + (0.75 - outfit.shoes) * 0.8 * sole[:, None]
    colors = _mix(colors, shoe, _edge(0.088 + 0.25 * np.minimum(z, 0) - y + 0.02))
    above = _edge(y - outfit.waist)
    upper = above > 0
    if upper.any():
        colors[upper] = _mix(
            colors[upper], _upper_colors(points[upper], outfit), above[upper, None][:, 0]
        )
    belt = _edge(0.012 - np.abs(y - outfit.waist + 0.014))
    return colors * (1 - 0.55 * belt[:, None])
