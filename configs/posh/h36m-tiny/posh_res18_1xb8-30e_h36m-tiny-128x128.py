# Four frames of Human3.6M with SMPL's parameters, learnt by heart: shows that the whole path, from a
# JPEG to a mesh, is right. Not a recipe to train with; the numbers are ours. The body is the
# mannequin, as SMPL's is its users' to get: what the module learns are the labelled parameters and
# the joints that the mannequin has with them, not the measured ones.
#
# MMPose ships the frames in tests/data:
#   export MMPOSE_EXT_REAL_DATA=path/to/mmpose/tests/data
#   python tools/dataset_converters/make_smpl_npz.py spin $MMPOSE_EXT_REAL_DATA/h36m/test_h36m.npz \
#       --body3d $MMPOSE_EXT_REAL_DATA/h36m/test_h36m_body3d.npz \
#       --cameras $MMPOSE_EXT_REAL_DATA/h36m/cameras.pkl --out data/h36m-tiny/smpl.npz
#   python tools/train.py THIS_FILE
_base_ = ['../../hemlets/_base_/mannequin_res18.py']

data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'SMPLImageDataset'
data_root = ''

train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=10)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', milestones=[22, 27], gamma=0.1, by_epoch=True),
]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(
        interval=10,
        max_keep_ckpts=1,
        save_best='smpl/PA-MPJPE',
        rule='less',
        save_optimizer=False))

codec = dict(
    type='PoShLabel', input_size=(128, 128), heatmap_size=(16, 16), depth_size=16, sigma=1.0)
body_model = dict(type='SMPLBody', model_path='mannequin')

model = dict(
    head=dict(
        _delete_=True,
        type='PoShHead',
        pose_head=dict(
            _base_.model.head,
            heatmap_size=(16, 16),
            depth_size=16,
            deconv_out_channels=(64, 64),
            decoder=codec),
        regressor=dict(conv_channels=(128, 128, 128), hidden_channels=256, dropout=0.0),
        joints_from_smpl=True,
        body_model=body_model,
        loss=dict(type='PoShLoss'),
        decoder=codec),
    # The frames are learnt as they are, not mirrored.
    test_cfg=dict(flip_test=False))

frames = dict(
    type='SMPLImageDataset',
    data_root=data_root,
    ann_file='data/h36m-tiny/smpl.npz',
    data_prefix=dict(img='{{$MMPOSE_EXT_REAL_DATA:data/real}}/h36m/'))
train_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='RandomBBoxTransform', shift_prob=0, rotate_prob=0, scale_factor=(0.95, 1.05)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='Pack3DPoseInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='RepeatDataset', times=80, dataset=dict(pipeline=train_pipeline, **frames)))
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(pipeline=val_pipeline, test_mode=True, **frames))
test_dataloader = val_dataloader
# The mannequin's joints at the labelled parameters, and beside them the measured ones.
val_evaluator = dict(type='SMPLMetric', body_model=body_model, truth='both')
test_evaluator = val_evaluator
visualizer = dict(type='MeshVisualizer', codec=codec, body_model=body_model)
