"""The people of many pictures at once are those of one picture at a time."""

import numpy as np
import pytest
from mmpose.apis import inference_bottomup, inference_topdown, init_model
from pose_models import pictures, save_model

from mmpose_ext.apis import Boxes, TorchBackend, infer_meshes
from mmpose_ext.visualization.person3d import predicted_person

SIZES = (100, 80), (60, 90), (100, 80), (1, 1)
BOXES = [
    Boxes.of([(0, 0, 100, 80), (10, 20, 50, 75), (-10, 5, 40, 90)], [0.9, 0.8, 0.7]),
    Boxes.of([]),
    Boxes.of([(5, 5, 95, 70), (30, 30, 36, 34)]),
    Boxes.of([(0, 0, 1, 1)]),
]
TOPDOWN = ('simdr', 'hemlets', 'posh')


@pytest.fixture(scope='module', params=TOPDOWN)
def found(request, predictors):
    """A top-down backend, and the people of four pictures."""
    backend = predictors(request.param).backend
    return backend, backend.predict(pictures(*SIZES), BOXES)


def test_equals_stock_inference_one_by_one(found):
    backend, people = found
    for image, boxes, batched in zip(pictures(*SIZES), BOXES, people, strict=True):
        assert len(batched) == len(boxes)
        for number, box in enumerate(boxes.boxes):
            (sample,) = inference_topdown(backend.model, image, box[None].astype(np.float32))
            instances = sample.pred_instances
            wanted, scores = instances.keypoints[0, :, :2], instances.keypoint_scores[0]
            assert np.allclose(batched.keypoints[number], wanted, atol=1e-3)
            assert np.allclose(batched.keypoint_scores[number], scores, atol=1e-5)
            if batched.joints_3d is not None:
                person = predicted_person(sample, backend.model.head.decoder)
                assert np.allclose(batched.joints_3d[number], person.joints, atol=1e-2)
                assert (batched.part_polarity[number] == person.polarity).all()


def test_boxes_and_their_scores_come_back(found):
    _, people = found
    for boxes, batched in zip(BOXES, people, strict=True):
        assert (batched.boxes == boxes.boxes).all()
        assert (batched.box_scores == boxes.scores).all()


def test_what_each_method_gives(found):
    backend, people = found
    K = len(backend.dataset_meta['keypoint_id2name'])
    assert people[0].keypoints.shape == (3, K, 2)
    assert people[1].keypoints.shape == (0, K, 2)
    if backend.name == 'simdr':
        assert people[0].joints_3d is None
        assert people[0].part_polarity is None
        assert people[0].meshes is None
        return
    assert people[0].joints_3d.shape == (3, 18, 3)
    assert people[1].joints_3d.shape == (0, 18, 3)
    assert people[1].part_polarity.shape == (0, 14)
    assert people[1].meshes == (() if backend.name == 'posh' else None)
    assert (people[0].joints_3d[:, 0] == 0).all()
    assert people[0].part_polarity.shape == (3, 14)
    assert np.isin(people[0].part_polarity, (-1, 0, 1)).all()


def test_meshes_are_those_of_infer_meshes(predictors):
    backend = predictors('posh').backend
    image = pictures((100, 80))[0]
    boxes = Boxes.of([(0, 0, 100, 80), (10, 20, 50, 75)])
    (people,) = backend.predict([image], [boxes])
    stock = infer_meshes(backend.model, image, boxes.boxes)
    for ours, theirs in zip(people.meshes, stock, strict=True):
        assert np.allclose(ours.vertices, theirs.vertices, atol=1e-4)
        assert np.allclose(ours.box, theirs.box)


def test_people_do_not_depend_on_the_batch_size(predictors):
    backend = predictors('simdr').backend
    images = pictures(*SIZES)
    people = backend.predict(images, BOXES)
    for batch_size in (1, 3, 100):
        others = TorchBackend(backend.model, batch_size=batch_size).predict(images, BOXES)
        for first, second in zip(people, others, strict=True):
            assert np.allclose(first.keypoints, second.keypoints, atol=1e-3)


def test_whole_pictures_equal_stock_inference_one_by_one(predictors):
    backend = predictors('swahr').backend
    images = pictures((100, 80), (60, 90), (100, 80), (1, 1), seed=3)
    people = backend.predict(images)
    assert len(people) == 4
    for image, batched in zip(images, people, strict=True):
        (sample,) = inference_bottomup(backend.model, image)
        instances = sample.pred_instances
        assert np.allclose(batched.keypoints, instances.keypoints, atol=1e-3)
        assert np.allclose(batched.keypoint_scores, instances.keypoint_scores, atol=1e-5)
        assert np.allclose(batched.box_scores, instances.bbox_scores, atol=1e-5)


def test_boxes_of_a_crowd_hold_its_keypoints(predictors):
    (people,) = predictors('swahr').backend.predict(pictures((100, 80)))
    assert len(people) > 0
    seen = people.keypoint_scores > 0
    for box, points, visible in zip(people.boxes, people.keypoints, seen, strict=True):
        assert box[:2] == pytest.approx(points[visible].min(axis=0))
        assert box[2:] == pytest.approx(points[visible].max(axis=0))


def test_counts_pictures_of_one_size_as_a_batch(predictors, monkeypatch):
    backend = predictors('swahr').backend
    sizes = []
    forward = backend._forward
    monkeypatch.setattr(backend, '_forward', lambda r: (sizes.append(len(r)), forward(r))[1])
    backend.predict(pictures((100, 80), (60, 90), (100, 80), (100, 80)))
    assert sizes == [3, 1]


def test_polarity_does_not_need_the_configs_heatmaps(model_files):
    model = init_model(*map(str, model_files('hemlets')), device='cpu')
    model.test_cfg = {'flip_test': False}
    (people,) = TorchBackend(model).predict(pictures((64, 64)), [Boxes.of([(0, 0, 64, 64)])])
    assert people.part_polarity is not None
    assert not model.test_cfg['flip_test']


def test_refusals(predictors, model_files):
    simdr, swahr = predictors('simdr').backend, predictors('swahr').backend
    (image,) = pictures((64, 64))
    with pytest.raises(ValueError, match='needs boxes for each of 1 pictures, got none'):
        simdr.predict([image])
    with pytest.raises(ValueError, match='got those of 2'):
        simdr.predict([image], [Boxes.of([]), Boxes.of([])])
    with pytest.raises(ValueError, match='finds people itself'):
        swahr.predict([image], [Boxes.of([])])
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        TorchBackend(simdr.model, batch_size=0)
    with pytest.raises(ValueError, match='got ResNet'):
        TorchBackend(simdr.model.backbone)


def test_refuses_a_pipeline_that_needs_annotations(model_files):
    model = init_model(*map(str, model_files('simdr')), device='cpu')
    step = dict(type='GenerateTarget', encoder=model.cfg.model.head.decoder)
    model.cfg.test_dataloader.dataset.pipeline.insert(-1, step)
    with pytest.raises(ValueError, match=r'without annotations.*keypoints'):
        TorchBackend(model)


def test_refuses_puzzles(tmp_path):
    model = init_model(*map(str, save_model('hsjp', tmp_path)), device='cpu')
    with pytest.raises(ValueError, match=r'solves puzzles.*tools/draw_predictions\.py'):
        TorchBackend(model)
