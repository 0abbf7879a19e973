"""The 18 joints of HEMlets Pose: the 17 of Human3.6M and the thorax.

The order of the first 17 is that of MMPose's ``Human36mDataset``, whose *names* are shifted:
what MMPose calls 'thorax' (8) is the neck here, its 'neck_base' (9) the nose. Map by index,
never by name. The order, the flip pairs and the number of parts are those of the authors'
inference code; the sources of the rest stand beside them.
"""

from collections.abc import Sequence

NAMES = (
    *('pelvis', 'right_hip', 'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle'),
    *('spine', 'neck', 'nose', 'head_top', 'left_shoulder', 'left_elbow', 'left_wrist'),
    *('right_shoulder', 'right_elbow', 'right_wrist', 'thorax'),
)
NUM_JOINTS = 18
# Human3.6M's own joints, the ones that are evaluated.
NUM_EVALUATED = 17
PELVIS, NECK, LEFT_SHOULDER, RIGHT_SHOULDER, THORAX = 0, 8, 11, 14, 17

FLIP_PAIRS = ((1, 4), (2, 5), (3, 6), (14, 11), (15, 12), (16, 13))
# Joint that each joint becomes in a mirrored image.
FLIP_INDICES = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13, 17)
# Parent of each joint, the pelvis being its own (Integral Human Pose, MIT licence).
PARENTS = (0, 0, 1, 2, 0, 4, 5, 0, 17, 17, 8, 17, 11, 12, 17, 14, 15, 0)

# The 14 parts as (parent, child). The paper does not list them: ours are the bones that 2D
# datasets can label too, with the thorax as their centre.
PARTS = (
    *((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 17)),
    *((17, 10), (17, 11), (11, 12), (12, 13), (17, 14), (14, 15), (15, 16)),
)

# Where each joint comes from in other skeletons, -1 where it has no counterpart. MPII and COCO
# as in Integral Human Pose; LSP is ours.
FROM_MPII = (6, 2, 1, 0, 3, 4, 5, -1, 8, -1, 9, 13, 14, 15, 12, 11, 10, 7)
FROM_COCO = (-1, 12, 14, 16, 11, 13, 15, -1, -1, 0, -1, 5, 7, 9, 6, 8, 10, -1)
FROM_LSP = (-1, 2, 1, 0, 3, 4, 5, -1, 12, -1, 13, 9, 10, 11, 8, 7, 6, -1)
# The 24 joints of SPIN's npz files: LSP's 14, then pelvis, thorax, spine, jaw, head, nose, eyes
# and ears. Where jaw and head of Human3.6M are not labelled, nose and head top of 2D datasets are.
FROM_SPIN_24 = (14, 2, 1, 0, 3, 4, 5, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6, -1)
FROM_SPIN_24_ELSE = (14, 2, 1, 0, 3, 4, 5, 16, 12, 19, 13, 9, 10, 11, 8, 7, 6, -1)
# OpenPose's 18, as 3DPW has them; its neck is the mean of the shoulders.
FROM_OPENPOSE_18 = (-1, 8, 9, 10, 11, 12, 13, -1, -1, 0, -1, 5, 6, 7, 2, 3, 4, 1)
# Human3.6M's 32 joints: these are the first 17 here.
FROM_H36M_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)

# Joints that are the mean of two others, for skeletons that lack them (thorax: the authors'
# definition; pelvis: ours).
MEANS = {PELVIS: (1, 4), THORAX: (LEFT_SHOULDER, RIGHT_SHOULDER)}

_SIDE_COLORS = {'right': (255, 128, 0), 'left': (0, 200, 60), '': (51, 153, 255)}


def keypoint_mapping(source: Sequence[int]) -> list[tuple[int | tuple[int, int], int]]:
    """Write a table of sources as the ``mapping`` of MMPose's ``KeypointConverter``.

    Pelvis and thorax become means of hips and shoulders where the source lacks them.

    Args:
        source (Sequence[int]): For each of the 18 joints its index in the other skeleton or -1,
            such as ``FROM_MPII``.

    Returns:
        list[tuple]: (source index, or two to be averaged; index here) of each joint that the
        source gives.

    Raises:
        ValueError: If there are not 18 entries.
    """
    if len(source) != NUM_JOINTS:
        raise ValueError(f'expected {NUM_JOINTS} source indices, got {len(source)}')
    mapping: list[tuple[int | tuple[int, int], int]] = []
    for target, index in enumerate(source):
        if index >= 0:
            mapping.append((index, target))
        elif target in MEANS:
            first, second = MEANS[target]
            mapping.append(((source[first], source[second]), target))
    return mapping


def _side(name: str) -> str:
    side = name.split('_')[0]
    return side if side in ('left', 'right') else ''


def _keypoint_info() -> dict:
    swap = {a: b for pair in FLIP_PAIRS for a, b in (pair, pair[::-1])}
    upper = set(range(7, NUM_JOINTS))
    return {
        i: dict(
            name=name,
            id=i,
            color=list(_SIDE_COLORS[_side(name)]),
            type='upper' if i in upper else 'lower',
            swap=NAMES[swap[i]] if i in swap else '',
        )
        for i, name in enumerate(NAMES)
    }


def _skeleton_info() -> dict:
    bones = [(parent, child) for child, parent in enumerate(PARENTS) if child != parent]
    return {
        i: dict(
            link=(NAMES[parent], NAMES[child]),
            id=i,
            color=list(_SIDE_COLORS[_side(NAMES[child])]),
        )
        for i, (parent, child) in enumerate(bones)
    }


# What MMPose calls the meta information of a dataset.
METAINFO = dict(
    dataset_name='h36m18',
    paper_info=dict(
        author='Ionescu, Catalin and Papava, Dragos and Olaru, Vlad and Sminchisescu, Cristian',
        title='Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human Sensing in '
        'Natural Environments',
        container='IEEE Transactions on Pattern Analysis and Machine Intelligence',
        year='2014',
        homepage='http://vision.imar.ro/human3.6m/description.php',
    ),
    keypoint_info=_keypoint_info(),
    skeleton_info=_skeleton_info(),
    joint_weights=[1.0] * NUM_JOINTS,
    sigmas=[],
)
