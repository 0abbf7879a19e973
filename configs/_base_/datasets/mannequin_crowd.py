# Easy crowds of 1 to 5 mannequins in 192x192 images, with COCO's keypoints: distances, and so
# the sizes of people, differ up to six times. Made by
#   python tools/dataset_converters/make_mannequin.py crowd --easy --people 1 5 --size 192 \
#       --out data/mannequin_crowd_easy
data_mode = 'bottomup'  # for MMPoseInferencer
data_root = 'data/mannequin_crowd_easy/'

# One loading process beside the one that trains: right for two cores.
train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='bottomup',
        ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='images/train/')))
# Images one by one: each size is its own, and people are grouped image by image.
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='StrictCocoDataset',
        data_root=data_root,
        data_mode='bottomup',
        ann_file='annotations/person_keypoints_val.json',
        data_prefix=dict(img='images/val/'),
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='SizedCocoMetric',
    ann_file=data_root + 'annotations/person_keypoints_val.json',
    nms_mode='none',
    score_mode='bbox',
    # Thirds of the people, by the square root of the area: up to 35 px tall, 35 to 85, above.
    size_ranges=dict(small=(0, 14), middle=(14, 32), large=(32, 1e5)))
test_evaluator = val_evaluator
