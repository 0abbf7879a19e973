import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.codecs import AssociativeEmbedding
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import max_pool2d

from mmpose_ext.codecs.functional.ae_decoding import adjust_keypoints, decode_crowd, find_peaks

sys.path.insert(0, str(Path(__file__).parents[2] / 'tools' / 'benchmark'))
from swahr_loops import COCO_ORDER, crowd_maps, loop_decode

NAN, INF = float('nan'), float('inf')


def closest(cost: np.ndarray, distances: np.ndarray) -> list[tuple[int, int]]:
    """Our choice among assignments of equal cost."""
    pairs = linear_sum_assignment(cost + 1e-6 * np.minimum(distances, 1.0))
    return list(zip(*pairs, strict=True))


def same_people(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...]) -> None:
    keypoints, scores, person_scores = ours
    np.testing.assert_array_equal(scores, theirs[1])
    np.testing.assert_array_equal(keypoints, theirs[0])
    np.testing.assert_allclose(person_scores, theirs[2], rtol=1e-6)


def one_person(values: dict[int, float], K: int = 17, size: int = 16) -> tuple[Tensor, Tensor]:
    """Maps with one pixel per keypoint, at (k % 8 + 4, 5), all of one tag."""
    heatmaps, tags = torch.zeros(K, size, size), torch.full((1, K, size, size), 3.0)
    for k, value in values.items():
        heatmaps[k, 5, k % 8 + 4] = value
    return heatmaps, tags


# The algorithm as a whole.


@pytest.mark.parametrize('people', [1, 5, 12])
@pytest.mark.parametrize(
    'options',
    [{}, {'refine': False}, {'adjust': False}, {'nms_kernel': 3, 'keypoint_thr': 0.3}],
)
def test_people_are_those_of_the_plain_loops(people, options):
    maps = crowd_maps(people, size=(176, 128), sigma=2.0)
    theirs = loop_decode(*maps, **options)
    assert len(theirs[0]) >= people
    same_people(decode_crowd(*maps, COCO_ORDER, **options), theirs)


@pytest.mark.parametrize('max_people', [4, 30])
@pytest.mark.parametrize('seed', range(2))
def test_people_in_a_mess_are_those_of_the_plain_loops(seed, max_people):
    # Noise all over, tags that coincide, fewer places than people: groups split and collide.
    generator = torch.Generator().manual_seed(seed)
    heatmaps = torch.rand(17, 32, 24, generator=generator) - 0.2
    tags = torch.randn(2, 17, 32, 24, generator=generator) * 4
    tags[0] = (tags[0] * 4).round() / 4
    options = dict(max_people=max_people, keypoint_thr=0.7)
    theirs = loop_decode(heatmaps, tags, match=closest, **options)
    assert len(theirs[0]) > max_people
    same_people(decode_crowd(heatmaps, tags, COCO_ORDER, **options), theirs)


def test_found_joints_are_those_of_mmpose():
    # MMPose fills missing joints otherwise; spec of the method, section 9.
    heatmaps, tags = crowd_maps(12, size=(176, 128), sigma=2.0)
    codec = AssociativeEmbedding(
        input_size=(176, 128),
        heatmap_size=(176, 128),
        decode_keypoint_order=list(COCO_ORDER),
        decode_center_shift=0.5,
    )
    theirs = [one[0] for one in codec.batch_decode(heatmaps[None], tags.flatten(0, 1)[None])]
    keypoints, scores, person_scores = decode_crowd(heatmaps, tags, COCO_ORDER, refine=False)
    found = scores > 0
    assert 0.7 < found.mean() < 0.95
    np.testing.assert_array_equal(keypoints[found], theirs[0][found])
    np.testing.assert_array_equal(scores[found], theirs[1][found])
    np.testing.assert_allclose(person_scores, theirs[2], rtol=1e-6)


def test_with_refinement_everyone_has_all_joints():
    maps = crowd_maps(5, size=(176, 128), sigma=2.0)
    _, before, _ = decode_crowd(*maps, COCO_ORDER, refine=False)
    keypoints, scores, _ = decode_crowd(*maps, COCO_ORDER)
    assert (before == 0).any()
    assert (scores > 0).all()
    assert (keypoints > 0).all()


