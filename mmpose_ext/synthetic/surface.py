"""A closed triangle mesh of the zero level of a field: naive surface nets.

Gibson, "Constrained elastic surface nets", MICCAI 1998: one vertex for each cell of a
grid that the surface crosses, one quad for each grid edge that it crosses. The grid is
rectilinear, so that hands and face may have smaller cells than the thighs.
"""

from collections.abc import Callable

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]


def surface_nets(
    field: Field, axes: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Mesh the zero level of a field.

    Args:
        field (Callable): Maps points (..., 3) to values (...), negative inside.
        axes (tuple[np.ndarray, np.ndarray, np.ndarray]): Rising grid coordinates along
            x, y and z. The surface must not reach the border of the grid.

    Returns:
        tuple[np.ndarray, np.ndarray]: Vertices (V, 3) float64, near the surface and not
        yet on it, and faces (F, 3) int64, counter-clockwise seen from outside.

    Raises:
        ValueError: If the surface reaches the border of the grid, or there is none.
    """
    grid = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1)
    values = field(grid)
    inside = values < 0
    border = [np.take(inside, [0, -1], axis=axis).any() for axis in range(3)]
    if any(border) or not inside.any():
        raise ValueError(
            'the zero level must lie strictly inside the grid; choose axes that go beyond it'
        )
    cell_id, vertices = _cell_vertices(grid, values, inside)
    quads = np.concatenate([_quads_across(inside, cell_id, axis) for axis in range(3)])
    faces = _split_quads(vertices, quads)
    return vertices, faces


def _cell_vertices(
    grid: np.ndarray, values: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put a vertex into each crossed cell: the mean of the crossings of its edges."""
    shape = tuple(n - 1 for n in inside.shape)
    total, count = np.zeros((*shape, 3)), np.zeros(shape)
    for axis in range(3):
        near = [slice(None)] * 3
        far = [slice(None)] * 3
        near[axis], far[axis] = slice(0, -1), slice(1, None)
        v0, v1 = values[tuple(near)], values[tuple(far)]
        crossed = inside[tuple(near)] != inside[tuple(far)]
        t = np.where(crossed, v0 / np.where(crossed, v0 - v1, 1), 0)[..., None]
        crossing = grid[tuple(near)] * (1 - t) + grid[tuple(far)] * t
        # An edge along one axis belongs to the four cells around it.
        others = [k for k in range(3) if k != axis]
        for a in (0, 1):
            for b in (0, 1):
                part = [slice(None)] * 3
                part[others[0]] = slice(a, a + shape[others[0]])
                part[others[1]] = slice(b, b + shape[others[1]])
                mask = crossed[tuple(part)]
                total += crossing[tuple(part)] * mask[..., None]
                count += mask
    used = count > 0
    cell_id = np.full(shape, -1)
    cell_id[used] = np.arange(used.sum())
    return cell_id, total[used] / count[used][:, None]


def _quads_across(inside: np.ndarray, cell_id: np.ndarray, axis: int) -> np.ndarray:
    """Give a quad of cells around each crossed grid edge along ``axis``."""
    swapped = np.moveaxis(inside, axis, 0)
    cells = np.moveaxis(cell_id, axis, 0)
    near, far = swapped[:-1, 1:-1, 1:-1], swapped[1:, 1:-1, 1:-1]
    quads = []
    for mask, order in ((near & ~far, (0, 1, 2, 3)), (~near & far, (3, 2, 1, 0))):
        i, j, k = np.nonzero(mask)
        corners = [cells[i, j, k], cells[i, j + 1, k], cells[i, j + 1, k + 1], cells[i, j, k + 1]]
        quads.append(np.stack([corners[o] for o in order], axis=-1))
    result = np.concatenate(quads)
    # Moving y to the front makes a left-handed triple of axes.
    return result[:, ::-1] if axis == 1 else result


def _split_quads(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Cut each quad along its shorter diagonal; the same cut on both sides of x = 0."""
    p = vertices[quads]
    first = np.linalg.norm(p[:, 0] - p[:, 2], axis=1)
    second = np.linalg.norm(p[:, 1] - p[:, 3], axis=1)
    along_first = first < second - 1e-9
    orders = np.where(along_first[:, None], [[0, 1, 2, 0, 2, 3]], [[0, 1, 3, 1, 2, 3]])
    return np.take_along_axis(quads, orders, axis=1).reshape(-1, 3)


def project_to_surface(
    points: np.ndarray, field: Field, gradient: Field, steps: int = 20
) -> np.ndarray:
    """Move points onto the zero level along the gradient, by Newton's method.

    Args:
        points (np.ndarray): Points (N, 3) near the surface.
        field (Callable): Maps points (..., 3) to values (...).
        gradient (Callable): Maps points (..., 3) to gradients (..., 3).
        steps (int): Number of steps. Defaults to 20.

    Returns:
        np.ndarray: Points (N, 3) on the surface.
    """
    points = points.copy()
    for _ in range(steps):
        slope = gradient(points)
        squared = np.maximum((slope**2).sum(-1), 1e-2)
        points -= (field(points) / squared)[:, None] * slope
    return points


def ray_to_surface(
    origin: np.ndarray, direction: np.ndarray, field: Field, reach: float = 0.4
) -> np.ndarray:
    """Follow rays from inside to where they last leave the body, by bisection.

    Args:
        origin (np.ndarray): Starting points (N, 3) inside.
        direction (np.ndarray): Directions (N, 3), of any length but zero.
        field (Callable): Maps points (..., 3) to values (...), negative inside.
        reach (float): Length in metres in which the ray must leave. Defaults to 0.4.

    Returns:
        np.ndarray: Points (N, 3) of the surface.

    Raises:
        ValueError: If a ray does not start inside.
    """
    if (field(origin) >= 0).any():
        raise ValueError('every ray must start inside the body')
    direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    samples = np.linspace(0, reach, 400)
    along = origin[:, None] + samples[:, None] * direction[:, None]
    last = 399 - np.argmax((field(along) < 0)[:, ::-1], axis=1)
    near, far = samples[last], samples[np.minimum(last + 1, 399)]
    for _ in range(50):
        middle = (near + far) / 2
        within = field(origin + middle[:, None] * direction) < 0
        near, far = np.where(within, middle, near), np.where(within, far, middle)
    return origin + near[:, None] * direction
