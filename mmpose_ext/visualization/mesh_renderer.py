"""Pictures of bodies as a camera sees them, alone or over its photograph. BGR throughout.

Drawn by the exact z-buffer of the mannequins, which needs NumPy alone and no graphics driver, with
a lamp that goes with the viewer and normals that are smooth over the surface.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmpose_ext.synthetic.rasterizer import Fragments, rasterize
from mmpose_ext.visualization.stage3d import Color

# BGR: a cool grey, which no skin and few clothes have, and a warm one for the truth.
BODY_COLOR: Color = (232.0, 212.0, 192.0)
TRUTH_COLOR: Color = (168.0, 200.0, 232.0)

# Drawn this much larger, then shrunk: smooth edges.
OVERSAMPLING = 2
# Of the viewer's axes (right, down, ahead): towards the lamp over his left shoulder.
_LAMP = np.array((-0.45, -0.70, -0.75)) / np.linalg.norm((0.45, 0.70, 0.75))
_UP = np.array((0.0, -1.0, 0.0))
_LAMP_SHARE, _SKY, _GROUND = 0.62, 0.50, 0.34
_GLOSS, _SHININESS = 0.10, 24.0
# Surfaces that turn away from the viewer get so much darker, which makes limbs round.
_RIM = 0.30


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Mean normals of the faces about each vertex, weighted by their areas.

    Args:
        vertices (np.ndarray): Vertices (V, 3).
        faces (np.ndarray): Triangles (F, 3), counter-clockwise seen from outside.

    Returns:
        np.ndarray: Outward unit normals (V, 3); zero where a vertex has no face.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    corners = faces.ravel()
    sums = [
        np.bincount(corners, normals[:, axis].repeat(3), minlength=len(vertices))
        for axis in range(3)
    ]
    summed = np.stack(sums, axis=1)
    return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)


def render_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    K: np.ndarray,
    size: tuple[int, int],
    color: Color | Sequence[Color] = BODY_COLOR,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw bodies as a camera sees them.

    Bodies hide each other exactly as their depths say. Triangles nearer to the camera than
    0.1 m are left out.

    Args:
        vertices (np.ndarray): Vertices (V, 3) of a body, or (N, V, 3) of several, in metres:
            camera space, x right, y down, z ahead.
        faces (np.ndarray): Triangles (F, 3) of each, counter-clockwise seen from outside.
        K (np.ndarray): Intrinsics (3, 3) in pixels; pixel centres at integers.
        size (tuple[int, int]): Width and height of the picture in pixels.
        color (Color | Sequence[Color]): BGR of the bodies, or of each.

    Returns:
        tuple[np.ndarray, np.ndarray]: BGR image (H, W, 3) uint8, black where no body is, and the
        share of each pixel that bodies cover, (H, W) float32 from 0 to 1.

    Raises:
        ValueError: If shapes do not belong together, vertices are not finite, or the camera has
            no positive focal length.
    """
    bodies, faces = check_mesh(vertices, faces)
    K = _check_camera(K)
    W, H = size
    image, coverage = np.zeros((H, W, 3), np.uint8), np.zeros((H, W), np.float32)
    window = _window(bodies, K, (H, W))
    if window is None:
        return image, coverage
    rows, columns = window
    shape = (rows.stop - rows.start) * OVERSAMPLING, (columns.stop - columns.start) * OVERSAMPLING
    # Pixel x becomes the pixels 2 x and 2 x + 1, whose middle is 2 x + 0.5.
    large = K.copy()
    large[:2, 2] -= columns.start, rows.start
    large[:2] *= OVERSAMPLING
    large[:2, 2] += (OVERSAMPLING - 1) / 2
    points, triangles = join_bodies(bodies, faces)
    normals = np.concatenate([vertex_normals(body, faces) for body in bodies])
    seen = rasterize(points, triangles, large, shape)
    sight = -points / np.linalg.norm(points, axis=1, keepdims=True)
    painted = paint_surface(
        seen, triangles, normals, sight, colors_of(color, bodies), len(faces), shape
    )
    image[rows, columns], coverage[rows, columns] = painted
    return image, coverage


