"""Detectors of random weights: which boxes they give is MMDetection's to say, and it is asked."""

import socket
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.apis import inference_detector
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmpose_ext.apis.detection import Boxes, MMDetPersonDetector, load_detector
from mmpose_ext.compat.ops.nms import nms, softnms

RTMDET = """
_base_ = ['{root}/configs/detection/mannequin/{name}.py']
model = dict(test_cfg=dict(nms_pre=200, max_per_img=50))
"""
NAME = 'rtmdet-tiny-third_1xb16-6e_mannequin-crowd-192x192'
# Two stages, RoI align, no padding to one size, weights of the backbone to be fetched, names of
# the categories in the config only.
FASTER_RCNN = """
_base_ = ['mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py']
model = dict(
    backbone=dict(depth=18, base_channels=8, stem_channels=8),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16),
        bbox_head=dict(in_channels=16, fc_out_channels=32, num_classes=2)),
    test_cfg=dict(rpn=dict(nms_pre=50, max_per_img=20)))
test_dataloader = dict(dataset=dict(metainfo=dict(classes=('cat', 'dog')), pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(160, 96), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape', 'img_shape', 'scale_factor')),
]))
"""


def save_detector(folder, text, meta):
    """Write a config and random weights of its model."""
    folder.mkdir()
    (folder / 'config.py').write_text(text)
    model = build(folder / 'config.py')
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'weights.pth')
    return folder / 'config.py', folder / 'weights.pth'


def build(config):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(Config.fromfile(config).model)
    return model.eval()


@pytest.fixture(scope='module')
def rtmdet(tmp_path_factory, root):
    text = RTMDET.format(root=root.as_posix(), name=NAME)
    folder = tmp_path_factory.mktemp('detectors') / 'rtmdet'
    return save_detector(folder, text, dict(dataset_meta=dict(CLASSES=('person',))))


@pytest.fixture(scope='module')
def faster_rcnn(tmp_path_factory):
    return save_detector(tmp_path_factory.mktemp('detectors') / 'faster_rcnn', FASTER_RCNN, {})


@pytest.fixture(scope='module')
def detector(rtmdet):
    """The detector of one stage; tests set its options."""
    return load_detector(*rtmdet, score_thr=0)


@pytest.fixture(scope='module')
def pictures():
    rng = np.random.default_rng(0)
    sizes = (96, 128), (60, 300), (192, 192)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def as_mmdet_does(files, pictures, label, score_thr):
    """One picture after the other, with MMDetection's own function."""
    config, weights = files
    model = build(config)
    model.load_state_dict(torch.load(weights, weights_only=True)['state_dict'])
    model.cfg = Config.fromfile(config)
    with DefaultScope.overwrite_default_scope('mmdet'):
        every = [found.pred_instances for found in inference_detector(model, pictures)]
    every = [found[(found.labels == label) & (found.scores >= score_thr)] for found in every]
    return [found[found.scores.sort(descending=True, stable=True).indices] for found in every]


