"""Pictures of event clips in test and validation, with a small network of random weights."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from event_clips import clip, lively_event_hpe
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmpose.registry import HOOKS


class Recorder:
    """Keeps what it is given."""

    def __init__(self):
        self.images = []

    def add_image(self, name, image, step=0):
        self.images.append((name, image, step))


@pytest.fixture
def make_hook(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(Visualizer, 'get_current_instance', lambda: recorder)

    def make(**options):
        options = dict(type='EventVisualizationHook', enable=True, cell=32) | options
        return HOOKS.build(options), recorder.images

    return make


@pytest.fixture(scope='module')
def predicted():
    """A runner, a batch of two clips and what the model predicts."""
    torch.manual_seed(0)
    model = lively_event_hpe()
    batch = pseudo_collate([clip(0, 'walk/a'), clip(1, 'run')])
    return model, batch, model.test_step(batch)


def runner_of(model, folder):
    return SimpleNamespace(model=model, iter=0, work_dir=str(folder), timestamp='now')


def test_draws_clips_into_a_folder(make_hook, predicted, tmp_path):
    model, batch, outputs = predicted
    hook, images = make_hook(out_dir='shown', steps=2, interval=1)
    for index in range(2):
        hook.after_test_iter(runner_of(model, tmp_path), index, batch, outputs)
    folder = tmp_path / 'now' / 'shown'
    assert sorted(path.name for path in folder.iterdir()) == ['run_0000.png', 'walk_a_0000.png']
    # Titles, two steps of six pictures, a legend.
    picture = cv2.imread(str(folder / 'run_0000.png'))
    assert picture.shape == (26 + 2 * 36 + 4 + 26, 6 * 36 + 4, 3)
    assert not images


def test_every_so_many_clips(make_hook, predicted, tmp_path):
    model, batch, outputs = predicted
    hook, images = make_hook(interval=2, steps=1)
    for index in range(2):
        hook.after_test_iter(runner_of(model, tmp_path), index, batch, outputs)
        hook.after_val_iter(runner_of(model, tmp_path), index, batch, outputs)
    assert [(name, step) for name, _, step in images] == [
        ('test_events', 0),
        ('val_events', 0),
        ('test_events', 2),
    ]
    # Clip 0 and clip 0 again; RGB.
    np.testing.assert_array_equal(images[0][1], images[2][1])
    assert not list(tmp_path.iterdir())


def test_disabled_by_default(make_hook, predicted, tmp_path):
    model, batch, outputs = predicted
    hook, images = make_hook(enable=False)
    hook.after_test_iter(runner_of(model, tmp_path), 0, batch, outputs)
    hook.after_val_iter(runner_of(model, tmp_path), 0, batch, outputs)
    assert not images


def test_draws_flow(make_hook, tmp_path):
    sample = clip()['data_samples']
    sample.pred_fields = PixelData(flow=torch.ones(2, 16, 16))
    events = torch.ones(1, 8, 16, 16, dtype=torch.uint8)
    batch = dict(inputs=dict(events=events), data_samples=[sample])
    hook, images = make_hook()
    hook.after_test_iter(runner_of(None, tmp_path), 0, batch, [sample])
    assert images[0][1].shape == (26 + 40 + 26, 2 * 36 + 4, 3)


@pytest.mark.parametrize('name', ['steps', 'cell', 'interval'])
def test_refuses(make_hook, name):
    with pytest.raises(ValueError, match=name):
        make_hook(**{name: 0})
