import os
import pickle
import runpy
import sys

import numpy as np
import pytest
import torch
from fake_threedpw import FRAMES, K, sequence, write
from mmpose.registry import DATASETS
from scipy.spatial.transform import Rotation

from mmpose_ext.models.body_models.model_file import body_arrays
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.skeletons import human36m18

FOLDER = 'tools/dataset_converters'
CAMERA = {'f': np.array([[1000.0], [1100.0]]), 'c': np.array([[500.0], [400.0]])}
# A camera that looks 0.2 rad below the horizon of a world whose y points up.
PITCHED = Rotation.from_euler('x', np.pi + 0.2).as_matrix()
BASES = [f'S1_Eating_1.123_{frame:06d}.jpg' for frame in range(3)]


@pytest.fixture(scope='module')
def convert(root):
    """The program, in this process: its main and what it is made of."""
    sys.path.insert(0, str(root / FOLDER))
    try:
        yield runpy.run_path(str(root / FOLDER / 'make_smpl_npz.py'))['main']
    finally:
        sys.path.remove(str(root / FOLDER))


@pytest.fixture(scope='module')
def coarse():
    return SMPLBody('mannequin-coarse')


@pytest.fixture(scope='module')
def other_pelvis(tmp_path_factory):
    """A body whose pelvis of Human3.6M is not SMPL's root, as that of SMPL itself is not."""
    arrays = dict(body_arrays('mannequin-coarse'))
    arrays['joint_mixture_h36m'] = arrays['joint_mixture_h36m'].copy()
    arrays['joint_mixture_h36m'][0] = np.isin(np.arange(24), (1, 2)) / 2
    path = tmp_path_factory.mktemp('bodies') / 'other_pelvis.npz'
    np.savez(path, **arrays)
    return path


def load(path, **options):
    config = {'type': 'SMPLImageDataset', 'ann_file': str(path), **options}
    return [DATASETS.build(config).get_data_info(row) for row in range(len(np.load(path)['bbox']))]


def body3d(folder, names=BASES, **camera):
    """MMPose's Human3.6M: joints 4 m away, in folders, in another order."""
    rng = np.random.default_rng(0)
    points = rng.normal(0, 0.3, (len(names), 17, 4))
    points[..., :3] += (0.1, 0.2, 4.0)
    points[..., 3] = 1
    part = rng.uniform(300, 700, (len(names), 17, 3))
    part[..., 2] = 1
    content = {
        'imgname': np.array([f'S1/S1_Eating_1.123/{name}' for name in names[::-1]]),
        'S': points[::-1],
        'part': part[::-1],
        'center': np.full((len(names), 2), 600.0),
        'scale': np.full(len(names), 2.0),
    }
    np.savez(folder / 'body3d.npz', **content)
    (folder / 'cameras.pkl').write_bytes(pickle.dumps({('S1', '123'): {**CAMERA, **camera}}))
    return points, part


def spin(folder, **changes):
    rng = np.random.default_rng(1)
    part, S = np.zeros((3, 24, 3)), np.zeros((3, 24, 4))
    part[:, :19], S[:, :19] = rng.uniform(0, 900, (3, 19, 3)), rng.normal(size=(3, 19, 4))
    part[:, :19, 2] = S[:, :19, 3] = 1
    part[:, [13, 15], 2] = S[:, [13, 15], 3] = 0
    content = {
        'imgname': np.array(BASES),
        'center': np.array([[400.0, 300.0]] * 3),
        'scale': np.array([1.0, 2.0, 1.5]),
        'part': part,
        'S': S,
        'pose': rng.normal(size=(3, 72)),
        'shape': rng.normal(size=(3, 10)),
        **changes,
    }
    np.savez(folder / 'spin.npz', **{k: v for k, v in content.items() if v is not None})
    return content


def run(convert, folder, *args):
    convert([*map(str, args), '--out', str(folder / 'out.npz')])
    return load(folder / 'out.npz', test_mode=True)


