# HEMlets PoSh on Human3.6M, first stage: a frozen HEMlets net.
_base_ = ['../_base_/posh-frozen_res50_256x256.py', '../../_base_/datasets/posh_h36m.py']

train_pipeline = [
    *_base_.train_transforms,
    dict(type='TopdownAffine', input_size=_base_.codec.input_size),
    *_base_.color_augmentation,
    dict(type='GenerateTarget', encoder=_base_.codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=_base_.codec.input_size),
    dict(type='Pack3DPoseInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='SMPLMetric', body_model=_base_.body_model)
test_evaluator = val_evaluator
visualizer = dict(type='MeshVisualizer', codec=_base_.codec, body_model=_base_.body_model)
