import importlib.util
import json
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from mmpose_ext.events.frames import events_to_frames
from mmpose_ext.events.readers import open_events
from mmpose_ext.flow_file import read_flow
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.synthetic import EventRequest, build_body, write_event_dataset
from mmpose_ext.synthetic.camera import Camera
from mmpose_ext.synthetic.clip_scene import draw_clip
from mmpose_ext.synthetic.clips import exact_flow, film, render_time
from mmpose_ext.synthetic.event_camera import to_linear
from mmpose_ext.synthetic.event_dataset import make_clip
from mmpose_ext.synthetic.skinning import pose_body

SMALL = EventRequest(num_train=2, num_test=1, frames=5, size=32, seed=4, raw=True)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp('events') / 'small'
    return write_event_dataset(out, SMALL, sheet=True)


@pytest.fixture(scope='module')
def clip():
    """A clip at 96 pixels."""
    return make_clip(EventRequest(size=96, seed=1), 'train', 0)[0]


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_same_seed_same_bytes_whatever_the_workers(folder, tmp_path):
    again = write_event_dataset(tmp_path / 'again', SMALL, workers=2, sheet=True)
    one, two = contents(folder), contents(again)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    # Found written: nothing is done again.
    stamp = (again / 'train.json').stat().st_mtime_ns
    write_event_dataset(again, SMALL)
    assert (again / 'train.json').stat().st_mtime_ns == stamp


def test_recordings_differ(folder):
    pictures = {p.read_bytes() for p in folder.glob('full_pic_32/*/fullpic0000.png')}
    assert len(pictures) == 3
    other = make_clip(replace(SMALL, seed=5), 'train', 0)[0]
    assert (other.gray != make_clip(SMALL, 'train', 0)[0].gray).any()


def test_layout(folder):
    about = json.loads((folder / 'dataset.json').read_text())
    assert about['size'] == [32, 32]
    np.testing.assert_allclose(about['focal'], 1679.3 * 32 / 1280)
    np.testing.assert_allclose(about['principal_pt'], 641 * 32 / 1280)
    assert (about['fps'], about['bins'], about['source']) == (15.0, 4, 'mannequin')
    names = {
        split: [r['name'] for r in json.loads((folder / f'{split}.json').read_text())['recordings']]
        for split in ('train', 'test')
    }
    assert names == {'train': ['train0000', 'train0001'], 'test': ['test0000']}
    assert len(list(folder.glob('events_32/train0001/event*.png'))) == 4
    assert len(list(folder.glob('full_pic_32/train0001/fullpic*.png'))) == 5
    assert len(list(folder.glob('true_flow_32/train0001/flow*.npz'))) == 3


