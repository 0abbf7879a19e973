"""Fitting SMPL to joints, from a first guess, as SMPLify does.

Source of the idea: `Keep it SMPL <https://arxiv.org/abs/1607.08128>`_ (ECCV 2016): joints pull
with the robust error of Geman and McClure against a pose prior and a shape prior. Here the joints
are the volumetric ones in 3D, keypoints in the image may be added, the first guess is a
network's, and every term is half a squared distance in standard deviations, so that the sum is a
negative log-likelihood. The standard deviations are ours.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmpose_ext.models.body_models.cameras import project_weak_perspective
from mmpose_ext.models.body_models.pose_prior import PosePrior
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.models.options import check_not_negative


@dataclass(frozen=True)
class FitOptions:
    """How a body is fitted.

    Attributes:
        steps (int): Steps of Adam.
        lr (float): Its learning rate at the beginning; it falls to 0 along a cosine.
        joint_sigma (float): Standard deviation of target joints, metres.
        root_sigma (float): How far the pelvis is off that the target joints are relative to, and
            all of them with it, metres.
        keypoint_sigma (float): Standard deviation of 2D keypoints, in halves of the crop.
        robust (float | None): Scale of :func:`geman_mcclure`, in standard deviations of the
            targets. None: plain squares.
        prior_weight (float): Weight of the pose prior.
        shape_weight (float): Weight of the shape prior ``|betas|² / 2``.
        start_pose_sigma (float | None): How far the axis-angle coordinates of a joint are
            expected from the first guess, radians. None: anywhere.
        start_betas_sigma (float | None): The same of the betas.

    Raises:
        ValueError: If a number is negative, or one that divides is 0.
    """

    steps: int = 100
    lr: float = 0.05
    joint_sigma: float = 0.02
    root_sigma: float = 0.02
    keypoint_sigma: float = 0.02
    robust: float | None = 10.0
    prior_weight: float = 1.0
    shape_weight: float = 1.0
    start_pose_sigma: float | None = 0.3
    start_betas_sigma: float | None = 1.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_not_negative(prior_weight=self.prior_weight, shape_weight=self.shape_weight)
        for name, value in vars(self).items():
            if not name.endswith('weight') and value is not None and not value > 0:
                raise ValueError(f'{name} must be positive, got {value}.')


def geman_mcclure(squares: Tensor, scale: float) -> Tensor:
    """Robust error of Geman and McClure: ``s² e² / (s² + e²)``, e² where it is small, at most s².

    Args:
        squares (Tensor): Squared errors e², any shape.
        scale (float): Error s from which on an error pulls less and less.

    Returns:
        Tensor: Robust errors of the same shape.
    """
    return squares * scale**2 / (squares + scale**2)


class _Targets(NamedTuple):
    """What the bodies of B people are to agree with; a weight is 0 where nothing is known."""

    joints: Tensor  # (B, J, 3) metres, relative to joint 0
    weights: Tensor  # (B, J), or (B, 2 J) where there are keypoints
    keypoints: Tensor | None  # (B, J, 2), -1..1 spans the crop
    camera: Tensor | None  # (B, 3)

    def squares(self, joints: Tensor, options: FitOptions, shift: Tensor | float = 0) -> Tensor:
        """Squared distances (B, J or 2 J) of joints (B, J, 3), in standard deviations.

        The pelvis may be shifted by (B, 1, 3) metres against the targets'.
        """
        relative = joints - joints[:, :1]
        squares = (relative + shift - self.joints).square().sum(-1) / options.joint_sigma**2
        if self.keypoints is None or self.camera is None:
            return squares
        offsets = project_weak_perspective(relative, self.camera) - self.keypoints
        flat = offsets.square().sum(-1) / options.keypoint_sigma**2
        return torch.cat([squares, flat], 1)

    def distance(self, joints: Tensor, options: FitOptions) -> Tensor:
        """Weighted sum (B,) of the distances in standard deviations."""
        return (self.weights * self.squares(joints, options).sqrt()).sum(1)


class _Variables(NamedTuple):
    """What is optimised. The root is a turn after the first guess, lest it be near pi."""

    turn: Tensor  # (B, 3) axis-angle
    body_pose: Tensor  # (B, 69) axis-angle
    betas: Tensor  # (B, N)
    shift: Tensor  # (B, 1, 3) of the targets' pelvis, in standard deviations

    def rotations(self, root: Tensor) -> Tensor:
        """Rotations (B, 24, 3, 3), the first guess of the root's being (B, 1, 3, 3)."""
        turned = axis_angle_to_matrix(self.turn)[:, None] @ root
        return torch.cat([turned, axis_angle_to_matrix(self.body_pose.unflatten(1, (-1, 3)))], 1)


