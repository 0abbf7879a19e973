# HigherHRNet-W48 at 640x640 as SWAHR's authors train it, without SWAHR and without data.
_base_ = [
    './higherhrnet.py',
    './schedule_300e.py',
    '../../_base_/backbones/hrnet-w48.py',
]

# The authors' file says 1.2e-4, which their code multiplies by WORLD_SIZE, a constant 8 of the
# same file: this rate is for 10 images on each of 8 GPUs, and they train at it on fewer too.
# With another number of images pass --auto-scale-lr to tools/train.py.
optim_wrapper = dict(optimizer=dict(type='Adam', lr=9.6e-4))
auto_scale_lr = dict(base_batch_size=80)

# Across GPUs, as published; without distributed training these stay ordinary.
sync_bn = 'torch'

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=48, deconv_out_channels=(48, ), num_blocks=4))
