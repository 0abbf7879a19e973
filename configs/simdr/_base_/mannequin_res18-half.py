# What SimDR and its heatmap baseline share on mannequins: data, trunk, schedule.
# The numbers are ours, chosen for a laptop: ResNet-18 at half its width, deconvs of 128
# channels where the paper has 256, some 930 steps. Adam at 1e-3 is the paper's.
_base_ = ['../../_base_/default_runtime.py', '../../_base_/datasets/mannequin_easy.py']

train_cfg = dict(max_epochs=15, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[11, 14], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=31),
    checkpoint=dict(
        interval=5, max_keep_ckpts=1, save_best='coco/AP', rule='greater', save_optimizer=True))

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=32, base_channels=32),
    test_cfg=dict(flip_test=True))
