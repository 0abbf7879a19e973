# Puzzles of 12 patches of 32x32 pixels.
_base_ = ['../_base_/mannequin_res18-half_128x96.py']

grid = (4, 3)  # rows, columns
codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1)

model = dict(head=dict(out_channels=12, decoder=codec))

train_pipeline = [
    *_base_.train_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='HSJPShuffle', grid=grid),
    dict(type='GenerateTarget', encoder=codec),
    _base_.pack_puzzle,
]
val_pipeline = [
    *_base_.val_transforms,
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='HSJPShuffle', grid=grid, seed=0),
    _base_.pack_puzzle,
]
train_dataloader = dict(dataset=dict(grid=grid, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(grid=grid, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='HSJPAccuracy', grid=grid)
test_evaluator = val_evaluator
visualizer = dict(type='JigsawVisualizer', grid=grid)
