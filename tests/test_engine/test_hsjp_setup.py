import re
from types import SimpleNamespace

import pytest
from mmcv.transforms import Compose
from mmpose.registry import METRICS, MODELS, TRANSFORMS

from mmpose_ext.engine.hsjp_setup import (
    fingerprint_differences,
    hsjp_fingerprint,
    hsjp_setup_problems,
    hsjp_setup_warnings,
    pipelines_of,
)

CODEC = {'type': 'MSRAHeatmap', 'input_size': (96, 128), 'heatmap_size': (24, 32), 'sigma': 1}
UDP = {**CODEC, 'type': 'UDPHeatmap'}


def network(codec=CODEC, channels=12, init_cfg=None, **test_cfg):
    backbone = {'type': 'ResNet', 'depth': 18, 'stem_channels': 4, 'base_channels': 4}
    head = {'type': 'HeatmapHead', 'in_channels': 32, 'out_channels': channels, 'decoder': codec}
    head['deconv_out_channels'] = None
    model = {'backbone': {**backbone, 'init_cfg': init_cfg}, 'head': head, 'test_cfg': test_cfg}
    return MODELS.build({'type': 'TopdownPoseEstimator', **model})


def affine(size=(96, 128), **options):
    return {'type': 'TopdownAffine', 'input_size': size, **options}


def shuffle(grid=(4, 3), **options):
    return {'type': 'HSJPShuffle', 'grid': grid, **options}


def target(encoder=CODEC):
    return {'type': 'GenerateTarget', 'encoder': encoder}


FLIP = {'type': 'RandomFlip', 'direction': 'horizontal'}


def dataset(*transforms, keypoints=12):
    built = [TRANSFORMS.build(transform) for transform in transforms]
    metainfo = {'num_keypoints': keypoints}
    return SimpleNamespace(pipeline=Compose(built), metainfo=metainfo)


TRAIN = (FLIP, affine(), shuffle(), target())
VAL = (affine(), shuffle(seed=0))


@pytest.mark.parametrize('wrapped', ['not', 'repeated', 'combined'])
def test_a_right_set_up(wrapped):
    train, val = dataset(*TRAIN), dataset(*VAL)
    if wrapped == 'repeated':
        train = SimpleNamespace(dataset=train)
    if wrapped == 'combined':  # the puzzle is made in the outer pipeline
        inner, outer = dataset(FLIP, affine()), dataset(shuffle(), target())
        train = SimpleNamespace(datasets=[inner, inner], pipeline=outer.pipeline)
        assert [len(chain) for chain in pipelines_of(train)] == [4, 4]
    assert hsjp_setup_problems(network(), train, val) == []
    assert hsjp_setup_problems(network(), train, val, grid=(4, 3)) == []
    assert hsjp_setup_warnings(network(), train, val) == []


def test_a_right_set_up_with_unbiased_data_processing():
    udp = {'use_udp': True}
    train = dataset(FLIP, affine(**udp), shuffle(**udp), target(UDP))
    assert hsjp_setup_problems(network(UDP), train) == []


@pytest.mark.parametrize(
    ('transforms', 'message'),
    [
        ((affine(), target()), 'has 0 HSJPShuffle'),
        ((affine(), shuffle(), shuffle(), target()), 'has 2 HSJPShuffle'),
        ((shuffle(), affine(), target()), 'must come after TopdownAffine'),
        ((shuffle(), target()), 'must come after TopdownAffine'),
        ((affine(), target(), shuffle()), 'must come before GenerateTarget'),
        ((affine(), shuffle()), 'must come before GenerateTarget'),
        (({'type': 'RandomHalfBody'}, *TRAIN), 'RandomHalfBody needs labelled keypoints'),
        ((affine(), FLIP, shuffle(), target()), 'RandomFlip must come before TopdownAffine'),
        ((affine((192, 256)), shuffle(), target()), r'crops of \[192, 256\].*input_size \[96, 128'),
        ((affine(), shuffle((3, 3)), target()), 'cannot be cut into 3 rows'),
        (
            (affine(), shuffle((3, 3)), target()),
            'has 9 patches, but model.head.out_channels is 12: set it to 9',
        ),
        ((affine(), shuffle((2, 3)), target()), 'has 6 patches, but the dataset has 12 keypoints'),
        ((affine(), shuffle(), target({**CODEC, 'sigma': 2})), "encodes with {'sigma': 2"),
        ((affine(), shuffle(), target([CODEC])), 'several encoders'),
        ((affine(use_udp=True), shuffle(), target()), 'TopdownAffine has use_udp=True'),
        ((affine(), shuffle(use_udp=True), target()), 'HSJPShuffle has use_udp=True'),
    ],
)
def test_wrong_pipelines(transforms, message):
    if isinstance(transforms[-1].get('encoder'), list):
        transforms[-1].update(multilevel=True)
    problems = hsjp_setup_problems(network(), dataset(*transforms))
    assert any(re.search(message, problem) for problem in problems), problems


