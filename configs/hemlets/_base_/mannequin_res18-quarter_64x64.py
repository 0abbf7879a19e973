# The networks of the claims bench: as small as 27 trainings on two cores ask for.
_base_ = ['./mannequin_res18.py', '../../_base_/datasets/hemlets_mannequin.py']

train_cfg = dict(by_epoch=False, max_iters=1800, val_interval=600)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[1260, 1530], gamma=0.1, by_epoch=False),
]
default_hooks = dict(
    logger=dict(interval=100, log_metric_by_epoch=False),
    checkpoint=dict(
        interval=600, by_epoch=False, max_keep_ckpts=1, save_best='MPJPE', rule='less'))
log_processor = dict(by_epoch=False)

codec = dict(
    type='HEMletsLabel',
    input_size=(64, 64),
    heatmap_size=(16, 16),
    depth_size=16,
    # The paper's sigma of 2 in maps of a quarter of the width would be 0.5: too thin to draw.
    sigma=1.0)

model = dict(
    head=dict(
        heatmap_size=codec['heatmap_size'],
        depth_size=codec['depth_size'],
        deconv_out_channels=(32, 32, 32),
        tail_channels=64,
        decoder=codec))

train_pipeline = [
    *_base_.augmentation,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='Pack3DPoseInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
visualizer = dict(type='HEMletsVisualizer', codec=codec)
