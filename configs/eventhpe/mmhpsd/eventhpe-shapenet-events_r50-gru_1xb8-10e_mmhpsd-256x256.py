# An ablation: events alone, no optical flow.
_base_ = ['./eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py']

model = dict(
    flow_net=None,
    flow_source='none',
    flow_input=False,
    backbone=dict(in_channels=8),
    head=dict(loss=dict(coherence=0)))
