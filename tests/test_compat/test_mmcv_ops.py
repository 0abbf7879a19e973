import sys
from types import SimpleNamespace

import mmcv_op_cases as cases
import numpy as np
import pytest
import torch
from mmcv import ops as mmcv_ops

from mmpose_ext.compat.ops import nms as nms_module
from mmpose_ext.compat.ops.nms import nms, pairwise_iou, softnms
from mmpose_ext.compat.ops.roi_align import roi_align_backward, roi_align_forward

FALLBACK = SimpleNamespace(
    nms=nms,
    softnms=softnms,
    roi_align_forward=roi_align_forward,
    roi_align_backward=roi_align_backward,
)


@pytest.fixture(scope='module')
def compiled():
    """The compiled ops of real mmcv."""
    module = sys.modules['mmcv._ext']
    if not module.__file__.endswith('.so'):
        pytest.skip('mmcv-lite has no compiled ops to compare with (make setup MMCV=full)')
    return module


def assert_same(actual, expected):
    expected = {name: torch.as_tensor(array) for name, array in expected.items()}
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def test_known_numbers_of_the_compiled_ops():
    with np.load(cases.GOLDEN) as golden:
        assert_same(cases.all_outputs(FALLBACK, seed=0), dict(golden))


@pytest.mark.parametrize('seed', range(1, 6))
def test_same_as_compiled(compiled, seed):
    assert_same(cases.all_outputs(FALLBACK, seed), cases.all_outputs(compiled, seed))


@pytest.mark.parametrize('num_boxes', [50, 3000])
def test_same_order_of_equal_scores_as_compiled(compiled, num_boxes):
    rng = np.random.default_rng(0)
    boxes = cases.random_boxes(rng, num_boxes, size=200)
    scores = torch.from_numpy(rng.integers(1, 9, num_boxes) / 8).float()
    expected = compiled.nms(boxes, scores, iou_threshold=0.5, offset=0)
    torch.testing.assert_close(nms(boxes, scores, iou_threshold=0.5, offset=0), expected)
    for method in (0, 1, 2):
        dets, expected_dets = torch.zeros(50, 5), torch.zeros(50, 5)
        options = dict(iou_threshold=0.3, sigma=0.5, min_score=0.01, method=method, offset=0)
        kept = softnms(boxes[:50], scores[:50], dets, **options)
        expected = compiled.softnms(boxes[:50], scores[:50], expected_dets, **options)
        torch.testing.assert_close(kept, expected)
        torch.testing.assert_close(dets, expected_dets)


def test_pairwise_iou_known_numbers():
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    expected = torch.tensor([[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]])
    torch.testing.assert_close(pairwise_iou(boxes, boxes), expected)
    # With x2 and y2 inside the box: 11 x 11 pixels, of which 6 x 11 are shared.
    assert pairwise_iou(boxes[:1], boxes[1:2], offset=1).item() == pytest.approx(66 / 176)


@pytest.mark.parametrize('offset', [0, 1])
def test_nms_keeps_what_greedy_suppression_keeps(offset):
    rng = np.random.default_rng(1)
    boxes = cases.random_boxes(rng, 200, size=100)
    scores = cases.random_scores(rng, 200)
    iou = pairwise_iou(boxes, boxes, offset)
    expected: list[int] = []
    for candidate in scores.argsort(descending=True).tolist():
        if all(iou[candidate, kept] <= 0.4 for kept in expected):
            expected.append(candidate)
    assert nms(boxes, scores, iou_threshold=0.4, offset=offset).tolist() == expected


@pytest.mark.parametrize('block', [1, 7, 64])
def test_nms_does_not_depend_on_the_block(monkeypatch, block):
    rng = np.random.default_rng(2)
    boxes, scores = cases.random_boxes(rng, 150, size=80), cases.random_scores(rng, 150)
    expected = nms(boxes, scores, iou_threshold=0.3, offset=0)
    monkeypatch.setattr(nms_module, '_BLOCK', block)
    torch.testing.assert_close(nms(boxes, scores, iou_threshold=0.3, offset=0), expected)


def test_nms_of_a_long_chain_of_suppressions():
    # Each box overlaps its neighbours only: every second one stays.
    left = torch.arange(300.0)[:, None] * 4
    boxes = torch.cat((left, torch.zeros_like(left), left + 10, torch.ones_like(left)), dim=1)
    scores = torch.linspace(1, 0.1, 300)
    kept = nms(boxes, scores, iou_threshold=0.4, offset=0)
    assert kept.tolist() == list(range(0, 300, 2))


def test_naive_softnms_keeps_what_nms_keeps():
    rng = np.random.default_rng(3)
    boxes, scores = cases.random_boxes(rng, 100, size=60), cases.random_scores(rng, 100)
    dets = torch.zeros(100, 5)
    options = dict(iou_threshold=0.4, sigma=0.5, min_score=1e-6, method=0, offset=0)
    kept = softnms(boxes, scores, dets, **options)
    torch.testing.assert_close(kept, nms(boxes, scores, iou_threshold=0.4, offset=0))
    torch.testing.assert_close(dets[: len(kept)], torch.cat((boxes, scores[:, None]), 1)[kept])


def test_softnms_writes_only_the_kept_rows_of_dets():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    dets = torch.full((3, 5), -7.0)
    options = dict(iou_threshold=0.3, sigma=0.5, min_score=0.1, method=1, offset=0)
    kept = softnms(boxes, scores, dets, **options)
    assert kept.tolist() == [0, 2]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.7, -7.0]))
    torch.testing.assert_close(scores, torch.tensor([0.9, 0.8, 0.7]))