def test_spin_joints_become_ours(convert, tmp_path, capsys):
    truth = spin(tmp_path)
    samples = run(convert, tmp_path, 'spin', tmp_path / 'spin.npz')
    assert '3 people, 3 with SMPL parameters, 3 with 3D joints' in capsys.readouterr().out
    # LSP's right ankle is 0, left wrist 11, neck 12; pelvis 14, spine 16, jaw 17, head 18.
    for ours, theirs in ((3, 0), (13, 11), (8, 12), (0, 14), (7, 16), (9, 17), (10, 18)):
        for sample, S in zip(samples, truth['S'], strict=True):
            np.testing.assert_allclose(sample['lifting_target'][0, ours], S[theirs, :3], rtol=1e-6)
    shoulders = truth['S'][1, [9, 8], :3].mean(0)
    np.testing.assert_allclose(samples[1]['lifting_target'][0, 17], shoulders, rtol=1e-5)
    assert all(sample['lifting_target_visible'].all() for sample in samples)
    np.testing.assert_allclose(samples[2]['smpl_pose'].ravel(), truth['pose'][2], rtol=1e-6)
    np.testing.assert_allclose(samples[2]['smpl_betas'][0], truth['shape'][2], rtol=1e-6)
    assert samples[1]['bbox'].tolist() == [[200, 100, 600, 500]]
    assert 'focal' not in samples[0]


def test_spin_takes_joints_and_cameras_from_human36m(convert, tmp_path):
    truth = spin(tmp_path)
    points, part = body3d(tmp_path, BASES[:2])
    more = ('--body3d', tmp_path / 'body3d.npz', '--cameras', tmp_path / 'cameras.pkl')
    samples = run(convert, tmp_path, 'spin', tmp_path / 'spin.npz', *more)
    for row in range(2):
        sample = samples[row]
        assert sample['target_img_path'] == [f'S1/S1_Eating_1.123/{BASES[row]}']
        np.testing.assert_allclose(sample['lifting_target'][0, :17], points[row, :, :3], rtol=1e-6)
        np.testing.assert_allclose(sample['keypoints'][0, :17, :2], part[row, :, :2], rtol=1e-6)
        np.testing.assert_allclose(sample['smpl_pose'].ravel(), truth['pose'][row], rtol=1e-6)
        assert sample['focal'].tolist() == [1000, 1100]
        # The square of 2 m about the pelvis.
        side = sample['bbox'][0, 2] - sample['bbox'][0, 0]
        assert side == pytest.approx(2 * 1100 / points[row, 0, 2], rel=1e-5)
    assert samples[2]['target_img_path'] == [BASES[2]]
    assert 'focal' not in samples[2]
    file = run(convert, tmp_path, 'spin', tmp_path / 'spin.npz', *more, '--box', 'file')
    assert file[1]['bbox'].tolist() == [[200, 100, 600, 500]]


def test_cameras_tell_gravity(convert, tmp_path):
    truth = spin(tmp_path, imgname=np.array([*BASES[:2], 'x.jpg']))
    body3d(tmp_path, R=PITCHED)
    cameras = ('--cameras', tmp_path / 'cameras.pkl')
    spin_args = ('spin', tmp_path / 'spin.npz', '--body3d', tmp_path / 'body3d.npz', *cameras)
    samples = run(convert, tmp_path, *spin_args, '--world-up', 'y')
    for sample in samples[:2]:
        np.testing.assert_allclose(
            sample['gravity'], (0, np.cos(0.2), -np.sin(0.2)), rtol=1e-6, atol=1e-9
        )
    assert truth['imgname'][2] == samples[2]['target_img_path'][0]
    assert 'gravity' not in samples[2]
    h36m_args = ('h36m', tmp_path / 'body3d.npz', '--mosh', tmp_path / 'spin.npz', *cameras)
    for sample in run(convert, tmp_path, *h36m_args):
        # By default z is up, as in Human3.6M.
        np.testing.assert_allclose(sample['gravity'], -PITCHED[2], rtol=1e-6, atol=1e-9)


