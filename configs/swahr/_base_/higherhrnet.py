# What every HigherHRNet here shares, with and without SWAHR: the colours, the estimator, the
# losses of HigherHRNet, and tests on image and mirror image.
model = dict(
    # Both also take an image at several scales.
    type='MultiScaleBottomupPoseEstimator',
    data_preprocessor=dict(
        type='PyramidDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    head=dict(
        type='HigherHRNetHead',
        heatmap_loss=dict(type='SWAHRHeatmapLoss', weight_adaptive=False),
        tag_loss=dict(type='BatchedAssociativeEmbeddingLoss')),
    test_cfg=dict(flip_test=True))
