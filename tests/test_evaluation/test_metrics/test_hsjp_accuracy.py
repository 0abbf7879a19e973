import math

import numpy as np
import pytest
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.evaluation.metrics import PCKAccuracy
from mmpose.registry import METRICS

from mmpose_ext.codecs.functional.jigsaw import (
    image_from_input,
    inverse_permutation,
    slot_centers,
)
from mmpose_ext.datasets import HSJPShuffle
from mmpose_ext.evaluation import HSJPAccuracy

SIZE = (192, 256)


def samples(count, codec=None, **options):
    """Shuffled noise with the predictions that perfect heatmaps give."""
    rng = np.random.default_rng(0)
    shuffle = HSJPShuffle(seed=0, **options)
    codec = codec or MSRAHeatmap(SIZE, (48, 64), sigma=2)
    made = []
    for number in range(count):
        shuffled = shuffle(
            dict(
                img=rng.integers(0, 256, (256, 192, 3)).astype(np.uint8),
                id=number,
                input_size=SIZE,
                input_center=rng.uniform(0, 4000, 2).astype(np.float32),
                input_scale=(rng.uniform(0.2, 3) * np.array(SIZE)).astype(np.float32),
            )
        )
        decoded, _ = codec.decode(codec.encode(shuffled['transformed_keypoints'])['heatmaps'])
        crop = {name: shuffled[name] for name in ('input_center', 'input_scale', 'input_size')}
        predicted = decoded.astype(np.float32)
        predicted[:] = image_from_input(decoded, *crop.values())
        truth = {name: shuffled[name] for name in ('keypoints', 'keypoints_visible')}
        truth['bboxes'] = np.array([[0, 0, *crop['input_scale']]])
        slots = inverse_permutation(shuffled['hsjp_perm'])
        instances = dict(gt_instances=truth, pred_instances=dict(keypoints=predicted))
        made.append(dict(crop, id=number, slots=slots, **instances))
    return made


def evaluate(made, metric=None):
    metric = metric or HSJPAccuracy()
    metric.process(None, made)
    return metric.evaluate(len(made))


def put(sample, patch, point):
    """Predict that a patch, or all of several, lie at a point of the crop, in px."""
    crop = (sample[name] for name in ('input_center', 'input_scale', 'input_size'))
    sample['pred_instances']['keypoints'][0, patch] = image_from_input(point, *crop)


@pytest.mark.parametrize('grid', [(2, 2), (4, 3)])
def test_perfect_heatmaps_solve_all_puzzles(grid):
    made = samples(20, grid=grid)
    assert evaluate(made, HSJPAccuracy(grid)) == {'hsjp/patch_acc': 1, 'hsjp/puzzle_acc': 1}
    stock = PCKAccuracy(prefix='stock')
    stock.process(None, made)
    assert stock.evaluate(20) == {'stock/PCK': 1}


def test_perfect_unbiased_heatmaps_solve_all_puzzles():
    made = samples(20, UDPHeatmap(SIZE, (48, 64), sigma=2), use_udp=True)
    figures = evaluate(made, HSJPAccuracy(use_udp=True))
    assert figures == {'hsjp/patch_acc': 1, 'hsjp/puzzle_acc': 1}


def test_counts_patches_and_puzzles():
    made = samples(4)
    centers = slot_centers((4, 3), SIZE)
    # A column and a row too far, and within the slot, but far from its centre.
    put(made[0], 0, centers[made[0]['slots'][0]] + [32.1, 0])
    put(made[0], 5, centers[made[0]['slots'][5]] - [0, 32.1])
    put(made[0], 9, centers[made[0]['slots'][9]] + [64, 64])
    put(made[3], 7, centers[made[3]['slots'][7]] + [-31.9, 31.9])
    made[1]['pred_instances']['keypoints'][0, 2] = -1e4
    made[2]['pred_instances']['keypoints'][0, 2] = np.nan
    figures = evaluate(made)
    assert figures['hsjp/patch_acc'] == pytest.approx((48 - 5) / 48)
    assert figures['hsjp/puzzle_acc'] == pytest.approx(1 / 4)


def test_invisible_patches_do_not_count():
    made = samples(3)
    for patch in (1, 4):
        made[0]['gt_instances']['keypoints_visible'][0, patch] = 0
        made[0]['pred_instances']['keypoints'][0, patch] = -1e4
    # Nothing to solve.
    made[1]['gt_instances']['keypoints_visible'][:] = 0
    made[1]['pred_instances']['keypoints'][:] = -1e4
    assert evaluate(made) == {'hsjp/patch_acc': 1, 'hsjp/puzzle_acc': 1}
    made[2]['pred_instances']['keypoints'][0, 0] = -1e4
    figures = evaluate(made)
    assert figures['hsjp/patch_acc'] == pytest.approx(21 / 22)
    assert figures['hsjp/puzzle_acc'] == pytest.approx(1 / 2)


def test_invisible_patches_do_not_count_where_they_are_right():
    made = samples(1)
    made[0]['gt_instances']['keypoints_visible'][0, :6] = 0
    made[0]['pred_instances']['keypoints'][0, 7] = -1e4
    assert evaluate(made) == {'hsjp/patch_acc': pytest.approx(5 / 6), 'hsjp/puzzle_acc': 0}


def test_nothing_visible_is_no_accuracy(monkeypatch):
    told = []
    monkeypatch.setattr(
        'mmpose_ext.evaluation.metrics.hsjp_accuracy.print_log',
        lambda text, **_: told.append(text),
    )
    made = samples(2, min_contrast=255)
    figures = evaluate(made)
    assert all(math.isnan(value) for value in figures.values())
    assert 'none of the patches of 2 samples is visible' in told[0]


def test_points_on_the_border_survive_the_way_to_the_image_and_back():
    """Float32 of an image of 4000 px: without rounding, half of them would fall out."""
    made = samples(200)
    for sample in made:
        put(sample, slice(None), slot_centers((4, 3), SIZE)[sample['slots']] - 32)
    assert evaluate(made)['hsjp/patch_acc'] == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(grid=(2, 2)), r'grid \(2, 2\) has 4 patches, but the truth of sample 0'),
        (dict(grid=(3, 4)), r'cannot be cut into 3 rows'),
        (dict(grid=(2, 6)), r'sample 0 do not lie in the slots of grid \(2, 6\)'),
        (dict(grid=(4, 3), use_udp=True), 'with use_udp=True'),
    ],
)
def test_refuses_another_grid_than_the_shuffle_has(options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(samples(1), HSJPAccuracy(**options))


def test_refuses_predictions_of_another_number():
    made = samples(1)
    made[0]['pred_instances']['keypoints'] = np.zeros((1, 17, 2))
    with pytest.raises(ValueError, match=r'the prediction of sample 0 .* \(1, 17, 2\)'):
        evaluate(made)


def test_refuses_what_is_no_grid():
    with pytest.raises(ValueError, match='grid must be'):
        METRICS.build(dict(type='HSJPAccuracy', grid=(4, 0)))
