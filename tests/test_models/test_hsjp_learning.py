"""The pretext task can be learnt, of MMPose's network, codec and loss."""

import numpy as np
from mmengine.dataset import Compose, pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.runner import set_random_seed
from mmpose.registry import MODELS

from mmpose_ext.evaluation import HSJPAccuracy

SIZE, GRID = (96, 128), (4, 3)
CODEC = dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(24, 32), sigma=1)


def a_model():
    return MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor', mean=[128] * 3, std=[64] * 3),
            backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
            head=dict(
                type='HeatmapHead',
                in_channels=64,
                out_channels=12,
                deconv_out_channels=(32, 32, 32),
                loss=dict(type='KeypointMSELoss', use_target_weight=True),
                decoder=CODEC,
            ),
            test_cfg=dict(flip_test=False),
        )
    )


def gradients(count):
    """Crops whose colours tell where they are: ramps of random contrast, and noise."""
    rng = np.random.default_rng(0)
    y, x = np.indices(SIZE[::-1]) / np.array(SIZE[::-1]).reshape(2, 1, 1)
    for number in range(count):
        ramps = np.stack((x, y, 1 - y), axis=-1) * rng.uniform(120, 220, 3) + 20
        image = np.clip(ramps + rng.normal(0, 4, ramps.shape), 0, 255).astype(np.uint8)
        yield dict(
            img=image,
            id=number,
            input_size=SIZE,
            input_center=np.array([48, 64], np.float32),
            input_scale=np.array(SIZE, np.float32),
            bbox=np.array([[0, 0, *SIZE]], np.float32),
            bbox_score=np.ones(1, np.float32),
        )


def packed(samples, **options):
    keys = ('id', 'input_size', 'input_center', 'input_scale')
    transforms = [
        dict(type='HSJPShuffle', grid=GRID, **options),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='PackPoseInputs', meta_keys=keys),
    ]
    pipeline = Compose(transforms)
    return pseudo_collate([pipeline(dict(sample)) for sample in samples])


def accuracy(model, samples):
    """Share of the patches put right in puzzles that training shows only by chance."""
    metric = HSJPAccuracy(GRID)
    model.eval()
    metric.process(None, [one.to_dict() for one in model.test_step(packed(samples, seed=0))])
    model.train()
    return metric.evaluate(len(samples))['hsjp/patch_acc']


def test_puzzles_are_learnt():
    set_random_seed(0)
    samples, model = list(gradients(32)), a_model()
    model.init_weights()
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='Adam', lr=2e-3)))
    before = accuracy(model, samples)
    for iteration in range(200):
        first = iteration % 4 * 8
        model.train_step(packed(samples[first : first + 8]), optim_wrapper)
    assert before < 0.2  # by chance 1 / 12
    assert accuracy(model, samples) > 0.6
