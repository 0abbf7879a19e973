"""A PoSh network small enough for tests, on the coarse mannequin, with a dataset of mannequins."""

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

CODEC = dict(type='PoShLabel', input_size=(64, 64), heatmap_size=(16, 16), depth_size=8)
BODY = dict(type='SMPLBody', model_path='mannequin-coarse')


def small_posh(root):
    """Its config; ``root`` is a folder of single mannequins."""
    narrow = dict(deconv_out_channels=(8, 8, 8), feature_channels=8)
    narrow |= dict(encoder_channels=8, tail_channels=8)
    pose_head = dict(type='HEMletsHead', in_channels=512, **narrow)
    pose_head |= dict(heatmap_size=(16, 16), depth_size=8, decoder=CODEC)
    head = dict(
        type='PoShHead',
        pose_head=pose_head,
        body_model=BODY,
        regressor=dict(conv_channels=(8,), hidden_channels=16),
        loss=dict(type='PoShLoss'),
        decoder=CODEC,
    )
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='TopdownAffine', input_size=(64, 64)),
        dict(type='Pack3DPoseInputs'),
    ]
    dataset = dict(
        type='Human36mImageDataset',
        ann_file='annotations/h36m_val.npz',
        smpl_file='annotations/smpl_val.npz',
        camera_param_file='annotations/cameras.pkl',
        world_up='y',
        data_root=str(root),
        data_prefix=dict(img='images/'),
        pipeline=pipeline,
        test_mode=True,
    )
    model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.0] * 3, std=[58.0] * 3),
        backbone=dict(type='ResNet', depth=18),
        head=head,
        test_cfg=dict(flip_test=False),
    )
    loader = dict(dataset=dataset)
    return Config(dict(model=model, train_dataloader=loader, test_dataloader=loader))


def lively(settings):
    """The model, its regressor drawn at random such that it does not give the mean pose."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(settings.model)
    for name, weight in model.head.regressor.named_parameters():
        if 'decoder' in name and name.endswith('weight'):
            torch.nn.init.normal_(weight, std=0.2)
    return model.eval()


def save_posh(folder, root):
    """Write ``config.py`` and ``model.pth`` into a folder; gives their paths."""
    settings = small_posh(root)
    settings.dump(str(folder / 'config.py'))
    checkpoint = dict(state_dict=lively(settings).state_dict(), meta={})
    torch.save(checkpoint, folder / 'model.pth')
    return folder / 'config.py', folder / 'model.pth'
