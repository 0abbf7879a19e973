"""The mannequin's flesh: tubes of elliptical cross section, blended into one skin.

The body is the zero level of a scalar field, negative inside. Each limb is a tube
around a straight axis whose half-axes and centre vary along it; neighbours are joined by a
smooth minimum, so that shoulders and hips have no seam. Proportions are ours, after
pictures of average adults. Heights are above the soles, in metres, as in
:mod:`mmpose_ext.synthetic.skeleton`.
"""

from dataclasses import dataclass

import numpy as np

from mmpose_ext.synthetic.skeleton import PELVIS_HEIGHT

# Width of the blend between tubes in metres.
BLEND = 0.012


@dataclass(frozen=True)
class Tube:
    """A closed tube of varying elliptical cross section on the left half of the body.

    Attributes:
        start (tuple): Point of the axis where profile position 0 lies, (x, height, z).
        end (tuple): Point of the axis where profile position 1 lies.
        side (tuple): Direction of the first half-axis, at right angles to the axis.
        profile (tuple): Rows (position, first half-axis, second half-axis, shift of the
            centre along the second), lengths in metres, positions rising from 0 to 1.
        power (float): 2 for ellipses, larger for boxier sections.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    side: tuple[float, float, float]
    profile: tuple[tuple[float, float, float, float], ...]
    power: float = 2.0

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Give a signed pseudo-distance: exact at the skin, right to first order near it.

        Args:
            points (np.ndarray): Points (..., 3), height above the soles.

        Returns:
            np.ndarray: Values (...) in metres, negative inside.
        """
        start, end = np.array(self.start), np.array(self.end)
        length = np.linalg.norm(end - start)
        along = (end - start) / length
        first = np.array(self.side) - np.dot(self.side, along) * along
        first /= np.linalg.norm(first)
        second = np.cross(along, first)

        local = points - start
        position = local @ along / length
        knots = np.array(self.profile)
        inside = np.clip(position, 0, 1)
        a, b, shift = (np.interp(inside, knots[:, 0], knots[:, k]) for k in (1, 2, 3))
        cap = np.minimum(a, b)
        beyond = (position - inside) * length / cap
        u, v = local @ first / a, (local @ second - shift) / b
        p = self.power
        section = (np.abs(u) ** p + np.abs(v) ** p) ** (1 / p)
        return (np.hypot(section, beyond) - 1) * cap


_UP, _LEFT, _FRONT = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def _ball(center: tuple, x: float, y: float, z: float) -> Tube:
    """An ellipsoid with half-axes x, y, z, as a tube so short that only its caps show."""
    cx, cy, cz = center
    cap = min(x, z)
    reach = max(y - cap, 1e-3)
    profile = ((0.0, x, z, 0.0), (0.5, x, z, 0.0), (1.0, x, z, 0.0))
    return Tube((cx, cy + reach, cz), (cx, cy - reach, cz), _LEFT, profile)


