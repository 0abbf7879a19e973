# Puzzles for ResNet-50 with the deconvolutions of SimpleBaseline.
_base_ = ['../_base_/coco_grid4x3_256x192.py']

model = dict(backbone=dict(type='ResNet', depth=50), head=dict(in_channels=2048))
