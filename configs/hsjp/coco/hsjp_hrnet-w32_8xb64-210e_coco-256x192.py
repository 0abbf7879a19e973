# Puzzles for HRNet-W32, whose heatmaps come of one 1x1 convolution.
_base_ = ['../_base_/coco_grid4x3_256x192.py', '../../_base_/backbones/hrnet-w32.py']

model = dict(
    # From nothing: without the ImageNet weights of the base.
    backbone=dict(_base_.backbone, init_cfg=None),
    head=dict(in_channels=32, deconv_out_channels=None))
