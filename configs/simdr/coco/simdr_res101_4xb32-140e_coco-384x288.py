# SimDR with ResNet-101 on COCO, 384x288 (height x width).
_base_ = ['../_base_/resnet_coco.py']

codec = dict(
    type='SimDRLabel',
    input_size=(288, 384),
    smoothing_type='index',
    simcc_split_ratio=2.0)

model = dict(
    backbone=dict(
        type='ResNet',
        depth=101,
        # What torchvision://... stands for, without having torchvision.
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet101-63fe2227.pth')),
    head=dict(
        type='SimDRHead',
        in_channels=2048,
        out_channels=17,
        input_size=codec['input_size'],
        in_featuremap_size=(9, 12),
        simcc_split_ratio=codec['simcc_split_ratio'],
        loss=dict(type='SimDRSmoothingLoss', label_smoothing=0.1, reduction='mean'),
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
val_evaluator = dict(keypoint_score_thr=0.01)
test_evaluator = val_evaluator
