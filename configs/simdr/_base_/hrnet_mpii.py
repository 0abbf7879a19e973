# The authors' recipe for HRNet on MPII: data, augmentation, schedule, colours.
_base_ = ['adam_4xb32.py', '../../_base_/datasets/mpii_topdown.py']

# Their steps are 170 and 200, but their scheduler steps at the start of an epoch:
# the learning rate drops one epoch earlier.
train_cfg = dict(max_epochs=210)
param_scheduler = [dict(type='MultiStepLR', milestones=[169, 199], gamma=0.1, by_epoch=True)]
default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater'))

# They draw the rotation from N(0, 30 degrees) clipped to +-60, the scale from N(1, .25)
# clipped to 1 +-.25. RandomBBoxTransform draws N(0, 1) cut off at +-1 and stretches it
# to the bounds that it is given: the bounds are theirs, the shape between is MMPose's.
train_transforms = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal', prob=0.5),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        rotate_prob=0.6,
        rotate_factor=60,
        scale_factor=(0.75, 1.25)),
]

model = dict(
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True))
