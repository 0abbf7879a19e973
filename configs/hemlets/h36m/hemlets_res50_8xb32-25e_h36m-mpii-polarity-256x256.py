# HEMlets Pose on Human3.6M and MPII, of whose parts the polarity is annotated.
_base_ = [
    '../_base_/schedule_25e.py',
    '../_base_/hemlets_res50_256x256.py',
    '../../_base_/datasets/hemlets_h36m_mpii_polarity.py',
]

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
visualizer = dict(type='HEMletsVisualizer', codec=_base_.codec)
