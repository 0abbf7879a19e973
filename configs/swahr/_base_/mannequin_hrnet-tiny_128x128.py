# HigherHRNet for crowds of mannequins: what the four arms of the claim share. The numbers are
# ours, chosen for 1600 steps in ten to twenty minutes on one core.
_base_ = [
    './higherhrnet.py',
    '../../_base_/default_runtime.py',
    '../../_base_/backbones/hrnet-tiny.py',
    '../../_base_/datasets/mannequin_crowd.py',
]

train_cfg = dict(by_epoch=False, max_iters=1600, val_interval=800)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [dict(type='SWAHRLR', warmup=100, end=1600, by_epoch=False)]
default_hooks = dict(
    logger=dict(interval=100, log_metric_by_epoch=False),
    checkpoint=dict(
        interval=800, by_epoch=False, max_keep_ckpts=1, save_best='coco/AP', rule='greater'))
log_processor = dict(by_epoch=False)

codec = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(128, 128),
    heatmap_sizes=((32, 32), (64, 64)),
    # The paper's sigma of 2 would be 8 px in this input, where half of the people are less
    # than 35 px tall: it would melt most of their joints together at the lower level.
    sigma=1.0)

model = dict(
    backbone=_base_.backbone,
    head=dict(
        in_channels=16,
        num_keypoints=17,
        deconv_out_channels=(16, ),
        num_blocks=1,
        decoder=codec))

train_pipeline = [
    dict(type='StrictLoadImage'),
    # Half of the published rotation, and less of the published change of scale.
    dict(
        type='HigherHRNetRandomAffine',
        input_size=codec['input_size'],
        rotate_factor=15,
        scale_factor=(0.75, 1.25)),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='CrowdHeatmapMask'),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='HigherHRNetResize', input_size=codec['input_size']),
    dict(type='PackBottomupInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