@pytest.mark.parametrize('K', [17, 14])
def test_the_score_of_a_person_is_taken_before_joints_are_filled_in(K):
    heatmaps, tags = one_person({0: 0.9, 5: 0.5, 6: 0.5}, K)
    heatmaps[9, 12, 12] = 0.05  # below the threshold: filled in
    keypoints, scores, person_scores = decode_crowd(heatmaps, tags, COCO_ORDER[:K])
    if K == 17:
        assert person_scores[0] == pytest.approx(0.11176471, abs=1e-8)
    assert person_scores[0] == pytest.approx(1.9 / K)
    assert scores[0, 9] == pytest.approx(0.05)
    assert keypoints[0, 9].tolist() == [12.25, 12.25]
    assert np.flatnonzero(scores[0]).tolist() == [0, 5, 6, 9]


def test_a_joint_is_filled_in_only_where_the_heatmap_is_positive():
    heatmaps, tags = one_person({0: 0.9})
    heatmaps[1], heatmaps[2] = -0.1, 0
    heatmaps[3, 2, 2] = 0.01
    _, scores, _ = decode_crowd(heatmaps, tags, COCO_ORDER)
    assert np.flatnonzero(scores[0]).tolist() == [0, 3]


def test_results_are_float32_and_inputs_stay():
    heatmaps, tags = crowd_maps(2, size=(64, 48), sigma=2.0)
    copies = heatmaps.clone(), tags.clone()
    results = decode_crowd(heatmaps.requires_grad_(), tags, COCO_ORDER)
    assert [one.dtype for one in results] == [np.float32] * 3
    assert [one.shape for one in results] == [(2, 17, 2), (2, 17), (2,)]
    assert torch.equal(heatmaps, copies[0])
    assert torch.equal(tags, copies[1])


def test_half_precision_and_views_of_memory_do():
    heatmaps, tags = (one.half() for one in crowd_maps(3, size=(96, 64), sigma=2.0))
    wanted = decode_crowd(heatmaps.float(), tags.float(), COCO_ORDER)
    turned = [one.transpose(-1, -2).contiguous().transpose(-1, -2) for one in (heatmaps, tags)]
    same_people(decode_crowd(heatmaps, tags, COCO_ORDER), wanted)
    same_people(decode_crowd(*turned, COCO_ORDER), wanted)


# Peaks.


@pytest.mark.parametrize('kernel', [1, 3, 5, 7])
@pytest.mark.parametrize('threshold', [0.0, 0.5])
def test_peaks_are_those_of_max_pooling(kernel, threshold):
    heatmaps = torch.rand(3, 30, 41, generator=torch.Generator().manual_seed(kernel))
    heatmaps[1] = (heatmaps[1] * 5).round() / 5  # plateaus
    heatmaps[2] -= 0.4
    pooled = max_pool2d(heatmaps[None], kernel, stride=1, padding=kernel // 2)[0]
    wanted = ((heatmaps == pooled) & (heatmaps > threshold)).nonzero()
    assert len(wanted) > 10
    assert torch.equal(torch.stack(find_peaks(heatmaps, threshold, kernel), dim=1), wanted)


def test_of_many_peaks_the_highest_are_taken():
    heatmaps, tags = torch.zeros(1, 20, 20), torch.zeros(1, 1, 20, 20)
    places = [(3, 3), (3, 15), (15, 3), (15, 15)]
    for n, (y, x) in enumerate(places):
        heatmaps[0, y, x] = 0.5 + 0.1 * (n % 3)
        tags[..., y, x] = 9 * n
    keypoints, scores, _ = decode_crowd(heatmaps, tags, [0], max_people=3)
    # 0.7, 0.6, and of two with 0.5 the first in memory.
    np.testing.assert_allclose(scores[:, 0], [0.7, 0.6, 0.5], rtol=1e-6)
    assert keypoints[:, 0].tolist() == [[3.25, 15.25], [15.25, 3.25], [3.25, 3.25]]


@pytest.mark.parametrize(
    ('neighbour', 'moved'),
    [((5, 6), (5.75, 5.25)), ((5, 4), (5.25, 5.25)), ((6, 5), (5.25, 5.75)), (None, (5.25, 5.25))],
)
def test_adjusted_joints_move_to_the_higher_side(neighbour, moved):
    heatmaps = torch.zeros(1, 9, 9)
    heatmaps[0, 5, 5] = 1
    if neighbour:
        heatmaps[(0, *neighbour)] = 0.5
    adjusted = adjust_keypoints(heatmaps, np.array([0]), np.array([[5, 5]]))
    assert adjusted.tolist() == [list(moved)]


def test_at_a_border_the_pixel_itself_is_its_neighbour():
    heatmaps = torch.zeros(1, 4, 4)
    heatmaps[0, 0, 0] = heatmaps[0, 3, 3] = 1
    adjusted = adjust_keypoints(heatmaps, np.zeros(2, int), np.array([[0, 0], [3, 3]]))
    # Towards the outside: the pixel itself is higher than its inner neighbour.
    assert adjusted.tolist() == [[0.25, 0.25], [3.75, 3.75]]


# Bad input.


@pytest.mark.parametrize('value', [0.0, -1.0, 0.1, NAN, INF, -INF])
def test_maps_without_peaks_hold_no_people(value):
    maps = torch.full((17, 16, 16), value), torch.zeros(2, 17, 16, 16)
    keypoints, scores, person_scores = decode_crowd(*maps, COCO_ORDER, keypoint_thr=0.1)
    assert (keypoints.shape, scores.shape, person_scores.shape) == ((0, 17, 2), (0, 17), (0,))


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
def test_heat_that_is_not_finite_counts_as_none(bad):
    heatmaps, tags = one_person({0: 0.9, 1: 0.8})
    heatmaps[1, 5, 6] = heatmaps[2, 10, 10] = heatmaps[0, 0, 0] = bad
    heatmaps[1, 5, 5] = 0.8
    _, scores, person_scores = decode_crowd(heatmaps, tags, COCO_ORDER)
    np.testing.assert_allclose(scores[0, :3], [0.9, 0.8, 0], rtol=1e-6)
    assert person_scores.tolist() == pytest.approx([1.7 / 17])


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
def test_peaks_with_tags_that_are_not_finite_are_dropped(bad):
    heatmaps, tags = one_person({0: 0.9, 1: 0.8})
    tags[0, 1, 5, 5] = bad
    keypoints, scores, person_scores = decode_crowd(heatmaps, tags, COCO_ORDER)
    assert scores[0, 0] == pytest.approx(0.9)
    assert scores[0, 1] == 0
    assert np.isfinite(keypoints).all()
    assert person_scores.tolist() == pytest.approx([0.9 / 17])
    tags[...] = bad
    assert decode_crowd(heatmaps, tags, COCO_ORDER)[0].shape == (0, 17, 2)


MAPS = torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8)


