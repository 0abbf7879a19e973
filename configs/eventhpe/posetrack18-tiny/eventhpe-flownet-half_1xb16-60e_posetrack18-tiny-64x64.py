# Stage 1 of EventHPE on events of a real video: the five frames of MMPose's PoseTrack18 test data,
# turned into events by the simulator, in random squares. Made by
#   python tools/dataset_converters/video_events.py VIDEO.mp4 --out data/posetrack18_events \
#       --name train --crops 40 --crop-size 320
#   python tools/dataset_converters/video_events.py VIDEO.mp4 --out data/posetrack18_events \
#       --name test --split test --crops 10 --crop-size 320 --seed 1
# There is no true flow: the gray frames are all that it is measured by.
_base_ = ['../mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py']

data_root = 'data/posetrack18_events/'
train_cfg = dict(max_epochs=60, val_interval=20)
param_scheduler = [dict(type='MultiStepLR', milestones=[40], gamma=0.3, by_epoch=True)]

train_dataloader = dict(dataset=dict(
    data_root=data_root, clip_stride=1, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(
    data_root=data_root, clip_stride=1, pipeline=_base_.train_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(_delete_=True, type='FlowPhotometricMetric')
test_evaluator = val_evaluator
default_hooks = dict(checkpoint=dict(interval=60, save_best='flow/photometric'))
