# HigherHRNet-W48 in mixed precision, as HigherHRNet's authors train W48.
_base_ = ['./higherhrnet_hrnet-w48_8xb10-300e_coco-640x640.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
