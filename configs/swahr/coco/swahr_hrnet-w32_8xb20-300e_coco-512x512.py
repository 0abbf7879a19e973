# SWAHR on HigherHRNet-W32, COCO, 512x512.
_base_ = ['./higherhrnet_hrnet-w32_8xb20-300e_coco-512x512.py']

model = dict(head=dict(type='SWAHRHead', heatmap_loss=dict(weight_adaptive=True)))
