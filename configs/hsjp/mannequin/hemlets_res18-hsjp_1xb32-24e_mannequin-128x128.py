# HEMlets Pose on the backbone of hsjp_res18-quarter_1xb32-1200_mannequin-128x96.py.
_base_ = ['../../hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py']

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/hsjp_res18-quarter_1xb32-1200_mannequin-128x96/'
            'hsjp_backbone.pth')))
