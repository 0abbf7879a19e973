# Puzzles of 12 patches for the trunk of HEMlets' mannequin configs: a quarter of ResNet-18's width.
_base_ = ['./hsjp_res18-half_1xb32-1200_mannequin-128x96.py']

model = dict(
    backbone=dict(stem_channels=16, base_channels=16),
    head=dict(in_channels=128, deconv_out_channels=(64, 64, 64)))
