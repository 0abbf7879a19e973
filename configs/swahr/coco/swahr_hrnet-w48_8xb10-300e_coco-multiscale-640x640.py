# SWAHR tested on each image at half, whole and double size; trained as at one size.
_base_ = ['./swahr_hrnet-w48_8xb10-300e_coco-640x640.py']

val_pipeline = [
    dict(type='StrictLoadImage'),
    dict(type='HigherHRNetResize', input_size=(640, 640), scales=(0.5, 1.0, 2.0)),
    dict(type='PackBottomupInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

model = dict(test_cfg=dict(multiscale_test=True))
