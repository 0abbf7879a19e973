# Mannequins in motion before an event camera, in MMHPSD's layout. Made in a minute or two by
#   python tools/dataset_converters/make_mannequin.py events --out data/mannequin_events
data_mode = 'events'
data_root = 'data/mannequin_events/'

_dataset = dict(type='MMHPSDataset', data_root=data_root, ann_file='train.json')
# One loading process beside the one that trains: right for two cores.
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=_dataset)
val_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(_dataset, ann_file='test.json', test_mode=True))
test_dataloader = val_dataloader
