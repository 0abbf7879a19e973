"""How the mannequin moves: skinning weights, shape directions, pose correctives.

All three are functions of a point of the T-pose, so that meshes of any fineness deform
alike. Their sizes are ours: one standard deviation of a shape coefficient is about one
standard deviation among adults for stature (4 %), and a visible change for the others.
"""

import numpy as np

from mmpose_ext.synthetic.skeleton import JOINT, JOINT_NAMES, PARENTS, children_of, rest_joints

SHAPE_NAMES = (
    'stature',
    'girth',
    'leg length',
    'arm length',
    'shoulder width',
    'hip width',
    'trunk length',
    'head size',
    'limb thickness',
    'belly',
)

# Each joint's gate opens across a plane through the joint: (normal towards the far
# side, half the width of the blend in metres, shift of the plane along the normal).
_GATES = {
    'spine1': ((0.0, 1.0, 0.0), 0.080, 0.0),
    'spine2': ((0.0, 1.0, 0.0), 0.080, 0.0),
    'spine3': ((0.0, 1.0, 0.0), 0.085, 0.0),
    'neck': ((0.0, 1.0, 0.0), 0.045, 0.025),
    'head': ((0.0, 1.0, 0.25), 0.040, -0.010),
    'left_collar': ((1.0, 0.15, 0.0), 0.060, 0.010),
    'left_shoulder': ((0.88, 0.47, 0.0), 0.075, 0.0),
    'left_elbow': ((1.0, 0.0, 0.0), 0.042, 0.0),
    'left_wrist': ((1.0, 0.0, 0.0), 0.030, 0.0),
    'left_hand': ((1.0, 0.0, 0.0), 0.020, 0.0),
    'left_hip': ((0.30, -0.95, 0.05), 0.085, 0.010),
    'left_knee': ((0.0, -1.0, 0.0), 0.060, 0.0),
    'left_ankle': ((0.0, -1.0, 0.12), 0.036, 0.0),
    'left_foot': ((0.0, 0.0, 1.0), 0.025, 0.0),
}


