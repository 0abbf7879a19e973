# The authors' recipe for ResNets on COCO: data, augmentation, schedule, colours.
_base_ = ['adam_4xb32.py', '../../_base_/datasets/coco_topdown.py']

# Their steps are 90 and 120, but their scheduler steps at the start of an epoch:
# the learning rate drops one epoch earlier.
train_cfg = dict(max_epochs=140)
param_scheduler = [dict(type='MultiStepLR', milestones=[89, 119], gamma=0.1, by_epoch=True)]
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater'))

# They draw the rotation from N(0, 40 degrees) clipped to +-80, the scale from N(1, .3)
# clipped to 1 +-.3. RandomBBoxTransform draws N(0, 1) cut off at +-1 and stretches it
# to the bounds that it is given: the bounds are theirs, the shape between is MMPose's.
train_transforms = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal', prob=0.5),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        rotate_prob=0.6,
        rotate_factor=80,
        scale_factor=(0.7, 1.3)),
]

# BGR images with the mean and deviation of RGB: the authors' ResNets were trained so.
model = dict(
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=False))
