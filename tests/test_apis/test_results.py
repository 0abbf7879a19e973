import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from clip_files import write_clip
from pose_results import META, bodies, crowd, frame, people, result
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from mmpose_ext.apis.inputs import InputError, read_inputs
from mmpose_ext.apis.people import People
from mmpose_ext.apis.result_coco import person_scores
from mmpose_ext.apis.results import PoseResult, PoseResults

NAMES = ['nose', 'left_eye', 'right_eye']


def test_people_know_their_number():
    assert len(people(3)) == 3
    nobody = People.nobody(17)
    assert len(nobody) == 0
    assert nobody.keypoints.shape == (0, 17, 2)
    assert nobody.joints_3d is None
    assert People.nobody(17, 18).joints_3d.shape == (0, 18, 3)


@pytest.mark.parametrize(
    ('name', 'values', 'message'),
    [
        ('keypoints', np.zeros((2, 17, 3)), r'keypoints must be \(N, K, 2\)'),
        ('keypoint_scores', np.zeros((2, 16)), r'keypoint_scores must be \(2, 17\), got \(2, 16\)'),
        ('boxes', np.zeros((1, 4)), r'boxes must be \(2, 4\)'),
        ('box_scores', np.zeros((2, 1)), r'box_scores must be \(2\)'),
        ('joints_3d', np.zeros((2, 17, 2)), r'joints_3d must be \(2, \?, 3\)'),
        ('part_polarity', np.zeros(14), r'part_polarity must be \(2, \?\)'),
        ('meshes', (), 'need as many meshes, got 0'),
        ('keypoints', np.full((2, 17, 2), np.nan), 'keypoints are NaN or infinite'),
        ('boxes', np.full((2, 4), np.inf), 'boxes are NaN or infinite'),
    ],
)
def test_people_refuse_what_does_not_belong_together(name, values, message):
    with pytest.raises(ValueError, match=message):
        replace(people(2), **{name: values})


def test_a_result_is_its_people_and_their_picture():
    given = frame('a.jpg', size=(60, 40))
    found = PoseResult.of(given, people(2, three_d=True), META)
    assert (found.name, found.index, found.size, len(found)) == ('a.jpg', None, (60, 40), 2)
    assert found.image is given.image
    assert found.joints_3d.shape == (2, 17, 3)


