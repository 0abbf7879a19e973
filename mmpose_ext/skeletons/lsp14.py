"""The 14 joints of Leeds Sports Pose, which MMPose does not know."""

NAMES = (
    *('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle'),
    *('right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow'),
    *('left_wrist', 'neck', 'head_top'),
)
NUM_JOINTS = 14
# (parent, child), out from the neck.
_BONES = (
    *((12, 13), (12, 8), (8, 7), (7, 6), (12, 9), (9, 10), (10, 11)),
    *((8, 2), (2, 1), (1, 0), (9, 3), (3, 4), (4, 5)),
)
_COLORS = {'right': [255, 128, 0], 'left': [0, 200, 60]}
_MIDDLE = [51, 153, 255]


def _color(name: str) -> list[int]:
    return _COLORS.get(name.split('_')[0], _MIDDLE)


def _swap(name: str) -> str:
    side, _, rest = name.partition('_')
    return {'right': f'left_{rest}', 'left': f'right_{rest}'}.get(side, '')


# What MMPose calls the meta information of a dataset.
METAINFO = dict(
    dataset_name='lsp',
    paper_info=dict(
        author='Johnson, Sam and Everingham, Mark',
        title='Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation',
        container='British Machine Vision Conference',
        year='2010',
        homepage='http://sam.johnson.io/research/lsp.html',
    ),
    keypoint_info={
        i: dict(
            name=name,
            id=i,
            color=_color(name),
            type='lower' if i < 6 else 'upper',
            swap=_swap(name),
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
