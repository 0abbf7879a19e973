import importlib.util
import json
import sys

import cv2
import numpy as np
import pytest

from mmpose_ext.synthetic import EventCamera
from mmpose_ext.synthetic.inbetween import inbetween, inbetweens
from mmpose_ext.synthetic.video_recording import record_video


@pytest.fixture
def run_tool(root, monkeypatch):
    """Run the tool within this process: it takes seconds to import all anew."""
    path = root / 'tools/dataset_converters/video_events.py'
    spec = importlib.util.spec_from_file_location('video_events', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['video_events.py', *map(str, args)])
        tool.main()

    return run


def texture(shape=(96, 128), seed=0):
    """A smooth gray picture."""
    noise = np.random.default_rng(seed).random(shape, dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX)


def sliding(count=4, step=2, shape=(96, 128)):
    """A texture that moves to the right by ``step`` pixels a frame."""
    wide = texture((shape[0], shape[1] + count * step))
    starts = [(count - k) * step for k in range(count)]
    return [np.rint(wide[:, s : s + shape[1]]).astype(np.uint8) for s in starts]


def test_picture_between_two():
    """Halfway a texture that moves 4 pixels has moved 2."""
    wide = texture((64, 84))
    before, half, after = (np.ascontiguousarray(wide[:, s : s + 64]) for s in (8, 6, 4))
    flow = np.zeros((64, 64, 2), np.float32)
    flow[..., 0] = 4
    guess = inbetween(before, after, flow, 0.5)[:, 4:-4]
    assert np.abs(guess - half[:, 4:-4])[:, 2:-2].max() < 0.01
    mixed = (before + after)[:, 4:-4] / 2
    assert np.abs(mixed - half[:, 4:-4]).max() > 2


def test_the_nearer_picture_has_the_greater_share():
    before, after = np.zeros((8, 8), np.float32), np.full((8, 8), 100, np.float32)
    still = np.zeros((8, 8, 2), np.float32)
    assert (inbetween(before, after, still, 0.25) == 25).all()


def test_more_pictures():
    frames = sliding(3, 4)
    more = list(inbetweens(frames, 4))
    assert len(more) == 9
    for own, picture in zip(frames, more[::4], strict=True):
        np.testing.assert_array_equal(picture, own)
    exact = texture((96, 128 + 12))[:, 10 : 10 + 128]
    plain = (more[0] + more[4]) / 2
    inner = slice(16, -16), slice(16, -16)
    assert np.abs(more[2] - exact)[inner].mean() < 0.35 * np.abs(plain - exact)[inner].mean()
    assert len(list(inbetweens(frames, 1))) == 3
    assert list(inbetweens([], 4)) == []
    with pytest.raises(ValueError, match='steps'):
        next(inbetweens(frames, 0))


def test_recordings_of_squares():
    squares = [(0, 0, 96), (40, 10, 64)]
    large, small = record_video(sliding(), 25.0, squares, 32, [EventCamera(), EventCamera()])
    assert large.gray.shape == small.gray.shape == (4, 32, 32)
    assert large.events.shape == (3, 4, 32, 32)
    # Pixels first report when they have changed by a threshold since the video began.
    assert large.events.any((2, 3)).reshape(-1)[1:].all()
    assert large.stream.t.max() < 3 / 25 * 1e6
    still = record_video([sliding()[0]] * 3, 25.0, squares[:1], 32, [EventCamera()])[0]
    assert not still.events.any()


@pytest.mark.parametrize(
    ('frames', 'square', 'match'),
    [
        (sliding(1), (0, 0, 64), 'two frames'),
        ([], (0, 0, 64), 'two frames'),
        (sliding(), (100, 0, 64), 'not within'),
        (sliding(), (-1, 0, 64), 'not within'),
        ([sliding()[0], sliding()[0][:50]], (0, 0, 64), 'one size'),
    ],
)
def test_refuses_videos(frames, square, match):
    with pytest.raises(ValueError, match=match):
        record_video(frames, 25.0, [square], 32, [EventCamera()])


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp('video') / 'frames'
    folder.mkdir()
    for k, frame in enumerate(sliding()):
        cv2.imwrite(str(folder / f'{k:03d}.png'), frame)
    return folder