def _smoothstep(x: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at -1 to 1 at +1."""
    x = np.clip(x * 0.5 + 0.5, 0, 1)
    return x * x * (3 - 2 * x)


def _gate(name: str, points: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Tell how far points (N, 3) go along with a joint, given that its parent moves them."""
    mirror = np.array([-1.0 if name.startswith('right') else 1.0, 1.0, 1.0])
    normal, width, shift = _GATES[name.replace('right', 'left')]
    unit = np.array(normal) / np.linalg.norm(normal)
    offset = (points - joint) * mirror
    gate = _smoothstep((offset @ unit - shift) / width)
    side = points[:, 0] * mirror[0]
    if 'hip' in name:
        gate *= _smoothstep(side / 0.03)
    elif 'collar' in name:
        gate *= _smoothstep((side - 0.03) / 0.04)
    elif name == 'neck':
        # Not the shoulders beside it, but the ears above them.
        gate *= _smoothstep((0.10 + np.maximum(offset[:, 1], 0) - np.abs(side)) / 0.035)
    return gate


def skinning_weights(points: np.ndarray) -> np.ndarray:
    """Give the weights of linear blend skinning.

    A joint's share of a point is the product of the gates on the way from the root to the
    joint, less what goes on to the joint's children.

    Args:
        points (np.ndarray): Points (N, 3) of the T-pose in metres, pelvis at the origin.

    Returns:
        np.ndarray: Weights (N, 24), not negative, rows sum to 1.
    """
    joints = rest_joints()
    passed = np.ones((len(points), len(PARENTS)))
    for index, parent in enumerate(PARENTS):
        if parent >= 0:
            name = JOINT_NAMES[index]
            passed[:, index] = _gate(name, points, joints[index])
    # What turns with the neck does not turn with a collar.
    collars = [JOINT['left_collar'], JOINT['right_collar']]
    passed[:, collars] *= 1 - passed[:, [JOINT['neck']]]
    for parent in range(len(PARENTS)):
        children = children_of(parent)
        # Where siblings overlap they share; together they pass on 1 at most.
        total = np.maximum(passed[:, children].sum(1, keepdims=True), 1)
        passed[:, children] *= passed[:, [parent]] / total
    weights = passed.copy()
    for index, parent in enumerate(PARENTS):
        if parent >= 0:
            weights[:, parent] -= passed[:, index]
    weights = np.where(weights < 1e-9, 0, weights)
    return weights / weights.sum(1, keepdims=True)


def _bone_ends(joints: np.ndarray) -> np.ndarray:
    """Give the far end (24, 3) of each joint's main bone; that of end joints is made up."""
    ends = np.empty_like(joints)
    main = {'pelvis': 'spine1', 'spine3': 'neck'}
    for index in range(len(PARENTS)):
        children = children_of(index)
        if len(children):
            child = JOINT[main[JOINT_NAMES[index]]] if JOINT_NAMES[index] in main else children[0]
            ends[index] = joints[child]
        else:
            ends[index] = joints[index] + 0.6 * (joints[index] - joints[PARENTS[index]])
    ends[JOINT['head']] = joints[JOINT['head']] + (0.0, 0.12, 0.0)
    return ends


def shape_of_joints() -> np.ndarray:
    """Give how far each shape direction moves each joint.

    Returns:
        np.ndarray: Displacements (24, 3, 10) in metres per unit of coefficient; the
        pelvis never moves.
    """
    joints = rest_joints()
    stretch = np.zeros((24, 10))
    legs = [JOINT[f'{s}_{j}'] for s in ('left', 'right') for j in ('knee', 'ankle')]
    arms = [JOINT[f'{s}_{j}'] for s in ('left', 'right') for j in ('elbow', 'wrist', 'hand')]
    trunk = [JOINT[j] for j in ('spine1', 'spine2', 'spine3', 'neck')]
    collars = [JOINT[f'{s}_collar'] for s in ('left', 'right')]
    stretch[:, 0] = 0.038
    stretch[legs, 2] = 0.035
    stretch[arms, 3] = 0.035
    stretch[trunk, 6] = stretch[collars, 6] = 0.03
    stretch[JOINT['head'], 7] = 0.03
    moves = np.zeros((24, 3, 10))
    for index, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        bone = joints[index] - joints[parent]
        moves[index] = moves[parent] + bone[:, None] * stretch[index]
        side = np.sign(joints[index, 0])
        if 'shoulder' in JOINT_NAMES[index]:
            moves[index, 0, 4] += 0.010 * side
        elif 'collar' in JOINT_NAMES[index]:
            moves[index, 0, 4] += 0.004 * side
        elif 'hip' in JOINT_NAMES[index]:
            moves[index, 0, 5] += 0.007 * side
    return moves


# How much thicker a segment gets: (joint, then share of radius per unit) by direction.
_THICKNESS = {
    0: {'*': 0.025},
    1: {
        **dict.fromkeys(('pelvis', 'spine1', 'spine2', 'spine3'), 0.095),
        **dict.fromkeys(('hip', 'collar', 'shoulder', 'neck'), 0.065),
        **dict.fromkeys(('knee', 'elbow'), 0.05),
        'head': 0.015,
    },
    4: {'spine3': 0.02, 'collar': 0.02},
    5: {'pelvis': 0.035, 'hip': 0.02},
    7: {'head': 0.035},
    8: {'shoulder': 0.07, 'elbow': 0.06, 'hip': 0.055, 'knee': 0.05, 'spine1': -0.03},
}


def _thickness_table() -> np.ndarray:
    """Spread ``_THICKNESS`` over the joints: (24, 10)."""
    table = np.zeros((24, 10))
    for direction, shares in _THICKNESS.items():
        for index in range(24):
            segment = JOINT_NAMES[index].split('_')[-1]
            table[index, direction] = shares.get(segment, shares.get('*', 0.0))
    return table


def shape_directions(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Give how far each shape direction moves points of the T-pose.

    Bones take the skin along as they grow, and each segment swells around its bone.

    Args:
        points (np.ndarray): Points (N, 3) in metres.
        weights (np.ndarray): Their skinning weights (N, 24).

    Returns:
        np.ndarray: Displacements (N, 3, 10) in metres per unit of coefficient.
    """
    joints, moves = rest_joints(), shape_of_joints()
    ends = _bone_ends(joints)
    end_moves = moves + (ends - joints)[..., None] * _end_stretch(joints, ends, moves)
    bones = ends - joints
    offset = points[:, None] - joints
    t = np.einsum('nkd,kd->nk', offset, bones) / (bones**2).sum(-1)
    # Beyond either end of its bone a segment moves along with that end.
    t = np.clip(t, 0, 1)
    around = offset - t[..., None] * bones
    shift = moves[None] + t[..., None, None] * (end_moves - moves)[None]
    swell = around[..., None] * _thickness_table()[None, :, None]
    directions = np.einsum('nk,nkdb->ndb', weights, shift + swell)
    # The belly: a bump to the front, widest above the navel.
    front = _smoothstep((points[:, 2] - 0.02) / 0.06)
    bump = np.exp(-(((points[:, 1] - 0.14) / 0.11) ** 2) - (points[:, 0] / 0.12) ** 2)
    directions[:, 2, 9] += 0.016 * front * bump
    return directions


def _end_stretch(joints: np.ndarray, ends: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Give by how much (24, 1, 10) each bone grows in each direction."""
    growth = np.zeros((24, 1, 10))
    for index in range(24):
        match = np.flatnonzero(np.abs(joints - ends[index]).sum(1) < 1e-12)
        if len(match):
            bone = ends[index] - joints[index]
            growth[index, 0] = bone @ (moves[match[0]] - moves[index]) / (bone @ bone)
    leaves = [JOINT[f'{s}_{j}'] for s in ('left', 'right') for j in ('hand', 'foot')]
    growth[[*leaves, JOINT['head']], 0, 0] = 0.038
    growth[JOINT['head'], 0, 7] = 0.035
    return growth


def pose_correctives(weights: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Give SMPL's pose blend shapes: the skin that skinning squeezes is pushed out again.

    The feature of a joint is its rotation matrix less the identity. Its trace goes with
    the bend, and the push with the band in which parent and joint share the skin.

    Args:
        weights (np.ndarray): Skinning weights (N, 24).
        normals (np.ndarray): Outward normals (N, 3).

    Returns:
        np.ndarray: Directions (N, 3, 207) in metres.
    """
    band = 4 * weights[:, 1:] * weights[:, PARENTS[1:]]
    push = -0.004 * band[:, None, :, None] * normals[:, :, None, None]
    diagonal = np.eye(3).reshape(9)
    return (push * diagonal).reshape(len(weights), 3, 207)
