# An ablation: events and optical flow, without the coherence of the two.
_base_ = ['./eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py']

model = dict(head=dict(loss=dict(coherence=0)))
