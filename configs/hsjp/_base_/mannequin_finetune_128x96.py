# Keypoints of mannequins on the pretrained trunk: data and schedule. The numbers are ours.
_base_ = ['../../_base_/default_runtime.py', '../../_base_/datasets/mannequin_easy.py']

train_cfg = dict(by_epoch=False, max_iters=400, val_interval=80)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', milestones=[300, 370], gamma=0.1, by_epoch=False),
]
default_hooks = dict(
    logger=dict(interval=40, log_metric_by_epoch=False),
    checkpoint=dict(
        interval=400, by_epoch=False, max_keep_ckpts=1, save_best='coco/AP', rule='greater'))
log_processor = dict(by_epoch=False)

# For training from scratch: --cfg-options model.backbone.init_cfg=None
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=18,
        stem_channels=32,
        base_channels=32,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/hsjp_res18-half_1xb32-1200_mannequin-128x96/hsjp_backbone.pth')),
    test_cfg=dict(flip_test=True))

# Full batches even of a handful of people:
# --cfg-options train_dataloader.dataset.indices=20 for the first 20.
train_dataloader = dict(sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True))
