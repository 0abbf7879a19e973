# HEMlets Pose on a thousand mannequins with 3D labels: an arm of configs/claims/hemlets.py.
_base_ = ['../_base_/mannequin_res18-quarter_64x64.py']

train_pipeline = [dict(type='StrictLoadImage'), _base_.mannequin_crop, *_base_.train_pipeline]
train_dataloader = dict(dataset=dict(indices=1000, pipeline=train_pipeline))
