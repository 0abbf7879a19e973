# An ablation of ours: 48 patches of 32x32 pixels. A cell has 8x8 heatmap pixels, into which the
# Gaussian of a sigma of 2 would not fit.
_base_ = ['../_base_/coco_256x192.py']

grid = (8, 6)  # rows, columns
codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=1)

model = dict(
    backbone=dict(type='ResNet', depth=50),
    head=dict(in_channels=2048, out_channels=48, decoder=codec))

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
