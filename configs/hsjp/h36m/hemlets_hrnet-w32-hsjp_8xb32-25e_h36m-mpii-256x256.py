# HEMlets Pose on the backbone of hsjp_hrnet-w32_8xb64-210e_coco-256x192.py.
_base_ = ['../../hemlets/h36m/hemlets_hrnet-w32_8xb32-25e_h36m-mpii-256x256.py']

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='work_dirs/hsjp_hrnet-w32_8xb64-210e_coco-256x192/hsjp_backbone.pth')))
