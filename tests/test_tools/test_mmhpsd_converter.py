"""MMHPSD's converter: the authors' archive and the newer release become our layout."""

import runpy
import sys

import cv2
import numpy as np
import pytest
from joblib_files import joblib_bytes

from mmpose_ext.datasets import MMHPSDataset
from mmpose_ext.flow_file import read_flow

FOLDER = 'tools/dataset_converters'
NAMES = ('subject01_group1_time1', 'subject03_group2_time4', 'subject03_group4_time1')
TRAIN = NAMES[1]
FRAMES = (3, 4, 5)


@pytest.fixture(scope='module')
def convert(root):
    """The program, in this process."""
    sys.path.insert(0, str(root / FOLDER))
    try:
        yield runpy.run_path(str(root / FOLDER / 'mmhpsd.py'))['main']
    finally:
        sys.path.remove(str(root / FOLDER))


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(joblib_bytes(value))


def picture(path, channels, random):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = (random.random((256, 256, channels)) < 0.1).astype(np.uint8)
    cv2.imwrite(str(path), image)
    return image


@pytest.fixture
def archive(tmp_path):
    """A small archive of the authors, and what it holds of the training recording."""
    folder, random, held = tmp_path / 'archive', np.random.default_rng(0), {}
    for name in NAMES:
        dump(folder / 'pose_events' / name / 'pose_info.pkl', list(FRAMES))
        for k in FRAMES:
            shapes = ((1, 10), (1, 72), (1, 3), (24, 3), (24, 3))
            pose = tuple(random.normal(size=shape).astype(np.float32) for shape in shapes)
            dump(folder / 'pose_events' / name / f'pose{k:04d}.pkl', pose)
            held[name, k] = pose
            held[name, 'events', k] = picture(
                folder / 'events_256' / name / f'event{k:04d}.png', 4, random
            )
            picture(folder / 'full_pic_256' / name / f'fullpic{k:04d}.jpg', 1, random)
            flow = random.integers(-900, 900, (2, 256, 256)).astype(np.int16)
            dump(folder / 'pred_flow_events_256' / name / f'flow{k:04d}.pkl', flow)
            held[name, 'flow', k] = flow
        hmr = (0, 1, random.normal(size=85), random.normal(size=(1, 3)), random.normal(size=2048))
        dump(folder / 'hmr_results' / name / 'fullpic0003_hmr.pkl', hmr)
        vibe = (0, 1, random.normal(size=(2, 85)), random.normal(size=(2, 3)))
        dump(folder / 'vibe_results_0802' / name / 'fullpic0003_vibe08.pkl', vibe)
        held[name, 'hmr'], held[name, 'vibe'] = hmr, vibe
        if name == TRAIN:
            info = [list(FRAMES), [7, 8, 9]]
            dump(folder / 'events_256' / f'{name}_info.pkl', info)
    return folder, held


def load(out, **options):
    return MMHPSDataset(data_root=str(out), num_steps=1, **options)


def test_authors_archive(convert, archive, tmp_path, capsys):
    folder, held = archive
    out = tmp_path / 'out'
    convert([str(folder), '--out', str(out), '--flow'])
    said = capsys.readouterr().out
    assert '1 recordings with 3 poses to train, 1 recordings with 3 poses to test' in said
    pipeline = [dict(type=t) for t in ('SampleClipSteps', 'LoadEventFrames', 'LoadEventFlow')]
    sample = load(out, pipeline=pipeline)[0]
    assert (sample['recording'], sample['subject']) == (TRAIN, 'subject03')
    assert sample['action'] == 'group2'
    np.testing.assert_allclose(sample['focal'], 335.86, atol=1e-5)
    np.testing.assert_allclose(sample['principal_pt'], 128.2, atol=1e-5)
    bins = [held[TRAIN, 'events', k] for k in (3, 4)]
    np.testing.assert_array_equal(sample['events'][0].transpose(1, 2, 0), np.concatenate(bins, -1))
    np.testing.assert_allclose(sample['flow'][0] * 100, held[TRAIN, 'flow', 3], atol=1e-3)
    betas, theta, transl, joints, pixels = held[TRAIN, 5]
    poses = sample['poses']
    np.testing.assert_array_equal(poses['theta'][2], theta[0])
    np.testing.assert_array_equal(poses['betas'][2], betas[0])
    np.testing.assert_array_equal(poses['transl'][2], transl[0])
    np.testing.assert_array_equal(poses['joints'][2], joints)
    np.testing.assert_array_equal(poses['keypoints'][2], pixels[:, :2])
    # Counts are the list's where there is one, else those of the pictures.
    counts = load(out, mode='flow').get_data_info(0)['event_counts']
    assert counts.tolist() == [7, 8, 9]
    test = load(out, mode='flow', ann_file='test.json', test_mode=True).get_data_info(0)
    expected = [np.count_nonzero(held[NAMES[0], 'events', k]) for k in FRAMES]
    assert test['event_counts'].tolist() == expected
    assert test['event_source'].gray(NAMES[0], 3).exists()