def test_cameras_need_not_tell_gravity(convert, tmp_path):
    spin(tmp_path), body3d(tmp_path)
    files = ('--cameras', tmp_path / 'cameras.pkl', '--mosh', tmp_path / 'spin.npz')
    samples = run(convert, tmp_path, 'h36m', tmp_path / 'body3d.npz', *files)
    assert not any('gravity' in sample for sample in samples)


def test_2d_datasets_in_spins_layout(convert, tmp_path):
    """LSP has no joint of Human3.6M: head top and the means of hips and shoulders stand in."""
    part = np.zeros((3, 24, 3))
    part[:, :14] = np.random.default_rng(0).uniform(1, 900, (3, 14, 3))
    spin(tmp_path, part=part, S=None, pose=None, shape=None)
    sample = run(convert, tmp_path, 'spin', tmp_path / 'spin.npz')[0]
    assert sample['has_smpl'].tolist() == [0]
    assert np.flatnonzero(sample['keypoints_visible'] == 0).tolist() == [7, 9]
    np.testing.assert_allclose(sample['keypoints'][0, 10], part[0, 13, :2], rtol=1e-6)
    np.testing.assert_allclose(sample['keypoints'][0, 0], part[0, 2:4, :2].mean(0), rtol=1e-6)


def test_human36m_with_parameters(convert, tmp_path):
    """Frames of which MoSh knows nothing keep their joints; the file serves smpl_file too."""
    truth, (points, _) = spin(tmp_path, imgname=np.array(['x.jpg', *BASES[1:]])), body3d(tmp_path)
    files = ('--cameras', tmp_path / 'cameras.pkl', '--mosh', tmp_path / 'spin.npz')
    samples = run(convert, tmp_path, 'h36m', tmp_path / 'body3d.npz', *files)
    assert [float(sample['has_smpl'][0]) for sample in samples] == [1, 1, 0]
    np.testing.assert_allclose(samples[0]['smpl_pose'].ravel(), truth['pose'][2], rtol=1e-6)
    assert not samples[2]['smpl_pose'].any()
    config = {
        'type': 'Human36mImageDataset',
        'ann_file': 'body3d.npz',
        'camera_param_file': 'cameras.pkl',
        'smpl_file': 'out.npz',
        'data_root': str(tmp_path),
    }
    for ours, sample in zip(DATASETS.build(config), samples, strict=True):
        for field in ('smpl_pose', 'has_smpl', 'bbox', 'lifting_target', 'mm_per_px', 'focal'):
            np.testing.assert_allclose(ours[field], sample[field], rtol=1e-6)
    np.testing.assert_allclose(samples[2]['lifting_target'][0, :17], points[0, :, :3], rtol=1e-6)


def test_3dpw_in_camera_space(convert, tmp_path, other_pelvis, capsys):
    coarse = SMPLBody(other_pelvis)
    truth = sequence(coarse)
    write(tmp_path / 'test', truth)
    body = ('--body-model', other_pelvis, '--box', 'joints')
    samples = run(convert, tmp_path, '3dpw', tmp_path, '--split', 'test', *body)
    # The second person's camera is not known in two of the frames.
    frames = [*range(FRAMES), 0, 1, 4, 5]
    assert f'{len(frames)} people' in capsys.readouterr().out
    assert [sample['target_img_path'][0] for sample in samples] == [
        f'outdoors_00/image_{frame:05d}.jpg' for frame in frames
    ]
    for number, (sample, frame) in enumerate(zip(samples, frames, strict=True)):
        person = int(number >= FRAMES)
        camera = truth['cam_poses'][frame]
        joints = truth['jointPositions'][person][frame].reshape(24, 3)
        joints = joints @ camera[:3, :3].T + camera[:3, 3]
        matrices = Rotation.from_rotvec(sample['smpl_pose'][0]).as_matrix()
        rotations = torch.from_numpy(matrices).float()[None]
        posed = coarse(rotations[:, :1], rotations[:, 1:], torch.from_numpy(sample['smpl_betas']))
        shift = joints[0] - posed.smpl_joints[0, 0].numpy()
        # The body turned into camera space is the world's body seen by the camera.
        np.testing.assert_allclose(posed.smpl_joints[0].numpy() + shift, joints, atol=1e-4)
        np.testing.assert_allclose(
            sample['lifting_target'][0], posed.joints[0].numpy() + shift, atol=1e-4
        )
        pixels = joints @ K.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        box = sample['bbox'][0]
        assert ((pixels > box[:2]) & (pixels < box[2:])).all()
        assert box[2] - box[0] == pytest.approx(1.2 * np.ptp(pixels, axis=0).max(), rel=1e-4)
        neck = truth['poses2d'][person][frame][:2, 1]
        np.testing.assert_allclose(sample['keypoints'][0, 17, :2], neck, rtol=1e-6)
    assert [sample['gender'] for sample in samples] == ['male'] * 6 + ['female'] * 4


