# An ablation of ours: each patch is a random window of 48x48 pixels of its cell, stretched to the
# cell, so that lines running on over the border of two patches give less away.
_base_ = ['./hsjp_res50_8xb64-210e_coco-256x192.py']

shuffle = dict(type='HSJPShuffle', grid=_base_.grid, jitter=16)
train_pipeline = [
    *_base_.train_transforms,
    dict(type='TopdownAffine', input_size=_base_.codec.input_size),
    shuffle,
    dict(type='GenerateTarget', encoder=_base_.codec),
    _base_.pack_puzzle,
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=_base_.codec.input_size),
    dict(shuffle, seed=0),
    _base_.pack_puzzle,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
