"""The 24 joints of SMPL, in its order (Loper et al., SIGGRAPH Asia 2015)."""

NUM_JOINTS = 24
# Whose body a model file is.
GENDERS = ('male', 'female', 'neutral')
# Joint that each joint becomes in a mirrored image.
FLIP_INDICES = (
    *(0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10),
    *(12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22),
)
