# A person detector for crowds of mannequins that a laptop trains in minutes: RTMDet-tiny at a
# third of its width, on images of 192 instead of 640 pixels. The numbers are ours. The images
# are made by
#   python tools/dataset_converters/make_mannequin.py crowd --easy --people 1 5 --size 192 \
#       --out data/mannequin_crowd_easy
_base_ = ['mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py']

# Registers this package's modules and mends what current torch breaks.
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)

data_root = 'data/mannequin_crowd_easy/'
size = (192, 192)
max_epochs = 6
base_lr = 2e-3

checkpoint = None  # nothing is fetched: the backbone starts from random weights
norm_cfg = dict(type='BN')
model = dict(
    backbone=dict(widen_factor=0.125, norm_cfg=norm_cfg, init_cfg=None),
    neck=dict(in_channels=[32, 64, 128], out_channels=32, norm_cfg=norm_cfg),
    bbox_head=dict(num_classes=1, in_channels=32, feat_channels=32, norm_cfg=norm_cfg),
    # Boxes of a short training are loose: at RTMDet's own threshold of 0.65 several stay for one
    # person, and people of these crowds do not overlap.
    test_cfg=dict(nms_pre=1000, nms=dict(iou_threshold=0.5), max_per_img=100))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=size, ratio_range=(0.75, 1.33), keep_ratio=True),
    dict(type='RandomCrop', crop_size=size),
    dict(type='YOLOXHSVRandomAug'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Pad', size=size, pad_val=dict(img=(114, 114, 114))),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=size, keep_ratio=True),
    dict(type='Pad', size=size, pad_val=dict(img=(114, 114, 114))),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]

people = dict(data_root=data_root, metainfo=dict(classes=('person', )))
# One loading process beside the one that trains: right for two cores.
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    pin_memory=False,
    drop_last=True,
    dataset=dict(
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='images/train/'),
        pipeline=train_pipeline,
        **people))
val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    dataset=dict(
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        pipeline=test_pipeline,
        **people))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/person_keypoints_val.json')
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=max_epochs, val_interval=3, dynamic_intervals=None)
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=base_lr * 0.02,
        begin=0,
        end=max_epochs,
        T_max=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True),
]
# No moving average of the weights, which would lag behind so short a training.
custom_hooks = []
default_hooks = dict(
    logger=dict(interval=25),
    checkpoint=dict(interval=3, max_keep_ckpts=1, save_best='coco/bbox_mAP', rule='greater'),
    # A checkpoint of another architecture ends the run; MMEngine would warn and go on.
    checkpoint_fit=dict(type='mmpose.CheckpointFitHook'),
    # As in configs/_base_/default_runtime.py.
    progress_bar=dict(type='mmpose.ProgressBarHook'),
    curves=dict(type='mmpose.CurvesHook'))
