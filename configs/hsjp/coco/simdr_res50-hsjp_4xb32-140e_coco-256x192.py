# SimDR on the backbone of hsjp_res50_8xb64-210e_coco-256x192.py.
_base_ = ['../../simdr/coco/simdr_res50_4xb32-140e_coco-256x192.py']

model = dict(
    # The authors' ResNets see BGR images with the mean of RGB; this backbone has learnt RGB.
    data_preprocessor=dict(bgr_to_rgb=True),
    backbone=dict(
        init_cfg=dict(
            checkpoint='work_dirs/hsjp_res50_8xb64-210e_coco-256x192/hsjp_backbone.pth')))
