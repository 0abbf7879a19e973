# SWAHR-W32 in mixed precision, which SWAHR's authors do not use.
_base_ = ['./swahr_hrnet-w32_8xb20-300e_coco-512x512.py']

optim_wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic')
