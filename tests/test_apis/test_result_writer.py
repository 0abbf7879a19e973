import json

import cv2
import numpy as np
import pytest
from clip_files import write_clip
from pose_results import META, bodies, result

from mmpose_ext.apis.inputs import InputError, read_inputs
from mmpose_ext.apis.result_writer import ResultWriter
from mmpose_ext.apis.video_files import frames_per_second

SIZE = 30, 60


def written(folder, *items, **settings):
    with ResultWriter(folder, **settings) as writer:
        for item in items:
            writer.add(item)
    return [file.name for file in writer.files]


def document(folder):
    return json.loads((folder / 'results.json').read_text())


def test_pictures_and_one_document(tmp_path):
    items = (result('a.jpg', 2), InputError('b.jpg', 'is missing'), result('c.png', 0))
    files = written(tmp_path, *items, model='SimDR')
    assert files == ['a_pose.jpg', 'c_pose.jpg', 'results.json']
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(files)
    found = document(tmp_path)
    assert [image['name'] for image in found['images']] == ['a.jpg', 'c.png']
    assert [error['name'] for error in found['errors']] == ['b.jpg']
    assert (found['model'], found['keypoints'][0]) == ('SimDR', 'nose')


def test_two_inputs_of_one_name_are_both_kept(tmp_path):
    names = ('x/A.jpg', 'y/a.jpg', 'y/a.png', 'y/a_pose_2.png', 'array 3', 'webcam')
    assert written(tmp_path, *map(result, names), json=False) == [
        *('A_pose.jpg', 'a_pose_2.jpg', 'a_pose_3.jpg', 'a_pose_2_pose.jpg'),
        *('array_3_pose.jpg', 'webcam_pose.jpg'),
    ]


def test_an_input_is_never_overwritten(tmp_path):
    """Nor a file beside it, which may be an input that is still to come."""
    for name in ('a.jpg', 'a_pose.jpg'):
        assert cv2.imwrite(str(tmp_path / name), np.zeros((40, 60, 3), np.uint8))
    before = (tmp_path / 'a_pose.jpg').read_bytes()
    files = written(tmp_path, *(result(str(tmp_path / n)) for n in ('a.jpg', 'a_pose.jpg')))
    assert files[:2] == ['a_pose_2.jpg', 'a_pose_pose.jpg']
    assert (tmp_path / 'a_pose.jpg').read_bytes() == before


def test_a_second_run_into_another_folder_replaces_the_first(tmp_path):
    for _ in range(2):
        assert written(tmp_path / 'out', result('a.jpg'), json=False) == ['a_pose.jpg']


def test_a_video_becomes_a_video(tmp_path):
    size = 64, 48
    clip = write_clip(tmp_path / 'clip.avi', frames=7, fps=29.97, size=size)
    with ResultWriter(tmp_path / 'out') as writer:
        for one in read_inputs(clip):
            path = writer.add(
                result(one.name, one.index % 3, index=one.index, size=size, image=one.image)
            )
            assert not path.exists(), 'it has its name when it is whole'
    assert [file.name for file in writer.files] == ['clip_pose.mp4', 'results.json']
    drawn = list(read_inputs(path))
    assert [one.image.shape for one in drawn] == [(48, 64, 3)] * 7
    assert frames_per_second(path) == pytest.approx(29.97, abs=0.01)
    assert [image['index'] for image in document(tmp_path / 'out')['images']] == list(range(7))


def test_a_video_of_an_odd_size_loses_nothing(tmp_path):
    written(tmp_path, *(result('webcam', index=number, size=(63, 47)) for number in range(2)))
    shapes = [one.image.shape for one in read_inputs(tmp_path / 'webcam_pose.mp4')]
    assert shapes == [(48, 64, 3)] * 2


