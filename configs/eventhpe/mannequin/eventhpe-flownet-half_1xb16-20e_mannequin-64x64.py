# Stage 1 of EventHPE on mannequins, minutes on two cores. What is special is ours:
# motion of a pixel or two needs flow at the finest scale alone, of 8 px at most, and less smoothness;
# with the authors' weights the flow stays 0 at this size.
_base_ = ['../_base_/flownet.py', '../../_base_/datasets/event_mannequins.py']

train_cfg = dict(max_epochs=20, val_interval=5)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[10], gamma=0.3, by_epoch=True),
]
model = dict(
    flow_net=dict(base_channels=16, max_flow=8),
    photometric=dict(scale_weights=(0, 0, 0, 1)),
    smoothness=dict(loss_weight=0.1, scale_weights=(0, 0, 0, 1)))

pipeline = [
    dict(type='SampleEventInterval', max_blocks=1),
    dict(type='LoadEventFrames', channels=8),
    dict(type='LoadGrayFrames'),
    dict(type='LoadEventFlow', source='true'),
    dict(type='PackEventInputs'),
]
train_dataloader = dict(
    batch_size=16, dataset=dict(mode='flow', clip_stride=2, pipeline=pipeline))
val_dataloader = dict(
    batch_size=16, dataset=dict(mode='flow', clip_stride=2, pipeline=pipeline))
test_dataloader = val_dataloader

val_evaluator = [dict(type='FlowEPE'), dict(type='FlowPhotometricMetric')]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=20, save_best='flow/EPE-body'))
