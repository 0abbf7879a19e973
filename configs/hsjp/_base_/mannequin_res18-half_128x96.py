# Puzzles of mannequins: data, trunk, schedule; the grid is the config's. The trunk is that of
# ../../simdr/_base_/mannequin_res18-half.py. The numbers are ours, chosen for some minutes on
# one core.
_base_ = ['./puzzle.py', '../../_base_/datasets/mannequin_easy.py']

train_cfg = dict(by_epoch=False, max_iters=1200, val_interval=400)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='MultiStepLR', milestones=[900, 1100], gamma=0.1, by_epoch=False),
]
default_hooks = dict(
    logger=dict(interval=50, log_metric_by_epoch=False),
    checkpoint=dict(interval=400, by_epoch=False, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)

model = dict(
    backbone=dict(type='ResNet', depth=18, stem_channels=32, base_channels=32),
    head=dict(in_channels=256, deconv_out_channels=(128, 128, 128)))

train_dataloader = dict(
    sampler=dict(_delete_=True, type='InfiniteSampler', shuffle=True),
    dataset=dict(type='HSJPCocoDataset'))
val_dataloader = dict(dataset=dict(type='HSJPCocoDataset'))
test_dataloader = val_dataloader
