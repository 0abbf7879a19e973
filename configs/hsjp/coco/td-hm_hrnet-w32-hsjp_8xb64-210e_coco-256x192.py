# MMPose's config of this name, on the backbone of hsjp_hrnet-w32_8xb64-210e_coco-256x192.py.
_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'
]

# What configs of MMPose lack: this package, its refusal of weights that do not fit, its bar and curves.
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)
default_hooks = dict(
    checkpoint_fit=dict(type='CheckpointFitHook'),
    pretrained_fit=dict(type='PretrainedFitHook'),
    progress_bar=dict(type='ProgressBarHook'),
    curves=dict(type='CurvesHook'))

model = dict(
    backbone=dict(
        init_cfg=dict(
            checkpoint='work_dirs/hsjp_hrnet-w32_8xb64-210e_coco-256x192/hsjp_backbone.pth')))
