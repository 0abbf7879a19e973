# SWAHR's schedule: Adam without weight decay, 300 epochs, a linear warm-up over 3 of them, then
# linearly to 0, in single precision. HigherHRNet's own differs: a rate of 1e-3 for 12 images
# on each GPU (10 for W48), cut to a tenth in epochs 200 and 260.
_base_ = ['../../_base_/default_runtime.py']

# MMPose's habit for bottom-up models.
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)
param_scheduler = [
    dict(type='SWAHRLR', warmup=3, end=300, by_epoch=True, convert_to_iter_based=True)
]
