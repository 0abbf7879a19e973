# SWAHR on the backbone of hsjp_hrnet-tiny_1xb32-1200_mannequin-128x96.py.
_base_ = ['../../swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py']

model = dict(
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/hsjp_hrnet-tiny_1xb32-1200_mannequin-128x96/'
            'hsjp_backbone.pth')))