def test_frames_of_3d_results_have_one_size(tmp_path):
    frames = [
        result('webcam:0', count, index=index, three_d=True)
        for index, count in enumerate((1, 0, 3, 2))
    ]
    assert written(tmp_path, *frames)[0] == 'webcam_0_pose.mp4'
    images = [one.image for one in read_inputs(tmp_path / 'webcam_0_pose.mp4')]
    assert {image.shape for image in images} == {(768, 1152 + 384, 3)}
    assert min(image[-1].mean() for image in images) > 100, 'none is fitted, with black below'


def test_a_frame_of_another_size_is_fitted_without_distortion(tmp_path):
    frames = [result('webcam', 0, index=0, size=(60, 40)), result('webcam', 0, index=1, size=SIZE)]
    written(tmp_path, *frames)
    first, second = (one.image for one in read_inputs(tmp_path / 'webcam_pose.mp4'))
    assert first.shape == second.shape == (40, 60, 3)
    assert np.abs(second[:, :18].astype(int) - 128).max() < 30, '30 x 60 shrinks to 20 x 40'
    assert second[:, 24:].max() < 30


def test_videos_and_pictures_may_follow_each_other(tmp_path):
    items = [
        *(result('a.mp4', index=0), result('a.mp4', index=1), result('b.mp4', index=0)),
        *(result('c.jpg'), result('a.mp4', index=0), result('a.mp4', index=0)),
    ]
    assert written(tmp_path, *items, json=False) == [
        *('a_pose.mp4', 'b_pose.mp4', 'c_pose.jpg', 'a_pose_2.mp4', 'a_pose_3.mp4')
    ]
    counts = [len(list(read_inputs(tmp_path / f'a_pose{number}.mp4'))) for number in ('', '_2')]
    assert counts == [2, 1]


def test_a_stopped_run_leaves_what_is_done(tmp_path):
    with pytest.raises(KeyboardInterrupt), ResultWriter(tmp_path) as writer:
        writer.add(result('a.jpg'))
        writer.add(result('b.mp4', index=0))
        writer.add(result('b.mp4', index=1))
        raise KeyboardInterrupt
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *('a_pose.jpg', 'b_pose.mp4', 'results.json')
    ]
    assert len(list(read_inputs(tmp_path / 'b_pose.mp4'))) == 2
    assert document(tmp_path)['interrupted'] is True
    assert len(document(tmp_path)['images']) == 3


def test_bodies_are_written_without_their_vertices(tmp_path):
    assert written(tmp_path, bodies(1)) == ['a_pose.jpg', 'results.json']
    (person,) = document(tmp_path)['images'][0]['people']
    assert 'vertices' not in person['smpl']


def test_without_pictures_or_json(tmp_path):
    assert written(tmp_path / 'a', result('a.jpg'), pictures=False) == ['results.json']
    assert written(tmp_path / 'b', result('a.jpg'), pictures=False, json=False) == []
    with ResultWriter(tmp_path / 'c', pictures=False) as writer:
        assert writer.add(result('a.jpg')) is None
        assert writer.add(InputError('a', 'is missing')) is None


def test_nothing_to_write_gives_an_empty_document(tmp_path):
    assert written(tmp_path, model='SimDR', dataset_meta=META) == ['results.json']
    assert document(tmp_path)['images'] == []
    assert document(tmp_path)['keypoints'][0] == 'nose'


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / 'out').write_text('mine')
    with pytest.raises(NotADirectoryError, match='out is a file; a folder for results'):
        written(tmp_path / 'out')


def test_a_video_that_cannot_be_written(tmp_path, monkeypatch):
    class NoEncoder:
        def __init__(self, *args):
            pass

        def isOpened(self):  # noqa: N802
            return False

    monkeypatch.setattr(cv2, 'VideoWriter', type('W', (NoEncoder,), {'fourcc': lambda *a: 0}))
    with (
        pytest.raises(OSError, match=r'cannot write .*a_pose\.mp4 of 60 x 40'),
        ResultWriter(tmp_path) as writer,
    ):
        writer.add(result('a.mp4', index=0))
    assert [file.name for file in tmp_path.iterdir()] == ['results.json']