@pytest.mark.parametrize('with_body', [True, False])
def test_3dpw_crops_as_nets_are_trained(convert, tmp_path, other_pelvis, with_body):
    """The square of 2 m about the body's pelvis, or about SMPL's where there is no body."""
    truth = sequence(SMPLBody(other_pelvis))
    write(tmp_path / 'test', truth)
    body = ('--body-model', other_pelvis) if with_body else ()
    sample = run(convert, tmp_path, '3dpw', tmp_path, '--split', 'test', *body)[0]
    pelvis = sample['lifting_target'][0, 0]
    if not with_body:
        camera = truth['cam_poses'][0]
        pelvis = camera[:3, :3] @ truth['jointPositions'][0][0, :3] + camera[:3, 3]
    box = sample['bbox'][0].reshape(2, 2)
    np.testing.assert_allclose(box.mean(0), (K @ pelvis / pelvis[2])[:2], rtol=1e-5)
    np.testing.assert_allclose(box[1] - box[0], 2 * K[0, 0] / pelvis[2], rtol=1e-5)


def test_3dpw_without_a_body(convert, tmp_path, coarse):
    truth = sequence(coarse)
    truth['poses2d'][0][3, 2] = 0.2  # nobody is sure of these keypoints
    write(tmp_path / 'train', truth)
    split = ('3dpw', tmp_path, '--split', 'train', '--stride', 2)
    samples = run(convert, tmp_path, *split)
    assert len(samples) == 3 + 2
    assert not any(sample['lifting_target_visible'].any() for sample in samples)
    assert all(sample['has_smpl'] for sample in samples)
    unseen = np.flatnonzero(samples[0]['keypoints_visible'] == 0)
    assert {human36m18.NAMES[k] for k in unseen} == {'spine', 'neck', 'head_top'}


def test_3dpw_leaves_out_people_behind_the_camera(convert, tmp_path, coarse, capsys):
    truth = sequence(coarse)
    truth['cam_poses'][1, 2, 3] = -5
    write(tmp_path / 'test', truth)
    assert len(run(convert, tmp_path, '3dpw', tmp_path, '--split', 'test')) == 5 + 3
    assert 'behind the camera in 1 frames' in capsys.readouterr().out


class _Attack:
    def __reduce__(self):
        return os.system, ('touch attacked',)


