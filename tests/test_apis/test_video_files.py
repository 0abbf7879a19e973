import cv2
import numpy as np
import pytest
from clip_files import write_clip

from mmpose_ext.apis.video_files import (
    TruncatedVideoError,
    count_frames,
    frames_per_second,
    read_camera,
    read_video,
)

FRAMES = 20


@pytest.mark.parametrize(
    ('name', 'code'), [('a.avi', 'MJPG'), ('a.mp4', 'mp4v'), ('a.mkv', 'mp4v'), ('a.ts', 'mp4v')]
)
def test_read_video_gives_every_frame_in_order(tmp_path, name, code):
    images = list(read_video(write_clip(tmp_path / name, code=code)))
    assert [image.shape for image in images] == [(48, 64, 3)] * FRAMES
    grey = np.array([image.mean() for image in images])
    assert np.abs(grey - np.linspace(50, 200, FRAMES)).max() < 5


@pytest.mark.parametrize(('name', 'message'), [('a.avi', 'of the 20 frames'), ('a.mkv', 'of the')])
def test_read_video_gives_the_frames_before_a_cut_and_then_says_so(tmp_path, name, message):
    raw = write_clip(tmp_path / name).read_bytes()
    (tmp_path / f'cut_{name}').write_bytes(raw[: len(raw) // 2])
    found = 0
    with pytest.raises(TruncatedVideoError, match=f'gives .* {message} .*cut off or damaged'):
        for _ in read_video(tmp_path / f'cut_{name}'):
            found += 1
    assert 0 < found < FRAMES


def test_read_video_without_an_index(tmp_path):
    raw = write_clip(tmp_path / 'a.mp4', code='mp4v').read_bytes()
    (tmp_path / 'cut.mp4').write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ValueError, match=r'cut\.mp4 is no video, or its index is cut off'):
        next(read_video(tmp_path / 'cut.mp4'))


def test_what_is_no_video(tmp_path):
    (tmp_path / 'note_001.mp4').write_text('not a video')
    (tmp_path / 'none.mp4').write_bytes(b'')
    with pytest.raises(ValueError, match=r'note_001\.mp4 is no video'):
        next(read_video(tmp_path / 'note_001.mp4'))
    with pytest.raises(ValueError, match=r'none\.mp4 is empty'):
        next(read_video(tmp_path / 'none.mp4'))
    with pytest.raises(FileNotFoundError, match=r'gone\.mp4 is missing'):
        next(read_video(tmp_path / 'gone.mp4'))
    assert count_frames(tmp_path / 'note_001.mp4') is None
    assert count_frames(tmp_path / 'gone.mp4') is None


def test_count_and_frame_rate(tmp_path):
    path = write_clip(tmp_path / 'a.avi', fps=30)
    assert count_frames(path) == FRAMES
    assert frames_per_second(path) == pytest.approx(30)


class Camera:
    """Stands in for a webcam, which no test machine has."""

    def __init__(self, frames):
        self.left, self.released = frames, False

    def isOpened(self):  # noqa: N802
        return self.left > 0

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((4, 6, 3), max(self.left, 0), np.uint8)

    def release(self):
        self.released = True


def test_read_camera_until_it_stops(monkeypatch):
    camera, asked = Camera(3), []
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: asked.append(number) or camera)
    images = read_camera(2)
    assert [int(next(images)[0, 0, 0]) for _ in range(3)] == [2, 1, 0]
    with pytest.raises(OSError, match='webcam 2 gives no more pictures'):
        next(images)
    assert asked == [2]
    assert camera.released


def test_read_camera_is_released_when_nobody_wants_more(monkeypatch):
    camera = Camera(3)
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: camera)
    images = read_camera(0)
    next(images)
    images.close()
    assert camera.released


def test_read_camera_that_is_not_there(monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: Camera(0))
    with pytest.raises(OSError, match='webcam 1 cannot be opened: there is none'):
        next(read_camera(1))
