# Puzzles of 4 patches of 64x48 pixels (height x width): an ablation.
_base_ = ['./hsjp_res18-half_1xb32-1200_mannequin-128x96.py']

grid = (2, 2)  # rows, columns
model = dict(head=dict(out_channels=4))
train_pipeline = [
    dict(step, grid=grid) if 'grid' in step else step for step in _base_.train_pipeline]
val_pipeline = [dict(step, grid=grid) if 'grid' in step else step for step in _base_.val_pipeline]
train_dataloader = dict(dataset=dict(grid=grid, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(grid=grid, pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(grid=grid)
test_evaluator = val_evaluator
visualizer = dict(grid=grid)