@pytest.mark.parametrize('method', ['naive', 'linear', 'gaussian'])
def test_mmcv_soft_nms(method):
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    dets, kept = mmcv_ops.soft_nms(boxes, scores, iou_threshold=0.3, sigma=0.5, method=method)
    weight = {'naive': 0, 'linear': 2 / 3, 'gaussian': np.exp(-2 / 9)}[method]
    expected = {0: 0.9, 1: 0.8 * weight, 2: 0.7}
    assert dict(zip(kept.tolist(), dets[:, 4].tolist(), strict=True)) == pytest.approx(
        {index: score for index, score in expected.items() if score}, rel=1e-5
    )


def test_mmcv_batched_nms_keeps_classes_apart():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    scores, classes = torch.tensor([0.7, 0.9, 0.8]), torch.tensor([0, 0, 1])
    dets, kept = mmcv_ops.batched_nms(boxes, scores, classes, dict(type='nms', iou_threshold=0.5))
    assert kept.tolist() == [1, 2]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.8]))


@pytest.mark.parametrize('threshold_scores', [False, True])
def test_mmcv_nms_without_boxes(threshold_scores):
    boxes, scores = torch.zeros(0, 4), torch.zeros(0)
    if threshold_scores:
        boxes, scores = torch.zeros(2, 4), torch.tensor([0.1, 0.2])
    dets, kept = mmcv_ops.nms(boxes, scores, 0.5, score_threshold=0.3)
    assert dets.shape == (0, 5)
    assert kept.dtype == torch.int64


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
@pytest.mark.parametrize('sampling_ratio', [0, 3])
def test_roi_align_of_a_constant_map(pool_mode, sampling_ratio):
    layer = mmcv_ops.RoIAlign((2, 3), 0.5, sampling_ratio, pool_mode)
    rois = torch.tensor([[0.0, 2, 2, 12, 9], [1, 0, 0, 20, 14]])
    pooled = layer(torch.full((2, 4, 8, 12), 5.0), rois)
    torch.testing.assert_close(pooled, torch.full((2, 4, 2, 3), 5.0))


def test_roi_align_of_a_ramp_gives_the_centres_of_the_bins():
    ramp = torch.arange(16.0).repeat(1, 1, 16, 1)  # the value of a pixel is its column
    rois = torch.tensor([[0.0, 2, 2, 10, 10]])
    aligned = mmcv_ops.RoIAlign((1, 4), 1.0, 0, 'avg', aligned=True)(ramp, rois)
    torch.testing.assert_close(aligned.flatten(), torch.tensor([2.5, 4.5, 6.5, 8.5]))
    legacy = mmcv_ops.RoIAlign((1, 4), 1.0, 0, 'avg', aligned=False)(ramp, rois)
    torch.testing.assert_close(legacy.flatten(), torch.tensor([3.0, 5, 7, 9]))


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
def test_roi_align_gradient(pool_mode, aligned, sampling_ratio):
    rng = np.random.default_rng(4)
    # Distinct values far enough apart that no step of the check changes a maximum.
    features = torch.from_numpy(rng.permutation(2 * 2 * 6 * 7).reshape(2, 2, 6, 7) / 10)
    features.requires_grad_()
    rois = torch.tensor([[0, 1.3, 0.7, 9.1, 8.2], [1, -3, -2, 20, 4.4]], dtype=torch.float64)
    layer = mmcv_ops.RoIAlign((2, 2), 0.6, sampling_ratio, pool_mode, aligned)
    assert torch.autograd.gradcheck(lambda maps: layer(maps, rois), features)


def test_roi_align_without_rois():
    pooled = mmcv_ops.RoIAlign((2, 3), 0.5)(torch.zeros(1, 4, 8, 8), torch.zeros(0, 5))
    assert pooled.shape == (0, 4, 2, 3)


def run_roi_align(rois, aligned=True, dtype=torch.float32):
    features = torch.arange(64.0).reshape(1, 1, 8, 8).to(dtype)
    output = features.new_zeros(len(rois), 1, 2, 2)
    empty = output.new_zeros(0)
    roi_align_forward(features, rois.to(dtype), output, empty, empty, 2, 2, 1.0, 0, 1, aligned)
    return output


@pytest.mark.parametrize(
    'roi',
    [[1, 0, 0, 4, 4], [-1, 0, 0, 4, 4], [0, 4, 0, 2, 4], [0, 0, 4, 4, 2], [0, 0, 0, np.nan, 4]],
)
def test_roi_align_refuses(roi):
    with pytest.raises(ValueError, match='got the RoI'):
        run_roi_align(torch.tensor([roi], dtype=torch.float32))


def test_roi_align_enlarges_an_inverted_roi_where_it_is_not_aligned():
    # mmcv: at least one pixel wide, "for backward-compatibility only"
    inverted = run_roi_align(torch.tensor([[0.0, 4, 2, 3, 3]]), aligned=False)
    one_pixel = run_roi_align(torch.tensor([[0.0, 4, 2, 5, 3]]), aligned=False)
    torch.testing.assert_close(inverted, one_pixel)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_roi_align_in_low_precision(dtype):
    rois = torch.tensor([[0.0, 1, 1, 5, 5]])
    low = run_roi_align(rois, dtype=dtype)
    assert low.dtype == dtype
    torch.testing.assert_close(low.float(), run_roi_align(rois), rtol=1e-2, atol=0)
