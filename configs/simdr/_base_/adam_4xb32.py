# What all of the authors' SimDR experiments share: Adam without weight decay or
# warm-up, 32 people on each of 4 GPUs, and tests on the image and its mirror image.
_base_ = ['../../_base_/default_runtime.py']

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
auto_scale_lr = dict(base_batch_size=128)

# MMPose's habit; the authors validate after every epoch.
train_cfg = dict(val_interval=10)

model = dict(type='TopdownPoseEstimator', test_cfg=dict(flip_test=True))
