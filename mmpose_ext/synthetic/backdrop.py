"""What is behind people: rooms and open grounds in true perspective.

Every ray of the camera meets the floor (the plane y = 0), a wall or the sky, and takes its
colour from a small random texture there, so that people stand on what is seen.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mmpose_ext.synthetic.camera import Camera

_TEXTURE_SIZE = 128


@dataclass(frozen=True)
class Backdrop:
    """A room or an open ground.

    Attributes:
        half_size (tuple[float, float, float]): Half the room's extent along its own x and
            z, and its height, in metres; infinite for an open ground.
        yaw (float): Turn of the room about the vertical, in radians.
        floor (np.ndarray): Texture (T, T, 3) of the floor, BGR in 0..1, float32.
        wall (np.ndarray): Texture of the walls, or of what stands at the horizon.
        skyline (np.ndarray): How high that stands: slopes (A,) by azimuth; 0 in a room.
        sky (np.ndarray): Colours (2, 3) of the ceiling or the sky: at the zenith, lower down.
        tile (tuple[float, float]): Extent of a repeat of floor and wall texture in metres.
    """

    half_size: tuple[float, float, float]
    yaw: float
    floor: np.ndarray
    wall: np.ndarray
    skyline: np.ndarray
    sky: np.ndarray
    tile: tuple[float, float]

    @property
    def indoors(self) -> bool:
        """Whether it is a room."""
        return bool(np.isfinite(self.half_size[0]))


def _soft_noise(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Draw smooth noise (T, T) in 0..1 that repeats."""
    coarse = rng.random((cells, cells), dtype=np.float32)
    coarse = np.pad(coarse, 2, mode='wrap')
    size = _TEXTURE_SIZE * (cells + 4) // cells
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    start = (size - _TEXTURE_SIZE) // 2
    return fine[start : start + _TEXTURE_SIZE, start : start + _TEXTURE_SIZE]


