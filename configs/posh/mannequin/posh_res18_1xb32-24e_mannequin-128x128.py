# HEMlets PoSh on mannequins, small enough for a laptop: HEMlets net and module learn together,
# from nothing.
_base_ = ['../../hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py']

codec = dict(_base_.codec, type='PoShLabel')
body_model = dict(type='SMPLBody', model_path='mannequin-coarse')

model = dict(
    head=dict(
        _delete_=True,
        type='PoShHead',
        pose_head=dict(_base_.model.head, decoder=codec),
        regressor=dict(conv_channels=(128, 128, 128), hidden_channels=256, dropout=0.0),
        body_model=body_model,
        loss=dict(type='PoShLoss'),
        decoder=codec))

train_pipeline = [
    dict(step, encoder=codec) if 'encoder' in step else step for step in _base_.train_pipeline]
train_dataloader = dict(
    dataset=dict(smpl_file='annotations/smpl_train.npz', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(smpl_file='annotations/smpl_val.npz'))
test_dataloader = val_dataloader

default_hooks = dict(checkpoint=dict(save_best='smpl/PVE'))
val_evaluator = dict(_delete_=True, type='SMPLMetric', body_model=body_model)
test_evaluator = val_evaluator
visualizer = dict(
    _delete_=True,
    type='MeshVisualizer',
    vis_backends=[dict(type='LocalVisBackend')],
    codec=codec,
    body_model=body_model)
