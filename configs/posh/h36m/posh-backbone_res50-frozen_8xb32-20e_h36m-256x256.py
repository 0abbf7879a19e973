# An ablation: the module sees the backbone's last feature map, no HEMlets and no joints.
_base_ = ['./posh_res50-frozen_8xb32-20e_h36m-256x256.py']

model = dict(head=dict(feature_source='backbone', use_joints=False, regressor=dict(pool=1)))
