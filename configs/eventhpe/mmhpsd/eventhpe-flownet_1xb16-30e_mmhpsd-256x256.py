# Stage 1 of EventHPE on MMHPSD.
_base_ = ['../_base_/flownet.py', '../../_base_/datasets/mmhpsd.py']

train_dataloader = dict(
    batch_size=16, dataset=dict(mode='flow', pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(mode='flow', pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