def _muted(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Draw a colour (3,) of little saturation."""
    value = rng.uniform(low, high)
    return np.clip(value * (1 + 0.10 * rng.standard_normal(3)), 0.02, 0.97).astype(np.float32)


FLOORS = ('plain', 'tiles', 'planks', 'checker', 'rough')


def floor_texture(
    rng: np.random.Generator, kind: str, low: float, high: float, contrast: float = 1.0
) -> np.ndarray:
    """Draw a texture that repeats.

    Args:
        rng (np.random.Generator): Source of randomness.
        kind (str): One of ``FLOORS``.
        low (float): Darkest base colour, 0..1.
        high (float): Brightest base colour, 0..1.
        contrast (float): Share of the second colour. Defaults to 1.

    Returns:
        np.ndarray: BGR texture (T, T, 3) in 0..1, float32.
    """
    T = _TEXTURE_SIZE
    rows, columns = np.mgrid[:T, :T]
    base, other = _muted(rng, low, high), _muted(rng, low, high)
    share = np.zeros((T, T), np.float32)
    if kind == 'tiles':
        share = ((rows % 32 < 2) | (columns % 32 < 2)).astype(np.float32)
    elif kind == 'planks':
        board = rows // 16
        shade = rng.random(8).astype(np.float32)
        joint = (columns + 37 * board) % T < 2
        share = np.maximum(shade[board % 8] * 0.4, (rows % 16 < 1) | joint)
    elif kind == 'checker':
        share = ((rows // 64 + columns // 64) % 2).astype(np.float32)
    noise = 0.6 * _soft_noise(rng, 8) + 0.4 * _soft_noise(rng, 32)
    if kind == 'rough':
        share = np.clip(1.6 * noise - 0.3, 0, 1)
    texture = base + (other - base) * share[..., None] * np.float32(contrast)
    return (texture * (0.86 + 0.28 * noise[..., None])).astype(np.float32)


def _wall_texture(rng: np.random.Generator) -> np.ndarray:
    """Draw a wall (T, T, 3): its rows run from the top down to the floor."""
    T = _TEXTURE_SIZE
    kind = FLOORS[rng.choice(5, p=[0.5, 0.12, 0.12, 0.0, 0.26])]
    wall = floor_texture(rng, kind, 0.25, 0.9, 0.35)
    if rng.random() < 0.6:  # skirting board
        wall[-4:] = _muted(rng, 0.1, 0.9)
    for _ in range(rng.integers(0, 5)):  # pictures, windows, doors
        width, height = rng.integers(8, 40), rng.integers(10, 50)
        x, y = rng.integers(0, T - width), rng.integers(8, 50)
        bottom = T if rng.random() < 0.25 else min(y + height, T - 20)
        wall[y:bottom, x : x + width] = _muted(rng, 0.08, 0.9)
        inner = wall[y + 2 : bottom - 2, x + 2 : x + width - 2]
        if inner.size:
            share = cv2.resize(rng.random((4, 4), dtype=np.float32), inner.shape[1::-1])
            dark, bright = _muted(rng, 0.05, 0.5), _muted(rng, 0.4, 0.95)
            inner[:] = dark + (bright - dark) * share[..., None]
    return np.clip(wall, 0, 1)


def _skyline(rng: np.random.Generator) -> np.ndarray:
    """Draw how high things stand at the horizon all around: slopes (1024,), float32."""
    around = np.arange(1024)
    if rng.random() < 0.5:  # buildings
        ends = np.sort(rng.integers(0, 1024, 60))
        slopes = rng.uniform(0, 0.3, 61)[np.searchsorted(ends, around)]
    else:  # hills and trees
        waves = [
            (k, rng.normal(0, 0.09 / k**0.7), rng.uniform(0, 6.3)) for k in (3, 7, 19, 53, 151)
        ]
        slopes = 0.06 + sum(a * np.sin(k * around * 2 * np.pi / 1024 + b) for k, a, b in waves)
    return np.maximum(slopes, 0).astype(np.float32)


def draw_backdrop(rng: np.random.Generator, camera: Camera, points: np.ndarray) -> Backdrop:
    """Draw a backdrop.

    Args:
        rng (np.random.Generator): Source of randomness.
        camera (Camera): The camera.
        points (np.ndarray): World points (N, 3); a room holds them and the camera.

    Returns:
        Backdrop: The backdrop.
    """
    kind = FLOORS[rng.choice(5, p=[0.2, 0.2, 0.22, 0.08, 0.3])]
    floor = floor_texture(rng, kind, 0.15, 0.75, 0.5 if kind == 'rough' else 1.0)
    tile = (rng.uniform(1.0, 3.2), rng.uniform(2.5, 5.0))
    yaw = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.6:
        held = np.concatenate([points, camera.center[None]])[:, [0, 2]]
        turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
        size = np.abs(held @ turn).max(0) + rng.uniform(0.4, 3.5, 2)
        height = max(rng.uniform(2.5, 4.0), camera.center[1] + 0.5)
        ceiling = _muted(rng, 0.6, 0.95)
        return Backdrop(
            (size[0], size[1], height),
            yaw,
            floor,
            _wall_texture(rng),
            np.zeros(1, np.float32),
            np.stack([ceiling, ceiling * 0.92]),
            tile,
        )
    # Green, grey or sandy grounds under a pale or blue sky.
    floor *= np.array([(0.6, 1.05, 0.75), (1, 1, 1), (0.75, 0.92, 1.05)])[rng.integers(3)]
    zenith = np.array([(0.92, 0.68, 0.42), (0.85, 0.84, 0.82), (0.62, 0.50, 0.42)])
    sky = zenith[rng.integers(3)] * rng.uniform(0.75, 1.05)
    sky = np.stack([sky, 0.4 * sky + 0.55]).clip(0, 1).astype(np.float32)
    infinite = (np.inf, np.inf, np.inf)
    far = floor_texture(rng, FLOORS[rng.integers(5)], 0.12, 0.6)
    return Backdrop(infinite, yaw, floor.astype(np.float32), far, _skyline(rng), sky, tile)


def _sample(texture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Look a repeating texture up at (u, v), both in repeats, float32."""
    T = np.float32(_TEXTURE_SIZE)
    column, row = (u - np.floor(u)) * T, (v - np.floor(v)) * T
    return cv2.remap(texture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def view_rays(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the x, y and z, each (H, W) float32, of each pixel's ray in the world.

    The rays have depth 1: camera centre + depth * ray is the point that is seen.
    """
    K, R = camera.K, camera.R
    x = (np.arange(camera.width) - K[0, 2]) / K[0, 0]
    y = (np.arange(camera.height) - K[1, 2]) / K[1, 1]
    across = (x[:, None] * R[0]).astype(np.float32)
    down = (y[:, None] * R[1] + R[2]).astype(np.float32)
    ray = [np.add.outer(down[:, k], across[:, k]) for k in range(3)]
    return ray[0], ray[1], ray[2]


def render_backdrop(
    backdrop: Backdrop, camera: Camera
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Look at a backdrop.

    Args:
        backdrop (Backdrop): The backdrop.
        camera (Camera): The camera, above the floor.

    Returns:
        tuple: Image (H, W, 3) BGR in 0..1; mask (H, W) of the floor; and where each
        pixel's ray meets the floor, x and z (H, W) in metres, of no meaning where there is
        none. All float32 but the mask.
    """
    ray_x, ray_y, ray_z = view_rays(camera)
    eye = camera.center.astype(np.float32)
    to_floor = -eye[1] / np.minimum(ray_y, np.float32(-1e-4))
    floor_x, floor_z = eye[0] + to_floor * ray_x, eye[2] + to_floor * ray_z
    c, s = np.float32(np.cos(backdrop.yaw)), np.float32(np.sin(backdrop.yaw))
    repeats = np.float32(1 / backdrop.tile[0])
    u, v = c * floor_x + s * floor_z, c * floor_z - s * floor_x
    floor = _sample(backdrop.floor, u * repeats, v * repeats)
    if backdrop.indoors:
        turned = (c * ray_x + s * ray_z, ray_y, c * ray_z - s * ray_x)
        origin = (c * eye[0] + s * eye[2], eye[1], c * eye[2] - s * eye[0])
        image, is_floor = _room(backdrop, turned, origin)
    else:
        image, is_floor = _open_ground(backdrop, (ray_x, ray_y, ray_z))
        haze = np.exp(to_floor * np.float32(-1 / 40))[..., None]
        far = (0.8 * backdrop.sky[1]).astype(np.float32)
        floor = far + (floor - far) * haze
    np.copyto(image, floor, where=is_floor[..., None])
    return image, is_floor, (floor_x, floor_z)


def _room(backdrop: Backdrop, ray: tuple, eye: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Draw walls and ceiling in the room's own axes; tell where the floor is."""
    half_x, half_z, height = (np.float32(x) for x in backdrop.half_size)
    small = np.float32(1e-4)
    ray_x, ray_z = (np.where(np.abs(r) < small, small, r) for r in (ray[0], ray[2]))
    to_x = (np.copysign(half_x, ray_x) - eye[0]) / ray_x
    to_z = (np.copysign(half_z, ray_z) - eye[2]) / ray_z
    to_wall = np.minimum(to_x, to_z)
    across_x = to_x < to_z
    y = eye[1] + to_wall * ray[1]
    # Along a wall the other coordinate runs; each of the four walls starts elsewhere.
    along = np.where(across_x, eye[2] + to_wall * ray_z, eye[0] + to_wall * ray_x + half_z)
    along = along * np.float32(1 / backdrop.tile[1]) + (ray_x > 0) * np.float32(0.31)
    image = _sample(backdrop.wall, along, np.clip(1 - y / height, 0, np.float32(0.992)))
    image *= np.where(across_x, np.float32(0.86), np.float32(1))[..., None]
    image[y > height] = backdrop.sky[0]
    return image, y < 0


def _open_ground(backdrop: Backdrop, ray: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Draw sky and skyline; tell where the ground is."""
    rise = ray[1] / np.sqrt(ray[0] ** 2 + ray[2] ** 2)
    height = np.clip(rise * np.float32(1.6), 0, 1)[..., None]
    low, high = backdrop.sky.astype(np.float32)
    image = high + (low - high) * height
    # Only a narrow band can show the skyline.
    band = (rise >= 0) & (rise < backdrop.skyline.max())
    if band.any():
        turn = np.arctan2(ray[0][band], ray[2][band]) * np.float32(0.5 / np.pi) + 0.5
        column = np.minimum(
            (turn * len(backdrop.skyline)).astype(np.int64), len(backdrop.skyline) - 1
        )
        rise = rise[band]
        shown = rise < backdrop.skyline[column]
        u, v = 6 * turn[shown], 1 - 2 * rise[shown]
        T = _TEXTURE_SIZE
        texel = backdrop.wall[(v * T).astype(np.int64) % T, (u * T).astype(np.int64) % T]
        where = np.flatnonzero(band)[shown]
        image.reshape(-1, 3)[where] = 0.75 * texel + 0.25 * high
    return image, ray[1] < 0
