"""The mannequin's skeleton: SMPL's kinematic tree with our own rest positions.

The tree, the order and the names of the 24 joints are those of SMPL (Loper et al.,
SIGGRAPH Asia 2015), so that any program for SMPL can use the mannequin. The rest
positions are ours, after the average segment lengths of Drillis and Contini (in Winter,
Biomechanics and Motor Control of Human Movement) for a person of 1.70 m.

Axes: x to the person's left, y up, z to the front. The pelvis is the origin, and no
shape coefficient moves it, so that ``transl`` is always the place of the pelvis.
"""

import numpy as np

JOINT_NAMES = (
    'pelvis',
    'left_hip',
    'right_hip',
    'spine1',
    'left_knee',
    'right_knee',
    'spine2',
    'left_ankle',
    'right_ankle',
    'spine3',
    'left_foot',
    'right_foot',
    'neck',
    'left_collar',
    'right_collar',
    'head',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hand',
    'right_hand',
)
JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}
PARENTS = np.array(
    [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
)

# Height of the pelvis joint above the soles, in metres.
PELVIS_HEIGHT = 0.93

# Joints of the middle and of the left side: x, height above the soles, z, in metres.
_REST = {
    'pelvis': (0.0, PELVIS_HEIGHT, 0.0),
    'left_hip': (0.088, 0.875, 0.0),
    'left_knee': (0.103, 0.475, 0.008),
    'left_ankle': (0.108, 0.078, -0.028),
    'left_foot': (0.118, 0.024, 0.085),
    'spine1': (0.0, 1.02, -0.012),
    'spine2': (0.0, 1.13, -0.018),
    'spine3': (0.0, 1.25, -0.022),
    'neck': (0.0, 1.44, -0.022),
    'head': (0.0, 1.535, 0.0),
    'left_collar': (0.055, 1.385, -0.018),
    'left_shoulder': (0.172, 1.392, -0.018),
    'left_elbow': (0.445, 1.388, -0.026),
    'left_wrist': (0.690, 1.388, -0.018),
    'left_hand': (0.772, 1.386, -0.012),
}


def rest_joints() -> np.ndarray:
    """Give the joints of the mean body in its T-pose.

    Returns:
        np.ndarray: Positions (24, 3) float64 in metres, pelvis at the origin.
    """
    joints = np.empty((24, 3))
    for index, name in enumerate(JOINT_NAMES):
        x, y, z = _REST[name.replace('right', 'left')]
        joints[index] = (-x if name.startswith('right') else x), y - PELVIS_HEIGHT, z
    return joints


def children_of(joint: int) -> np.ndarray:
    """Give the indices of a joint's children in the kinematic tree."""
    return np.flatnonzero(joint == PARENTS)


def mirror_order(names: tuple[str, ...]) -> np.ndarray:
    """Give, for each name, the index of the same thing on the other side of the body.

    Args:
        names (tuple[str, ...]): Names in which ``left`` and ``right`` tell the side.

    Returns:
        np.ndarray: Indices (K,) such that ``names[order[k]]`` mirrors ``names[k]``.
    """
    swap = {'left': 'right', 'right': 'left'}
    index = {name: k for k, name in enumerate(names)}
    order = []
    for name in names:
        side, _, rest = name.partition('_')
        order.append(index[f'{swap[side]}_{rest}'] if side in swap else index[name])
    return np.array(order)


COCO_NAMES = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)
# As MMPose names them. What it calls thorax is the base of the neck, its neck_base a
# point inside the face, its head a point below the crown.
H36M_NAMES = (
    'root',
    'right_hip',
    'right_knee',
    'right_foot',
    'left_hip',
    'left_knee',
    'left_foot',
    'spine',
    'thorax',
    'neck_base',
    'head',
    'left_shoulder',
    'left_elbow',
    'left_wrist',
    'right_shoulder',
    'right_elbow',
    'right_wrist',
)
# The 24 joints, then these points of the surface, are what keypoints are mixed from.
LANDMARK_NAMES = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'crown')

_H36M_MIX = {
    'root': {'pelvis': 1.0},
    'right_foot': {'right_ankle': 1.0},
    'left_foot': {'left_ankle': 1.0},
    'spine': {'spine2': 1.0},
    'thorax': {'neck': 1.0},
    'neck_base': {'nose': 0.5, 'head': 0.5},
    'head': {'crown': 0.75, 'head': 0.25},
}


def keypoint_mixture(names: tuple[str, ...], mix: dict | None = None) -> np.ndarray:
    """Give keypoints as mixtures of joints and landmarks.

    Args:
        names (tuple[str, ...]): Names of the keypoints.
        mix (dict | None): Weights by name of joint or landmark, for the keypoints
            that are not simply the joint or landmark of their own name.

    Returns:
        np.ndarray: Weights (K, 24 + 6), rows sum to 1.
    """
    sources = {name: k for k, name in enumerate(JOINT_NAMES + LANDMARK_NAMES)}
    weights = np.zeros((len(names), len(sources)))
    for row, name in enumerate(names):
        for source, weight in (mix or {}).get(name, {name: 1.0}).items():
            weights[row, sources[source]] = weight
    return weights


COCO_MIXTURE = keypoint_mixture(COCO_NAMES)
H36M_MIXTURE = keypoint_mixture(H36M_NAMES, _H36M_MIX)
