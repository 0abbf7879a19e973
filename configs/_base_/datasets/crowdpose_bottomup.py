# CrowdPose, a whole image at a time, in the folders MMPose wants:
# https://mmpose.readthedocs.io/en/latest/dataset_zoo/2d_body_keypoint.html#crowdpose
# Trained on train and val, tested on test, as published.
data_mode = 'bottomup'  # for MMPoseInferencer
data_root = 'data/crowdpose/'

train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='bottomup',
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        ann_file='annotations/mmpose_crowdpose_trainval.json',
        data_prefix=dict(img='images/')))
# Images one by one: each size is its own, and people are grouped image by image.
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='bottomup',
        metainfo=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        ann_file='annotations/mmpose_crowdpose_test.json',
        data_prefix=dict(img='images/'),
        test_mode=True))
test_dataloader = val_dataloader

# Easy, medium and hard images too. People of CrowdPose have no area.
val_evaluator = dict(
    type='CocoMetric',
    ann_file=data_root + 'annotations/mmpose_crowdpose_test.json',
    iou_type='keypoints_crowd',
    use_area=False,
    nms_mode='none',
    score_mode='bbox',
    prefix='crowdpose')
test_evaluator = val_evaluator
