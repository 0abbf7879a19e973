"""Panels, sheets and films of event clips; the model has random weights, the events are noise."""

import cv2
import numpy as np
import pytest
import torch
from event_clips import CENTER, FOCAL, SIZE, STEPS, Clips, clip, lively_event_hpe
from meshes import ball, camera
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from PIL import Image

from mmpose_ext.visualization import (
    EventStep,
    clip_video,
    draw_steps,
    event_pose_sheet,
    write_video,
)
from mmpose_ext.visualization.event_clips import (
    body_of_model,
    camera_of_clip,
    flow_seen,
    step_of_flow,
    steps_of_clip,
)
from mmpose_ext.visualization.event_panels import PANELS, draw_panel, panels_known
from mmpose_ext.visualization.event_sheets import spread, strip
from mmpose_ext.visualization.event_video import draw_clip
from mmpose_ext.visualization.events_picture import draw_flow

H, W = 48, 64


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return lively_event_hpe()


def a_step(**fields):
    """A step of a ball in the middle of the picture; everything is known."""
    vertices, faces = ball()
    rng = np.random.default_rng(0)
    known = dict(
        events=rng.random((8, H, W)) < 0.02,
        K=camera(),
        faces=faces,
        flow=rng.normal(size=(2, H, W)),
        true_flow=np.zeros((2, H, W)),
        vertices=vertices,
        true_vertices=vertices + np.array([0.5, 0, 0]),
        gray=np.full((H, W), 77, np.uint8),
    )
    return EventStep(**(known | fields))


