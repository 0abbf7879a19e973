# Scale-adaptive heatmaps alone: the heatmap that is learnt widens and narrows with the person.
_base_ = ['../_base_/mannequin_hrnet-tiny_128x128.py']

model = dict(head=dict(type='SWAHRHead'))
