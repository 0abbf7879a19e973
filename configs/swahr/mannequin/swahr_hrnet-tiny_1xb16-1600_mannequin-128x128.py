# SWAHR: scale-adaptive heatmaps and weight-adaptive regression.
_base_ = ['../_base_/mannequin_hrnet-tiny_128x128.py']

model = dict(head=dict(type='SWAHRHead', heatmap_loss=dict(weight_adaptive=True)))
