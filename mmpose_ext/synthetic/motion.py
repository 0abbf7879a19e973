"""Smooth motions as functions of time, for any frame rate.

Key poses are joined by monotone cubic splines (Fritsch and Carlson, SIAM J. Numer. Anal.
1980) in anatomical angles: these never leave the range of their two neighbours, so that
every pose between is within the limits of the joints.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from mmpose_ext.synthetic.activities import draw_pose, walking_angles
from mmpose_ext.synthetic.body import BodyModel
from mmpose_ext.synthetic.poses import ANGLES, angles_to_pose
from mmpose_ext.synthetic.skinning import pose_body

# Joint angles of activities that one can pass through while staying on one's feet.
_ON_FEET = ('Standing', 'Waving', 'Posing', 'Stretching', 'Reaching', 'Squatting', 'Kicking')
# Hip swing and leg length of the walking cycle give the length of a step.
_LEG, _SWING = 0.80, np.deg2rad(25)


@dataclass(frozen=True)
class Motion:
    """Somebody who moves.

    Attributes:
        betas (np.ndarray): Shape coefficients (10,).
        key_times (np.ndarray): Rising times (T,) of key poses in seconds.
        key_angles (np.ndarray): Anatomical angles (T, A) in degrees.
        key_root (np.ndarray): Yaw, pitch and roll in degrees, and place on the floor, x
            and z in metres: (T, 5).
        cadence (float): Walking cycles per second; 0 for no walking. The walking cycle
            then takes the place of the key poses.
        vigour (float): Size of the walking swing; see :func:`walking_angles`.
    """

    betas: np.ndarray
    key_times: np.ndarray
    key_angles: np.ndarray
    key_root: np.ndarray
    cadence: float = 0.0
    vigour: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be joined."""
        T = len(self.key_times)
        if T < 2 or (np.diff(self.key_times) <= 0).any():
            raise ValueError(f'key times must be two or more and rise, got {self.key_times}')
        if self.key_angles.shape != (T, len(ANGLES)) or self.key_root.shape != (T, 5):
            raise ValueError(
                f'need angles ({T}, {len(ANGLES)}) and roots ({T}, 5), got '
                f'{self.key_angles.shape} and {self.key_root.shape}'
            )

    def angles(self, times: np.ndarray) -> np.ndarray:
        """Give the anatomical angles (B, A) in degrees at times (B,) in seconds."""
        if self.cadence:
            return walking_angles(self.cadence * np.asarray(times), self.vigour)
        return PchipInterpolator(self.key_times, self.key_angles)(self._within(times))

    def _within(self, times: np.ndarray) -> np.ndarray:
        """Before the first and after the last key pose nothing moves."""
        return np.clip(times, self.key_times[0], self.key_times[-1])

    def parameters(self, times: np.ndarray, body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
        """Give SMPL's parameters at any times.

        Args:
            times (np.ndarray): Times (B,) in seconds.
            body (BodyModel): The body, whose lowest point is kept on the floor.

        Returns:
            tuple[np.ndarray, np.ndarray]: Pose (B, 24, 3), axis-angle in radians, and
            translation (B, 3) in metres, in a world whose y is up.
        """
        times = np.atleast_1d(np.asarray(times, dtype=np.float64))
        pose = angles_to_pose(self.angles(times))
        root = PchipInterpolator(self.key_times, self.key_root)(self._within(times))
        turn = Rotation.from_euler('YXZ', root[:, :3] * (1, 1, -1), degrees=True)
        pose[:, 0] = turn.as_rotvec()
        betas = np.tile(self.betas, (len(times), 1))
        vertices, _, _ = pose_body(body, betas, pose, np.zeros((len(times), 3)))
        transl = np.stack([root[:, 3], -vertices[..., 1].min(1), root[:, 4]], axis=1)
        return pose, transl


def walking_speed(cadence: float, vigour: float) -> float:
    """Give the speed in m/s at which a walker's standing foot stays about where it is.

    Args:
        cadence (float): Walking cycles (two steps) per second.
        vigour (float): Size of the swing.

    Returns:
        float: Speed in metres per second.
    """
    return float(2 * cadence * 2 * _LEG * np.sin(vigour * _SWING))


def draw_motion(rng: np.random.Generator, duration: float, betas: np.ndarray) -> Motion:
    """Draw a motion on one's feet: a walk along a bend, or one pose after another.

    Args:
        rng (np.random.Generator): Source of randomness.
        duration (float): Length in seconds.
        betas (np.ndarray): Shape coefficients (10,) of the person.

    Returns:
        Motion: The motion, which begins at the origin.

    Raises:
        ValueError: If the duration is not positive.
    """
    if not duration > 0:
        raise ValueError(f'a motion must last longer than 0 s, got {duration}')
    count = max(2, round(duration / rng.uniform(0.6, 1.1)) + 1)
    times = np.linspace(0, duration, count)
    drawn = [draw_pose(rng, str(rng.choice(_ON_FEET))) for _ in times]
    root = np.zeros((count, 5))
    root[:, 0] = rng.uniform(-180, 180) + np.cumsum(rng.normal(0, 12, count))
    walks = rng.random() < 0.4
    if walks:
        cadence, vigour = rng.uniform(0.75, 1.1), rng.uniform(0.7, 1.1)
        step = walking_speed(cadence, vigour) * duration / (count - 1)
        heading = np.deg2rad((root[1:, 0] + root[:-1, 0]) / 2)
        root[1:, 3], root[1:, 4] = (
            np.cumsum(step * np.sin(heading)),
            np.cumsum(step * np.cos(heading)),
        )
        root[:, 1] = rng.uniform(0, 5)
        return Motion(betas, times, np.stack([d.angles for d in drawn]), root, cadence, vigour)
    root[:, 1:3] = [d.tilt for d in drawn]
    return Motion(betas, times, np.stack([d.angles for d in drawn]), root)
