# SWAHR-W48 in mixed precision, which SWAHR's authors do not use.
_base_ = ['./swahr_hrnet-w48_8xb10-300e_coco-640x640.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
