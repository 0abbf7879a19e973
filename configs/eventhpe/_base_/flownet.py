# Stage 1 of EventHPE: optical flow from events, learnt from the gray frames. Numbers are those of
# the authors' code, except where a comment says otherwise.
_base_ = ['../../_base_/default_runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='StepLR', step_size=3, gamma=0.1, by_epoch=True)]

model = dict(
    type='EventFlowEstimator',
    data_preprocessor=dict(type='EventDataPreprocessor'),
    # The authors divide the flow of a window by its length, which looks unintended:
    # dt_mode='divide' does that, and the photometric loss's legacy=True warps half a pixel off.
    flow_net=dict(type='EventFlowNet', in_channels=8, base_channels=32),
    photometric=dict(type='FlowPhotometricLoss'),
    smoothness=dict(type='FlowSmoothnessLoss', loss_weight=0.5))

train_pipeline = [
    dict(type='SampleEventInterval', max_blocks=4, max_events=60000),
    dict(type='LoadEventFrames', channels=8),
    dict(type='LoadGrayFrames'),
    dict(type='EventShiftScaleRotate', shift=0.2, scale=0.3, rotate=20),
    dict(type='PackEventInputs'),
]
val_pipeline = [
    dict(type='SampleEventInterval'),
    dict(type='LoadEventFrames', channels=8),
    dict(type='LoadGrayFrames'),
    dict(type='PackEventInputs'),
]
val_evaluator = dict(type='FlowPhotometricMetric')
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(save_best='flow/photometric', rule='less', max_keep_ckpts=1),
    visualization=dict(type='EventVisualizationHook', enable=False))
