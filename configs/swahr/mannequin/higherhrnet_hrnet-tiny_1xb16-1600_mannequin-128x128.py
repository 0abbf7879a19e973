# HigherHRNet, which SWAHR is measured against.
_base_ = ['../_base_/mannequin_hrnet-tiny_128x128.py']
