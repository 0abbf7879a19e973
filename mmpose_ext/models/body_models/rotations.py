"""Rotations: axis-angle, matrices, 6D; batched, with finite gradients everywhere.

Matrices turn column vectors. Axis-angle vectors are in radians, as in SMPL's files. The 6D
form is that of Zhou et al., "On the Continuity of Rotation Representations in Neural
Networks", CVPR 2019: the first two columns, made orthonormal by Gram and Schmidt.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mmpose_ext.skeletons.smpl24 import FLIP_INDICES as SMPL_FLIP_INDICES

LAYOUTS = ('columns', 'interleaved')

# Below this squared angle the series are exact in float64, above it the quotients are.
_SMALL = 1e-4


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Turn axis-angle vectors into rotation matrices (Rodrigues' formula).

    Args:
        axis_angle (Tensor): Vectors (..., 3): axis times angle in radians.

    Returns:
        Tensor: Matrices (..., 3, 3); the zero vector gives the identity.

    Raises:
        ValueError: If the last axis is not 3.
    """
    _check_shape('axis_angle', axis_angle, (3,))
    square = (axis_angle * axis_angle).sum(-1, keepdim=True)
    is_small = square < _SMALL
    angle = torch.where(is_small, torch.ones_like(square), square).sqrt()
    sinc = torch.where(is_small, 1 - square / 6 + square**2 / 120, angle.sin() / angle)
    # (1 - cos) / angle^2, written such that nothing cancels
    half = torch.where(
        is_small, 0.5 - square / 24 + square**2 / 720, 2 * ((angle / 2).sin() / angle) ** 2
    )
    x, y, z = (sinc * axis_angle).unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    outer = axis_angle.unsqueeze(-1) * (half * axis_angle).unsqueeze(-2)
    return torch.diag_embed((1 - half * square).expand_as(axis_angle)) + outer + skew


def matrix_to_axis_angle(rotation: Tensor) -> Tensor:
    """Turn rotation matrices into axis-angle vectors.

    By way of the unit quaternion q: all products 4 q_i q_j are sums of the matrix's entries, and
    the row of the largest q_i, made a unit vector, is q without cancellation at any angle.

    Args:
        rotation (Tensor): Rotation matrices (..., 3, 3).

    Returns:
        Tensor: Vectors (..., 3), not longer than pi. At pi the two signs are the same rotation;
        either may come.

    Raises:
        ValueError: If the last two axes are not 3, 3.
    """
    _check_shape('rotation', rotation, (3, 3))
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = rotation.flatten(-2).unbind(-1)
    wx, wy, wz = m21 - m12, m02 - m20, m10 - m01
    xy, xz, yz = m01 + m10, m02 + m20, m12 + m21
    ww, xx = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22
    yy, zz = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    products = torch.stack(
        [ww, wx, wy, wz, wx, xx, xy, xz, wy, xy, yy, yz, wz, xz, yz, zz], -1
    ).unflatten(-1, (4, 4))
    largest = torch.stack([ww, xx, yy, zz], -1).argmax(-1)
    row = products.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4)).squeeze(-2)
    quaternion = row / row.norm(dim=-1, keepdim=True)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, xyz = quaternion[..., :1], quaternion[..., 1:]
    square = (xyz * xyz).sum(-1, keepdim=True)
    is_small = square < _SMALL
    sine = torch.where(is_small, torch.ones_like(square), square).sqrt()
    cosine = torch.where(is_small, w, torch.ones_like(w))
    ratio = square / cosine**2
    series = 2 / cosine * (1 - ratio / 3 + ratio**2 / 5)
    return xyz * torch.where(is_small, series, 2 * torch.atan2(sine, w) / sine)


