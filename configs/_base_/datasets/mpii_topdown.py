# MPII Human Pose, one person at a time, in the folders MMPose wants:
# https://mmpose.readthedocs.io/en/latest/dataset_zoo/2d_body_keypoint.html#mpii
data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'StrictMpiiDataset'
data_root = 'data/mpii/'

# From here each config goes on with the affine crop to its own input size.
val_transforms = [dict(type='StrictLoadImage'), dict(type='GetBBoxCenterScale')]

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictMpiiDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_train.json',
        data_prefix=dict(img='images/')))
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='StrictMpiiDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_val.json',
        headbox_file=data_root + 'annotations/mpii_gt_val.mat',
        data_prefix=dict(img='images/'),
        test_mode=True))
test_dataloader = val_dataloader

# PCKh at .5 and at .1 of the head size.
val_evaluator = dict(type='MpiiPCKAccuracy')
test_evaluator = val_evaluator
