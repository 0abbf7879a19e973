"""Cameras: weak perspective as HMR and SPIN have it, full perspective, and between the two.

Camera space: x to the right, y down, z ahead, in metres. A weak-perspective camera (s, tx, ty)
pictures a point at s * (x + tx, y + ty), where the crop reaches from -1 to 1.
"""

import torch
from torch import Tensor

# A point is never pictured from nearer than this, in metres: what is behind the camera falls far
# outside instead of being mirrored.
_NEAREST = 1e-3
# A network may give any scale; one that is not positive counts as a body very far away.
_SMALLEST_SCALE = 1e-6


def project_weak_perspective(points: Tensor, camera: Tensor) -> Tensor:
    """Project points by scaled orthography.

    Args:
        points (Tensor): Points (B, K, 3) in metres.
        camera (Tensor): Cameras (B, 3): s in 1/m, tx and ty in metres.

    Returns:
        Tensor: Points (B, K, 2) of the crop, -1..1 from edge to edge.

    Raises:
        ValueError: If a shape is wrong.
    """
    _check_points(points)
    _check_shape('camera', camera, (len(points), 3))
    return camera[:, None, :1] * (points[..., :2] + camera[:, None, 1:])


def project_perspective(
    points: Tensor,
    focal: Tensor | float,
    center: Tensor,
    rotation: Tensor | None = None,
    transl: Tensor | None = None,
) -> Tensor:
    """Project points with a pinhole camera.

    Args:
        points (Tensor): Points (B, K, 3) in metres.
        focal (Tensor | float): Focal lengths (B, 2) or one of all, in px.
        center (Tensor): Principal points (B, 2) in px.
        rotation (Tensor | None): Rotations (B, 3, 3) of the points into camera space. Defaults
            to None, the identity.
        transl (Tensor | None): Translations (B, 3) in metres, after the rotation. Defaults to
            None, zero.

    Returns:
        Tensor: Points (B, K, 2) in px.

    Raises:
        ValueError: If a shape is wrong.
    """
    _check_points(points)
    batch = len(points)
    _check_shape('center', center, (batch, 2))
    if rotation is not None:
        _check_shape('rotation', rotation, (batch, 3, 3))
        points = points @ rotation.mT
    if transl is not None:
        _check_shape('transl', transl, (batch, 3))
        points = points + transl[:, None]
    if isinstance(focal, Tensor):
        _check_shape('focal', focal, (batch, 2))
        focal = focal[:, None]
    return focal * points[..., :2] / points[..., 2:].clamp(min=_NEAREST) + center[:, None]


def weak_perspective_to_translation(camera: Tensor, focal: float, size: float) -> Tensor:
    """Give the translation at which a camera on the crop's centre sees the body as large.

    SPIN's conversion: at depth z the crop is size * z / focal metres wide, and 2 / s by the
    weak-perspective camera.

    Args:
        camera (Tensor): Weak-perspective cameras (B, 3).
        focal (float): Focal length in px of the crop.
        size (float): Width of the crop in px.

    Returns:
        Tensor: Translations (B, 3) in metres: (tx, ty, 2 focal / (size s)).

    Raises:
        ValueError: If the shape is wrong.
    """
    _check_shape('camera', camera, (len(camera), 3))
    scale = camera[:, :1].clamp(min=_SMALLEST_SCALE)
    return torch.cat([camera[:, 1:], 2 * focal / (size * scale)], 1)


def crop_camera_to_image(
    camera: Tensor,
    input_center: Tensor,
    input_scale: Tensor,
    focal: Tensor | float,
    principal_pt: Tensor,
) -> Tensor:
    """Give the translation at which the photograph's camera sees the body as the crop shows it.

    It moves points of the same origin as the camera was made for: those of ``PoShHead`` are
    relative to the pelvis. What lies in the origin's plane falls exactly where the weak-perspective
    camera puts it.

    Args:
        camera (Tensor): Weak-perspective cameras (N, 3) of the crops.
        input_center (Tensor): Centres (N, 2) of the crops in px of the photograph.
        input_scale (Tensor): Widths and heights (N, 2) of the crops in px of the photograph.
        focal (Tensor | float): Focal lengths (N, 2) or one of all, in px of the photograph.
        principal_pt (Tensor): Principal points (N, 2) in px.

    Returns:
        Tensor: Translations (N, 3) in metres.

    Raises:
        ValueError: If a shape is wrong.
    """
    number = len(camera)
    _check_shape('camera', camera, (number, 3))
    _check_shape('input_center', input_center, (number, 2))
    _check_shape('input_scale', input_scale, (number, 2))
    _check_shape('principal_pt', principal_pt, (number, 2))
    if not isinstance(focal, Tensor):
        focal = torch.full_like(principal_pt, focal)
    _check_shape('focal', focal, (number, 2))
    scale = camera[:, :1].clamp(min=_SMALLEST_SCALE)
    # Pixels of the photograph a metre, across and down; of a square crop they agree.
    px_per_m = scale * input_scale / 2
    depth = (focal.prod(1, keepdim=True) / px_per_m.prod(1, keepdim=True)).sqrt()
    origin = input_center + px_per_m * camera[:, 1:]
    return torch.cat([(origin - principal_pt) * depth / focal, depth], 1)


def _check_points(points: Tensor) -> None:
    if points.ndim != 3 or points.shape[-1] != 3:
        raise ValueError(f'points should have the shape (B, K, 3), got {tuple(points.shape)}')


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f'{name} should have the shape {shape}, got {tuple(tensor.shape)}')
