# SWAHR-W32 with batch statistics across GPUs; published for W48 only, worth it where a GPU
# takes few images.
_base_ = ['./swahr_hrnet-w32_8xb20-300e_coco-512x512.py']

sync_bn = 'torch'