def rotation_6d_to_matrix(vectors: Tensor, layout: str = 'columns') -> Tensor:
    """Turn 6D vectors into rotation matrices.

    Any finite input gives a rotation: a vanishing first column becomes the x axis, and a second
    column that vanishes or is parallel to the first the axis that is farthest from the first
    (our choice); neither gets a gradient then.

    Args:
        vectors (Tensor): (..., 6); the identity is (1, 0, 0, 0, 1, 0) as ``'columns'``.
        layout (str): ``'columns'``, the first column and then the second, or
            ``'interleaved'``, the (3, 2) matrix of both read row by row, as in the networks and
            mean parameters of HMR and SPIN. Defaults to ``'columns'``.

    Returns:
        Tensor: Matrices (..., 3, 3) of determinant +1.

    Raises:
        ValueError: If the last axis is not 6, or there is no such layout.
    """
    _check_shape('vectors', vectors, (6,))
    _check_layout(layout)
    pair = vectors.unflatten(-1, (2, 3) if layout == 'columns' else (3, 2))
    first, second = pair.unbind(-2 if layout == 'columns' else -1)
    first, second = _rescale(first), _rescale(second)
    x_axis = torch.zeros_like(first)
    x_axis[..., 0] = 1
    first = torch.where((first == 0).all(-1, keepdim=True), x_axis, first)
    a = first / first.norm(dim=-1, keepdim=True)
    farthest = one_hot(a.detach().abs().argmin(-1), 3).to(a)
    with torch.no_grad():
        is_parallel = _reject(second, a).norm(dim=-1, keepdim=True) < 100 * _epsilon(a)
    second = _reject(torch.where(is_parallel, farthest, second), a)
    # Of nearly parallel columns rounding leaves a little of a: once more is enough.
    b = _reject(second / second.norm(dim=-1, keepdim=True), a)
    b = b / b.norm(dim=-1, keepdim=True)
    return torch.stack([a, b, torch.linalg.cross(a, b, dim=-1)], -1)


def matrix_to_rotation_6d(rotation: Tensor, layout: str = 'columns') -> Tensor:
    """Turn rotation matrices into 6D vectors.

    Args:
        rotation (Tensor): Rotation matrices (..., 3, 3).
        layout (str): See :func:`rotation_6d_to_matrix`. Defaults to ``'columns'``.

    Returns:
        Tensor: Vectors (..., 6).

    Raises:
        ValueError: If the last two axes are not 3, 3, or there is no such layout.
    """
    _check_shape('rotation', rotation, (3, 3))
    _check_layout(layout)
    columns = rotation[..., :2]
    return (columns.mT if layout == 'columns' else columns).flatten(-2)


def geodesic_angle(first: Tensor, second: Tensor) -> Tensor:
    """Give the angle of the rotation that leads from one to the other.

    Args:
        first (Tensor): Rotation matrices (..., 3, 3).
        second (Tensor): Rotation matrices (..., 3, 3).

    Returns:
        Tensor: Angles (...) in radians, from 0 to pi. Where the rotations agree the gradient is 0.

    Raises:
        ValueError: If the last two axes are not 3, 3.
    """
    _check_shape('first', first, (3, 3))
    _check_shape('second', second, (3, 3))
    turn = first.mT @ second
    difference = turn - turn.mT
    square = (difference * difference).sum((-2, -1)) / 8
    is_zero = square == 0
    root = torch.where(is_zero, torch.ones_like(square), square).sqrt()
    sine = torch.where(is_zero, torch.zeros_like(square), root)
    return torch.atan2(sine, (turn.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2)


def mirror_smpl_pose(rotation: Tensor) -> Tensor:
    """Give the pose of the mirrored person, who is seen in the mirrored image.

    Camera space is mirrored by x -> -x: each rotation R becomes M R M with M = diag(-1, 1, 1),
    and left and right change places.

    Args:
        rotation (Tensor): SMPL's 24 rotations (..., 24, 3, 3), the global one in camera space.

    Returns:
        Tensor: Rotations (..., 24, 3, 3).

    Raises:
        ValueError: If the last three axes are not 24, 3, 3.
    """
    _check_shape('rotation', rotation, (24, 3, 3))
    mirror = rotation.new_tensor([-1.0, 1.0, 1.0])
    return rotation[..., list(SMPL_FLIP_INDICES), :, :] * mirror[:, None] * mirror


def _reject(vector: Tensor, unit: Tensor) -> Tensor:
    """Take the part along a unit vector away."""
    return vector - (vector * unit).sum(-1, keepdim=True) * unit


def _rescale(vector: Tensor) -> Tensor:
    """Bring the largest component to 1, so that no square over- or underflows; tiny becomes 0.

    Directions do not depend on the length, so its gradient is none.
    """
    size = vector.detach().abs().amax(-1, keepdim=True)
    is_tiny = size < 1e-12
    return torch.where(is_tiny, 0.0, vector / torch.where(is_tiny, 1.0, size))


def _epsilon(tensor: Tensor) -> float:
    return float(torch.finfo(tensor.dtype).eps)


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape[-len(shape) :]) != shape:
        axes = ', '.join(map(str, shape))
        raise ValueError(f'{name} should have the shape (..., {axes}), got {tuple(tensor.shape)}')


def _check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise ValueError(f'layout should be one of {LAYOUTS}, got {layout!r}')
