# Without a given first pose: pose, place and shape at the start are read off the first events.
# The authors have no such network; the weight of the shape is ours.
_base_ = ['./eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py']

model = dict(head=dict(start='predicted', loss=dict(betas=0.02)))
train_dataloader = dict(dataset=dict(init_source='none'))
val_dataloader = dict(dataset=dict(init_source='none'))
test_dataloader = dict(dataset=dict(init_source='none'))
