# SWAHR on HigherHRNet-W48, CrowdPose, 640x640.
_base_ = ['./higherhrnet_hrnet-w48_8xb10-300e_crowdpose-640x640.py']

model = dict(head=dict(type='SWAHRHead', heatmap_loss=dict(weight_adaptive=True)))