def refine_smpl(
    body: SMPLBody,
    pose: Tensor,
    betas: Tensor,
    target_joints: Tensor,
    weights: Tensor | None = None,
    prior: PosePrior | None = None,
    keypoints_2d: Tensor | None = None,
    keypoint_weights: Tensor | None = None,
    camera: Tensor | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor]:
    """Bring the joints of bodies to where they are wanted, within what is likely.

    All people are fitted at once, none depending on the others. A person whose joints did not come
    closer, or of whom no joint is known, keeps the first guess. Works in callers that switched
    gradients off; no gradient flows through it.

    Args:
        body (SMPLBody): Body model whose ``joints`` are those of ``target_joints``.
        pose (Tensor): First guess of the rotations (B, 24, 3, 3), the root's first.
        betas (Tensor): First guess of the shape (B, N).
        target_joints (Tensor): Wanted joints (B, J, 3) in metres relative to joint 0, the pelvis.
        weights (Tensor, optional): Weights (B, J), not negative; where one is 0 the target may be
            anything, NaN included. Defaults to None: 1.
        prior (PosePrior, optional): Pose prior, on any device. Defaults to None: none.
        keypoints_2d (Tensor, optional): Keypoints (B, J, 2) where -1..1 spans the crop.
        keypoint_weights (Tensor, optional): Their weights (B, J). Defaults to None: 1.
        camera (Tensor, optional): Weak-perspective cameras (B, 3) that picture joints relative to
            joint 0 at the keypoints, as those of ``PoShHead``; they stay.
        options (Any): Those of :class:`FitOptions`.

    Returns:
        tuple[Tensor, Tensor]: Rotations (B, 24, 3, 3) and betas (B, N).

    Raises:
        ValueError: If shapes do not belong together, numbers are not finite, a weight is negative,
            keypoints come without a camera, or an option makes no sense.
        TypeError: If an option is unknown.
    """
    chosen = FitOptions(**options)
    if betas.ndim != 2:
        raise ValueError(f'expected betas (B, N), got {tuple(betas.shape)}.')
    _check_shape('pose', pose, (len(betas), 24, 3, 3))
    _check_finite(pose=pose, betas=betas)
    # What was made under inference mode cannot be optimised: out of it, with copies.
    with torch.inference_mode(False), torch.autocast(pose.device.type, enabled=False):
        pose, betas = _plain(pose), _plain(betas)
        targets = _targets(target_joints, weights, keypoints_2d, keypoint_weights, camera)
        body = body.without_skin()
        if prior is not None:
            prior = deepcopy(prior).to(pose.device)
        with torch.no_grad():
            joints = body(pose[:, :1], pose[:, 1:], betas).joints
            _check_shape('target_joints', targets.joints, tuple(joints.shape))
            before = targets.distance(joints, chosen)
        with torch.enable_grad():
            found = _minimise(body, pose, betas, targets, prior, chosen)
        with torch.no_grad():
            fitted = found.rotations(pose[:, :1])
            joints = body(fitted[:, :1], fitted[:, 1:], found.betas).joints
            # False where it is NaN.
            closer = targets.distance(joints, chosen) < before
            return (
                torch.where(closer[:, None, None, None], fitted, pose),
                torch.where(closer[:, None], found.betas, betas),
            )


