# SWAHR on the backbone of hsjp_hrnet-w32_8xb64-210e_coco-256x192.py.
_base_ = ['../../swahr/coco/swahr_hrnet-w32_8xb20-300e_coco-512x512.py']

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='work_dirs/hsjp_hrnet-w32_8xb64-210e_coco-256x192/hsjp_backbone.pth')))