def test_files_hold_the_clip(folder):
    clip, _ = make_clip(SMALL, 'test', 0)
    events = cv2.imread(str(folder / 'events_32/test0000/event0003.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(events.transpose(2, 0, 1), clip.events[3])
    gray = cv2.imread(str(folder / 'full_pic_32/test0000/fullpic0004.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(gray, clip.gray[4])
    flow = read_flow(folder / 'true_flow_32/test0000/flow0002.npz')
    assert np.abs(flow['flow'] - clip.flow[2]).max() < 0.01
    np.testing.assert_array_equal(flow['body'], clip.body[2])
    with np.load(folder / 'annotations/test0000.npz', allow_pickle=False) as notes:
        assert notes['frames'].tolist() == [0, 1, 2, 3, 4]
        assert notes['event_frames'].tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(notes['event_counts'], clip.events.sum((1, 2, 3)))
        shapes = {name: notes[name].shape for name in ('theta', 'betas', 'transl', 'keypoints')}
    assert shapes == dict(theta=(5, 72), betas=(5, 10), transl=(5, 3), keypoints=(5, 24, 2))


def test_pictures_are_those_of_the_raw_events(folder):
    """The event pictures are what the reader and ``events_to_frames`` make of the raw events."""
    clip, _ = make_clip(SMALL, 'train', 1)
    stream = open_events(folder / 'raw_events/train0001.npz').read()
    assert len(stream.t) == len(clip.stream.t) > 100
    frames = events_to_frames(stream, 16, t_range=(0, render_time(4, 15.0)))
    wanted = frames.reshape(4, 4, 32, 32)
    # The range ends at a whole microsecond, 266,667: no event lies so near an edge.
    np.testing.assert_array_equal(wanted, clip.events)


def test_poses_are_those_of_smpl(clip):
    """To 1 mm; the projection, too."""
    body = SMPLBody('mannequin-coarse', joints='smpl24').eval()
    rotations = axis_angle_to_matrix(torch.tensor(clip.theta).float().reshape(-1, 24, 3))
    betas = torch.tensor(clip.betas).float().expand(len(rotations), -1)
    out = body(rotations[:, :1], rotations[:, 1:], betas, torch.tensor(clip.transl).float())
    assert np.abs(out.joints.numpy() - clip.joints).max() < 1e-3
    focal, center = 1679.3 * 96 / 1280, 641 * 96 / 1280
    projected = out.joints[..., :2] / out.joints[..., 2:] * focal + center
    assert np.abs(projected.numpy() - clip.keypoints).max() < 0.05
    # Upright, before the camera, whole in the image, and seen where the labels say.
    assert (clip.joints[:, 15, 1] < clip.joints[:, 0, 1]).all()
    assert clip.joints[..., 2].min() > 2
    assert clip.keypoints.min() >= 0
    assert clip.keypoints.max() <= 95
    columns, rows = np.rint(clip.keypoints[:-2, 0]).astype(int).T
    assert clip.body[np.arange(len(rows)), rows, columns].all()


def standing(transl):
    """Vertices of somebody who stands before the camera, at translations (N, 3)."""
    pose = np.zeros((len(transl), 24, 3))
    pose[:, 0, 0] = np.pi
    return pose_body(build_body(), np.zeros((len(transl), 10)), pose, np.array(transl))[0]


def test_flow_of_a_shift():
    """Golden case 37: u = f dx / z on the body, 0 elsewhere."""
    f, z, dx = 84.0, 3.0, 0.05
    K = np.array([[f, 0, 32], [0, f, 32], [0, 0, 1.0]])
    camera = Camera(K, np.eye(3), np.zeros(3), 64, 64)
    now, later = standing([(0, 0, z), (dx, 0, z)])
    flow, body = exact_flow(camera, build_body().faces, now, later)
    assert 0.05 < body.mean() < 0.2
    assert (flow[:, ~body] == 0).all()
    assert (flow[1] == 0).all()
    # The surface seen is nearer than the joints, by no more than half the body's depth.
    depth = f * dx / flow[0, body]
    assert depth.min() > z - 0.25
    assert depth.max() < z + 0.1
    assert abs(np.median(depth) - z) < 0.15
    still, _ = exact_flow(camera, build_body().faces, now, now)
    assert (still == 0).all()


def test_pictures_show_the_body_where_the_labels_have_it():
    """A white person before black: the middle of the light is that of the body's mask."""
    body = build_body('coarse')
    scene = draw_clip(np.random.default_rng(1), body, 64, 1.0)
    black, white = np.zeros_like(scene.backdrop), np.ones_like(scene.albedo)
    scene = replace(scene, albedo=white, light=np.zeros(3), ambient=1.0, backdrop=black)
    clip = film(scene, body, 16)
    pixels = np.stack(np.mgrid[:64, :64])
    light, seen = (
        np.einsum('cyx,fyx->fc', pixels, share) / share.sum((1, 2))[:, None]
        for share in (to_linear(clip.gray[:-2]), clip.body)
    )
    # A mask is only right to a part of a pixel: in the mean over the frames.
    assert np.abs((light - seen).mean(0)).max() < 0.1


def test_gray_frames_match_along_the_flow(clip):
    """The photometric error along the true flow is far below that of no flow."""
    rows, columns = np.mgrid[:96, :96].astype(np.float32)
    errors = []
    for k, (flow, body) in enumerate(zip(clip.flow, clip.body, strict=True)):
        now, later = clip.gray[k].astype(np.float32), clip.gray[k + 2].astype(np.float32)
        moved = cv2.remap(later, columns + flow[0], rows + flow[1], cv2.INTER_LINEAR)
        # Inside the outline, where the backdrop does not mix in.
        inner = cv2.erode(body.astype(np.uint8), np.ones((3, 3))) > 0
        errors.append([np.abs(moved - now)[inner].mean(), np.abs(later - now)[inner].mean()])
    along, still = np.mean(errors, 0)
    assert along < 0.6 * still


def test_events_are_where_things_move(clip):
    any_event = clip.events[:-1].any(1)
    speed = np.linalg.norm(clip.flow, axis=1)
    moving, resting = clip.body & (speed > 1), clip.body & (speed < 0.2)
    assert any_event[moving].mean() > 2 * any_event[resting].mean()
    assert any_event[moving].mean() > 5 * any_event[~clip.body].mean()
    assert 0.005 < clip.events.mean() < 0.08


def test_the_camera_has_been_running():
    """The first bin has as many events as the others; 0.68 of them without what came before."""
    request = EventRequest(frames=3, seed=4)
    clips = [make_clip(request, 'test', k)[0] for k in range(12)]
    bins = np.mean([clip.events.sum((2, 3)) for clip in clips], 0)
    assert bins[0, 0] > 0.85 * bins[0, 1:].mean()


def test_finer_renders_change_little():
    """More renders a bin: the same frames and labels, about the same events."""
    scene = draw_clip(np.random.default_rng(0), build_body(), 32, 0.3)
    one, two = (film(scene, build_body(), 5, renders_per_bin=n) for n in (1, 2))
    np.testing.assert_array_equal(one.gray, two.gray)
    np.testing.assert_allclose(one.joints, two.joints, atol=1e-12)
    assert one.events.shape == two.events.shape
    both = (one.events & two.events).sum() / (one.events | two.events).sum()
    assert both > 0.8


def test_a_long_film_equals_its_beginning():
    """Films are posed in parts; a person moves on where the last part ended."""
    scene = draw_clip(np.random.default_rng(2), build_body(), 32, 2.0)
    long, short = (film(scene, build_body(), frames) for frames in (30, 10))
    assert long.gray.shape == (30, 32, 32)
    assert long.events.shape == (29, 4, 32, 32)
    assert long.flow.shape == (28, 2, 32, 32)
    np.testing.assert_array_equal(long.gray[:10], short.gray)
    np.testing.assert_array_equal(long.events[:9], short.events)
    np.testing.assert_allclose(long.flow[:8], short.flow, atol=1e-5)
    steps = np.linalg.norm(np.diff(long.joints, axis=0), axis=-1)
    assert steps.max() < 0.7


def test_times_are_rounded_up():
    assert [render_time(k, 60.0) for k in (0, 1, 2, 3, 60)] == [0, 16667, 33334, 50000, 1000000]


@pytest.mark.parametrize(
    'options',
    [
        dict(num_train=0),
        dict(num_test=0),
        dict(frames=2),
        dict(size=40),
        dict(size=16),
        dict(fps=0.0),
        dict(fps=float('nan')),
        dict(skip=0),
        dict(renders_per_bin=0),
        dict(seed=-1),
        dict(threshold=0.0),
    ],
)
def test_refuses_requests(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        EventRequest(**options)


def test_refuses_another_request(folder):
    with pytest.raises(FileExistsError, match='another request'):
        write_event_dataset(folder, replace(SMALL, seed=9))


def test_leaves_nothing_when_it_fails(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError('the disk is full')

    monkeypatch.setattr('mmpose_ext.synthetic.event_dataset.write_dataset_file', fail)
    with pytest.raises(OSError, match='disk is full'):
        write_event_dataset(tmp_path / 'data', SMALL)
    assert list(tmp_path.iterdir()) == []


def test_command(root, monkeypatch, tmp_path):
    path = root / 'tools/dataset_converters/make_mannequin.py'
    spec = importlib.util.spec_from_file_location('make_mannequin', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    out = tmp_path / 'data'
    args = ['events', '--out', str(out), '--num-train', '1', '--num-test', '1', '--size', '32']
    args += ['--frames', '4', '--workers', '1', '--threshold-noise', '0']
    monkeypatch.setattr(sys, 'argv', ['make_mannequin.py', *args])
    tool.main()
    request = json.loads((out / 'request.json').read_text())
    assert (request['frames'], request['threshold_noise'], request['kind']) == (4, 0.0, 'events')
    assert not (out / 'raw_events').exists()
    monkeypatch.setattr(sys, 'argv', ['make_mannequin.py', *args, '--seed', '1'])
    with pytest.raises(SystemExit, match='another request'):
        tool.main()
