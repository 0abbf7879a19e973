# HEMlets Pose on HRNet-w32, whose feature map is of the maps' size: no deconvolutions. Ours,
# not in the paper.
_base_ = ['./hemlets_res50_8xb32-25e_h36m-mpii-256x256.py', '../../_base_/backbones/hrnet-w32.py']

model = dict(
    backbone=dict(_delete_=True, **_base_.backbone),
    head=dict(in_channels=32, deconv_out_channels=()))
