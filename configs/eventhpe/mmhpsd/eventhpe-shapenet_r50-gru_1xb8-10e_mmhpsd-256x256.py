# Stage 2 of EventHPE on MMHPSD, on the flow of stage 1.
_base_ = ['../_base_/shapenet.py', '../../_base_/datasets/mmhpsd.py']

flow_checkpoint = 'work_dirs/eventhpe-flownet_1xb16-30e_mmhpsd-256x256/epoch_30.pth'
model = dict(
    flow_net=dict(
        init_cfg=dict(type='Pretrained', checkpoint=flow_checkpoint, prefix='flow_net.')))

train_dataloader = dict(
    batch_size=8, dataset=dict(mode='shape', pipeline=_base_.train_pipeline))
# Windows of 16 intervals that do not overlap.
val_dataloader = dict(
    batch_size=8, dataset=dict(mode='shape', clip_stride=16, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader

val_evaluator = dict(per='recording')
test_evaluator = dict(per='recording')