# Second half-axis of a tube that points up with side _LEFT is -z (to the back); of one
# that points down it is +z (to the front); of one along the arm with side _FRONT it is -y.
TUBES = (
    # Trunk, from the crotch up to the pit of the neck.
    Tube(
        (0.0, 0.815, 0.0),
        (0.0, 1.455, 0.0),
        _LEFT,
        (
            (0.00, 0.105, 0.075, 0.010),
            (0.08, 0.150, 0.096, 0.012),
            (0.17, 0.162, 0.106, 0.012),
            (0.27, 0.150, 0.100, 0.004),
            (0.38, 0.134, 0.092, -0.002),
            (0.50, 0.136, 0.096, -0.002),
            (0.63, 0.147, 0.106, 0.002),
            (0.76, 0.156, 0.108, 0.008),
            (0.87, 0.150, 0.094, 0.016),
            (0.95, 0.118, 0.074, 0.020),
            (1.00, 0.070, 0.056, 0.020),
        ),
        power=2.3,
    ),
    # Neck and head.
    Tube(
        (0.0, 1.41, -0.024),
        (0.0, 1.56, 0.0),
        _LEFT,
        ((0.0, 0.066, 0.060, 0.0), (0.35, 0.054, 0.055, 0.0), (1.0, 0.052, 0.056, 0.0)),
    ),
    Tube(  # cranium
        (0.0, 1.585, 0.0),
        (0.0, 1.635, -0.004),
        _LEFT,
        ((0.0, 0.072, 0.090, 0.0), (0.5, 0.076, 0.095, 0.004), (1.0, 0.070, 0.086, 0.010)),
    ),
    Tube(  # face and jaw
        (0.0, 1.508, 0.046),
        (0.0, 1.60, 0.022),
        _LEFT,
        ((0.0, 0.036, 0.037, 0.0), (0.35, 0.055, 0.056, 0.0), (1.0, 0.066, 0.068, 0.0)),
    ),
    _ball((0.0, 1.573, 0.095), 0.011, 0.018, 0.018),  # nose
    _ball((0.074, 1.582, -0.004), 0.012, 0.030, 0.018),  # ear
    # Shoulder girdle.
    Tube(  # trapezius
        (0.03, 1.452, -0.030),
        (0.165, 1.405, -0.022),
        _FRONT,
        ((0.0, 0.044, 0.030, 0.0), (1.0, 0.050, 0.042, 0.0)),
    ),
    Tube(  # deltoid
        (0.150, 1.388, -0.018),
        (0.235, 1.386, -0.020),
        _FRONT,
        ((0.0, 0.064, 0.062, 0.0), (0.4, 0.060, 0.060, 0.0), (1.0, 0.046, 0.048, 0.0)),
    ),
    Tube(  # chest muscle
        (0.055, 1.300, 0.062),
        (0.120, 1.325, 0.040),
        _FRONT,
        ((0.0, 0.042, 0.050, 0.0), (1.0, 0.036, 0.048, 0.0)),
    ),
    # Arm.
    Tube(
        (0.172, 1.390, -0.018),
        (0.445, 1.388, -0.026),
        _FRONT,
        (
            (0.0, 0.048, 0.052, 0.0),
            (0.25, 0.047, 0.050, 0.0),
            (0.5, 0.046, 0.045, 0.0),
            (0.8, 0.040, 0.038, 0.0),
            (1.0, 0.037, 0.036, 0.0),
        ),
    ),
    Tube(
        (0.445, 1.388, -0.026),
        (0.690, 1.388, -0.018),
        _FRONT,
        (
            (0.0, 0.038, 0.036, 0.0),
            (0.22, 0.042, 0.038, 0.0),
            (0.5, 0.037, 0.033, 0.0),
            (0.8, 0.030, 0.024, 0.0),
            (1.0, 0.028, 0.020, 0.0),
        ),
    ),
    Tube(  # palm
        (0.690, 1.388, -0.016),
        (0.775, 1.386, -0.012),
        _FRONT,
        ((0.0, 0.028, 0.019, 0.0), (0.5, 0.038, 0.017, 0.0), (1.0, 0.041, 0.014, 0.0)),
    ),
    Tube(  # four fingers
        (0.775, 1.386, -0.012),
        (0.858, 1.382, -0.012),
        _FRONT,
        ((0.0, 0.041, 0.014, 0.0), (0.6, 0.038, 0.011, 0.0), (1.0, 0.024, 0.009, 0.0)),
    ),
    Tube(  # thumb
        (0.715, 1.386, 0.012),
        (0.784, 1.381, 0.054),
        _UP,
        ((0.0, 0.013, 0.015, 0.0), (0.6, 0.011, 0.012, 0.0), (1.0, 0.009, 0.010, 0.0)),
    ),
    # Leg.
    _ball((0.075, 0.865, -0.046), 0.082, 0.090, 0.076),  # buttock
    Tube(
        (0.090, 0.885, 0.0),
        (0.103, 0.475, 0.008),
        _LEFT,
        (
            (0.0, 0.082, 0.086, 0.0),
            (0.2, 0.080, 0.086, 0.0),
            (0.5, 0.069, 0.077, 0.002),
            (0.8, 0.055, 0.061, 0.002),
            (1.0, 0.049, 0.054, 0.0),
        ),
    ),
    Tube(
        (0.103, 0.475, 0.008),
        (0.108, 0.085, -0.028),
        _LEFT,
        (
            (0.0, 0.048, 0.053, 0.0),
            (0.12, 0.049, 0.052, -0.006),
            (0.30, 0.053, 0.058, -0.012),
            (0.55, 0.043, 0.047, -0.006),
            (0.8, 0.033, 0.037, 0.0),
            (1.0, 0.032, 0.038, 0.0),
        ),
    ),
    Tube(  # foot from heel to toes; second half-axis is -y
        (0.106, 0.042, -0.050),
        (0.122, 0.026, 0.150),
        _LEFT,
        (
            (0.0, 0.031, 0.040, 0.0),
            (0.25, 0.034, 0.042, 0.0),
            (0.5, 0.040, 0.034, 0.0),
            (0.78, 0.046, 0.023, 0.004),
            (1.0, 0.034, 0.015, 0.008),
        ),
        power=2.4,
    ),
    Tube(  # instep
        (0.107, 0.085, -0.030),
        (0.114, 0.045, 0.060),
        _LEFT,
        ((0.0, 0.034, 0.038, 0.0), (1.0, 0.032, 0.022, 0.0)),
    ),
)


def body_field(points: np.ndarray) -> np.ndarray:
    """Evaluate the field whose zero level is the skin, in the T-pose.

    The field is symmetric: f(x, y, z) = f(-x, y, z).

    Args:
        points (np.ndarray): Points (..., 3) in metres, pelvis at the origin.

    Returns:
        np.ndarray: Values (...) in metres, negative inside.
    """
    points = np.array(points, dtype=np.float64)
    points[..., 1] += PELVIS_HEIGHT
    points[..., 0] = np.abs(points[..., 0])
    distances = np.stack([tube.distance(points) for tube in TUBES])
    nearest = distances.min(0)
    flesh = nearest - BLEND * np.log(np.exp((nearest - distances) / BLEND).sum(0))
    # Soles are flat: what would lie below the ground is cut away.
    return np.maximum(flesh, 0.004 - points[..., 1])


def field_gradient(points: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Differentiate :func:`body_field` by central differences.

    Args:
        points (np.ndarray): Points (..., 3) in metres.
        step (float): Half the distance of the two samples in metres. Defaults to 1e-5.

    Returns:
        np.ndarray: Gradients (..., 3); normalised they are the outward normals.
    """
    offsets = step * np.eye(3)
    ahead = body_field(points[..., None, :] + offsets)
    behind = body_field(points[..., None, :] - offsets)
    return (ahead - behind) / (2 * step)
