"""What poses are likely: a Gaussian learnt from the mannequin's poses, and one-way joints.

SMPLify (`Keep it SMPL <https://arxiv.org/abs/1607.08128>`_, ECCV 2016) learnt a mixture of
Gaussians from motion capture that is licensed. Ours is one Gaussian, learnt from the poses of
:mod:`mmpose_ext.synthetic`, which nobody has to be asked for. A Gaussian lets elbows and knees
bend the wrong way as far as the right way, hence the term for them, as in SMPLify.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_ext.synthetic.activities import draw_pose
from mmpose_ext.synthetic.poses import angles_to_pose
from mmpose_ext.synthetic.skeleton import JOINT

NUM_POSE = 69
# Joints that bend one way only: their axis-angle coordinate (x bends a knee, y an elbow) among
# the 69 of the body pose, and the sign that it must not have.
_ONE_WAY = (
    ('left_elbow', 1, 1.0),
    ('right_elbow', 1, -1.0),
    ('left_knee', 0, -1.0),
    ('right_knee', 0, -1.0),
)


@lru_cache(maxsize=4)
def _mannequin_statistics(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (69,) and covariance (69, 69) of drawn body poses."""
    rng = np.random.default_rng(seed)
    angles = np.stack([draw_pose(rng).angles for _ in range(num)])
    poses = angles_to_pose(angles)[:, 1:].reshape(num, NUM_POSE)
    return poses.mean(0), np.cov(poses.T)


def hyperextension(body_pose: Tensor) -> Tensor:
    """How far elbows and knees are bent the wrong way.

    Args:
        body_pose (Tensor): Axis-angle vectors (B, 69) of SMPL's joints 1 to 23, in radians.

    Returns:
        Tensor: Radians (B, 4), 0 within the joint's range: left and right elbow, left and
        right knee.
    """
    columns = [3 * (JOINT[name] - 1) + axis for name, axis, _ in _ONE_WAY]
    signs = body_pose.new_tensor([sign for *_, sign in _ONE_WAY])
    return (body_pose[:, columns] * signs).relu()


class PosePrior(nn.Module):
    """Negative log-likelihood of body poses, but for a constant.

    ``(θ - μ)ᵀ Λ (θ - μ) / 2 + |h|² / (2 σ²)`` with h of :func:`hyperextension`.

    Args:
        mean (np.ndarray | Tensor): Mean pose μ (69,), axis-angle in radians.
        precision (np.ndarray | Tensor): Inverse covariance Λ (69, 69).
        hyperextension_sigma (float): σ, radians. Ours: 0.1.

    Raises:
        ValueError: If a shape is wrong, something is not finite, the precision is not symmetric
            positive semidefinite, or σ is not positive.
    """

    mean: Tensor
    precision: Tensor

    def __init__(
        self,
        mean: np.ndarray | Tensor,
        precision: np.ndarray | Tensor,
        hyperextension_sigma: float = 0.1,
    ) -> None:
        super().__init__()
        mean = torch.as_tensor(mean, dtype=torch.float32)
        precision = torch.as_tensor(precision, dtype=torch.float32)
        _check_gaussian(mean, precision)
        if not hyperextension_sigma > 0:
            raise ValueError(f'hyperextension_sigma must be positive, got {hyperextension_sigma}.')
        self.hyperextension_sigma = hyperextension_sigma
        # Not saved: a checkpoint holds what was learnt.
        self.register_buffer('mean', mean, persistent=False)
        self.register_buffer('precision', precision, persistent=False)

    @classmethod
    def from_mannequin(cls, num: int = 2000, seed: int = 0, floor: float = 0.2) -> 'PosePrior':
        """Learn the prior from the mannequin's poses; the same arguments give the same prior.

        Args:
            num (int): Number of poses drawn.
            seed (int): Seed of the draw.
            floor (float): Standard deviation in radians that is added in every direction. The
                mannequin's joints are hinges where people's are not quite. Ours: 0.2.

        Returns:
            PosePrior: The prior.

        Raises:
            ValueError: If there are fewer than 100 poses, or the floor is not positive.
        """
        if num < 100 or not floor > 0:
            raise ValueError(f'need num >= 100 and floor > 0, got num={num}, floor={floor}.')
        mean, covariance = _mannequin_statistics(num, seed)
        return cls(mean, np.linalg.inv(covariance + floor**2 * np.eye(NUM_POSE)))

    def forward(self, body_pose: Tensor) -> Tensor:
        """Compute the energies of poses.

        Args:
            body_pose (Tensor): Axis-angle vectors (B, 69) of SMPL's joints 1 to 23, in radians.

        Returns:
            Tensor: Energies (B,), not negative.

        Raises:
            ValueError: If the shape is wrong.
        """
        if body_pose.ndim != 2 or body_pose.shape[1] != NUM_POSE:
            raise ValueError(f'expected body poses (B, {NUM_POSE}), got {tuple(body_pose.shape)}.')
        offset = body_pose - self.mean
        gaussian = torch.einsum('bi,ij,bj->b', offset, self.precision, offset)
        bent = hyperextension(body_pose).square().sum(1) / self.hyperextension_sigma**2
        return (gaussian + bent) / 2


def _check_gaussian(mean: Tensor, precision: Tensor) -> None:
    """Raise ValueError unless mean and precision make a Gaussian of 69 numbers."""
    if mean.shape != (NUM_POSE,) or precision.shape != (NUM_POSE, NUM_POSE):
        raise ValueError(
            f'expected mean ({NUM_POSE},) and precision ({NUM_POSE}, {NUM_POSE}), got '
            f'{tuple(mean.shape)} and {tuple(precision.shape)}.'
        )
    if not (mean.isfinite().all() and precision.isfinite().all()):
        raise ValueError('mean and precision must be finite.')
    if not torch.allclose(precision, precision.T, rtol=1e-3, atol=1e-4):
        raise ValueError('the precision must be symmetric.')
    lowest = torch.linalg.eigvalsh(precision.double())[0].item()
    if lowest < -1e-4:
        raise ValueError(f'the precision must have no negative eigenvalue, got {lowest:.3g}.')
