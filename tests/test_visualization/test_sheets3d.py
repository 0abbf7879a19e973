"""Sheets of a small HEMlets network with random weights on mannequins."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import DATASETS, MODELS

from mmpose_ext.apis import draw_predictions
from mmpose_ext.visualization import prediction_sheet_3d

CODEC = dict(type='HEMletsLabel', input_size=(64, 64), heatmap_size=(16, 16), depth_size=8)
META_KEYS = ('id', 'img_path', 'ori_shape', 'input_size', 'input_center', 'input_scale')


def config(root, use_hemlets=True):
    narrow = dict(deconv_out_channels=(8, 8, 8), feature_channels=8)
    narrow |= dict(encoder_channels=8, tail_channels=8, use_heatmap2d=use_hemlets)
    head = dict(type='HEMletsHead', in_channels=512, use_hemlets=use_hemlets, **narrow)
    head |= dict(heatmap_size=(16, 16), depth_size=8, decoder=CODEC)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='TopdownAffine', input_size=(64, 64)),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(
            type='PackPoseInputs', meta_keys=(*META_KEYS, 'flip_indices', 'focal', 'principal_pt')
        ),
    ]
    dataset = dict(
        type='Human36mImageDataset',
        ann_file='annotations/h36m_val.npz',
        camera_param_file='annotations/cameras.pkl',
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
    return Config(dict(model=model, test_dataloader=dict(dataset=dataset)))


@pytest.mark.parametrize('use_hemlets', [True, False])
def test_draws_predictions_of_a_checkpoint(mannequins, tmp_path, use_hemlets):
    settings = config(mannequins, use_hemlets)
    settings.dump(str(tmp_path / 'config.py'))
    weights = MODELS.build(settings.model).state_dict()
    torch.save(dict(state_dict=weights, meta={}), tmp_path / 'model.pth')
    out = tmp_path / 'sheet.png'
    assert draw_predictions(tmp_path / 'config.py', tmp_path / 'model.pth', out, people=2) == 2
    sheet = cv2.imread(str(out))
    # Titles, two people of six pictures each, the legend.
    assert sheet.shape == (26 + 2 * 260 + 4 + 30, 6 * 260 + 4, 3)
    boxes = [sheet[30:286, x : x + 256].astype(float) for x in range(4, 6 * 260, 260)]
    seen, _, _, _, predicted, true = boxes
    # Both polarities lie on the crop that the network sees, dimmed.
    assert np.corrcoef(seen.ravel(), true.ravel())[0, 1] > 0.5
    assert np.corrcoef(seen.ravel(), predicted.ravel())[0, 1] > 0.5
    # The network's 64 x 64 pixels are shown as they are, four to a pixel.
    assert (seen[::4, ::4] == seen[3::4, 3::4]).all()


def test_people_stand_beside_each_other(mannequins):
    settings = config(mannequins)
    model = MODELS.build(settings.model).eval()
    dataset = DATASETS.build(settings.test_dataloader.dataset)
    sheet = prediction_sheet_3d(model, dataset, [0, 1, 2], people_per_row=2, cell=64)
    assert sheet.shape == (26 + 2 * 68 + 4 + 30, 12 * 68 + 4, 3)


def test_refuses():
    model = SimpleNamespace(head=SimpleNamespace(decoder=None))
    with pytest.raises(ValueError, match='draw 2D models with prediction_sheet'):
        prediction_sheet_3d(model, None, [0])
    with pytest.raises(ValueError, match='people_per_row must be at least 1, got 0'):
        draw_predictions('config.py', 'model.pth', 'sheet.png', people_per_row=0)
