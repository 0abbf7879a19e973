# Puzzles of COCO's people at 256x192 (height x width): data and schedule; grid and network are
# the config's. No schedule was published: this is the one that MMPose trains heatmaps with.
_base_ = ['./puzzle.py', '../../_base_/datasets/coco_topdown.py']

train_cfg = dict(max_epochs=210, val_interval=10)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(type='MultiStepLR', begin=0, end=210, milestones=[170, 200], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=512)

# That of the finetuning, but for RandomHalfBody, which looks at keypoints.
train_transforms = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform'),
]

# All people but crowds, with keypoints or without. Tested in their true boxes.
train_dataloader = dict(batch_size=64, dataset=dict(type='HSJPCocoDataset'))
val_dataloader = dict(dataset=dict(type='HSJPCocoDataset', bbox_file=None))
test_dataloader = val_dataloader
