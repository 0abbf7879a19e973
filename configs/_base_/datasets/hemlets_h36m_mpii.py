# Human3.6M and, for as many people again, MPII as 2D: half of each batch is of one, half of
# the other. Each dataset brings its joints and its box to the common form in its own
# pipeline; loading, flips and the rest come after, for all.
_base_ = ['./hemlets_h36m.py']

train_transforms = [dict(type='StrictLoadImage'), *_base_.augmentation]

# MPII's centre lowered by 15 and its scale of 250 px: Integral Human Pose's, and MMPose's.
mpii_conversion = [
    dict(type='Human36m18Converter', source='mpii'),
    dict(type='GetBBoxCenterScale', padding=1.25),
]
mpii_train = dict(
    type='MpiiPolarityDataset',
    data_root='data/mpii/',
    ann_file='annotations/mpii_train.json',
    data_prefix=dict(img='images/'),
    pipeline=mpii_conversion)

train_dataloader = dict(
    sampler=dict(
        _delete_=True, type='MultiSourceSampler', batch_size=32, source_ratio=[1, 1]),
    dataset=dict(
        _delete_=True,
        type='Human36m18CombinedDataset',
        datasets=[dict(pipeline=[_base_.h36m_crop], **_base_.h36m_train), mpii_train]))
