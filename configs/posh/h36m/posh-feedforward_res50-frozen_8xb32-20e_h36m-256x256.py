# An ablation: one pass without feedback, where the parameters are not refined in turns.
_base_ = ['./posh_res50-frozen_8xb32-20e_h36m-256x256.py']

model = dict(head=dict(regressor=dict(num_iters=1, feedback=False)))
