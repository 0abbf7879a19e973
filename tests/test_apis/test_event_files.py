"""From a file of events to files of poses, with a small network of random weights."""

import importlib
import json

import cv2
import numpy as np
import pytest
import torch
from event_clips import SIZE, Clips, lively_event_hpe, small_event_hpe, standing
from mmengine.config import Config
from PIL import Image

from mmpose_ext.apis import draw_predictions, infer_events, read_start, write_event_poses
from mmpose_ext.apis.event_files import steps_of_poses
from mmpose_ext.models.body_models.rotations import axis_angle_to_matrix

K = np.array([[42.0, 0, 15.5], [0, 42.0, 15.5], [0, 0, 1]])
NAMES = ('rotmats', 'transl', 'betas')


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return lively_event_hpe()


@pytest.fixture
def recording(tmp_path):
    """A file of raw events of a sensor of 48 x 32 pixels, 0.5 s."""
    rng = np.random.default_rng(0)
    count = 3000
    path = tmp_path / 'walk.npz'
    t = np.sort(rng.integers(0, 500_000, count))
    t[0], t[-1] = 0, 499_999
    x, y, p = (rng.integers(0, high, count) for high in (48, 32, 2))
    x[7] = 100
    np.savez(path, t=t, x=x, y=y, p=p, width=48, height=32)
    return path


@pytest.fixture
def start_file(tmp_path):
    """Annotations of two frames."""
    rng = np.random.default_rng(0)
    theta = rng.normal(0, 0.2, (2, 72)).astype(np.float32)
    path = tmp_path / 'start.npz'
    transl = np.array([[0, 0, 3], [0, 0, 4]], np.float32)
    np.savez(path, theta=theta, betas=np.zeros((2, 10)), transl=transl, frames=[5, 7])
    return path


def test_predicts_a_recording(model, recording):
    found = infer_events(model, recording, (SIZE, SIZE), start=standing())
    assert len(found.poses) == 4
    assert sum(pose.num_events for pose in found.poses) == 2999
    assert (found.report.num_events, found.report.outside) == (3000, 1)
    assert found.skipped_windows == 0
    # The sensor is padded to a square: nothing in the upper and the lower sixth.
    frames = np.stack([pose.frames for pose in found.poses])
    assert frames.shape[1:] == (8, SIZE, SIZE)
    assert not frames[:, :, :5].any()
    assert not frames[:, :, -5:].any()
    assert frames[:, :, 6].any()


def test_writes_files(model, recording, tmp_path):
    found = infer_events(model, recording, (SIZE, SIZE), start=standing())
    out = tmp_path / 'out'
    films = ('gif', 'mp4')
    files = write_event_poses(out, 'walk', model, found, K, films=films, as_json=True, steps=2)
    names = ['walk_poses.npz', 'walk_sheet.png', 'walk.json', 'walk.gif', 'walk.mp4']
    assert [file.name for file in files] == names
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    with np.load(files[0]) as arrays:
        assert arrays['theta'].shape == (4, 72)
        np.testing.assert_allclose(
            axis_angle_to_matrix(torch.from_numpy(arrays['theta'][3].reshape(24, 3))),
            found.poses[3].rotmats,
            atol=1e-5,
        )
        np.testing.assert_array_equal(arrays['transl'][2], found.poses[2].transl)
        assert arrays['end_us'].tolist() == [133334, 266667, 400000, 533334]
        written = json.loads(files[2].read_text())
        np.testing.assert_allclose(written['joints'], arrays['joints'])
    assert 'outside of the sensor' in written['events']
    # Titles, two steps of four pictures, legend, note.
    assert cv2.imread(str(files[1])).shape == (26 + 2 * 196 + 4 + 26 + 26, 4 * 196 + 4, 3)
    with Image.open(files[3]) as film:
        assert film.n_frames == 4
    # What was written is a start again.
    again = read_start(files[0])
    np.testing.assert_allclose(again['rotmats'][0], found.poses[0].rotmats, atol=1e-5)


def test_pictures_show_the_flow(model, recording):
    poses = infer_events(model, recording, (SIZE, SIZE), start=standing()).poses
    (step,) = steps_of_poses(model, poses[1:2], K)
    with torch.no_grad():
        flow = model.flow_net(torch.from_numpy(poses[1].frames)[None].float())[-1][0]
    np.testing.assert_allclose(step.flow, flow, atol=1e-5)
    head = dict(loss=dict(type='EventPoseLoss', coherence=0))
    without = lively_event_hpe(flow_net=None, flow_source='none', flow_input=False, head=head)
    assert steps_of_poses(without, poses[:1], K)[0].flow is None


def test_nothing_to_write(model, recording, tmp_path):
    found = infer_events(model, recording, (SIZE, SIZE), start=standing())
    with pytest.raises(ValueError, match='no events'):
        write_event_poses(tmp_path, 'walk', model, type(found)([], found.report, 0), K)


