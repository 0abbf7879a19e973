# SimDR on the backbone of hsjp_hrnet-w48_8xb64-210e_coco-256x192.py.
_base_ = ['../../simdr/coco/simdr_hrnet-w48_4xb32-210e_coco-256x192.py']

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='work_dirs/hsjp_hrnet-w48_8xb64-210e_coco-256x192/hsjp_backbone.pth')))