@pytest.mark.parametrize('sigma', [1.5, 2.5, 0.7])
def test_sigma_that_moves_peaks(sigma):
    # With sigma 1.5 the peak of mu = 4 is at 5.
    for codec in (CODEC, UDP):
        codec = {**codec, 'sigma': sigma}
        udp = {'use_udp': codec['type'] == 'UDPHeatmap'}
        train = dataset(affine(**udp), shuffle(**udp), target(codec))
        (problem,) = hsjp_setup_problems(network(codec), train)
        assert f'sigma={sigma} puts peaks near the border one pixel off' in problem
    unbiased = {**CODEC, 'sigma': sigma, 'unbiased': True}
    train = dataset(affine(), shuffle(), target(unbiased))
    assert hsjp_setup_problems(network(unbiased), train) == []


def test_wrong_models():
    train = dataset(*TRAIN)
    (problem,) = hsjp_setup_problems(network(channels=17), train)
    assert 'has 12 patches, but model.head.out_channels is 17: set it to 12.' in problem
    (problem,) = hsjp_setup_problems(network(flip_test=True), train)
    assert 'set model.test_cfg.flip_test=False' in problem
    model = network()
    del model.backbone
    (problem,) = hsjp_setup_problems(model, train)
    assert 'no backbone' in problem


def test_grids_that_differ():
    train, val = dataset(*TRAIN), dataset(affine(), shuffle((2, 6), seed=0))
    (problem,) = hsjp_setup_problems(network(), train, val)
    assert 'val pipeline has a puzzle of (2, 6), not of (4, 3)' in problem
    assert len(hsjp_setup_problems(network(), train, dataset(*VAL), grid=(2, 6))) == 2
    (problem,) = hsjp_setup_problems(network(), train, dataset(affine()))
    assert 'The val pipeline has no HSJPShuffle' in problem


def test_validation_that_does_not_fit():
    train = dataset(*TRAIN)
    val = dataset(affine((192, 256), use_udp=True), shuffle(seed=0))
    problems = hsjp_setup_problems(network(), train, val)
    assert [problem[:60] for problem in problems] == [
        'In validation: TopdownAffine makes crops of [192, 256], but ',
        'In validation: TopdownAffine has use_udp=True, which does no',
    ]


def test_metrics_that_do_not_fit():
    train, val = dataset(*TRAIN), dataset(*VAL)

    def problems(**metric):
        return hsjp_setup_problems(network(), train, val, val_metrics=[METRICS.build(metric)])

    assert problems(type='HSJPAccuracy') == []
    (problem,) = problems(type='HSJPAccuracy', grid=(2, 6))
    assert 'HSJPAccuracy has grid=(2, 6), HSJPShuffle in validation grid=(4, 3)' in problem
    (problem,) = problems(type='HSJPAccuracy', use_udp=True)
    assert 'HSJPAccuracy has use_udp=True' in problem
    (problem,) = problems(type='CocoMetric', use_area=False)
    assert 'CocoMetric scores keypoints' in problem


def test_combined_maps_are_three_a_patch():
    udp = {**UDP, 'heatmap_type': 'combined'}
    udp.pop('sigma')
    train = dataset(affine(use_udp=True), shuffle(use_udp=True), target(udp))
    assert hsjp_setup_problems(network(udp, channels=36), train) == []
    (problem,) = hsjp_setup_problems(network(udp), train)
    assert 'model.head.out_channels is 12: set it to 36' in problem


def test_what_is_unusual():
    train = dataset(affine(), shuffle(seed=1), target())
    val = dataset(affine(), shuffle())
    model = network({**CODEC, 'sigma': 2}, init_cfg=[{'type': 'Pretrained', 'checkpoint': 'x'}])
    warnings = '\n'.join(hsjp_setup_warnings(model, train, val))
    assert '6 * sigma + 1 = 13 px is more than the smaller side of a cell, 8 px' in warnings
    assert 'set model.backbone.init_cfg=None' in warnings
    assert 'train pipeline: a crop is always the same puzzle' in warnings
    assert 'val pipeline: a crop is another puzzle each time' in warnings
    assert warnings.count('\n') == 3


def test_fingerprint():
    stamp = hsjp_fingerprint(network(), dataset(*TRAIN))
    assert stamp == {
        'grid': [4, 3],
        'sigma': 1,
        'input_size': [96, 128],
        'heatmap_size': [24, 32],
        'codec': 'MSRAHeatmap',
        'jitter': 0,
    }
    assert fingerprint_differences(stamp, stamp) == []
    other = {**stamp, 'grid': [3, 4], 'sigma': 2, 'jitter': 4}
    assert fingerprint_differences(stamp, other) == [
        'grid is [4, 3] there and [3, 4] here',
        'sigma is 1 there and 2 here',
    ]
    assert fingerprint_differences({**stamp, 'grid': (4, 3)}, stamp) == []
    # What a dataset does not tell does not differ.
    assert fingerprint_differences(stamp, hsjp_fingerprint(network(), None)) == []
