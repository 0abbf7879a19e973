# First stage: the module learns on a HEMlets net that stays as it is. The net's checkpoint is set by
#   --cfg-options model.backbone.init_cfg.checkpoint=FILE model.head.pose_head.init_cfg.checkpoint=FILE
_base_ = ['./posh_res50_256x256.py', '../../_base_/default_runtime.py']

hemlets_checkpoint = 'work_dirs/hemlets_res50_8xb32-25e_h36m-mpii-256x256/epoch_25.pth'

model = dict(
    backbone=dict(
        frozen_stages=4,
        norm_eval=True,
        init_cfg=dict(
            _delete_=True, type='Pretrained', checkpoint=hemlets_checkpoint, prefix='backbone.')),
    head=dict(
        pose_head=dict(
            init_cfg=dict(type='Pretrained', checkpoint=hemlets_checkpoint, prefix='head.')),
        freeze_pose_head=True))

# The rate is HMR's in mmhuman3d; epochs and steps are our choice.
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2.5e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[15, 18], gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(base_batch_size=256)
default_hooks = dict(checkpoint=dict(save_best='smpl/PA-MPJPE', rule='less', max_keep_ckpts=1))
