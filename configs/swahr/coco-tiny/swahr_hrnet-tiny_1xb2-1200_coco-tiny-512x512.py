# Four photographs of COCO with twelve people, learnt by heart: shows that the whole path, from
# a JPEG to an AP, is right. Not a recipe to train with. The numbers are ours.
#
# The folder holds coco/test_coco.json and its images; MMPose ships it as tests/data:
#   MMPOSE_EXT_REAL_DATA=path/to/mmpose/tests/data python tools/train.py THIS_FILE
_base_ = [
    '../_base_/higherhrnet.py',
    '../../_base_/default_runtime.py',
    '../../_base_/backbones/hrnet-tiny.py',
]

data_mode = 'bottomup'  # for MMPoseInferencer
data_root = '{{$MMPOSE_EXT_REAL_DATA:data/real}}/coco/'

randomness = dict(seed=0)
train_cfg = dict(by_epoch=False, max_iters=1200, val_interval=300)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [dict(type='SWAHRLR', warmup=20, end=1200, by_epoch=False)]
default_hooks = dict(
    logger=dict(interval=20, log_metric_by_epoch=False),
    checkpoint=dict(
        interval=300,
        by_epoch=False,
        max_keep_ckpts=1,
        save_best='coco/AP',
        rule='greater',
        save_optimizer=False))
log_processor = dict(by_epoch=False)

codec = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(512, 512),
    heatmap_sizes=((128, 128), (256, 256)),
    sigma=2.0)

model = dict(
    backbone=_base_.backbone,
    head=dict(
        type='SWAHRHead',
        in_channels=16,
        num_keypoints=17,
        deconv_out_channels=(16, ),
        num_blocks=1,
        heatmap_loss=dict(weight_adaptive=True),
        decoder=codec))

train_pipeline = [
    dict(type='StrictLoadImage'),
    # Whole photographs, in much the size in which they are tested: there is little to learn from.
    dict(
        type='HigherHRNetRandomAffine',
        input_size=codec['input_size'],
        rotate_factor=0,
        scale_factor=(1.45, 1.65),
        shift_factor=0),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='CrowdHeatmapMask'),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='HigherHRNetResize', input_size=320),
    dict(type='PackBottomupInputs'),
]
dataset = dict(
    type='StrictCocoDataset',
    data_root=data_root,
    data_mode='bottomup',
    ann_file='test_coco.json',
    data_prefix=dict(img=''))
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='RepeatDataset', times=40, dataset=dict(**dataset, pipeline=train_pipeline)))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(**dataset, test_mode=True, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    type='CocoMetric',
    ann_file=data_root + 'test_coco.json',
    nms_mode='none',
    score_mode='bbox')
test_evaluator = val_evaluator
