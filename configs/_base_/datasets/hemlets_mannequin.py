# Single mannequins, upright and seen from the front, with 3D joints in the layout of
# Human3.6M: what a small network learns in minutes. Made by
#   python tools/dataset_converters/make_mannequin.py single --easy --out data/mannequin_easy
data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'Human36mImageDataset'
data_root = 'data/mannequin_easy/'

# The box is the crop already: 2000 mm at the pelvis.
mannequin_crop = dict(type='GetBBoxCenterScale', padding=1.0)
augmentation = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=0, rotate_prob=0, scale_factor=(0.9, 1.1)),
]

# From here each config goes on with the affine crop to its own input size.
train_transforms = [dict(type='StrictLoadImage'), mannequin_crop, *augmentation]
val_transforms = [dict(type='StrictLoadImage'), mannequin_crop]
# One loading process beside the one that trains: right for two cores.
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='Human36mImageDataset',
        data_root=data_root,
        ann_file='annotations/h36m_train.npz',
        camera_param_file='annotations/cameras.pkl',
        data_prefix=dict(img='images/'),
        world_up='y'))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='Human36mImageDataset',
        data_root=data_root,
        ann_file='annotations/h36m_val.npz',
        camera_param_file='annotations/cameras.pkl',
        data_prefix=dict(img='images/'),
        world_up='y',
        test_mode=True))
test_dataloader = val_dataloader

# Mannequins have bones of their own, and cameras that differ: the true camera and the depth
# of the root bring the prediction to millimetres.
val_evaluator = dict(
    type='VolumetricMPJPE', mode=['mpjpe', 'p-mpjpe'], restore='gt_root')
test_evaluator = val_evaluator