def test_a_picture_is_dropped_only_where_it_can_be_read_again(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    path = tmp_path / 'a.png'
    assert cv2.imwrite(str(path), image)
    dropped = result(str(path), image=image).without_image()
    assert dropped.image is None
    np.testing.assert_array_equal(dropped.picture(), image)
    assert result('array 3').without_image().image is not None
    cv2.imwrite(str(path), image[:20])
    with pytest.raises(ValueError, match=r'has 60 x 20 pixels, but had 60 x 40'):
        dropped.picture()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.png is missing'):
        dropped.plot()


def video_results(path, count=6):
    frames = list(read_inputs(write_clip(path, frames=count)))
    whole = [PoseResult.of(one, people(1, size=(64, 48)), META) for one in frames]
    return frames, whole


def test_frames_of_a_video_are_read_again(tmp_path):
    frames, whole = video_results(tmp_path / 'clip.avi')
    dropped = [one.without_image() for one in whole]
    np.testing.assert_array_equal(dropped[4].picture(), frames[4].image)
    order = (1, 4, 4, 2)
    again = PoseResults([dropped[number] for number in order]).plot()
    for picture, number in zip(again, order, strict=True):
        np.testing.assert_array_equal(picture, whole[number].plot())
    with pytest.raises(ValueError, match='has no frame 6 any more'):
        replace(dropped[0], index=6).picture()
    with pytest.raises(ValueError, match='has no frame 9 any more'):
        PoseResults([replace(dropped[0], index=9)]).plot()


def test_to_json_says_everything(tmp_path):
    found = result('a.jpg', 2, three_d=True, polarity=True)
    errors = [InputError('b.jpg', 'b.jpg is missing'), InputError('c.mp4', 'cut off', 7)]
    results = PoseResults([found, result('c.mp4', 0, index=3)], errors, model='HEMlets')
    text = results.to_json(tmp_path / 'results.json')
    assert (tmp_path / 'results.json').read_text() == text
    document = json.loads(text)
    assert document['model'] == 'HEMlets'
    assert document['keypoints'][:3] == NAMES
    assert document['skeleton'][0] == [15, 13]
    assert document['interrupted'] is False
    assert document['errors'] == [
        dict(name='b.jpg', index=None, message='b.jpg is missing'),
        dict(name='c.mp4', index=7, message='cut off'),
    ]
    first, second = document['images']
    assert second == dict(name='c.mp4', index=3, size=[60, 40], people=[])
    assert (first['name'], first['index'], first['size']) == ('a.jpg', None, [60, 40])
    person = first['people'][1]
    keypoints = np.array(person['keypoints'])
    np.testing.assert_allclose(keypoints[:, :2], found.keypoints[1], atol=0.006)
    np.testing.assert_allclose(keypoints[:, 2], found.keypoint_scores[1], atol=6e-5)
    np.testing.assert_allclose(person['box'], found.boxes[1], atol=0.006)
    np.testing.assert_allclose(person['joints_3d'], found.joints_3d[1], atol=0.006)
    assert person['part_polarity'] == found.part_polarity[1].tolist()
    assert person['box_score'] == pytest.approx(found.box_scores[1], abs=6e-5)


def test_to_json_has_the_parameters_of_bodies():
    (image,) = json.loads(PoseResults([bodies(2)]).to_json())['images']
    smpl = image['people'][1]['smpl']
    assert set(smpl) == {'global_orient', 'body_pose', 'betas', 'transl', 'K'}
    assert np.shape(smpl['body_pose']) == (69,)


def test_to_json_without_any_result():
    document = json.loads(PoseResults([], model='SimDR', dataset_meta=META).to_json())
    assert (document['images'], document['errors']) == ([], [])
    assert document['keypoints'][:3] == NAMES
    assert json.loads(PoseResults([]).to_json())['keypoints'] == []


def test_names_of_keypoints_survive_json():
    """Which makes the keys of a dict strings."""
    meta = META | {'keypoint_id2name': {str(k): v for k, v in META['keypoint_id2name'].items()}}
    document = json.loads(PoseResults([], dataset_meta=meta).to_json())
    assert document['keypoints'] == [META['keypoint_id2name'][k] for k in range(17)]


@pytest.fixture
def annotations(tmp_path):
    """Truth for two pictures: their people are those of the results."""
    results = PoseResults([crowd('a.jpg', seed=1), crowd('b.jpg', seed=2)])
    truth = results.to_coco(tmp_path / 'truth.json')
    ids = {image['file_name']: image['id'] for image in truth['images']}
    return results, COCO(str(tmp_path / 'truth.json')), ids


def average_precision(truth, loaded):
    evaluation = COCOeval(truth, loaded, 'keypoints', sigmas=np.asarray(META['sigmas']))
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


def test_to_coco_is_a_dataset_that_viewers_read(annotations):
    results, truth, _ = annotations
    assert len(truth.anns) == sum(map(len, results)) == 6
    category = truth.cats[1]
    assert category['keypoints'][:3] == NAMES
    assert category['skeleton'][0] == [16, 14]  # counted from 1
    one = truth.anns[2]
    np.testing.assert_allclose(
        np.reshape(one['keypoints'], (17, 3))[:, :2], results[0].keypoints[1]
    )
    assert set(one['keypoints'][2::3]) == {2}
    assert one['num_keypoints'] == 17
    assert one['keypoint_scores'] == results[0].keypoint_scores[1].tolist()
    left, top, width, height = one['bbox']
    np.testing.assert_allclose((left, top, left + width, top + height), results[0].boxes[1])
    assert one['area'] == width * height


def test_to_coco_with_ids_is_what_load_res_reads(annotations, tmp_path):
    results, truth, ids = annotations
    entries = results.to_coco(tmp_path / 'results.json', image_ids=ids)
    assert set(entries[0]) == {'image_id', 'category_id', 'keypoints', 'score', 'bbox'}
    loaded = truth.loadRes(str(tmp_path / 'results.json'))
    assert average_precision(truth, loaded) == pytest.approx(1.0)
    moved = [replace(one, keypoints=one.keypoints + 30) for one in results]
    worse = truth.loadRes(PoseResults(moved).to_coco(image_ids=ids))
    assert average_precision(truth, worse) < 0.5


def test_the_dataset_is_also_results(annotations):
    results, truth, _ = annotations
    assert average_precision(truth, truth.loadRes(results.to_coco()['annotations'])) == 1.0


def test_to_coco_finds_ids_by_file_names():
    entries = PoseResults([result('photos/a.jpg')]).to_coco(image_ids={'a.jpg': 42})
    assert [entry['image_id'] for entry in entries] == [42]
    with pytest.raises(KeyError, match=r'photos/a\.jpg has no image id'):
        PoseResults([result('photos/a.jpg')]).to_coco(image_ids={'b.jpg': 42})


def test_to_coco_refuses_two_pictures_of_one_id():
    results = PoseResults([result('a/1.jpg'), result('b/1.jpg')])
    with pytest.raises(ValueError, match='have the same image id 42'):
        results.to_coco(image_ids={'1.jpg': 42})


def test_to_coco_numbers_the_frames_of_a_video():
    frames = [result('clip.mp4', index=number) for number in (0, 1)]
    document = PoseResults(frames).to_coco()
    assert [image['id'] for image in document['images']] == [1, 2]
    assert [image['frame_index'] for image in document['images']] == [0, 1]


def test_to_coco_of_nobody():
    results = PoseResults([result('a.jpg', 0)])
    assert results.to_coco()['annotations'] == []
    assert results.to_coco(image_ids={'a.jpg': 3}) == []


def test_person_scores_known_values():
    keypoint_scores = np.array([[0.4, 0.8, 0.2], [0.1, 0.2, 0.05]])
    box_scores = np.array([0.5, 0.9])
    assert person_scores(keypoint_scores, box_scores).tolist() == pytest.approx([0.3, 0])
    assert person_scores(keypoint_scores, box_scores, 'bbox').tolist() == [0.5, 0.9]
    with pytest.raises(ValueError, match=r"score_mode is one of .*got 'mean'"):
        person_scores(keypoint_scores, box_scores, 'mean')


def test_results_are_a_sequence():
    results = PoseResults([result('a.jpg', 2), result('b.jpg', 1)], interrupted=True)
    assert [one.name for one in results] == ['a.jpg', 'b.jpg']
    assert results[-1].name == results[1:][0].name == 'b.jpg'
    assert repr(results) == 'PoseResults(2 pictures, 3 people, 0 errors, interrupted)'


def test_save_writes_pictures_and_json(tmp_path):
    results = PoseResults([result('a.jpg'), result('array 1')], [InputError('b', 'is missing')])
    files = results.save(tmp_path / 'out')
    assert [file.name for file in files] == ['a_pose.jpg', 'array_1_pose.jpg', 'results.json']
    assert cv2.imread(str(files[0])).shape == (40, 60, 3)
    assert json.loads(files[2].read_text())['errors'][0]['message'] == 'is missing'
    (only,) = results.save(tmp_path / 'json', pictures=False)
    assert only.name == 'results.json'
    assert len(results.save(tmp_path / 'pictures', json=False)) == 2


def test_save_tells_that_the_run_was_stopped(tmp_path):
    (file,) = PoseResults([], interrupted=True).save(tmp_path)
    assert json.loads(file.read_text())['interrupted'] is True


def test_save_a_video_without_its_pictures(tmp_path):
    _, whole = video_results(tmp_path / 'clip.avi')
    dropped = PoseResults([one.without_image() for one in whole])
    files = dropped.save(tmp_path / 'out')
    assert [file.name for file in files] == ['clip_pose.mp4', 'results.json']
    assert len(list(read_inputs(files[0]))) == 6


def test_a_result_is_not_drawn_over_its_picture(tmp_path):
    path = tmp_path / 'a.png'
    assert cv2.imwrite(str(path), np.zeros((40, 60, 3), np.uint8))
    found = result(str(path)).without_image()
    with pytest.raises(ValueError, match='is the picture itself'):
        found.save(path)
    assert found.save(tmp_path / 'b.png').is_file()
    with pytest.raises(ValueError, match='has no suffix of a picture'):
        found.save(tmp_path / 'b.doc')
