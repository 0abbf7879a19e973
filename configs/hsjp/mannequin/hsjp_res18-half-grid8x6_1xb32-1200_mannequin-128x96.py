# Puzzles of 48 patches of 16x16 pixels: an ablation. A cell has 4x4 heatmap pixels, so that the
# labels of neighbours overlap; a sigma without overlap would be less than a pixel.
_base_ = ['./hsjp_res18-half_1xb32-1200_mannequin-128x96.py']

grid = (8, 6)  # rows, columns
model = dict(head=dict(out_channels=48))
train_pipeline = [
    dict(step, grid=grid) if 'grid' in step else step for step in _base_.train_pipeline]
val_pipeline = [dict(step, grid=grid) if 'grid' in step else step for step in _base_.val_pipeline]
train_dataloader = dict(dataset=dict(grid=grid, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(grid=grid, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(grid=grid)
test_evaluator = val_evaluator
visualizer = dict(grid=grid)
