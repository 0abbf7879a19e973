from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_files import write_clip

from mmpose_ext.apis import inputs
from mmpose_ext.apis.inputs import (
    Frame,
    InputError,
    camera_number,
    count_inputs,
    is_single,
    read_inputs,
)

PICTURE = np.full((4, 6, 3), 50, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """9.png, 10.png, a broken 2.png, a clip of 5 frames; what is to be passed over."""
    for name in ('9.png', '10.png'):
        assert cv2.imwrite(str(tmp_path / name), PICTURE)
    (tmp_path / '2.png').write_text('no picture')
    (tmp_path / '.9.png').write_text('hidden')
    (tmp_path / 'note.txt').write_text('no picture by its suffix')
    (tmp_path / 'inner.png').mkdir()
    write_clip(tmp_path / 'clip.avi', frames=5)
    return tmp_path


def outline(items):
    """Names and indices; errors are marked."""
    return [
        (Path(item.name).name, item.index, 'error' if isinstance(item, InputError) else None)
        for item in items
    ]


CLIP = [('clip.avi', number, None) for number in range(5)]
PICTURES = [('2.png', None, 'error'), ('9.png', None, None), ('10.png', None, None)]


def test_a_folder_in_natural_order_with_the_error_in_its_place(folder):
    items = list(read_inputs(folder))
    assert outline(items) == PICTURES + CLIP
    assert '2.png is no picture' in items[0].message
    assert all(item.image.dtype == np.uint8 for item in items if isinstance(item, Frame))
    assert count_inputs(folder) == len(items)


@pytest.mark.parametrize('as_type', [str, Path])
def test_one_picture(folder, as_type):
    path = as_type(folder / '9.png')
    assert is_single(path)
    assert count_inputs(path) == 1
    (frame,) = read_inputs(path)
    assert (frame.name, frame.index) == (str(path), None)
    np.testing.assert_array_equal(frame.image, PICTURE)


def test_one_picture_of_an_unknown_suffix(folder):
    (folder / '9.png').rename(folder / 'photo.dat')
    (frame,) = read_inputs(folder / 'photo.dat')
    np.testing.assert_array_equal(frame.image, PICTURE)


def test_one_array():
    assert is_single(PICTURE)
    (frame,) = read_inputs(PICTURE[..., 0])
    assert (frame.name, frame.image.shape) == ('array 0', (4, 6, 3))


def test_a_list_of_everything_loses_nothing(folder, monkeypatch):
    monkeypatch.setattr(inputs, 'read_camera', lambda number: iter_camera(number))
    source = [
        *(folder / 'gone.png', PICTURE, str(folder / 'clip.avi'), np.zeros((0, 3), np.uint8)),
        *(folder, folder / '2.png', folder / 'gone.mp4', 'webcam:3', np.zeros((4, 6), np.uint16)),
    ]
    items = list(read_inputs(source))
    assert outline(items) == [
        ('gone.png', None, 'error'),
        ('array 1', None, None),
        *CLIP,
        ('array 3', None, 'error'),
        *PICTURES,
        *CLIP,
        ('2.png', None, 'error'),
        ('gone.mp4', None, 'error'),
        ('webcam:3', 0, None),
        ('webcam:3', 1, 'error'),
        ('array 8', None, None),
    ]
    assert count_inputs(source) is None
    del source[7]
    assert count_inputs(source) == len(items) - 2


def iter_camera(number):
    yield PICTURE
    raise OSError(f'webcam {number} gives no more pictures')


@pytest.mark.parametrize(('source', 'number'), [('webcam', 0), ('webcam:12', 12)])
def test_a_webcam(monkeypatch, source, number):
    monkeypatch.setattr(inputs, 'read_camera', iter_camera)
    assert not is_single(source)
    assert count_inputs(source) is None
    frame, error = read_inputs(source)
    assert (frame.name, frame.index) == (f'webcam:{number}', 0)
    assert (error.name, error.index) == (f'webcam:{number}', 1)


def test_a_webcam_is_released_when_nobody_wants_more(monkeypatch):
    released = []

    def camera(number):
        try:
            while True:
                yield PICTURE
        finally:
            released.append(number)

    monkeypatch.setattr(inputs, 'read_camera', camera)
    frames = read_inputs('webcam')
    next(frames)
    del frames
    assert released == [0]


def test_a_video_that_is_cut_off_gives_its_frames_and_an_error(folder):
    raw = (folder / 'clip.avi').read_bytes()
    (folder / 'clip.avi').write_bytes(raw[: int(0.6 * len(raw))])
    *frames, error = read_inputs(str(folder / 'clip.avi'))
    assert 0 < len(frames) < 5
    assert isinstance(error, InputError)
    assert error.index == len(frames)
    assert f'gives {len(frames)} of the 5 frames' in error.message


def test_a_video_alone_that_cannot_be_read_is_reported(tmp_path):
    (tmp_path / 'note.mp4').write_text('no video')
    (error,) = read_inputs(tmp_path / 'note.mp4')
    assert 'is no video' in error.message
    assert error.index is None


def test_nothing_is_read_before_it_is_asked_for(folder):
    frames = read_inputs([folder / '9.png', folder / '10.png'])
    next(frames)
    (folder / '10.png').unlink()
    assert outline(frames) == [('10.png', None, 'error')]


@pytest.mark.parametrize('name', ['gone.png', 'gone.mp4', 'gone'])
def test_a_lone_source_that_is_missing_raises_at_once(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f'{name} is missing'):
        read_inputs(tmp_path / name)
    assert count_inputs(tmp_path / name) == 1


def test_a_lone_picture_that_is_broken_raises_at_once(folder):
    with pytest.raises(ValueError, match=r'2\.png is no picture'):
        read_inputs(folder / '2.png')
    with pytest.raises(ValueError, match='got float64'):
        read_inputs(np.zeros((4, 6, 3)))


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / 'inner').mkdir()
    with pytest.raises(ValueError, match=r'holds no picture or video.*sub-folders'):
        read_inputs(tmp_path)
    (error,) = read_inputs([tmp_path])
    assert 'holds no picture' in error.message


def test_nothing_is_fetched():
    with pytest.raises(FileNotFoundError, match='nothing is fetched from the network'):
        read_inputs('https://example.com/photo.jpg')


@pytest.mark.parametrize('source', [3, None, [3], [[PICTURE]]])
def test_other_types_are_refused_at_once(source):
    for function in (read_inputs, count_inputs, is_single):
        with pytest.raises(TypeError, match='a source is a path'):
            function(source)


def test_a_video_whose_name_begins_like_a_webcam_is_counted(tmp_path):
    assert count_inputs(write_clip(tmp_path / 'webcam.avi', frames=5)) == 5


@pytest.mark.parametrize(
    ('source', 'number'),
    [
        ('webcam', 0),
        ('webcam:2', 2),
        ('webcam.mp4', None),
        (Path('webcam'), None),
        ('webcam:', None),
    ],
)
def test_camera_number(source, number):
    assert camera_number(source) == number


def test_an_empty_list_gives_nothing():
    assert list(read_inputs([])) == []
    assert count_inputs([]) == 0
    assert not is_single([])
