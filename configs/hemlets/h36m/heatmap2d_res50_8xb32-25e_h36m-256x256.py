# Ablation: 2D heatmaps beside the features, but no HEMlets.
_base_ = ['./hemlets_res50_8xb32-25e_h36m-256x256.py']

model = dict(head=dict(use_hemlets=False))