def test_command_adds_recordings(run_tool, video, tmp_path):
    common = (video, '--fps', 25, '--size', 32, '--out', tmp_path / 'data')
    run_tool(*common, '--name', 'whole', '--raw')
    run_tool(*common, '--name', 'part', '--crops', 2, '--crop-size', 48, '--split', 'test')
    root = tmp_path / 'data'
    names = [
        [r['name'] for r in json.loads((root / f'{split}.json').read_text())['recordings']]
        for split in ('train', 'test')
    ]
    assert names == [['whole'], ['part_000', 'part_001']]
    about = json.loads((root / 'dataset.json').read_text())
    assert (about['fps'], about['source'], about['size']) == (25.0, 'video', [32, 32])
    assert (root / 'raw_events/whole.npz').exists()
    for name in ('whole', 'part_000', 'part_001'):
        with np.load(root / f'annotations/{name}.npz', allow_pickle=False) as notes:
            assert set(notes.files) == {'event_frames', 'event_counts'}
            assert (notes['event_counts'] > 0).all()
        path = root / f'events_32/{name}/event0002.png'
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (32, 32, 4)
    with pytest.raises(SystemExit, match='already'):
        run_tool(*common, '--name', 'whole')
    with pytest.raises(SystemExit, match='another kind'):
        run_tool(*common, '--name', 'more', '--every', 2)


def test_command_takes_every_second_image(run_tool, video, tmp_path):
    run_tool(video, '--fps', 25, '--size', 32, '--every', 2, '--out', tmp_path / 'a', '--name', 'a')
    assert len(list(tmp_path.glob('a/full_pic_32/a/*.png'))) == 2


def test_command_reads_videos(run_tool, tmp_path):
    """Every second picture of a video of 12 a second."""
    path = tmp_path / 'sliding.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 12.0, (128, 96))
    for frame in sliding(7):
        writer.write(np.repeat(frame[..., None], 3, -1))
    writer.release()
    run_tool(path, '--size', 32, '--every', 2, '--out', tmp_path / 'data', '--name', 'a')
    assert json.loads((tmp_path / 'data/dataset.json').read_text())['fps'] == 6.0
    assert len(list(tmp_path.glob('data/full_pic_32/a/*.png'))) == 4
    few = ('--frames', 2, '--name', 'few')
    run_tool(path, '--size', 32, '--every', 2, '--out', tmp_path / 'data', *few)
    assert len(list(tmp_path.glob('data/full_pic_32/few/*.png'))) == 2


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (('--name', 'a'), '--fps'),
        (('--name', 'a/b', '--fps', 25), "file name, got 'a/b'"),
        (('--name', 'a', '--fps', -5), '--fps should be above 0 .* got -5'),
        (('--name', 'a', '--fps', 'nan'), '--fps should be above 0 .* got nan'),
        (('--name', 'a', '--fps', 25, '--size', 20), '--size'),
        (('--name', 'a', '--fps', 25, '--crops', 1, '--crop-size', 500), 'squares'),
        (('--name', 'a', '--fps', 25, '--every', 0), '--every'),
        (('--name', 'a', '--fps', 25, '--threshold', 0), 'threshold'),
    ],
)
def test_command_refuses(run_tool, video, tmp_path, options, match):
    with pytest.raises(SystemExit, match=match):
        run_tool(video, '--out', tmp_path / 'data', *options)
    assert not (tmp_path / 'data').exists()


@pytest.mark.parametrize(('name', 'match'), [('none', 'there is no'), ('text.mp4', 'give --fps')])
def test_command_refuses_sources(run_tool, tmp_path, name, match):
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(SystemExit, match=match):
        run_tool(tmp_path / name, '--out', tmp_path / 'data', '--name', 'a')
