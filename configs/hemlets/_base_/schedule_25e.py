# How HEMlets was trained is not published. This is the recipe of 3DMPPE_POSENET (ICCV 2019, MIT),
# which is for the same task and the same data; the losses and their weights are the paper's.
_base_ = ['../../_base_/default_runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=25, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[17, 21], gamma=0.1, by_epoch=True)]
# Our choice: the authors' machine is not known.
auto_scale_lr = dict(base_batch_size=256)
default_hooks = dict(checkpoint=dict(save_best='MPJPE', rule='less', max_keep_ckpts=1))