def test_reads_a_start(start_file):
    first, later = read_start(start_file), read_start(start_file, 7)
    assert first['transl'].tolist() == [[0, 0, 3]]
    assert later['transl'].tolist() == [[0, 0, 4]]
    with np.load(start_file) as arrays:
        expected = axis_angle_to_matrix(torch.from_numpy(arrays['theta'][1].reshape(24, 3)))
    np.testing.assert_allclose(later['rotmats'][0], expected, atol=1e-6)
    assert first['betas'].shape == (1, 10)
    with pytest.raises(ValueError, match=r'no frame 6; it has 5\.\.7'):
        read_start(start_file, 6)
    with pytest.raises(FileNotFoundError):
        read_start(start_file.with_name('none.npz'))


@pytest.mark.parametrize(
    ('arrays', 'frame', 'match'),
    [
        (dict(theta=np.zeros(72), transl=np.zeros(3)), None, 'no betas'),
        (dict(theta=np.zeros(69), transl=np.zeros(3), betas=np.zeros(10)), None, r'\(69,\)'),
        (dict(theta=np.zeros(72), transl=np.zeros(3), betas=np.zeros(10)), 3, 'frame 3'),
        (dict(theta=np.zeros(72), transl=np.zeros(2), betas=np.zeros(10)), None, 'transl'),
        (
            dict(theta=np.zeros(72), transl=np.full(3, np.nan), betas=np.zeros(10)),
            None,
            'NaN or infinite',
        ),
    ],
)
def test_refuses_starts(tmp_path, arrays, frame, match):
    np.savez(tmp_path / 'start.npz', **arrays)
    with pytest.raises(ValueError, match=match):
        read_start(tmp_path / 'start.npz', frame)


def save_model(folder, model, data_root):
    """Config and checkpoint of the small model."""
    dataset = dict(type='MMHPSDataset', data_root=str(data_root), mode='shape', skip=2)
    config = folder / 'small.py'
    model_config = small_event_hpe(state_from='zeros')
    loader = dict(dataset=dataset)
    Config(dict(model=model_config, test_dataloader=loader)).dump(config)
    checkpoint = folder / 'small.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict(dataset_meta={})), checkpoint)
    return config, checkpoint


def write_dataset_json(folder):
    camera = dict(size=[SIZE, SIZE], focal=[42.0, 42.0], principal_pt=[15.5, 15.5])
    content = camera | dict(fps=15.0, bins=4, source='mannequin')
    (folder / 'dataset.json').write_text(json.dumps(content))


@pytest.fixture
def tool(root, monkeypatch):
    """The module tools/infer_events.py."""
    monkeypatch.syspath_prepend(root / 'tools')
    return importlib.import_module('infer_events')


def test_command(tool, model, recording, start_file, tmp_path, capsys):
    write_dataset_json(tmp_path)
    config, checkpoint = save_model(tmp_path, model, tmp_path)
    out = tmp_path / 'out'
    command = [config, checkpoint, recording, '--out', out, '--start', start_file]
    tool.main(list(map(str, [*command, '--start-frame', 7, '--json', '--origin', -60_000])))
    said = capsys.readouterr().out
    assert '3000 events, 2999 kept; 1 outside of the sensor (dropped); 5 poses' in said
    assert said.count('is written') == 3
    written = json.loads((out / 'walk.json').read_text())
    np.testing.assert_allclose(written['K'], K)
    options = dict(start=read_start(start_file, 7), origin_us=-60_000)
    expected = infer_events(model, recording, (SIZE, SIZE), **options)
    assert written['start_us'][0] == -60_000
    np.testing.assert_allclose(
        written['joints'], np.stack([pose.joints_cam for pose in expected.poses]), atol=1e-4
    )
    assert (out / 'walk_sheet.png').is_file()


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        ([], 'needs a start'),
        (['--start-frame', 3], '--start-frame needs --start'),
        (['--dataset', 'nowhere'], 'nowhere'),
    ],
)
def test_command_refuses(tool, model, recording, tmp_path, arguments, match):
    write_dataset_json(tmp_path)
    config, checkpoint = save_model(tmp_path, model, tmp_path)
    command = [config, checkpoint, recording, '--out', tmp_path / 'out', *arguments]
    with pytest.raises(SystemExit, match=match):
        tool.main(list(map(str, command)))
    assert not (tmp_path / 'out').exists()


def test_draw_predictions_of_clips(model, tmp_path, monkeypatch):
    config, checkpoint = save_model(tmp_path, model, tmp_path)
    monkeypatch.setattr('mmpose_ext.apis.draw.DATASETS.build', lambda _: Clips(3))
    assert draw_predictions(config, checkpoint, tmp_path / 'sheet.png', people=2) == 2
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    # Two clips of three steps, six pictures each.
    assert sheet.shape == (26 + 6 * 196 + 4 + 26 + 26, 6 * 196 + 4, 3)
