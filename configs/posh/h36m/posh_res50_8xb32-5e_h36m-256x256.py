# HEMlets PoSh on Human3.6M, second stage: module and HEMlets net together, from the first stage's
# checkpoint, with the losses of both.
_base_ = ['./posh_res50-frozen_8xb32-20e_h36m-256x256.py']

load_from = 'work_dirs/posh_res50-frozen_8xb32-20e_h36m-256x256/epoch_20.pth'

model = dict(
    backbone=dict(frozen_stages=-1, norm_eval=False, init_cfg=None),
    head=dict(
        pose_head=dict(init_cfg=None),
        freeze_pose_head=False))

# Our choice of epochs.
train_cfg = dict(max_epochs=5)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[4], gamma=0.1, by_epoch=True)]

# The HEMlets net beside the body, to see whether it stays as good as it was.
val_evaluator = [
    dict(type='SMPLMetric', body_model=_base_.body_model),
    dict(type='VolumetricMPJPE', mode=['mpjpe', 'p-mpjpe']),
]
test_evaluator = val_evaluator
