"""The estimator with real samples: pictures through the pipelines of the test."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.heads.crowd_maps import aggregate_maps

FLIP = [0, 2, 1]
CODEC = dict(
    type='MultiResolutionAssociativeEmbedding',
    input_size=(64, 64),
    heatmap_sizes=[(16, 16), (32, 32)],
)
COLOURS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
PUBLISHED_RESIZE = dict(type='HigherHRNetResize', input_size=64)
MMPOSE_RESIZE = dict(
    type='BottomupResize', input_size=(64, 64), size_factor=32, resize_mode='expand'
)
RESIZES = {
    'published': (PUBLISHED_RESIZE, dict(scales=[0.5, 1, 2])),
    'mmpose': (MMPOSE_RESIZE, dict(aug_scales=[0.5, 2])),
}


@pytest.fixture(scope='module')
def backbone(root):
    return Config.fromfile(root / 'configs/_base_/backbones/hrnet-tiny.py').backbone


def make_model(backbone, estimator='MultiScaleBottomupPoseEstimator', **test_cfg):
    """The same weights each time, with tags and heatmaps of some size."""
    torch.manual_seed(1)
    pyramid = estimator == 'MultiScaleBottomupPoseEstimator'
    model = MODELS.build(
        dict(
            type=estimator,
            data_preprocessor=dict(
                type='PyramidDataPreprocessor' if pyramid else 'PoseDataPreprocessor', **COLOURS
            ),
            backbone=backbone,
            head=dict(
                type='SWAHRHead',
                in_channels=16,
                num_keypoints=3,
                deconv_out_channels=(16,),
                num_blocks=1,
                decoder=CODEC,
            ),
            test_cfg=test_cfg,
        )
    )
    return model.eval()


def picture(width=100, height=70):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def load(*pictures, resize=PUBLISHED_RESIZE, pack='PackBottomupInputs'):
    """A batch of pictures, as the loader hands it to ``test_step``."""
    pipeline = Compose([resize, dict(type=pack)])
    return pseudo_collate(
        [
            pipeline(dict(img=image, ori_shape=image.shape[:2], flip_indices=FLIP, img_id=i))
            for i, image in enumerate(pictures)
        ]
    )


def test_predicts_in_pixels_of_the_picture(backbone):
    image = picture()
    with torch.no_grad():
        (sample,) = make_model(backbone, flip_test=True).test_step(load(image))
    assert isinstance(sample, PoseDataSample)
    pred = sample.pred_instances
    assert len(pred) > 0
    found = pred.keypoints[pred.keypoint_scores > 0]
    assert ((found > -8) & (found < (108, 78))).all()
    assert found[:, 0].max() > 70
    assert pred.keypoint_scores.shape == (len(pred), 3)


@pytest.mark.parametrize('flip', [False, True])
def test_single_scale_as_with_mmposes_estimator(backbone, flip):
    results = []
    for estimator in ('MultiScaleBottomupPoseEstimator', 'BottomupPoseEstimator'):
        model = make_model(backbone, estimator, flip_test=flip, output_heatmaps=True)
        pack = 'PackBottomupInputs' if estimator.startswith('Multi') else 'PackPoseInputs'
        with torch.no_grad():
            results.append(model.test_step(load(picture(), pack=pack))[0])
    ours, theirs = results
    # One batch of both views or two batches: the same but for rounding.
    for name in ('heatmaps', 'tags'):
        torch.testing.assert_close(
            ours.pred_fields.get(name), theirs.pred_fields.get(name), rtol=1e-3, atol=1e-5
        )


def test_mirrored_picture_gives_mirrored_maps(backbone):
    model = make_model(backbone, flip_test=True, output_heatmaps=True)
    # Of a size that needs no padding, so that mirroring and resizing change places.
    image = picture(128, 64)
    with torch.no_grad():
        (one,) = model.test_step(load(image))
        (other,) = model.test_step(load(np.ascontiguousarray(image[:, ::-1])))
    heatmaps = other.pred_fields.heatmaps.flip(-1)[FLIP]
    torch.testing.assert_close(one.pred_fields.heatmaps, heatmaps, rtol=1e-4, atol=1e-6)
    tags = other.pred_fields.tags.unflatten(0, (2, 3)).flip((0, -1))[:, FLIP].flatten(0, 1)
    torch.testing.assert_close(one.pred_fields.tags, tags, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('rule', RESIZES)
@pytest.mark.parametrize('flip', [False, True])
def test_multiscale(backbone, rule, flip):
    resize, several = RESIZES[rule]
    batch = load(picture(), resize=resize | several)
    assert len({tuple(images[0].shape) for images in batch['inputs']}) == 3
    model = make_model(backbone, flip_test=flip, multiscale_test=True, output_heatmaps=True)
    with torch.no_grad():
        (sample,) = model.test_step(batch)
        outputs = []
        for images in model.data_preprocessor(batch)['inputs']:
            views = torch.cat([images, images.flip(-1)]) if flip else images
            outputs.append(model.head(model.extract_feat(views)))
    expected = aggregate_maps(outputs, 3, FLIP if flip else None, sample.input_size)
    ours = sample.pred_fields.heatmaps[None], sample.pred_fields.tags[None]
    torch.testing.assert_close(ours, expected)
    assert tuple(ours[0].shape[2:]) == tuple(sample.img_shape)


@pytest.mark.parametrize('sizes', [1, 2])
def test_batches(backbone, sizes):
    """Images of one size may be tested together, also at several scales."""
    image = picture()
    batch = load(image, image[:, ::-1], resize=PUBLISHED_RESIZE | dict(scales=[1, 2][:sizes]))
    model = make_model(backbone, flip_test=True, multiscale_test=sizes > 1, output_heatmaps=True)
    alone = load(image, resize=PUBLISHED_RESIZE | dict(scales=[1, 2][:sizes]))
    with torch.no_grad():
        first, second = model.test_step(batch)
        (one,) = model.test_step(alone)
    torch.testing.assert_close(
        first.pred_fields.heatmaps, one.pred_fields.heatmaps, rtol=1e-4, atol=1e-6
    )
    assert len(second.pred_instances) > 0


def test_mmpose_stacks_a_pyramid():
    """The third fault, and what waits behind it."""
    stock = make_model_of_mmpose(multiscale_test=True, flip_test=True)
    pyramid = [torch.randn(1, 3, 64, 64), torch.randn(1, 3, 128, 128)]
    sample = PoseDataSample(metainfo=dict(aug_scales=[2], flip_indices=FLIP))
    with pytest.raises(RuntimeError, match='equal size'):
        stock(pyramid, [sample], mode='predict')
    with pytest.raises(TypeError, match="argument: 'size'"):
        stock.predict(pyramid, [sample])


def make_model_of_mmpose(**test_cfg):
    return MODELS.build(
        dict(
            type='BottomupPoseEstimator',
            backbone=dict(type='ResNet', depth=18, out_indices=(0,)),
            head=dict(
                type='AssociativeEmbeddingHead',
                in_channels=64,
                num_keypoints=3,
                deconv_out_channels=None,
                decoder=dict(
                    type='AssociativeEmbedding', input_size=(64, 64), heatmap_size=(64, 64)
                ),
            ),
            test_cfg=test_cfg,
        )
    ).eval()


def test_refuses_scales_that_do_not_agree(backbone):
    several = load(picture(), resize=PUBLISHED_RESIZE | dict(scales=[1, 2]))
    one = load(picture())
    model = make_model(backbone, multiscale_test=True)
    with pytest.raises(ValueError, match=r'multiscale_test=True, but the inputs are of one'):
        model.test_step(one)
    with pytest.raises(ValueError, match='multiscale_test=False, but the inputs are of 2'):
        make_model(backbone).test_step(several)
    inputs = model.data_preprocessor(several)['inputs']
    with pytest.raises(ValueError, match="mode='predict', got mode='tensor'"):
        model(inputs, several['data_samples'], mode='tensor')
    several['data_samples'][0].set_metainfo(dict(aug_scales=[0.5, 2]))
    with pytest.raises(ValueError, match=r'a pyramid of 2 scales needs 1 .*\[0\.5, 2\]'):
        model.test_step(several)


def test_pictures_of_several_sizes_are_tested_one_by_one(backbone):
    batch = load(picture(), picture(70, 100))
    with pytest.raises(ValueError, match=r'\[\(64, 128\), \(128, 64\), \(128, 128\)\]'):
        make_model(backbone).test_step(batch)


def test_loss_and_tensor_modes_as_in_mmpose(backbone):
    model = make_model(backbone)
    level0, level1 = model(torch.randn(2, 3, 64, 64), None)
    assert level0.shape == (2, 6, 16, 16)
    assert level1.shape == (2, 3, 32, 32)
    # A list of images is stacked, as in MMPose.
    assert model([torch.randn(3, 64, 64)] * 2, None)[0].shape == (2, 6, 16, 16)
