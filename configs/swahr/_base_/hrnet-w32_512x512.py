# HigherHRNet-W32 at 512x512 as SWAHR's authors train it, without SWAHR and without data.
_base_ = [
    './higherhrnet.py',
    './schedule_300e.py',
    '../../_base_/backbones/hrnet-w32.py',
]

# The authors' file says 2.5e-4, which their code multiplies by WORLD_SIZE, a constant 8 of the
# same file: this rate is for 20 images on each of 8 GPUs, and they train at it on fewer too.
# With another number of images pass --auto-scale-lr to tools/train.py.
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2.0e-3))
auto_scale_lr = dict(base_batch_size=160)

model = dict(
    backbone=_base_.backbone,
    head=dict(in_channels=32, deconv_out_channels=(32, ), num_blocks=4))
