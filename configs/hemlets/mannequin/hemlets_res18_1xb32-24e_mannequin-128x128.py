# HEMlets Pose on mannequins, small enough for a laptop: what `make demo` trains. A quarter of
# ResNet-18's width, and maps of an eighth of the input: two deconvolutions, not three.
_base_ = ['../_base_/mannequin_res18.py', '../../_base_/datasets/hemlets_mannequin.py']

train_cfg = dict(by_epoch=True, max_epochs=24, val_interval=8)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[18, 22], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=62),
    checkpoint=dict(interval=8, max_keep_ckpts=1, save_best='MPJPE', rule='less'))

codec = dict(
    type='HEMletsLabel',
    input_size=(128, 128),
    heatmap_size=(16, 16),
    depth_size=16,
    # The paper's sigma of 2 in maps of a quarter of the width would be 0.5: too thin to draw.
    sigma=1.0)

model = dict(
    head=dict(
        heatmap_size=codec['heatmap_size'],
        depth_size=codec['depth_size'],
        deconv_out_channels=(64, 64),
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
    dict(type='Pack3DPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
visualizer = dict(type='HEMletsVisualizer', codec=codec)
