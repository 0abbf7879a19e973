"""Transforms of event samples: what is sampled, loaded, mirrored, refused."""

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS
from scipy.spatial.transform import Rotation
from small_recordings import SIZE, write_recordings

from mmpose_ext.datasets import MMHPSDataset
from mmpose_ext.datasets.transforms.event_augmentation import flip_clip
from mmpose_ext.datasets.transforms.event_sampling import block_weights, step_ends

ONE = {'num_steps': 1}


def build(kind, **options):
    return TRANSFORMS.build(dict(type=kind, **options))


def clip(root, transforms=(), **options):
    """A sample of 2 steps, as far as these transforms make it."""
    pipeline = [dict(type=t) if isinstance(t, str) else t for t in transforms]
    options = {'num_steps': 2, **options}
    return MMHPSDataset(data_root=str(root), pipeline=pipeline, **options)[0]


def window(frame=5, counts=(1,) * 8, test_mode=False):
    info = dict(frame=frame, event_counts=np.array(counts), skip=2, test_mode=test_mode)
    return dict(info, recording='rec0')


# Golden case 32 of the specification.
def test_clip_steps_are_regular_or_spread():
    info = dict(frame=100, num_steps=8, max_steps=8, skip=2, test_mode=False)
    regular = np.arange(100, 117, 2)
    np.testing.assert_array_equal(build('SampleClipSteps')(info)['frame_ids'], regular)
    info['max_steps'] = 16
    np.random.seed(3)  # noqa: NPY002
    first = build('SampleClipSteps')(dict(info))['frame_ids']
    offsets = first[1:] - 100
    assert first[0] == 100
    assert (np.diff(offsets) > 0).all()
    assert set(offsets.tolist()) <= set(range(2, 33, 2))
    np.random.seed(3)  # noqa: NPY002
    np.testing.assert_array_equal(build('SampleClipSteps')(dict(info))['frame_ids'], first)
    info['test_mode'] = True
    np.testing.assert_array_equal(build('SampleClipSteps')(info)['frame_ids'], regular)


def test_step_ends_are_uniform_without_replacement():
    random = np.random.default_rng(0)
    drawn = np.stack([step_ends(2, 4, 3, random) for _ in range(2000)])
    assert (drawn[:, 0] < drawn[:, 1]).all()
    shares = [(drawn == end).mean() * 2 for end in (3, 6, 9, 12)]
    np.testing.assert_allclose(shares, 0.5, atol=0.05)


def test_clip_steps_refuse_to_leave_the_clip():
    info = dict(frame=0, num_steps=2, max_steps=2, skip=2, test_mode=False)
    with pytest.raises(ValueError, match=r'reaches 16 intervals ahead, the clips .* have 4'):
        build('SampleClipSteps', num_steps=8, max_steps=8)(info)
    with pytest.raises(ValueError, match='num_steps should be a whole number'):
        build('SampleClipSteps', num_steps=0)


@pytest.mark.parametrize(
    ('counts', 'limit', 'weights'),
    [
        ([1, 1, 2, 2], 100, [1 / 3, 2 / 3]),
        ([1, 1, 2, 2], 5, [1.0]),  # 2 + 4 pass the limit
        ([1, 1, 2, 2], 6, [1 / 3, 2 / 3]),
        ([9, 9, 1, 1], 5, [1.0]),  # the first block always stays
        ([0, 0, 0, 0], 5, [0.5, 0.5]),
        ([3, 1, 5], 100, [1.0]),  # half a block does not count
        ([1] * 12, 100, [0.25] * 4),  # no more than four
    ],
)
def test_block_weights(counts, limit, weights):
    np.testing.assert_allclose(block_weights(np.array(counts), 2, 4, limit), weights)


def test_event_interval():
    transform = build('SampleEventInterval')
    ends = [transform(window())['frame_ids'].tolist() for _ in range(40)]
    assert {end - start for start, end in ends} == {2, 4, 6, 8}
    assert all(start == 5 for start, _ in ends)
    sample = transform(window(test_mode=True))
    assert (sample['frame_ids'].tolist(), sample['dt']) == ([5, 7], 1)
    with pytest.raises(ValueError, match='rec0, frame 5: 1 intervals are no block of 2'):
        transform(window(counts=(1,)))
    with pytest.raises(ValueError, match='max_events should be a whole number'):
        build('SampleEventInterval', max_events=0)


