# COCO 2017 person keypoints, one person at a time, in the folders MMPose wants:
# https://mmpose.readthedocs.io/en/latest/dataset_zoo/2d_body_keypoint.html#coco
data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'StrictCocoDataset'
data_root = 'data/coco/'

# From here each config goes on with the affine crop to its own input size.
val_transforms = [dict(type='StrictLoadImage'), dict(type='GetBBoxCenterScale')]

train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/')))
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/person_keypoints_val2017.json',
        # The person detector of 56.4 AP that published top-down results stand on.
        bbox_file=data_root +
        'person_detection_results/COCO_val2017_detections_AP_H_56_person.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='CocoMetric',
    ann_file=data_root + 'annotations/person_keypoints_val2017.json',
    nms_mode='oks_nms',
    nms_thr=0.9)
test_evaluator = val_evaluator
