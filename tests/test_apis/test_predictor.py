"""From pictures of any kind to results, with small networks of random weights and stand-ins."""

import json
import sys

import cv2
import numpy as np
import pytest
from clip_files import write_clip
from pose_models import CONFIGS, pictures

from mmpose_ext.apis import Boxes, Frame, InputError, People, PosePredictor, PoseResult, load
from mmpose_ext.apis import predictor as predictor_module

META = {'keypoint_id2name': {0: 'nose'}}


class Backend:
    """Stands in for a model: one keypoint, in the middle of each box; notes what it was asked."""

    dataset_meta = META
    name = 'stand-in'

    def __init__(self, box_padding=1.25, bottom_up=False, broken=None):
        self.box_padding = box_padding
        self.bottom_up = bottom_up
        self.broken = broken  # height of pictures that it fails on
        self.calls = []

    def predict(self, images, boxes=None):
        self.calls.append((len(images), boxes))
        if self.broken in [len(image) for image in images]:
            raise RuntimeError('the network has failed')
        found = [Boxes.of([(0, 0, 4, 4)]) for _ in images] if boxes is None else boxes
        return [self._people(one) for one in found]

    def _people(self, boxes):
        middles = boxes.boxes.reshape(-1, 2, 2).mean(axis=1, keepdims=True)
        scores = np.ones((len(boxes), 1))
        return People(
            keypoints=middles,
            keypoint_scores=scores,
            boxes=boxes.boxes,
            box_scores=boxes.scores,
        )


