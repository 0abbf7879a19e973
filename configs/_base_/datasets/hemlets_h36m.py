# Human3.6M for models that look at the image, in the folders MMPose wants:
# https://mmpose.readthedocs.io/en/latest/dataset_zoo/3d_body_keypoint.html#human3-6m
# made by tools/dataset_converters/preprocess_h36m.py, with every 5th frame, its default.
data_mode = 'topdown'  # for MMPoseInferencer, as is dataset_type
dataset_type = 'Human36mImageDataset'
data_root = 'data/h36m/'

# HEMlets publishes no augmentation in numbers: Integral Human Pose's, in MMPose's words.
augmentation = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(
        type='RandomBBoxTransform',
        shift_prob=0,
        scale_factor=(0.75, 1.25),
        rotate_factor=60,
        rotate_prob=0.6),
]
# The box is the crop already: 2000 mm at the pelvis (the authors').
h36m_crop = dict(type='GetBBoxCenterScale', padding=1.0)

# From here each config goes on with the affine crop to its own input size.
train_transforms = [dict(type='StrictLoadImage'), h36m_crop, *augmentation]
val_transforms = [dict(type='StrictLoadImage'), h36m_crop]
# Colours come after the crop: there they cost a twentieth of what the whole image does.
color_augmentation = [dict(type='PhotometricDistortion')]

h36m_train = dict(
    type='Human36mImageDataset',
    data_root=data_root,
    ann_file='annotation_body3d/fps10/h36m_train.npz',
    camera_param_file='annotation_body3d/cameras.pkl',
    data_prefix=dict(img='images/'))
h36m_test = dict(
    type='Human36mImageDataset',
    data_root=data_root,
    ann_file='annotation_body3d/fps10/h36m_test.npz',
    camera_param_file='annotation_body3d/cameras.pkl',
    data_prefix=dict(img='images/'),
    # Every 65th frame of the videos; 3DMPPE's recipe, which ours follows, has every 64th.
    frame_stride=13,
    test_mode=True)

train_dataloader = dict(
    batch_size=32,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=h36m_train)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=h36m_test)
test_dataloader = val_dataloader

# Protocol 1 and 2 of the paper.
val_evaluator = dict(type='VolumetricMPJPE', mode=['mpjpe', 'p-mpjpe'])
test_evaluator = val_evaluator