@pytest.mark.parametrize('panel', list(PANELS))
def test_panels_have_one_size(panel):
    picture = draw_panel(a_step(), panel, 96)
    assert picture.shape == (96, 128, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 1 or panel in ('gray', 'true_flow')
    if panel != 'events':
        nothing = draw_panel(a_step(**{PANELS[panel].shows: None}), panel, 96)
        assert nothing.shape == picture.shape
        assert 0 < (nothing < 200).mean() < 0.1


def test_body_lies_where_the_camera_sees_it():
    events = np.zeros((8, H, W), bool)
    picture = draw_panel(a_step(events=events), 'body', 4 * H)
    rows, columns = np.nonzero((picture < 250).any(-1))
    # The ball is in front of the principal point: pixel x at 4 (x + 0.5) - 0.5.
    assert columns.mean() == pytest.approx(4 * 32 - 0.5, abs=0.6)
    assert rows.mean() == pytest.approx(4 * 24 - 0.5, abs=0.6)
    # 0.5 m at 4 m by a focal length of 400 px of the picture, half a width of some 50 px.
    assert np.ptp(columns) == pytest.approx(2 * 50 / np.sqrt(1 - 1 / 64), abs=3)


def test_events_shine_through_the_body():
    events = np.zeros((8, H, W), bool)
    events[7, 24, 32] = True
    plain = draw_panel(a_step(events=np.zeros_like(events)), 'body', H).astype(int)
    marked = draw_panel(a_step(events=events), 'body', H).astype(int)
    assert (plain[24, 32] - marked[24, 32]).min() > 30
    assert np.abs(plain - marked).sum() == np.abs(plain - marked)[24, 32].sum()


def test_known_panels():
    nothing = dict.fromkeys(('flow', 'true_flow', 'vertices', 'true_vertices', 'gray'))
    assert panels_known([a_step(**nothing)]) == ['events']
    assert panels_known([a_step(**nothing), a_step()]) == list(PANELS)
    with pytest.raises(ValueError, match='sound'):
        draw_panel(a_step(), 'sound')


def test_steps_become_a_sheet():
    sheet = draw_steps([a_step(), a_step(vertices=None)], cell=H)
    columns = len(PANELS)
    assert sheet.shape == (26 + 2 * (H + 4) + 4 + 26, columns * (W + 4) + 4, 3)
    assert draw_steps([a_step()] * 2, steps_per_row=2, cell=H).shape[1] == 2 * columns * 68 + 4
    for wrong in (dict(steps=[]), dict(steps_per_row=0), dict(cell=0)):
        with pytest.raises(ValueError, match='need steps'):
            draw_steps(**(dict(steps=[a_step()]) | wrong))


def test_flows_of_a_step_have_one_scale():
    fast, slow = np.zeros((2, H, W)), np.zeros((2, H, W))
    fast[0], slow[0] = 4, 1
    step = a_step(flow=slow, true_flow=fast)
    sheet = draw_steps([step], cell=H)
    shown = panels_known([step])
    left = 4 + shown.index('flow') * (W + 4)
    np.testing.assert_array_equal(sheet[30, left], draw_flow(slow, 4.0)[0, 0])
    left = 4 + shown.index('true_flow') * (W + 4)
    assert np.abs(sheet[30, left].astype(int) - (0, 0, 255)).max() <= 1


def test_spread():
    assert spread(8, 4) == [1, 3, 5, 7]
    assert spread(8, 1) == [7]
    assert spread(3, 9) == [0, 1, 2]


def test_strip_shrinks_its_text():
    short, long = strip('a', 300), strip('a long line of words ' * 3, 300)
    assert short.shape == long.shape == (26, 300, 3)
    assert (long[:, -8:] == 255).all()
    assert (long < 128).any()


def test_reads_a_clip(model):
    item = clip()
    (sample,) = model.test_step(pseudo_collate([item]))
    flow = flow_seen(model, item['inputs'])
    assert flow.shape == (STEPS, 2, SIZE, SIZE)
    steps = steps_of_clip(item['inputs'], sample, body_of_model(model), flow)
    assert len(steps) == STEPS
    np.testing.assert_array_equal(steps[1].events, item['inputs']['events'][1])
    assert steps[0].vertices.shape == steps[0].true_vertices.shape == (1600, 3)
    # The true body stands 3 m ahead, head up.
    assert steps[0].true_vertices[:, 2].mean() == pytest.approx(3, abs=0.2)
    K = [[FOCAL, 0, CENTER], [0, FOCAL, CENTER], [0, 0, 1]]
    np.testing.assert_allclose(steps[0].K, K, rtol=1e-6)
    # Flow of a file is taken as it is.
    given = torch.ones(STEPS, 2, SIZE, SIZE)
    assert (flow_seen(model, dict(item['inputs'], flow=given)) == 1).all()


def test_unlabelled_steps_have_no_true_body(model):
    body = body_of_model(model)
    item = clip(labelled=False)
    item['data_samples'].pred_instances = item['data_samples'].gt_instances
    steps = steps_of_clip(item['inputs'], item['data_samples'], body, None)
    assert all(step.true_vertices is None for step in steps)
    item['data_samples'].gt_instances.has_smpl = torch.tensor([1.0, 0.0, 1.0])
    steps = steps_of_clip(item['inputs'], item['data_samples'], body, None)
    assert [step.true_vertices is None for step in steps] == [False, True, False]


def test_refuses_clips(model):
    body, item = body_of_model(model), clip()
    sample = item['data_samples']
    with pytest.raises(ValueError, match=r'are \(T, C, H, W\)'):
        steps_of_clip(dict(events=torch.zeros(8, 4, 4)), sample, body, None)
    with pytest.raises(ValueError, match='3 steps has 2 of flow'):
        steps_of_clip(item['inputs'], sample, body, np.zeros((2, 2, 4, 4)))
    with pytest.raises(ValueError, match='body_model'):
        body_of_model(torch.nn.Linear(1, 1))
    sample.pop('focal')
    with pytest.raises(ValueError, match='no focal'):
        camera_of_clip(sample)


def test_sheet_of_a_dataset(model):
    sheet = event_pose_sheet(model, Clips(), [0, 1], steps=2, cell=64)
    # Events, flow, and two pictures of each body.
    assert sheet.shape == (26 + 4 * 68 + 4 + 26 + 26, 6 * 68 + 4, 3)
    with pytest.raises(ValueError, match='steps'):
        event_pose_sheet(model, Clips(), [0], steps=0)


def test_reads_flow():
    sample = clip()['data_samples']
    sample.pred_fields = PixelData(flow=torch.ones(2, 8, 8))
    inputs = dict(events=torch.zeros(8, 8, 8, dtype=torch.uint8), gray=torch.full((2, 8, 8), 9))
    step = step_of_flow(inputs, sample)
    assert (step.flow == 1).all()
    assert (step.gray == 9).all()
    assert step.true_flow is None
    assert panels_known([step]) == ['gray', 'events', 'flow']
    assert draw_steps([step], cell=32).shape[1] == 3 * 36 + 4


def test_films(tmp_path):
    steps = [a_step(), a_step(vertices=ball(0.3)[0]), a_step(vertices=None)]
    pictures = draw_clip(steps, 47)
    assert {picture.shape for picture in pictures} == {pictures[0].shape}
    assert all(side % 2 == 0 for side in pictures[0].shape[:2])
    clip_video(tmp_path / 'a.gif', steps, cell=47)
    with Image.open(tmp_path / 'a.gif') as film:
        assert (film.n_frames, film.size) == (3, pictures[0].shape[1::-1])
    clip_video(tmp_path / 'a.mp4', steps, cell=47)
    film = cv2.VideoCapture(str(tmp_path / 'a.mp4'))
    frames = [film.read() for _ in range(4)]
    assert [found for found, _ in frames] == [True, True, True, False]
    # Compressed, but the same.
    assert np.abs(frames[0][1].astype(int) - pictures[0]).mean() < 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.gif', 'a.mp4']


def test_refuses_films(tmp_path):
    for name, steps, match in (('a.avi', [a_step()], 'avi'), ('a.gif', [], 'without steps')):
        with pytest.raises(ValueError, match=match):
            clip_video(tmp_path / name, steps)
    pictures = [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)]
    with pytest.raises(ValueError, match='one size'):
        write_video(tmp_path / 'a.mp4', pictures, 5)
    with pytest.raises(ValueError, match='fps'):
        write_video(tmp_path / 'a.mp4', pictures[:1], 0)
    assert not list(tmp_path.iterdir())
