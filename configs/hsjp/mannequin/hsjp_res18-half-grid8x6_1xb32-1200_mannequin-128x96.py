# Puzzles of 48 patches of 16x16 pixels: an ablation. A cell has 4x4 heatmap pixels, so that the
# labels of neighbours overlap; a sigma without overlap would be less than a pixel.
_base_ = ['../_base_/mannequin_res18-half_128x96.py']

grid = (8, 6)  # rows, columns
codec = dict(type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1)

model = dict(head=dict(out_channels=48, decoder=codec))

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
