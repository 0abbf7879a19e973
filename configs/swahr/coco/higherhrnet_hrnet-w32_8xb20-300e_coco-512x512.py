# HigherHRNet-W32 on COCO, 512x512, with SWAHR's schedule: what SWAHR is compared with.
_base_ = ['../_base_/hrnet-w32_512x512.py', '../../_base_/datasets/coco_bottomup.py']

codec = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(512, 512),
    heatmap_sizes=((128, 128), (256, 256)),
    sigma=2.0,
    # SWAHR's for W32, here for both; HigherHRNet's own is 0.1.
    decode_keypoint_thr=0.12)

model = dict(head=dict(num_keypoints=17, decoder=codec))

train_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='HigherHRNetRandomAffine', input_size=codec['input_size']),
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
train_dataloader = dict(batch_size=20, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=1))