@pytest.mark.parametrize(
    ('heatmaps', 'tags', 'message'),
    [
        (MAPS[0], MAPS[1][0], r'\(3, 8, 8\) and \(3, 8, 8\), expected'),
        (MAPS[0][None], MAPS[1], 'expected'),
        (MAPS[0], MAPS[1][:, :2], r'\(1, 2, 8, 8\)'),
        (MAPS[0], MAPS[1][..., :4], 'resize tags'),
        (MAPS[0], MAPS[1][:0], 'none of them 0'),
        (MAPS[0][:, :0], MAPS[1][:, :, :0], 'none of them 0'),
    ],
)
def test_shapes_that_do_not_fit_are_refused(heatmaps, tags, message):
    with pytest.raises(ValueError, match=message):
        decode_crowd(heatmaps, tags, [0, 1, 2])


@pytest.mark.parametrize('maps', [(MAPS[0].int(), MAPS[1]), (MAPS[0], MAPS[1].numpy())])
def test_what_is_no_tensor_of_floats_is_refused(maps):
    with pytest.raises(TypeError, match='must be a tensor of floating point'):
        decode_crowd(*maps, [0, 1, 2])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'order': [0, 1]}, r'each of the 3 keypoints .* got \[0, 1\]'),
        ({'order': [0, 1, 1]}, 'once'),
        ({'keypoint_thr': -0.1}, 'keypoint_thr .* -0.1'),
        ({'keypoint_thr': NAN}, 'keypoint_thr'),
        ({'tag_thr': 0.0}, 'tag_thr'),
        ({'tag_thr': NAN}, 'tag_thr'),
        ({'nms_kernel': 4}, 'odd number of pixels, got 4'),
        ({'nms_kernel': -1}, 'nms_kernel'),
        ({'max_people': 0}, 'max_people'),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        decode_crowd(*MAPS, **{'order': [0, 1, 2], **options})


def test_tags_too_large_for_float32_are_as_good_as_infinite():
    heatmaps = torch.rand(3, 9, 9)
    heatmaps[2] = 0.05
    tags = torch.full((1, 3, 9, 9), 3e38)
    tags[0, 2] = torch.inf
    keypoints, scores, person_scores = decode_crowd(heatmaps, tags, [0, 1, 2])
    assert (keypoints.shape, scores.shape, person_scores.shape) == ((0, 3, 2), (0, 3), (0,))
