# What the small HEMlets networks share. The numbers are ours, chosen for a laptop: a ResNet-18
# at a quarter of its width, and a head of a tenth of the paper's channels or less.
_base_ = ['../../_base_/default_runtime.py']

optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=16, base_channels=16),
    head=dict(
        type='HEMletsHead',
        in_channels=128,
        deconv_out_channels=(64, 64, 64),
        feature_channels=64,
        encoder_channels=32,
        tail_channels=128,
        loss=dict(type='HEMletsLoss', alpha=0.05)),
    # The maps too, for pictures.
    test_cfg=dict(flip_test=True, output_heatmaps=True))
