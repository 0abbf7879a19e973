# What every pretraining shares: puzzles are packed, scored and checked, and what was learnt is
# exported. The network starts from nothing.
_base_ = ['../../_base_/default_runtime.py']

# A list replaces that of the base: SyncBuffersHook is MMPose's.
custom_hooks = [dict(type='SyncBuffersHook'), dict(type='HSJPPretrainHook')]
default_hooks = dict(checkpoint=dict(save_best='hsjp/patch_acc', rule='greater'))

# MMPose's, without what is known of keypoints, and with the permutation, for the pictures.
pack_puzzle = dict(
    type='PackPoseInputs',
    meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size', 'input_center',
               'input_scale', 'flip', 'flip_direction', 'dataset_name', 'hsjp_perm'))

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    head=dict(type='HeatmapHead', loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    # The mirror image of a puzzle is another puzzle.
    test_cfg=dict(flip_test=False))