def test_3dpw_runs_no_code(convert, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / 'test', {'sequence': _Attack()})
    with pytest.raises(
        SystemExit, match=r'outdoors_00\.pkl is no sequence .*system.*nothing of it was run'
    ):
        run(convert, tmp_path, '3dpw', tmp_path, '--split', 'test')
    assert not (tmp_path / 'attacked').exists()
    assert not (tmp_path / 'out.npz').exists()


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'poses': [np.zeros((5, 72))] * 2}, r'poses should be numbers \(6, 72\), got .*\(5, 72\)'),
        ({'cam_intrinsics': np.zeros((2, 3))}, r'cam_intrinsics should be numbers \(3, 3\)'),
        ({'betas': [np.zeros(4)] * 2}, r'betas should be at least 10, got \(4,\)'),
        ({'genders': ['m']}, 'genders is not about all 2 people'),
        ({'campose_valid': [np.zeros(6)] * 2}, 'shows nobody whose camera is known'),
    ],
)
def test_refuses_a_broken_sequence(convert, tmp_path, coarse, changes, message):
    write(tmp_path / 'test', {**sequence(coarse), **changes})
    with pytest.raises(SystemExit, match=message):
        run(convert, tmp_path, '3dpw', tmp_path, '--split', 'test')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'center': None}, "has no center; it should be SPIN's npz"),
        ({'pose': None}, 'has shape, but only one of'),
        ({'part': np.zeros((3, 17, 3))}, r'part should be numbers \(3, 24, 3\), got .*17'),
        ({'pose': np.zeros((3, 24, 3))}, r'pose should be numbers \(3, 72\)'),
        ({'pose': np.full((3, 72), np.nan)}, r'out\.npz: row 0 .*global_orient should be finite'),
        ({'scale': np.array([1.0, 0, 1])}, r'row 1 .*bbox should be x1, y1, x2, y2'),
        ({'imgname': np.array(['a', 'b', 'c'])}, 'has none of the images of'),
    ],
)
def test_refuses_a_broken_file_of_spin(convert, tmp_path, changes, message):
    spin(tmp_path, **changes)
    body3d(tmp_path)
    more = ('--body3d', tmp_path / 'body3d.npz', '--cameras', tmp_path / 'cameras.pkl')
    with pytest.raises(SystemExit, match=message):
        run(convert, tmp_path, 'spin', tmp_path / 'spin.npz', '--box', 'file', *more)
    assert not list(tmp_path.glob('*out*'))


def test_refuses_what_cannot_be_matched(convert, tmp_path):
    body3d(tmp_path)
    h36m = ('h36m', tmp_path / 'body3d.npz', '--cameras', tmp_path / 'cameras.pkl', '--mosh')
    for changes, message in (
        ({'imgname': None}, 'has no imgname; it should be SMPL parameters with the names'),
        ({'imgname': np.array([BASES[0]] * 3)}, 'is there 3 times; which row is meant'),
        ({'imgname': np.array(['a', 'b', 'c'])}, 'has parameters of none of the images of'),
    ):
        spin(tmp_path, **changes)
        with pytest.raises(SystemExit, match=message):
            run(convert, tmp_path, *h36m, tmp_path / 'spin.npz')


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (('spin', 'spin.npz', '--body3d', 'body3d.npz'), 'give --cameras'),
        (('spin', 'none.npz'), 'there is no file none.npz'),
        (('3dpw', '.', '--split', 'test'), 'there are no sequence files'),
        (('3dpw', '.', '--split', 'test', '--stride', '0'), 'stride should be at least 1'),
        (('3dpw', '.', '--split', 'test', '--regressor', 'J.npy'), 'give --body-model too'),
    ],
)
def test_refuses_bad_arguments(convert, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    spin(tmp_path)
    with pytest.raises(SystemExit, match=message):
        run(convert, tmp_path, *args)


def test_refuses_a_name_that_is_no_npz(convert, tmp_path):
    spin(tmp_path)
    with pytest.raises(SystemExit, match=r'--out should be a \.npz, got out\.json'):
        convert(['spin', str(tmp_path / 'spin.npz'), '--out', 'out.json'])


def test_runs_as_a_program(run_python, tmp_path):
    spin(tmp_path)
    done = run_python(
        *(f'{FOLDER}/make_smpl_npz.py', 'spin', tmp_path / 'spin.npz'),
        *('--out', tmp_path / 'out.npz'),
    )
    assert '3 people' in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out.npz', 'spin.npz']
