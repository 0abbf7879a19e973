# MMHPSD as tools/dataset_converters/mmhpsd.py writes it: event frames, gray frames, poses.
data_mode = 'events'
data_root = 'data/mmhpsd/'

_dataset = dict(type='MMHPSDataset', data_root=data_root, ann_file='train.json')
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=_dataset)
# No window of a recording is tested twice.
val_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(_dataset, ann_file='test.json', test_mode=True))
test_dataloader = val_dataloader
