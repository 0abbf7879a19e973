# Twelve people in four photographs of COCO, learnt by heart: shows that the whole path,
# from a JPEG to an AP, is right. Not a recipe to train with. The numbers are ours.
#
# The folder holds coco/test_coco.json and its images; MMPose ships it as tests/data:
#   MMPOSE_EXT_REAL_DATA=path/to/mmpose/tests/data python tools/train.py THIS_FILE
_base_ = ['../../_base_/default_runtime.py']

data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'StrictCocoDataset'
data_root = '{{$MMPOSE_EXT_REAL_DATA:data/real}}/coco/'

train_cfg = dict(max_epochs=20, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', milestones=[14, 18], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(
        interval=10, max_keep_ckpts=1, save_best='coco/AP', rule='greater', save_optimizer=False))

codec = dict(type='SimDRLabel', input_size=(96, 128), simcc_split_ratio=2.0)

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18),
    head=dict(
        type='SimDRHead',
        in_channels=512,
        out_channels=17,
        input_size=codec['input_size'],
        in_featuremap_size=(3, 4),
        simcc_split_ratio=codec['simcc_split_ratio'],
        loss=dict(type='SimDRSmoothingLoss', label_smoothing=0.1),
        decoder=codec),
    test_cfg=dict(flip_test=True))

train_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_prob=0, scale_factor=(0.9, 1.1)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
dataset = dict(
    type='StrictCocoDataset',
    data_root=data_root,
    data_mode='topdown',
    ann_file='test_coco.json',
    data_prefix=dict(img=''))
train_dataloader = dict(
    batch_size=12,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=20, dataset=dict(**dataset, pipeline=train_pipeline)))
val_dataloader = dict(
    batch_size=12,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(**dataset, test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='CocoMetric', ann_file=data_root + 'test_coco.json', keypoint_score_thr=0.02)
test_evaluator = val_evaluator