def overlay_mesh(
    photo: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    K: np.ndarray,
    alpha: float = 0.85,
    color: Color | Sequence[Color] = BODY_COLOR,
) -> np.ndarray:
    """Lay bodies over a photograph.

    Args:
        photo (np.ndarray): BGR photograph (H, W, 3) uint8.
        vertices (np.ndarray): Vertices (V, 3) or (N, V, 3) in metres, camera space.
        faces (np.ndarray): Triangles (F, 3).
        K (np.ndarray): Intrinsics (3, 3) of the photograph in pixels.
        alpha (float): Opacity of the bodies, 0 to 1. Defaults to 0.85: the photograph shines
            through.
        color (Color | Sequence[Color]): BGR of the bodies, or of each.

    Returns:
        np.ndarray: A new BGR image (H, W, 3) uint8.

    Raises:
        ValueError: If ``alpha`` is out of range, or as :func:`render_mesh`.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f'alpha is an opacity from 0 to 1, got {alpha}')
    H, W = photo.shape[:2]
    image, coverage = render_mesh(vertices, faces, K, (W, H), color)
    return lay_over(photo, image, coverage * alpha)


def resize_camera(K: np.ndarray, old_size: Sequence[int], new_size: Sequence[int]) -> np.ndarray:
    """Give the camera of a resized picture; pixel x comes to lie at (x + 0.5) * scale - 0.5.

    Args:
        K (np.ndarray): Intrinsics (3, 3) in pixels, pixel centres at integers.
        old_size (Sequence[int]): Width and height of the picture that it is of.
        new_size (Sequence[int]): Width and height of the resized one.

    Returns:
        np.ndarray: Intrinsics (3, 3), float64.
    """
    resized = np.array(K, dtype=np.float64)
    resized[:2, 2] += 0.5
    resized[:2] *= np.divide(new_size, old_size)[:, None]
    resized[:2, 2] -= 0.5
    return resized


def paint_surface(
    seen: Fragments,
    faces: np.ndarray,
    normals: np.ndarray,
    sight: np.ndarray,
    colors: np.ndarray,
    faces_each: int,
    shape: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Shade what is seen and shrink it.

    Args:
        seen (Fragments): What is seen at each pixel of the large picture.
        faces (np.ndarray): Triangles (N * F, 3) of all bodies.
        normals (np.ndarray): Unit normals (N * V, 3), the viewer's axes: right, down, ahead.
        sight (np.ndarray): Directions (N * V, 3) to the viewer.
        colors (np.ndarray): Colours (N, 3) of the bodies.
        faces_each (int): F.
        shape (tuple[int, int]): Height and width of the large picture.

    Returns:
        tuple[np.ndarray, np.ndarray]: Image (h, w, 3) uint8 and coverage (h, w) float32.
    """
    corners, weights = faces[seen.faces], seen.barycentric
    normal, toward = (
        np.einsum('pci,pc->pi', values[corners], weights) for values in (normals, sight)
    )
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light, gloss = _shade(normal, toward / np.linalg.norm(toward, axis=1, keepdims=True))
    pixels = np.zeros((shape[0] * shape[1], 4), np.float32)
    own = colors[seen.faces // faces_each]
    pixels[seen.pixels, :3] = own * light[:, None] + 255 * gloss[:, None]
    pixels[seen.pixels, 3] = 1
    size = shape[1] // OVERSAMPLING, shape[0] // OVERSAMPLING
    # What is not covered is 0 in all four, so that the mean colour is that of what is covered.
    small = cv2.resize(pixels.reshape(*shape, 4), size, interpolation=cv2.INTER_AREA)
    coverage = small[..., 3]
    image = small[..., :3] / np.maximum(coverage, 1e-6)[..., None]
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), coverage


def _shade(normal: np.ndarray, toward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the light and the gloss (P,) of surfaces with normals, and directions to the viewer.

    Lambert's lamp, a sky above and a ground below, Blinn's gloss, darker rims.
    """
    lamp = np.maximum(normal @ _LAMP, 0)
    up = 0.5 + 0.5 * (normal @ _UP)
    facing = np.clip(np.einsum('pi,pi->p', normal, toward), 0, 1)
    half = toward + _LAMP
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = _GLOSS * np.maximum(np.einsum('pi,pi->p', normal, half), 0) ** _SHININESS
    light = _LAMP_SHARE * lamp + _GROUND + (_SKY - _GROUND) * up
    return light * (1 - _RIM * (1 - facing) ** 2), gloss


def lay_over(below: np.ndarray, image: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Blend an image over another by an opacity (H, W) from 0 to 1."""
    share = opacity[..., None]
    return np.rint(below * (1 - share) + image * share).astype(np.uint8)


def _window(
    bodies: np.ndarray, K: np.ndarray, shape: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Find the rows and columns of a picture that bodies may cover, if there are any."""
    points = bodies.reshape(-1, 3)
    points = points[points[:, 2] > 0]
    if not len(points):
        return None
    pixels = points[:, :2] / points[:, 2:] * (K[0, 0], K[1, 1]) + K[:2, 2]
    limits = np.array(shape[::-1])
    low = np.clip(np.floor(pixels.min(0)), 0, limits).astype(int)
    high = np.clip(np.ceil(pixels.max(0)) + 1, 0, limits).astype(int)
    if (low >= high).any():
        return None
    return slice(low[1], high[1]), slice(low[0], high[0])


def colors_of(color: Color | Sequence[Color], bodies: np.ndarray) -> np.ndarray:
    """Give the colour of each body.

    Args:
        color (Color | Sequence[Color]): One for all, or one for each.
        bodies (np.ndarray): Bodies (N, V, 3).

    Returns:
        np.ndarray: Colours (N, 3).

    Raises:
        ValueError: If their number is another.
    """
    colors = np.asarray(color, dtype=np.float64)
    if colors.shape not in ((3,), (len(bodies), 3)):
        raise ValueError(
            f'a colour is (3,), or ({len(bodies)}, 3) for {len(bodies)} bodies, got {colors.shape}'
        )
    return np.broadcast_to(colors, (len(bodies), 3))


def join_bodies(bodies: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make one mesh of several bodies.

    Args:
        bodies (np.ndarray): Vertices (N, V, 3).
        faces (np.ndarray): Triangles (F, 3) of each.

    Returns:
        tuple[np.ndarray, np.ndarray]: Vertices (N * V, 3) and triangles (N * F, 3).
    """
    N, V = bodies.shape[:2]
    triangles = np.asarray(faces)[None] + V * np.arange(N)[:, None, None]
    return bodies.reshape(-1, 3), triangles.reshape(-1, 3)


def check_mesh(
    vertices: np.ndarray, faces: np.ndarray, several: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Give bodies and triangles if they belong together.

    Args:
        vertices (np.ndarray): Vertices (V, 3) in metres, or (N, V, 3).
        faces (np.ndarray): Triangles (F, 3).
        several (bool): Whether (N, V, 3) is allowed.

    Returns:
        tuple[np.ndarray, np.ndarray]: Bodies (N, V, 3) float64 and triangles (F, 3) int64.

    Raises:
        ValueError: If shapes do not belong together or vertices are not finite.
    """
    bodies, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces)
    shapes = '(V, 3) or (N, V, 3)' if several else '(V, 3)'
    if bodies.ndim not in ((2, 3) if several else (2,)) or bodies.shape[-1] != 3:
        raise ValueError(f'vertices must be {shapes} in metres, got {bodies.shape}')
    if not np.isfinite(bodies).all():
        raise ValueError(
            f'{(~np.isfinite(bodies)).any(-1).sum()} vertices are NaN or infinite: the model that '
            'predicted them has diverged, or its parameters are broken'
        )
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in 'iu' or not len(faces):
        raise ValueError(f'faces must be integers (F, 3), got {faces.dtype} {faces.shape}')
    if faces.min() < 0 or faces.max() >= bodies.shape[-2]:
        raise ValueError(
            f'faces name vertices {faces.min()} to {faces.max()}, but there are '
            f'{bodies.shape[-2]}: they are those of another body'
        )
    return bodies.reshape(-1, *bodies.shape[-2:]), faces.astype(np.int64)


def _check_camera(K: np.ndarray) -> np.ndarray:
    K = np.array(K, dtype=np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all() or not (K[0, 0] > 0 and K[1, 1] > 0):
        raise ValueError(
            f'K must be intrinsics (3, 3) with positive focal lengths, got {K.tolist()}'
        )
    return K