@pytest.fixture
def folder(tmp_path):
    """Six pictures, of which the third is text and the fifth is cut off."""
    for number, picture in enumerate(pictures(*[(40, 30)] * 6)):
        cv2.imwrite(str(tmp_path / f'{number}.jpg'), picture)
    (tmp_path / '2.jpg').write_text('no picture')
    data = (tmp_path / '4.jpg').read_bytes()
    (tmp_path / '4.jpg').write_bytes(data[: len(data) // 2])
    return tmp_path


def test_a_folder_with_two_broken_pictures_gives_the_others(folder, predictors):
    results = predictors('simdr')(folder)
    assert [result.name for result in results] == [str(folder / f'{n}.jpg') for n in (0, 1, 3, 5)]
    assert [error.name for error in results.errors] == [str(folder / f'{n}.jpg') for n in (2, 4)]
    assert not results.interrupted
    assert all(result.keypoints.shape == (1, 17, 2) for result in results)
    # Pictures of files are not kept, and found again.
    assert results[0].image is None
    assert results[0].plot().ndim == 3


def test_stream_keeps_the_order_and_the_pictures(folder):
    answers = list(PosePredictor(Backend(), batch_size=4).stream(folder))
    kinds = [PoseResult, PoseResult, InputError, PoseResult, InputError, PoseResult]
    assert [type(answer) for answer in answers] == kinds
    assert answers[0].image.shape == (30, 40, 3)
    assert answers[0].size == (40, 30)


@pytest.mark.parametrize('as_list', [False, True])
def test_paths_and_arrays_give_the_same(folder, predictors, as_list):
    predictor = predictors('simdr')
    path = folder / '0.jpg'
    (by_path,) = predictor([path] if as_list else path)
    (by_text,) = predictor([str(path)] if as_list else str(path))
    image = cv2.imread(str(path))
    (by_array,) = predictor([image] if as_list else image)
    assert (by_path.keypoints == by_array.keypoints).all()
    assert (by_path.keypoints == by_text.keypoints).all()
    assert (by_array.image == image).all()


def test_no_boxes_mean_one_person_a_picture(predictors):
    (image,) = pictures((100, 80))
    predictor = predictors('hemlets')
    (whole,), (boxed,) = predictor(image), predictor(image, [(0, 0, 100, 80)])
    assert whole.boxes.tolist() == [[0, 0, 100, 80]]
    assert (whole.joints_3d == boxed.joints_3d).all()
    assert json.loads(predictor(image).to_json())['model'] == 'hemlets'


def test_a_bottom_up_model_finds_people(predictors):
    (result,) = predictors('swahr')(pictures((100, 80))[0])
    assert len(result) > 0
    assert result.boxes.shape == (len(result), 4)


BOX = (4.0, 4, 20, 24)


@pytest.mark.parametrize('form', ['list', 'names', 'file', 'of two arrays'])
def test_forms_of_boxes(folder, tmp_path_factory, form):
    names = [str(folder / f'{number}.jpg') for number in range(6)]
    boxes = [[BOX] for _ in names]
    if form == 'names':
        boxes = dict(zip(names, boxes, strict=True))
    elif form == 'file':
        path = tmp_path_factory.mktemp('boxes') / 'boxes.json'
        path.write_text(json.dumps(dict(zip(names, boxes, strict=True))))
        boxes = path
    elif form == 'of two arrays':
        boxes = [np.array([BOX, (0, 0, 8, 8)])] * 6
    results = PosePredictor(Backend())(folder, boxes)
    assert len(results) == 4
    assert all(result.boxes[0].tolist() == list(BOX) for result in results)
    assert all(result.keypoints[0].tolist() == [[12, 14]] for result in results)


def test_a_bad_box_is_an_error_of_its_picture():
    images = pictures(*[(40, 30)] * 5)
    bad = [(50, 3, 60, 9)], [(8, 8, 8, 9)], [(np.nan, 0, 4, 4)]
    results = PosePredictor(Backend())(images, [[BOX], *bad, [BOX]])
    assert [result.name for result in results] == ['array 0', 'array 4']
    messages = [error.message for error in results.errors]
    assert 'outside the picture of 40 x 30' in messages[0]
    assert 'x1 < x2' in messages[1]
    assert 'nan' in messages[2]


def test_a_picture_without_boxes_in_a_mapping_is_an_error():
    results = PosePredictor(Backend())(pictures((40, 30), (40, 30)), {'array 1': [BOX]})
    assert len(results) == 1
    assert "no boxes are given for 'array 0'" in results.errors[0].message


def test_boxes_that_cannot_be_those_of_the_source():
    predictor, images = PosePredictor(Backend()), pictures((40, 30), (40, 30))
    with pytest.raises(ValueError, match='those of one picture'):
        predictor(images, np.array([BOX]))
    with pytest.raises(ValueError, match='2 pictures need boxes of each, got 3'):
        predictor(images, [[BOX]] * 3)
    with pytest.raises(FileNotFoundError):
        predictor(images, 'no_such_boxes.json')
    with pytest.raises(ValueError, match='finds people itself'):
        PosePredictor(Backend(bottom_up=True))(images[0], [BOX])


def test_nobody_in_a_picture():
    results = PosePredictor(Backend())(pictures((40, 30), (40, 30)), [[], [BOX]])
    assert [len(result) for result in results] == [0, 1]


def test_the_detector_sees_batches_and_its_boxes_grow_for_models_of_crops():
    asked = []

    def detector(images):
        asked.append(len(images))
        return [Boxes.of([(10, 10, 20, 20)], [0.5]) for _ in images]

    images = pictures(*[(40, 30)] * 5)
    for padding, given, wanted in (
        (1.25, None, [10, 10, 20, 20]),
        (1.0, None, [9, 9, 21, 21]),
        (1.0, 2.0, [5, 5, 25, 25]),
    ):
        asked.clear()
        backend = Backend(padding)
        results = PosePredictor(backend, detector, batch_size=2, box_padding=given)(images)
        assert asked == [2, 2, 1]
        assert backend.calls[0][1][0].boxes[0].tolist() == wanted
        assert results[0].boxes.tolist() == [[10, 10, 20, 20]]
        assert results[0].box_scores.tolist() == [0.5]


def test_boxes_go_before_the_detector():
    def detector(images):
        raise AssertionError('not needed')

    (result,) = PosePredictor(Backend(), detector)(pictures((40, 30))[0], [BOX])
    assert result.boxes.tolist() == [list(BOX)]


def test_a_picture_that_breaks_the_network_costs_the_others_nothing():
    images = pictures(*[(40, 30)] * 3, (40, 31), *[(40, 30)] * 4)
    results = PosePredictor(Backend(broken=31))(images)
    assert len(results) == 7
    assert results.errors == (InputError('array 3', 'the network has failed'),)


def test_one_picture_that_gives_no_result_raises(folder):
    predictor = PosePredictor(Backend(broken=31))
    with pytest.raises(ValueError, match='array 0: the network has failed'):
        predictor(pictures((40, 31))[0])
    with pytest.raises(FileNotFoundError):
        predictor(folder / 'none.jpg')
    with pytest.raises(ValueError, match=r'2\.jpg'):
        predictor(folder / '2.jpg')


def test_ctrl_c_leaves_what_is_done():
    asked = []

    def detector(images):
        asked.append(len(images))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return [Boxes.of([BOX]) for _ in images]

    results = PosePredictor(Backend(), detector, batch_size=2)(pictures(*[(40, 30)] * 9))
    assert results.interrupted
    assert [result.name for result in results] == ['array 0', 'array 1', 'array 2', 'array 3']
    assert json.loads(results.to_json())['interrupted']


def test_large_pictures_are_not_all_in_memory(monkeypatch):
    monkeypatch.setattr(predictor_module, '_PIXELS_AT_ONCE', 2000)
    backend = Backend()
    assert len(PosePredictor(backend)(pictures(*[(40, 30)] * 5))) == 5
    assert [number for number, _ in backend.calls] == [2, 2, 1]


def test_frames_of_a_webcam_come_one_by_one(monkeypatch):
    images = pictures(*[(40, 30)] * 3)
    frames = [Frame('webcam:0', image, number) for number, image in enumerate(images)]
    monkeypatch.setattr(predictor_module, 'read_inputs', lambda source: iter(frames))
    backend = Backend()
    results = PosePredictor(backend)('webcam')
    assert [number for number, _ in backend.calls] == [1, 1, 1]
    assert [result.index for result in results] == [0, 1, 2]
    assert results[0].image is not None  # nobody sees it again


def test_a_video_named_after_a_webcam_is_none(tmp_path):
    path = str(write_clip(tmp_path / 'webcam.avi', frames=3))
    backend = Backend()
    results = PosePredictor(backend)(path)
    assert [number for number, _ in backend.calls] == [3]
    assert results[0].image is None


@pytest.mark.parametrize('given', [None, False, True])
@pytest.mark.parametrize('is_terminal', [False, True])
@pytest.mark.parametrize('number', [2, 3])
def test_a_progress_bar_where_one_is_wanted(capsys, monkeypatch, given, is_terminal, number):
    predictor = PosePredictor(Backend(), batch_size=2)
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: is_terminal, raising=False)
    predictor(pictures(*[(40, 30)] * number), progress=given)
    wanted = (is_terminal and number > 2) if given is None else given
    assert ('stand-in' in capsys.readouterr().err) == wanted


def test_an_error_of_any_kind_costs_its_picture_alone():
    def detector(images):
        if 31 in [len(image) for image in images]:
            raise KeyError('odd')
        return [Boxes.of([BOX]) for _ in images]

    results = PosePredictor(Backend(), detector)(pictures((40, 30), (40, 31), (40, 30)))
    assert len(results) == 2
    assert results.errors == (InputError('array 1', "KeyError: 'odd'"),)


def test_flip_test_as_told(model_files, predictors):
    (image,) = pictures((64, 64))
    plain = load(*model_files('simdr'), flip_test=False)
    assert predictors('simdr').backend.model.test_cfg['flip_test']  # the config's
    assert not plain.backend.model.test_cfg['flip_test']
    (averaged,), (single,) = predictors('simdr')(image), plain(image)
    assert (averaged.keypoint_scores != single.keypoint_scores).any()


def test_load_refuses(model_files, tmp_path):
    config, checkpoint = model_files('simdr')
    events = next((CONFIGS / 'eventhpe/mannequin').glob('*shapenet*.py'))
    with pytest.raises(ValueError, match=r'EventPoseStream or tools/infer_events\.py'):
        load(events, checkpoint)
    with pytest.raises(ValueError, match='needs a checkpoint'):
        load(config)
    with pytest.raises(FileNotFoundError):
        load(config, tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='another network'):
        load(config, model_files('swahr')[1])
    with pytest.raises(ValueError, match="device 'nonsense' cannot be used"):
        load(config, checkpoint, device='nonsense')
    with pytest.raises(ValueError, match='holds its weights'):
        load('model.onnx', checkpoint)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = (', r'odd\.py is no config: .*never closed'),
        ('size = 3', r'odd\.py is no config of a pose estimator: it has no model'),
        ("model = dict(type='Nothing')", r'odd\.py cannot be built: .*Nothing is not in'),
        ('_base_ = [{base!r}]\ntest_dataloader = None', 'has no test_dataloader'),
    ],
)
def test_load_refuses_what_is_no_config(model_files, tmp_path, text, message):
    config, checkpoint = model_files('simdr')
    odd = tmp_path / 'odd.py'
    odd.write_text(text.format(base=str(config)))
    with pytest.raises(ValueError, match=message):
        load(odd, checkpoint)


def test_predictor_refuses():
    with pytest.raises(ValueError, match='finds people itself'):
        PosePredictor(Backend(bottom_up=True), lambda images: [])
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        PosePredictor(Backend(), batch_size=0)
    with pytest.raises(ValueError, match=r'box_padding is a factor from 0\.5 to 4, got 9'):
        PosePredictor(Backend(), box_padding=9)
