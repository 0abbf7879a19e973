"""The 13 joints of DHP19 in its order (Calabrese et al., CVPR Workshops 2019)."""

NAMES = (
    *('head', 'right_shoulder', 'left_shoulder', 'right_elbow', 'left_elbow'),
    *('right_hip', 'left_hip', 'right_hand', 'left_hand'),
    *('right_knee', 'left_knee', 'right_foot', 'left_foot'),
)
NUM_JOINTS = 13
# Joint that each joint becomes in a mirrored image.
FLIP_INDICES = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)
# SMPL's joint that is nearest to each: hands are SMPL's wrists, feet its ankles.
FROM_SMPL24 = (15, 17, 16, 19, 18, 2, 1, 21, 20, 5, 4, 8, 7)
# (parent, child), out from the hips.
_BONES = (
    *((5, 6), (5, 1), (6, 2), (1, 2), (1, 0), (2, 0), (1, 3), (3, 7)),
    *((2, 4), (4, 8), (5, 9), (9, 11), (6, 10), (10, 12)),
)
_COLORS = {'right': [255, 128, 0], 'left': [0, 200, 60]}
_MIDDLE = [51, 153, 255]


def _color(name: str) -> list[int]:
    return _COLORS.get(name.split('_')[0], _MIDDLE)


# What MMPose calls the meta information of a dataset.
METAINFO = dict(
    dataset_name='dhp19',
    paper_info=dict(
        author='Calabrese, Enrico and Taverni, Gemma and Awai Easthope, Christopher and Skriabine, '
        'Sophie and Corradi, Federico and Longinotti, Luca and Eng, Kynan and Delbruck, Tobi',
        title='DHP19: Dynamic Vision Sensor 3D Human Pose Dataset',
        container='CVPR Workshops',
        year='2019',
        homepage='https://sites.google.com/view/dhp19',
    ),
    keypoint_info={
        i: dict(
            name=name,
            id=i,
            color=_color(name),
            type='lower' if name.split('_')[-1] in ('hip', 'knee', 'foot') else 'upper',
            swap='' if FLIP_INDICES[i] == i else NAMES[FLIP_INDICES[i]],
        )
        for i, name in enumerate(NAMES)
    },
    skeleton_info={
        i: dict(link=(NAMES[parent], NAMES[child]), id=i, color=_color(NAMES[child]))
        for i, (parent, child) in enumerate(_BONES)
    },
    joint_weights=[1.0] * NUM_JOINTS,
    sigmas=[],
)