def test_same_boxes_as_mmdet(rtmdet, detector, pictures, monkeypatch):
    monkeypatch.setattr(detector, 'batch_size', 2)
    theirs = as_mmdet_does(rtmdet, pictures, 0, 0)
    for boxes, picture, expected in zip(detector(pictures), pictures, theirs, strict=True):
        H, W = picture.shape[:2]
        inside = expected.bboxes.numpy().clip(0, (W, H, W, H))
        some = (inside[:, 0] < inside[:, 2]) & (inside[:, 1] < inside[:, 3])
        assert some.any()
        np.testing.assert_allclose(boxes.boxes, inside[some], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(boxes.scores, expected.scores[some], rtol=1e-4)


def test_two_stages_and_another_category(faster_rcnn, pictures, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('a detector went online')

    monkeypatch.setattr(socket, 'socket', refuse)
    assert 'Pretrained' in str(Config.fromfile(faster_rcnn[0]).model)
    detector = load_detector(*faster_rcnn, score_thr=0.3, category='dog', batch_size=1)
    assert 'Pretrained' not in str(detector.model.cfg.model)
    expected = as_mmdet_does(faster_rcnn, pictures, 1, 0.3)
    assert sum(map(len, expected)) > 0
    for boxes, instances in zip(detector(pictures), expected, strict=True):
        np.testing.assert_allclose(boxes.boxes, instances.bboxes, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(boxes.scores, instances.scores, rtol=1e-4)
    monkeypatch.setattr(detector, 'batch_size', 3)
    assert [boxes.boxes.shape[1] for boxes in detector(pictures)] == [4] * 3
    with pytest.raises(ValueError, match="detects cat, dog; 'person' is not among them"):
        load_detector(*faster_rcnn)


def test_a_batch_is_one_forward_pass(detector, pictures, monkeypatch):
    seen = []
    predict = detector.model.predict

    def spy(inputs, *args, **kwargs):
        seen.append(len(inputs))
        return predict(inputs, *args, **kwargs)

    monkeypatch.setattr(detector.model, 'predict', spy)
    monkeypatch.setattr(detector, 'batch_size', 2)
    assert len(detector(pictures)) == 3
    assert seen == [2, 1]
    assert detector([]) == []


def test_threshold_and_most_people(detector, pictures, monkeypatch):
    every = detector(pictures[:1])[0]
    assert (np.diff(every.scores) <= 0).all()
    middle = float(np.median(every.scores))
    monkeypatch.setattr(detector, 'score_thr', middle)
    assert 0 < len(detector(pictures[:1])[0]) == (every.scores >= middle).sum() < len(every)
    monkeypatch.setattr(detector, 'max_people', 2)
    np.testing.assert_array_equal(detector(pictures[:1])[0].boxes, every.boxes[:2])
    monkeypatch.setattr(detector, 'score_thr', 1)
    assert detector(pictures[:1])[0].boxes.shape == (0, 4)


@pytest.mark.parametrize('size', [(1, 1), (1, 700), (700, 1), (3, 2), (1500, 40)])
def test_odd_pictures(detector, size):
    H, W = size
    (boxes,) = detector([np.full((H, W, 3), 9, np.uint8)])
    assert ((boxes.boxes >= 0) & (boxes.boxes <= (W, H, W, H))).all()
    assert (boxes.boxes[:, :2] < boxes.boxes[:, 2:]).all()


@pytest.mark.parametrize(
    'picture', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_refuses_what_is_no_picture(detector, picture):
    with pytest.raises(ValueError, match='a picture is BGR'):
        detector([picture])


def test_leaves_mmpose_in_charge(detector, pictures):
    detector(pictures[:1])
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'
    assert not detector.model.training


def test_refuses_weights_of_another_detector(rtmdet, faster_rcnn):
    with pytest.raises(ValueError, match=r"does not fit the config's model(.|\n)*missing"):
        load_detector(rtmdet[0], faster_rcnn[1])


def test_refuses_missing_and_wrong_files(rtmdet, tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing'):
        load_detector(rtmdet[0], tmp_path / 'nothing.pth')
    (tmp_path / 'text.pth').write_text('no weights')
    with pytest.raises(ValueError, match=r'text.pth cannot be read'):
        load_detector(rtmdet[0], tmp_path / 'text.pth')
    (tmp_path / 'empty.py').write_text('x = 1')
    with pytest.raises(ValueError, match="is no detector's config: it lacks model"):
        load_detector(tmp_path / 'empty.py', rtmdet[1])


def test_refuses_a_pose_estimator(model_files):
    with pytest.raises(ValueError, match='builds TopdownPoseEstimator, no detector'):
        load_detector(*model_files('simdr'))


def test_says_nothing_of_what_upstream_has_to_mend(detector, pictures):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        detector(pictures[:1])
        warnings.warn('mine', stacklevel=1)
    assert [str(warning.message) for warning in said] == ['mine']


@pytest.mark.parametrize(
    ('category', 'message'),
    [('cat', "detects person; 'cat' is not among them"), (1, 'has no category 1: .* 0 to 0')],
)
def test_refuses_an_unknown_category(rtmdet, category, message):
    with pytest.raises(ValueError, match=message):
        load_detector(*rtmdet, category=category)


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (dict(score_thr=1.5), 'score_thr is from 0 to 1, got 1.5'),
        (dict(max_people=0), 'max_people must be at least 1, got 0'),
        (dict(batch_size=0), 'batch_size must be at least 1, got 0'),
    ],
)
def test_refuses_options(option, message):
    with pytest.raises(ValueError, match=message):
        MMDetPersonDetector(None, 0, **option)


def test_fallback_ops_give_the_boxes_of_the_compiled_ones(detector, pictures, monkeypatch):
    if not sys.modules['mmcv._ext'].__file__.endswith('.so'):
        pytest.skip('mmcv-lite has no compiled ops to compare with (make setup MMCV=full)')
    compiled = detector(pictures)
    fallback = SimpleNamespace(nms=nms, softnms=softnms)
    monkeypatch.setattr(sys.modules['mmcv.ops.nms'], 'ext_module', fallback)
    for ours, theirs in zip(detector(pictures), compiled, strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_boxes_grow_about_their_middles():
    boxes = Boxes.of([(10, 20, 30, 60, 0.5)])
    assert boxes.grown(1.5).boxes.tolist() == [[5, 10, 35, 70]]
    assert boxes.grown(1.5).scores.tolist() == [0.5]
    assert boxes.boxes.tolist() == [[10, 20, 30, 60]]
