# COCO 2017 person keypoints, a whole image at a time, in the folders MMPose wants:
# https://mmpose.readthedocs.io/en/latest/dataset_zoo/2d_body_keypoint.html#coco
data_mode = 'bottomup'  # for MMPoseInferencer
data_root = 'data/coco/'

train_dataloader = dict(
    batch_size=10,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='bottomup',
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/')))
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
        ann_file='annotations/person_keypoints_val2017.json',
        data_prefix=dict(img='val2017/'),
        test_mode=True))
test_dataloader = val_dataloader

# As HigherHRNet's authors: no suppression, and the score of a person as the head gives it.
val_evaluator = dict(
    type='CocoMetric',
    ann_file=data_root + 'annotations/person_keypoints_val2017.json',
    nms_mode='none',
    score_mode='bbox')
test_evaluator = val_evaluator
