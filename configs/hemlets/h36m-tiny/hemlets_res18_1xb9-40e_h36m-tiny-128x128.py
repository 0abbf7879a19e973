# Four frames of Human3.6M, learnt by heart, and five photographs of MPII as 2D samples beside
# them: shows that the whole path, from a JPEG to millimetres, is right. Not a recipe to train
# with. The numbers are ours.
#
# The folder holds h36m/ and mpii/; MMPose ships both in tests/data:
#   MMPOSE_EXT_REAL_DATA=path/to/mmpose/tests/data python tools/train.py THIS_FILE
_base_ = ['../_base_/mannequin_res18.py']

data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'Human36mImageDataset'
data_root = '{{$MMPOSE_EXT_REAL_DATA:data/real}}/'

train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', milestones=[28, 36], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(
        interval=10, max_keep_ckpts=1, save_best='MPJPE', rule='less', save_optimizer=False))

codec = dict(
    type='HEMletsLabel', input_size=(128, 128), heatmap_size=(32, 32), depth_size=32, sigma=1.0)
# Twice the width that mannequins get.
model = dict(
    backbone=dict(stem_channels=32, base_channels=32),
    head=dict(in_channels=256, heatmap_size=(32, 32), depth_size=32, decoder=codec))

h36m = dict(
    type='Human36mImageDataset',
    data_root=data_root + 'h36m',
    ann_file='test_h36m_body3d.npz',
    camera_param_file='cameras.pkl',
    data_prefix=dict(img=''))
h36m_crop = dict(type='GetBBoxCenterScale', padding=1.0)
mpii = dict(
    type='MpiiPolarityDataset',
    data_root=data_root + 'mpii',
    ann_file='test_mpii.json',
    data_prefix=dict(img=''),
    pipeline=[
        dict(type='Human36m18Converter', source='mpii'),
        dict(type='GetBBoxCenterScale', padding=1.25),
    ])
train_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, rotate_prob=0, scale_factor=(0.95, 1.05)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    h36m_crop,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='Pack3DPoseInputs'),
]
train_dataloader = dict(
    batch_size=9,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='MultiSourceSampler', batch_size=9, source_ratio=[4, 5]),
    dataset=dict(
        type='Human36m18CombinedDataset',
        datasets=[
            dict(type='RepeatDataset', times=40, dataset=dict(pipeline=[h36m_crop], **h36m)),
            dict(type='RepeatDataset', times=40, dataset=mpii),
        ],
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(pipeline=val_pipeline, test_mode=True, **h36m))
test_dataloader = val_dataloader
# With the true camera and the depth of the root: what is left is the network's own error.
val_evaluator = dict(type='VolumetricMPJPE', mode=['mpjpe', 'p-mpjpe'], restore='gt_root')
test_evaluator = val_evaluator
visualizer = dict(type='HEMletsVisualizer', codec=codec)
