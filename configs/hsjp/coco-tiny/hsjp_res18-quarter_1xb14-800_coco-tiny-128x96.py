# Puzzles of the fourteen people in four photographs of COCO, learnt by heart: shows that the
# whole path is right. Not a recipe to train with. The numbers are ours.
#
# The folder holds coco/test_coco.json and its images; MMPose ships it as tests/data:
#   MMPOSE_EXT_REAL_DATA=path/to/mmpose/tests/data python tools/train.py THIS_FILE
_base_ = ['../_base_/puzzle.py']

data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'HSJPCocoDataset'
data_root = '{{$MMPOSE_EXT_REAL_DATA:data/real}}/coco/'

train_cfg = dict(by_epoch=False, max_iters=800, val_interval=200)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', milestones=[600, 740], gamma=0.1, by_epoch=False),
]
default_hooks = dict(
    logger=dict(interval=20, log_metric_by_epoch=False),
    checkpoint=dict(interval=200, by_epoch=False, max_keep_ckpts=1, save_optimizer=False))
log_processor = dict(by_epoch=False)

grid = (4, 3)  # rows, columns
codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1)

model = dict(
    backbone=dict(type='ResNet', depth=18, stem_channels=16, base_channels=16),
    head=dict(
        in_channels=128, out_channels=12, deconv_out_channels=(64, 64, 64), decoder=codec))

train_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_prob=0, scale_factor=(0.9, 1.1)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='HSJPShuffle', grid=grid),
    dict(type='GenerateTarget', encoder=codec),
    _base_.pack_puzzle,
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='HSJPShuffle', grid=grid, seed=0),
    _base_.pack_puzzle,
]
dataset = dict(
    type='HSJPCocoDataset',
    grid=grid,
    # The smallest box is 11 px wide.
    min_bbox_size=8,
    data_root=data_root,
    ann_file='test_coco.json',
    data_prefix=dict(img=''))
train_dataloader = dict(
    batch_size=14,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=14,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(**dataset, test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='HSJPAccuracy', grid=grid)
test_evaluator = val_evaluator
visualizer = dict(type='JigsawVisualizer', grid=grid)
