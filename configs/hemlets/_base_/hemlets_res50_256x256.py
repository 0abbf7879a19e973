# HEMlets Pose with ResNet-50, as in the authors' inference code: 49,614,844 parameters.
codec = dict(
    type='HEMletsLabel',
    input_size=(256, 256),
    heatmap_size=(64, 64),
    depth_size=64,
    depth_bound=2000.0,
    # Not published; ours are MMPose's usual sigma and 100 mm.
    sigma=2.0,
    eps=100.0)

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=50,
        # What torchvision://resnet50 stands for, without having torchvision.
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth')),
    head=dict(
        type='HEMletsHead',
        in_channels=2048,
        heatmap_size=codec['heatmap_size'],
        depth_size=codec['depth_size'],
        loss=dict(type='HEMletsLoss', alpha=0.05),
        decoder=codec),
    test_cfg=dict(flip_test=True))