def _minimise(
    body: SMPLBody,
    pose: Tensor,
    betas: Tensor,
    targets: _Targets,
    prior: PosePrior | None,
    options: FitOptions,
) -> _Variables:
    """Minimise the energies of all people, each on its own: Adam does not mix coordinates."""
    start = _Variables(
        turn=pose.new_zeros(len(pose), 3),
        body_pose=matrix_to_axis_angle(pose[:, 1:]).flatten(1),
        betas=betas,
        shift=pose.new_zeros(len(pose), 1, 3),
    )
    found = _Variables(*(each.clone().requires_grad_() for each in start))
    optimizer = torch.optim.Adam(found, lr=options.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    for _ in range(options.steps):
        optimizer.zero_grad()
        rotations = found.rotations(pose[:, :1])
        joints = body(rotations[:, :1], rotations[:, 1:], found.betas).joints
        squares = targets.squares(joints, options, options.root_sigma * found.shift)
        if options.robust is not None:
            squares = geman_mcclure(squares, options.robust)
        energy = (targets.weights * squares).sum() / 2 + _held(found, start, prior, options)
        energy.backward()
        optimizer.step()
        schedule.step()
    return found


def _held(
    found: _Variables, start: _Variables, prior: PosePrior | None, options: FitOptions
) -> Tensor:
    """What is unlikely before any joint was seen: poses, shapes, being far from the start."""
    energy = options.shape_weight * found.betas.square().sum() / 2
    if prior is not None:
        energy = energy + options.prior_weight * prior(found.body_pose).sum()
    sigmas = (options.start_pose_sigma, options.start_pose_sigma, options.start_betas_sigma, 1.0)
    for now, before, sigma in zip(found, start, sigmas, strict=True):
        if sigma is not None:
            energy = energy + (now - before).square().sum() / (2 * sigma**2)
    return energy


def _targets(
    joints: Tensor,
    weights: Tensor | None,
    keypoints: Tensor | None,
    keypoint_weights: Tensor | None,
    camera: Tensor | None,
) -> _Targets:
    """Check what is wanted, and put zeros where it has no weight."""
    joints, weights = _weighted('target_joints', joints, weights, 3)
    if keypoints is None:
        return _Targets(joints, weights, None, None)
    if camera is None:
        raise ValueError('keypoints_2d need the camera (B, 3) that they were seen with.')
    _check_shape('camera', camera, (len(joints), 3))
    _check_finite(camera=camera)
    keypoints, keypoint_weights = _weighted('keypoints_2d', keypoints, keypoint_weights, 2)
    _check_shape('keypoints_2d', keypoints, (*joints.shape[:2], 2))
    return _Targets(joints, torch.cat([weights, keypoint_weights], 1), keypoints, _plain(camera))


def _weighted(
    name: str, points: Tensor, weights: Tensor | None, size: int
) -> tuple[Tensor, Tensor]:
    """Check points (B, J, size) and their weights (B, J)."""
    if points.ndim != 3 or points.shape[2] != size:
        raise ValueError(f'expected {name} (B, J, {size}), got {tuple(points.shape)}.')
    if weights is None:
        weights = points.new_ones(points.shape[:2])
    _check_shape(f'weights of {name}', weights, tuple(points.shape[:2]))
    _check_finite(**{f'weights of {name}': weights})
    if (weights < 0).any():
        raise ValueError(f'weights of {name} must not be negative, got {weights.min().item()}.')
    points = _plain(points).where(weights[..., None] > 0, 0)
    _check_finite(**{name: points})
    return points, _plain(weights)


def _plain(tensor: Tensor) -> Tensor:
    """Copy as float32 that knows nothing of gradients."""
    return tensor.detach().clone().float()


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f'expected {name} {shape}, got {tuple(tensor.shape)}.')


def _check_finite(**tensors: Tensor) -> None:
    for name, tensor in tensors.items():
        bad = ~tensor.isfinite()
        if bad.any():
            where = bad.nonzero()[0].tolist()
            raise ValueError(
                f'{name} must be finite, got {tensor[tuple(where)].item()} at {where}.'
            )
