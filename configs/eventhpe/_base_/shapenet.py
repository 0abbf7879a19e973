# Stage 2 of EventHPE: pose and shape from events and the frozen flow of stage 1. Numbers are
# those of the authors' code, except where a comment says otherwise.
_base_ = ['../../_base_/default_runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.1, by_epoch=True)]

body_model = dict(type='SMPLBody', model_path='data/smpl/SMPL_MALE.pkl', joints='smpl24')
model = dict(
    type='EventHPE',
    data_preprocessor=dict(type='EventDataPreprocessor'),
    flow_net=dict(type='EventFlowNet', in_channels=8, base_channels=32),
    backbone=dict(type='ResNet', depth=50, in_channels=10, style='pytorch'),
    neck=dict(type='TemporalGRU', in_channels=2048, hidden_channels=2048),
    head=dict(
        type='ShapeVariationHead',
        in_channels=2048,
        body_model=body_model,
        loss=dict(
            type='EventPoseLoss',
            theta=10,
            tran=1,
            joints3d=1,
            joints2d=10,
            coherence=0.1,
            # Ours: a fresh head stands still, where the authors' cosine (1e-8) has a gradient of
            # 1e8 per px. Theirs begins with random rotations.
            coherence_loss=dict(min_motion=0.1))))

train_pipeline = [
    dict(type='SampleClipSteps'),
    dict(type='LoadEventFrames', channels=8),
    dict(type='LoadClipPoses'),
    dict(type='PackEventInputs'),
]
val_pipeline = train_pipeline  # nothing is drawn in test mode

val_evaluator = dict(type='MeshPoseMetric', body_model=body_model)
test_evaluator = val_evaluator
default_hooks = dict(
    checkpoint=dict(save_best='events/PEL-MPJPE', rule='less', max_keep_ckpts=1),
    visualization=dict(type='EventVisualizationHook', enable=False))
