# SWAHR on HigherHRNet-W32, CrowdPose, 512x512.
# Not published; the rates of COCO, the threshold of CrowdPose.
_base_ = ['./higherhrnet_hrnet-w32_8xb20-300e_crowdpose-512x512.py']

model = dict(head=dict(type='SWAHRHead', heatmap_loss=dict(weight_adaptive=True)))