def test_longer_steps_are_joined_to_as_many_channels(tmp_path):
    written = write_recordings(tmp_path, lengths=(7,))['rec0']['events']
    events = clip(tmp_path, ['SampleClipSteps', 'LoadEventFrames'], **ONE, skip=3)['events']
    bins = written[:3].reshape(12, SIZE, SIZE)  # 12 // 8 = 1 a group, the last one takes 5
    np.testing.assert_array_equal(events[0, :7], bins[:7])
    np.testing.assert_array_equal(events[0, 7], bins[7:].any(0))
    window = dict(type='SampleEventInterval', max_blocks=1)
    flow_events = clip(tmp_path, [window, 'LoadEventFrames'], mode='flow', skip=3)['events']
    np.testing.assert_array_equal(flow_events, bins[:8])  # stage 1 drops what is left over


def test_flow_of_a_longer_step_is_summed(tmp_path):
    written = write_recordings(tmp_path, lengths=(7,))['rec0']['flow']
    flow = clip(tmp_path, ['SampleClipSteps', 'LoadEventFlow'], **ONE, skip=4)['flow']
    np.testing.assert_allclose(flow[0], written[0] + written[2], atol=1e-5)


def broken(path, how):
    if how == 'missing':
        path.unlink()
    elif how == 'truncated':
        path.write_bytes(path.read_bytes()[:-80])
    elif how == 'text':
        path.write_text('not a picture')
    elif how == 'size':
        cv2.imwrite(str(path), np.zeros((8, 8, 4), np.uint8))
    else:
        cv2.imwrite(str(path), np.full((SIZE, SIZE, 4), 2, np.uint8))


@pytest.mark.parametrize(
    ('how', 'error', 'message'),
    [
        ('missing', FileNotFoundError, r'there is no file .*event0001\.png'),
        ('truncated', OSError, r'event0001\.png is truncated'),
        ('text', OSError, r'event0001\.png .* is no picture'),
        ('size', ValueError, r'event0001\.png should be uint8 .*\(32, 32, 4\).* got uint8 \(8, 8'),
        ('values', ValueError, r'event0001\.png should hold 0 and 1 only, got 2'),
    ],
)
def test_refuses_broken_event_pictures(tmp_path, how, error, message):
    write_recordings(tmp_path, lengths=(7,))
    broken(tmp_path / f'events_{SIZE}' / 'rec0' / 'event0001.png', how)
    with pytest.raises(error, match=message):
        clip(tmp_path, ['SampleClipSteps', 'LoadEventFrames'])


