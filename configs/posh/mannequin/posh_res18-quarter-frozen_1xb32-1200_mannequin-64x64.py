# What the claims bench trains: the module on a HEMlets net that stays as it is, that of
#   configs/hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py
# whose checkpoint is set by
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE model.head.pose_head.init_cfg.checkpoint=FILE
# Sizes and schedule are ours, as small as a dozen trainings on two cores ask for.
_base_ = ['../../hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py']

hemlets_checkpoint = 'work_dirs/hemlets_res18-quarter_1xb32-1800_mannequin-64x64/iter_1800.pth'
codec = dict(_base_.codec, type='PoShLabel')
body_model = dict(type='SMPLBody', model_path='mannequin-coarse')

model = dict(
    backbone=dict(
        frozen_stages=4,
        norm_eval=True,
        init_cfg=dict(type='Pretrained', checkpoint=hemlets_checkpoint, prefix='backbone.')),
    head=dict(
        _delete_=True,
        type='PoShHead',
        pose_head=dict(
            _base_.model.head,
            decoder=codec,
            init_cfg=dict(type='Pretrained', checkpoint=hemlets_checkpoint, prefix='head.')),
        freeze_pose_head=True,
        regressor=dict(conv_channels=(128, 128, 128), hidden_channels=256, dropout=0.0),
        body_model=body_model,
        loss=dict(type='PoShLoss'),
        decoder=codec))

train_cfg = dict(max_iters=1200, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[840, 1020], gamma=0.1, by_epoch=False),
]
default_hooks = dict(checkpoint=dict(interval=400, save_best='smpl/PVE'))

train_pipeline = [
    dict(step, encoder=codec) if 'encoder' in step else step for step in _base_.train_pipeline]
train_dataloader = dict(
    dataset=dict(smpl_file='annotations/smpl_train.npz', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(smpl_file='annotations/smpl_val.npz'))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='SMPLMetric', body_model=body_model)
test_evaluator = val_evaluator
visualizer = dict(
    _delete_=True,
    type='MeshVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    codec=codec,
    body_model=body_model)
