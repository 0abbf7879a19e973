# HEMlets Pose on mannequins of whom the first thousand have 3D labels; of the last thousand
# only the 2D joints and the polarities of the parts are shown. Half of each batch is of either
# kind. With weak_labels='2d' the polarities are hidden too.
_base_ = ['../_base_/mannequin_res18-quarter_64x64.py']

people = dict(
    type='Human36mImageDataset',
    data_root=_base_.data_root,
    ann_file='annotations/h36m_train.npz',
    camera_param_file='annotations/cameras.pkl',
    data_prefix=dict(img='images/'),
    world_up='y',
    pipeline=[_base_.mannequin_crop])
train_dataloader = dict(
    sampler=dict(_delete_=True, type='MultiSourceSampler', batch_size=32, source_ratio=[1, 1]),
    dataset=dict(
        _delete_=True,
        type='Human36m18CombinedDataset',
        datasets=[
            dict(indices=1000, **people),
            dict(indices=-1000, weak_labels='polarity', **people),
        ],
        pipeline=[dict(type='StrictLoadImage'), *_base_.train_pipeline]))
