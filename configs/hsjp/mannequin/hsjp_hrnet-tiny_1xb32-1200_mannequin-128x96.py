# Puzzles of 12 patches for the trunk of SWAHR's mannequin configs.
_base_ = [
    './hsjp_res18-half_1xb32-1200_mannequin-128x96.py', '../../_base_/backbones/hrnet-tiny.py'
]

model = dict(
    backbone=dict(_delete_=True, **_base_.backbone),
    head=dict(in_channels=16, deconv_out_channels=None))