def test_refuses_missing_flow_and_gray(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    (tmp_path / f'pred_flow_events_{SIZE}' / 'rec0' / 'flow0000.npz').unlink()
    with pytest.raises(FileNotFoundError, match=r'flow0000\.npz: write it with tools/dump_event'):
        clip(tmp_path, ['SampleClipSteps', 'LoadEventFlow'])
    (tmp_path / f'full_pic_{SIZE}' / 'rec0' / 'fullpic0000.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'fullpic0000\.jpg'):
        clip(tmp_path, ['SampleEventInterval', 'LoadGrayFrames'], mode='flow')
    with pytest.raises(ValueError, match="source should be 'pred' or 'true'"):
        build('LoadEventFlow', source='net')
    with pytest.raises(ValueError, match=r'span 2 frames each, got steps of \[3\]'):
        clip(tmp_path, ['SampleClipSteps', 'LoadEventFlow'], **ONE, skip=3)
    with pytest.raises(ValueError, match='fewer than channels=8'):
        clip(tmp_path, ['SampleClipSteps', 'LoadEventFrames'], **ONE, skip=1)


LOADED = ('SampleClipSteps', 'LoadEventFrames', 'LoadEventFlow', 'LoadClipPoses')


def same(first, second):
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.allclose(first, second, atol=1e-5)
    return first == second


def test_poses_are_those_at_the_ends_of_the_steps():
    rows = np.arange(5, dtype=np.float32)[:, None]
    poses = dict(
        theta=np.zeros((5, 72), np.float32),
        joints=np.tile(rows[..., None], (1, 24, 3)),
        transl=np.tile(rows, (1, 3)),
    )
    given = dict(frame=10, frame_ids=np.array([10, 12, 14]), poses=poses, labelled=True, init=None)
    found = TRANSFORMS.build(dict(type='LoadClipPoses')).transform(given)
    assert found['transl'][:, 0].tolist() == [2, 4]
    assert found['joints_cam'][:, 0, 0].tolist() == [2, 4]


# Golden case 40 of the specification.
def test_a_flip_twice_is_the_identity(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    sample = clip(tmp_path, LOADED)
    once = flip_clip(sample)
    np.testing.assert_array_equal(once['flow'][:, 0], -sample['flow'][:, 0, :, ::-1])
    np.testing.assert_array_equal(once['flow'][:, 1], sample['flow'][:, 1, :, ::-1])
    np.testing.assert_array_equal(once['events'], sample['events'][..., ::-1])
    np.testing.assert_allclose(once['principal_pt'], [SIZE - 1 - 16, 15])
    np.testing.assert_allclose(once['joints_cam'][:, 1], sample['joints_cam'][:, 2] * (-1, 1, 1))
    np.testing.assert_allclose(once['start']['transl'], sample['start']['transl'] * (-1, 1, 1))
    u, v = sample['keypoints'][:, 22].T
    np.testing.assert_allclose(once['keypoints'][:, 23].T, [SIZE - 1 - u, v], atol=1e-5)
    assert not same(once['rotmats'], sample['rotmats'])
    twice = flip_clip(once)
    assert once['flip']
    assert not twice.pop('flip')
    assert sample.keys() == twice.keys()
    assert all(same(twice[name], sample[name]) for name in sample)


def test_a_mirrored_camera_sees_the_mirrored_joints(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    sample = clip(tmp_path, LOADED)
    sample['joints_cam'][..., 2] = 3.0

    def project(s):
        return s['joints_cam'][..., :2] / 3.0 * s['focal'] + s['principal_pt']

    sample['keypoints'] = project(sample)
    flipped = flip_clip(sample)
    np.testing.assert_allclose(project(flipped), flipped['keypoints'], atol=1e-4)


def test_flip_is_drawn_and_refuses_features(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    sample = clip(tmp_path, LOADED)
    flips = [build('EventFlip', prob=p)(dict(sample))['flip'] for p in (0, 1)]
    assert flips == [False, True]
    assert not build('EventFlip', prob=1)({**sample, 'test_mode': True})['flip']
    sample['start']['features'] = np.zeros((1, 2048))
    with pytest.raises(ValueError, match='cannot be mirrored'):
        build('EventFlip', prob=0.0)(sample)
    with pytest.raises(ValueError, match=r'prob should be from 0 to 1, got 1\.5'):
        build('EventFlip', prob=1.5)


def moving(shift=0.0, scale=0.0, rotate=0.0):
    return build('EventShiftScaleRotate', shift=shift, scale=scale, rotate=rotate)


def test_events_and_gray_move_alike():
    random = np.random.default_rng(0)
    events = (random.random((8, 40, 40)) < 0.2).astype(np.uint8)
    sample = dict(events=events, gray=np.repeat(events[:1] * 255, 2, axis=0))
    sample['test_mode'] = False
    still = moving()(dict(sample))
    np.testing.assert_array_equal(still['events'], events)
    np.testing.assert_array_equal(still['gray'], sample['gray'])
    np.random.seed(0)  # noqa: NPY002
    moved = moving(0.2, 0.3, 20.0)(dict(sample))
    assert moved['events'].shape == events.shape
    assert set(np.unique(moved['events'])) == {0, 1}
    # Half a pixel's tolerance: nearest against bilinear.
    agree = np.corrcoef(moved['events'][0].ravel(), moved['gray'][0].ravel())[0, 1]
    assert agree > 0.8
    assert (moved['events'] != events).mean() > 0.1
    tested = moving(0.2, 0.3, 20.0)({**sample, 'test_mode': True})
    np.testing.assert_array_equal(tested['events'], events)


def test_a_shift_is_a_share_of_the_size(monkeypatch):
    transform = moving(shift=0.25)
    monkeypatch.setattr(transform, 'draw', lambda: (True, np.array([1.0, -1.0, 0, 0])))
    events = np.zeros((8, 16, 32), np.uint8)
    events[:, 8, 4] = 1
    moved = transform(dict(events=events, gray=events[:2], test_mode=False))['events']
    np.testing.assert_array_equal(np.argwhere(moved[3]), [[4, 12]])


def test_things_grow_and_turn_about_the_middle(monkeypatch):
    """4 px to the right of it: 6 px at 1.5 times the size, 4 px up after a quarter turn."""
    events = np.zeros((8, 33, 33), np.uint8)
    events[:, 16, 20] = 1
    for options, drawn, expected in (
        (dict(scale=0.5), [0, 0, 1.0, 0], [16, 22]),
        (dict(rotate=90.0), [0, 0, 0, 1.0], [12, 16]),
    ):
        transform = moving(**options)
        monkeypatch.setattr(transform, 'draw', lambda drawn=drawn: (True, np.array(drawn)))
        moved = transform(dict(events=events, gray=events[:2], test_mode=False))['events']
        np.testing.assert_array_equal(np.argwhere(moved[3]), [expected])


def test_moving_refuses_labels():
    with pytest.raises(ValueError, match=r"without labels, got \['flow'\]"):
        moving()(dict(events=0, gray=0, flow=0))
    with pytest.raises(ValueError, match='scale should be from 0'):
        moving(scale=1.0)


def test_options_of_the_noise_are_standard_deviations(tmp_path, monkeypatch):
    """What one standard deviation changes; joints turn in the frame of their parent."""
    write_recordings(tmp_path, lengths=(7,))
    start = clip(tmp_path, LOADED)['start']
    noise = build('InitialPoseNoise', rotation=0.1, transl=0.02, betas=0.3)
    monkeypatch.setattr(noise, 'draw', lambda shapes, _: [np.ones(shape) for shape in shapes])
    found = noise(clip(tmp_path, LOADED))['start']
    np.testing.assert_allclose(found['transl'] - start['transl'], 0.02, atol=1e-6)
    np.testing.assert_allclose(found['betas'] - start['betas'], 0.3, atol=1e-6)
    turns = found['rotmats'] @ start['rotmats'].swapaxes(-1, -2)
    vectors = Rotation.from_matrix(turns.reshape(-1, 3, 3)).as_rotvec()
    np.testing.assert_allclose(vectors, 0.1, atol=1e-5)


def test_noise_turns_the_start_only(tmp_path):
    write_recordings(tmp_path, lengths=(7,))
    sample = clip(tmp_path, LOADED)
    noise = build('InitialPoseNoise', rotation=0.1, transl=0.02, betas=0.3, seed=4)
    first, second = (noise(dict(sample))['start'] for _ in range(2))
    assert same(first, second)
    for name in ('rotmats', 'transl', 'betas'):
        assert not np.allclose(first[name], sample['start'][name], atol=1e-3)
    eye = first['rotmats'] @ first['rotmats'].swapaxes(-1, -2)
    np.testing.assert_allclose(eye, np.tile(np.eye(3), (1, 24, 1, 1)), atol=1e-5)
    free = build('InitialPoseNoise')
    drawn = [free(dict(sample))['start']['transl'] for _ in range(2)]
    assert not np.allclose(*drawn)
    tested = [free({**sample, 'test_mode': True})['start']['transl'] for _ in range(2)]
    np.testing.assert_array_equal(*tested)
    with pytest.raises(ValueError, match='needs a pose to start from'):
        free({**sample, 'start': None})
    with pytest.raises(ValueError, match='rotation should be 0 or more, got -1'):
        build('InitialPoseNoise', rotation=-1)