@pytest.mark.parametrize('source', ['hmr', 'vibe'])
def test_starting_poses(convert, archive, tmp_path, source):
    folder, held = archive
    out = tmp_path / 'out'
    convert([str(folder), '--out', str(out)])
    init = load(out, init_source=source).get_data_info(0)['init']
    numbers = np.asarray(held[TRAIN, source][2]).reshape(-1, 85)[0]
    np.testing.assert_allclose(init['theta'], numbers[3:75], rtol=1e-6)
    np.testing.assert_allclose(init['betas'], numbers[75:], rtol=1e-6)
    np.testing.assert_allclose(init['transl'], held[TRAIN, source][3][0], rtol=1e-6)
    assert ('features' in init) == (source == 'hmr')


def test_goes_on_where_it_stopped(convert, archive, tmp_path):
    folder, _ = archive
    out = tmp_path / 'out'
    convert([str(folder), '--out', str(out)])
    kept, lost = (out / 'annotations' / f'{name}.npz' for name in NAMES[:2])
    before, old = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    convert([str(folder), '--out', str(out), '--flow'])
    assert kept.stat().st_mtime_ns == before
    assert lost.read_bytes() == old
    assert read_flow(out / 'pred_flow_events_256' / TRAIN / 'flow0003.npz')['flow'].any()


def test_in_place_and_copied(convert, archive, tmp_path):
    folder, _ = archive
    out = tmp_path / 'out'
    convert([str(folder), '--out', str(out), '--copy'])
    assert not (out / 'events_256').is_symlink()
    convert([str(folder), '--out', str(folder)])
    assert len(load(folder)) == len(load(out)) == 1


class Attack:
    def __reduce__(self):
        return print, ('run',)


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (Attack(), r'pose0004\.pkl is no file of arrays .* nothing of it was run'),
        ((np.zeros(3),), r'pose0004\.pkl should hold 5 things'),
        (
            (np.zeros(10), np.zeros(71), np.zeros(3), np.zeros((24, 3)), np.zeros((24, 3))),
            r'pose0004\.pkl: theta should be finite numbers \(72,\)',
        ),
        (('a', 'b', 'c', 'd', np.zeros((24, 3))), r'should hold numbers, got'),
    ],
)
def test_refuses_bad_pickles(convert, archive, tmp_path, capsys, value, message):
    folder, _ = archive
    dump(folder / 'pose_events' / TRAIN / 'pose0004.pkl', value)
    with pytest.raises(SystemExit, match=message):
        convert([str(folder), '--out', str(tmp_path / 'out')])
    assert 'run' not in capsys.readouterr().out
    assert not (tmp_path / 'out' / 'annotations' / f'{TRAIN}.npz').exists()


def test_names_what_is_missing(convert, archive, tmp_path):
    with pytest.raises(SystemExit, match='has no folders subject'):
        convert([str(tmp_path), '--out', str(tmp_path / 'out')])
    folder, _ = archive
    (folder / 'pose_events' / TRAIN / 'pose0005.pkl').unlink()
    with pytest.raises(SystemExit, match=r'there is no file .*pose0005\.pkl'):
        convert([str(folder), '--out', str(tmp_path / 'out')])


@pytest.fixture
def release(tmp_path):
    """A small release of the newer kind, and what it holds."""
    folder, random, held = tmp_path / 'release', np.random.default_rng(0), {}
    for name in NAMES[:2]:
        for part in ('events_frame_04', 'poses'):
            (folder / name / part).mkdir(parents=True)
        for k in FRAMES:
            events = (random.random((256, 256, 4)) < 0.1).astype(np.uint8)
            path = folder / name / 'events_frame_04' / f'events_{k:04d}.npz'
            np.savez(path, events_frame=np.packbits(events))
            pose = dict(body_pose=(72,), beta=(10,), trans=(3,), joints3d=(24, 3))
            pose = {key: random.normal(size=shape) for key, shape in pose.items()}
            pose['joints2d'] = random.normal(size=(24, 2))
            np.savez(folder / name / 'poses' / f'pose_{k:04d}.npz', **pose)
            held[name, k] = events, pose
    return folder, held


def test_newer_release(convert, release, tmp_path):
    folder, held = release
    out = tmp_path / 'out'
    convert([str(folder), '--out', str(out), '--newer'])
    pipeline = [dict(type='SampleClipSteps'), dict(type='LoadEventFrames')]
    sample = load(out, pipeline=pipeline)[0]
    (first, _), (second, _) = held[TRAIN, 3], held[TRAIN, 4]
    expected = np.concatenate([first, second], -1)
    np.testing.assert_array_equal(sample['events'][0].transpose(1, 2, 0), expected)
    pose = held[TRAIN, 5][1]
    np.testing.assert_allclose(sample['poses']['theta'][2], pose['body_pose'], rtol=1e-6)
    np.testing.assert_allclose(sample['poses']['keypoints'][2], pose['joints2d'], rtol=1e-6)


def test_newer_release_refuses_another_size(convert, release, tmp_path):
    folder, _ = release
    path = folder / TRAIN / 'events_frame_04' / 'events_0004.npz'
    np.savez(path, events_frame=np.zeros(7, np.uint8))
    with pytest.raises(SystemExit, match=r'events_0004\.npz: events_frame should be 32768 bytes'):
        convert([str(folder), '--out', str(tmp_path / 'out'), '--newer'])
