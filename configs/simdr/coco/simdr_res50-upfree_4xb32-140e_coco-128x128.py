# SimDR with ResNet-50 without upsampling on COCO, 128x128 (height x width).
_base_ = ['../_base_/resnet_coco.py']

codec = dict(
    type='SimDRLabel',
    input_size=(128, 128),
    smoothing_type='index',
    simcc_split_ratio=3.0)

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        # What torchvision://... stands for, without having torchvision.
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth')),
    head=dict(
        type='SimDRHead',
        in_channels=2048,
        out_channels=17,
        input_size=codec['input_size'],
        in_featuremap_size=(4, 4),
        simcc_split_ratio=codec['simcc_split_ratio'],
        deconv_out_channels=None,
        channels_per_keypoint=32,
        loss=dict(type='SimDRSmoothingLoss', label_smoothing=0.1, reduction='sum'),
        decoder=codec))

train_pipeline = [
    *_base_.train_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

# The authors' threshold: probabilities spread over the bins are low.
val_evaluator = dict(keypoint_score_thr=0.02)
test_evaluator = val_evaluator
