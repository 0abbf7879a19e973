# Ablation: no HEMlets and no heatmaps, which is integral regression of the volume.
_base_ = ['./hemlets_res50_8xb32-25e_h36m-mpii-256x256.py']

model = dict(head=dict(use_hemlets=False, use_heatmap2d=False))
