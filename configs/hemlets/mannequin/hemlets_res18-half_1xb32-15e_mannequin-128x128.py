# HEMlets Pose on mannequins, small enough for a laptop: what `make demo` trains.
_base_ = ['../_base_/mannequin_res18.py', '../../_base_/datasets/hemlets_mannequin.py']

train_cfg = dict(by_epoch=True, max_epochs=15, val_interval=5)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[11, 14], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=31),
    checkpoint=dict(interval=5, max_keep_ckpts=1, save_best='MPJPE', rule='less'))

codec = dict(
    type='HEMletsLabel',
    input_size=(128, 128),
    heatmap_size=(32, 32),
    depth_size=32,
    # The paper's maps are twice as wide; sigma stays the same part of the person.
    sigma=1.0)

model = dict(head=dict(heatmap_size=(32, 32), depth_size=32, decoder=codec))

train_pipeline = [
    *_base_.train_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    _base_.pack_inputs,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
