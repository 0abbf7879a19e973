# SimDR on the trunk of hsjp_res18-half_1xb32-1200_mannequin-128x96.py.
_base_ = ['../_base_/mannequin_finetune_128x96.py']

codec = dict(type='SimDRLabel', input_size=(96, 128), simcc_split_ratio=2.0)

model = dict(
    head=dict(
        type='SimDRHead',
        in_channels=256,
        out_channels=17,
        input_size=codec['input_size'],
        in_featuremap_size=(3, 4),
        simcc_split_ratio=codec['simcc_split_ratio'],
        deconv_out_channels=(128, 128, 128),
        loss=dict(type='SimDRSmoothingLoss', label_smoothing=0.1),
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
# The published threshold: the probabilities of SimDR are low by design.
val_evaluator = dict(keypoint_score_thr=0.02)
test_evaluator = val_evaluator
