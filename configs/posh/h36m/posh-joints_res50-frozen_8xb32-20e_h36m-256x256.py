# An ablation: the module sees the joints and nothing of the image.
_base_ = ['./posh_res50-frozen_8xb32-20e_h36m-256x256.py']

model = dict(head=dict(feature_source=None))
