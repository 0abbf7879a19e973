# Stage 1 of EventHPE on mannequins, minutes on two cores. What is special is ours:
# motion of a pixel or two is not seen at the coarse scales, 8 to 32 px wide: flow is learnt at the
# finest alone, of 8 px at most, with less smoothness.
_base_ = ['../_base_/flownet.py', '../../_base_/datasets/event_mannequins.py']

train_cfg = dict(max_epochs=20, val_interval=5)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[10], gamma=0.3, by_epoch=True),
]
model = dict(
    flow_net=dict(base_channels=16, max_flow=8),
    photometric=dict(scale_weights=(0, 0, 0, 1)),
    smoothness=dict(loss_weight=0.1, scale_weights=(0, 0, 0, 1)))

train_pipeline = [
    dict(type='SampleEventInterval', max_blocks=1),
    dict(type='LoadEventFrames', channels=8),
    dict(type='LoadGrayFrames'),
    dict(type='PackEventInputs'),
]
val_pipeline = [*train_pipeline[:-1], dict(type='LoadEventFlow', source='true'), train_pipeline[-1]]
train_dataloader = dict(
    batch_size=16, dataset=dict(mode='flow', clip_stride=2, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=16, dataset=dict(mode='flow', clip_stride=2, pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = [dict(type='FlowEPE'), dict(type='FlowPhotometricMetric')]
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=20, save_best='flow/EPE-body'))
