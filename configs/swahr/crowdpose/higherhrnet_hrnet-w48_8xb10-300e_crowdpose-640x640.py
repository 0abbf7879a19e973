# HigherHRNet-W48 on CrowdPose, 640x640, with SWAHR's schedule: what SWAHR is compared with.
_base_ = ['../_base_/hrnet-w48_640x640.py', '../../_base_/datasets/crowdpose_bottomup.py']

codec = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(640, 640),
    heatmap_sizes=((160, 160), (320, 320)),
    sigma=2.0,
    decode_keypoint_thr=0.1)

model = dict(head=dict(num_keypoints=14, decoder=codec))

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
train_dataloader = dict(batch_size=10, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
default_hooks = dict(checkpoint=dict(save_best='crowdpose/AP', rule='greater', max_keep_ckpts=1))
