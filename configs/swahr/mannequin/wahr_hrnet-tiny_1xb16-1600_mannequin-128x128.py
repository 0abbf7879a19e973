# Weight-adaptive regression alone: background that is predicted well counts little.
_base_ = ['../_base_/mannequin_hrnet-tiny_128x128.py']

model = dict(head=dict(heatmap_loss=dict(weight_adaptive=True)))
