"""Human poses in anatomical angles, drawn within the limits of the joints.

A pose is a vector of angles in degrees with a name each (:data:`ANGLES`): what a
physiotherapist would write down. An arm's elevation is its angle to hanging down, its plane
0 when it is lifted sideways and 90 when forwards. The limits make a box, so that any blend of
two poses within the limits is within the limits. Limits are ours, after the normal ranges of
motion in textbooks (AAOS), somewhat narrowed.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from mmpose_ext.synthetic.skeleton import JOINT, PARENTS

_MIDDLE = {
    'spine_flexion': (-20, 75),
    'spine_side': (-30, 30),
    'spine_twist': (-40, 40),
    'head_flexion': (-40, 45),
    'head_side': (-30, 30),
    'head_turn': (-70, 70),
}
_SIDE = {
    'hip_flexion': (-25, 118),
    'hip_abduction': (-12, 50),
    'hip_rotation': (-30, 45),
    'knee_flexion': (0, 145),
    'ankle_flexion': (-40, 25),
    'toe_flexion': (-5, 35),
    'arm_elevation': (3, 172),
    'arm_plane': (-80, 130),
    'arm_rotation': (-70, 85),
    'elbow_flexion': (0, 145),
    'forearm_rotation': (-80, 80),
    'wrist_flexion': (-55, 60),
    'hand_flexion': (0, 60),
}
# Outward rotation of the hip and inward rotation of the arm are positive.
ANGLES = (*_MIDDLE, *(f'{side}_{name}' for side in ('left', 'right') for name in _SIDE))
ANGLE = {name: index for index, name in enumerate(ANGLES)}
LIMITS = np.array([*_MIDDLE.values(), *_SIDE.values(), *_SIDE.values()], dtype=np.float64)
_NUM_MIDDLE, _NUM_SIDE = len(_MIDDLE), len(_SIDE)

# Relaxed standing, in degrees; angles not named are 0.
_NEUTRAL = {
    'arm_elevation': 9,
    'arm_plane': 10,
    'arm_rotation': 12,
    'elbow_flexion': 14,
    'hand_flexion': 14,
    'hip_abduction': 2,
    'hip_rotation': 7,
}


def pose_vector(**angles: float) -> np.ndarray:
    """Make a pose from named angles; the others are those of relaxed standing.

    Args:
        **angles (float): Degrees by name; a name without ``left_`` or ``right_`` sets
            both sides.

    Returns:
        np.ndarray: Angles (A,) in degrees, in the order of :data:`ANGLES`.

    Raises:
        ValueError: If a name is unknown or an angle beyond the limits of its joint.
    """
    vector = np.zeros(len(ANGLES))
    for name, value in {**_NEUTRAL, **angles}.items():
        names = [name] if name in ANGLE else [f'left_{name}', f'right_{name}']
        if names[0] not in ANGLE:
            raise ValueError(f'unknown angle {name!r}; known are {", ".join(ANGLES)}')
        for each in names:
            low, high = LIMITS[ANGLE[each]]
            if not low <= value <= high:
                raise ValueError(f'{each} = {value} is beyond its limits {low:g} to {high:g}')
            vector[ANGLE[each]] = value
    return vector


def mirror_angles(angles: np.ndarray) -> np.ndarray:
    """Mirror poses: left becomes right.

    Args:
        angles (np.ndarray): Poses (..., A) in degrees.

    Returns:
        np.ndarray: Mirrored poses (..., A).
    """
    M, S = _NUM_MIDDLE, _NUM_SIDE
    middle = angles[..., :M] * (1, -1, -1, 1, -1, -1)
    left, right = angles[..., M : M + S], angles[..., M + S :]
    return np.concatenate([middle, right, left], axis=-1)


def clip_to_limits(angles: np.ndarray) -> np.ndarray:
    """Bring each angle within the limits of its joint.

    Args:
        angles (np.ndarray): Poses (..., A) in degrees.

    Returns:
        np.ndarray: Poses (..., A) within :data:`LIMITS`.
    """
    return np.clip(angles, LIMITS[:, 0], LIMITS[:, 1])


def _about(axis: tuple[float, float, float], degrees: np.ndarray) -> Rotation:
    """Rotate about a fixed axis by angles (B,) in degrees."""
    return Rotation.from_rotvec(np.deg2rad(degrees)[:, None] * np.array(axis))


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
# Share of the shoulder's turn that the collar takes.
_COLLAR_SHARE = 0.16


def _middle_joints(a: dict[str, np.ndarray]) -> dict[str, Rotation]:
    """Give spine, neck and head; each bend is shared equally by the joints it runs over."""
    spine = (
        _about(_Y, a['spine_twist'] / 3)
        * _about(_Z, -a['spine_side'] / 3)
        * _about(_X, a['spine_flexion'] / 3)
    )
    head = (
        _about(_Y, a['head_turn'] / 2)
        * _about(_Z, -a['head_side'] / 2)
        * _about(_X, a['head_flexion'] / 2)
    )
    return {'spine1': spine, 'spine2': spine, 'spine3': spine, 'neck': head, 'head': head}


def _left_joints(a: dict[str, np.ndarray]) -> dict[str, Rotation]:
    """Give the joints of the left leg and arm."""
    hip = (
        _about(_Z, a['hip_abduction'])
        * _about(_X, -a['hip_flexion'])
        * _about(_Y, a['hip_rotation'])
    )
    plane = np.deg2rad(a['arm_plane'])
    axis = np.stack([-np.sin(plane), np.zeros_like(plane), np.cos(plane)], axis=1)
    elevation = Rotation.from_rotvec(np.deg2rad(a['arm_elevation'])[:, None] * axis)
    # From the T-pose: turn the arm about itself, let it hang, lift it in its plane.
    arm = elevation * _about(_Z, np.full_like(plane, -90)) * _about(_X, a['arm_rotation'])
    collar = Rotation.from_rotvec(_COLLAR_SHARE * arm.as_rotvec())
    forearm = a['forearm_rotation'] / 2
    return {
        'hip': hip,
        'knee': _about(_X, a['knee_flexion']),
        'ankle': _about(_X, -a['ankle_flexion']),
        'foot': _about(_X, -a['toe_flexion']),
        'collar': collar,
        'shoulder': collar.inv() * arm,
        'elbow': _about(_Y, -a['elbow_flexion']) * _about(_X, forearm),
        'wrist': _about(_X, forearm) * _about(_Z, -a['wrist_flexion']),
        'hand': _about(_Z, -a['hand_flexion']),
    }


def angles_to_pose(angles: np.ndarray) -> np.ndarray:
    """Turn anatomical angles into SMPL's body pose.

    Args:
        angles (np.ndarray): Poses (B, A) in degrees.

    Returns:
        np.ndarray: Axis-angle vectors (B, 24, 3) in radians; the root's is zero.

    Raises:
        ValueError: If the shape is wrong.
    """
    angles = np.asarray(angles, dtype=np.float64)
    if angles.ndim != 2 or angles.shape[1] != len(ANGLES):
        raise ValueError(f'need angles (B, {len(ANGLES)}), got {angles.shape}')
    columns = dict(zip(ANGLES, angles.T, strict=True))
    pose = np.zeros((len(angles), len(PARENTS), 3))
    for name, rotation in _middle_joints(columns).items():
        pose[:, JOINT[name]] = rotation.as_rotvec()
    for side, mirror in (('left', (1, 1, 1)), ('right', (1, -1, -1))):
        own = {name: columns[f'{side}_{name}'] for name in _SIDE}
        for name, rotation in _left_joints(own).items():
            pose[:, JOINT[f'{side}_{name}']] = rotation.as_rotvec() * mirror
    return pose
