# An ablation of ours: the deconvolutions of hsjp_res50_8xb64-210e_coco-256x192.py too; only the
# last 1x1 convolution, which has a channel for each patch, is new.
_base_ = ['mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py']

# What configs of MMPose lack: this package, its refusal of weights that do not fit, its bar and curves.
custom_imports = dict(imports=['mmpose_ext'], allow_failed_imports=False)
default_hooks = dict(
    checkpoint_fit=dict(type='CheckpointFitHook', finetune_may_differ=['head.final_layer.']),
    pretrained_fit=dict(type='PretrainedFitHook'),
    progress_bar=dict(type='ProgressBarHook'),
    curves=dict(type='CurvesHook'))

load_from = 'work_dirs/hsjp_res50_8xb64-210e_coco-256x192/epoch_210.pth'
model = dict(backbone=dict(init_cfg=None))
