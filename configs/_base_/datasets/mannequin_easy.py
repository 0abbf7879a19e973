# Single mannequins, upright and seen from the front, in 256x256 images with COCO's
# keypoints: what a small network learns in minutes. Made by
#   python tools/dataset_converters/make_mannequin.py single --easy --out data/mannequin_easy
data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'StrictCocoDataset'
data_root = 'data/mannequin_easy/'

# From here each config goes on with the affine crop to its own input size.
train_transforms = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, rotate_prob=0, scale_factor=(0.9, 1.1)),
]
val_transforms = [dict(type='StrictLoadImage'), dict(type='GetBBoxCenterScale')]

# One loading process beside the one that trains: right for two cores.
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='images/train/')))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True))

test_dataloader = val_dataloader

val_evaluator = dict(
    type='CocoMetric', ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator
