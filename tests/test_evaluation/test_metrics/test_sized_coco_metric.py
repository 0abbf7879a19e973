import json
import math

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS

META = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
RANGES = dict(tiny=(0, 24), small=(24, 48), big=(48, float('inf')))
# Sides of the people's squares in px: two of each range, and one who is nearly 24.
SIDES = (12, 20, 30, 40, 60, 90)
OPTIONS = dict(score_mode='bbox', nms_mode='none')


def person(side):
    """Keypoints (17, 2) that span a square of ``side`` px and more."""
    points = np.random.default_rng(side).uniform(0, side, (17, 2))
    points[:2] = [[0, 0], [side, side]]
    return points + 10


@pytest.fixture
def annotations(tmp_path):
    """Six images with a person in each."""
    people = [
        dict(
            id=number,
            image_id=number,
            category_id=1,
            iscrowd=0,
            bbox=[10, 10, side, side],
            area=side**2,
            num_keypoints=17,
            keypoints=np.c_[person(side), np.full(17, 2)].ravel().tolist(),
        )
        for number, side in enumerate(SIDES, 1)
    ]
    images = [dict(id=one['id'], width=200, height=200, file_name='') for one in people]
    path = tmp_path / 'people.json'
    category = dict(id=1, name='person')
    path.write_text(json.dumps(dict(images=images, annotations=people, categories=[category])))
    return path


def sample(number, people, score=0.5):
    people = np.reshape(np.asarray(people, float), (-1, 17, 2))
    instances = dict(
        keypoints=people,
        keypoint_scores=np.ones(people.shape[:2]),
        bbox_scores=np.full(len(people), score),
    )
    return dict(id=[number], img_id=number, pred_instances=instances, gt_instances={})


def evaluate(annotations, samples, kind='SizedCocoMetric', **options):
    if kind == 'SizedCocoMetric':
        options = dict(size_ranges=RANGES) | options
    metric = METRICS.build(dict(type=kind, ann_file=str(annotations), **OPTIONS, **options))
    metric.dataset_meta = dict(META)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def predictions(spoilt=()):
    """All people as they are, but those of the sides ``spoilt`` elsewhere."""
    return [
        sample(number, person(side) + 3.0 * side * (side in spoilt))
        for number, side in enumerate(SIDES, 1)
    ]


def test_perfect_predictions(annotations):
    scores = evaluate(annotations, predictions())
    assert [scores[f'coco/AP {name}'] for name in RANGES] == pytest.approx([1, 1, 1])
    assert scores['coco/AP'] == pytest.approx(1)


@pytest.mark.parametrize('name', RANGES)
def test_only_the_range_of_the_spoilt_people_falls(annotations, name):
    low, high = RANGES[name]
    spoilt = [side for side in SIDES if low < side < high]
    assert len(spoilt) == 2
    scores = evaluate(annotations, predictions(spoilt))
    for other in RANGES:
        assert scores[f'coco/AP {other}'] == pytest.approx(float(other != name))
    # One of two: half of the recall at a precision of 1 or 1/2, whichever is ranked first.
    scores = evaluate(annotations, predictions(spoilt[:1]))
    assert 0.25 < scores[f'coco/AP {name}'] < 0.51


def test_false_alarms_count_in_the_range_of_their_size_only(annotations):
    samples = predictions()
    # A second, higher-scored person of 30 px who is not there, beside the one of 90 px.
    elsewhere = sample(6, person(30) + 100, score=0.9)['pred_instances']
    both = samples[5]['pred_instances']
    for key, values in elsewhere.items():
        both[key] = np.concatenate([both[key], values])
    scores = evaluate(annotations, samples)
    assert scores['coco/AP tiny'] == scores['coco/AP big'] == pytest.approx(1)
    # Precision 2 of 3 at full recall, the best precision after it at lower recall.
    assert scores['coco/AP small'] == pytest.approx(2 / 3)


def test_coco_ranges_give_coco_figures(annotations):
    ranges = dict(medium=(32, 96), large=(96, 1e5))
    samples = predictions(spoilt=(40,))
    scores = evaluate(annotations, samples, size_ranges=ranges)
    stock = evaluate(annotations, samples, kind='CocoMetric')
    assert {key: scores[key] for key in stock} == stock
    assert 0 < scores['coco/AP medium'] < 1
    assert scores['coco/AP medium'] == stock['coco/AP (M)']
    assert stock['coco/AP (L)'] == -1
    assert math.isnan(scores['coco/AP large'])  # nobody is that large


def test_nobody_predicted_is_zero(annotations):
    nobody = [sample(number, []) for number in range(1, 7)]
    scores = evaluate(annotations, nobody)
    assert scores['coco/AP'] == scores['coco/AR'] == 0
    assert [scores[f'coco/AP {name}'] for name in RANGES] == [0, 0, 0]


def test_area_of_the_box_where_none_is_annotated(annotations):
    content = json.loads(annotations.read_text())
    for one in content['annotations']:
        del one['area']
    annotations.write_text(json.dumps(content))
    # sqrt(0.53) * 60 px = 43.7 px: small, not big.
    samples = predictions()
    samples[SIDES.index(60)] = sample(5, [])
    scores = evaluate(annotations, samples, use_area=False)
    assert scores['coco/AP big'] == pytest.approx(1)
    assert scores['coco/AP small'] == pytest.approx(51 / 101)  # of 40 and 60 px one


def test_no_ranges_is_coco(annotations):
    samples = predictions(spoilt=(12,))
    scores = evaluate(annotations, samples, size_ranges=None)
    assert scores == evaluate(annotations, samples, kind='CocoMetric')


@pytest.mark.parametrize(
    'ranges',
    [dict(small=(24,)), dict(small=(24, 24)), dict(small=(-1, 24)), dict(small=('0', '1')),
     dict(small=(0, math.nan)), {'.5': (0, 24)}, {'': (0, 24)}, {3: (0, 24)}, dict(small=7)],
)  # fmt: skip
def test_refuses(annotations, ranges):
    with pytest.raises(ValueError, match=r'range'):
        evaluate(annotations, predictions(), size_ranges=ranges)


def test_is_a_coco_metric():
    assert issubclass(METRICS.get('SizedCocoMetric'), CocoMetric)
