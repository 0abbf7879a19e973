import broken_environments as broken
import numpy as np
import pytest
import torch

from mmpose_ext.compat.missing_torchvision import ToPILImage

AFTER = """
import mmpose_ext.compat  # isort: split

from importlib.util import find_spec

import numpy as np
import torch
from mmpose.visualization.simcc_vis import SimCCVisualizer

drawn = SimCCVisualizer().draw_instance_xy_heatmap(
    torch.rand(3, 32, 24), np.zeros((32, 24, 3), np.uint8)
)
print('missing_torchvision' in mmpose_ext.compat.applied(), find_spec('torchvision'), drawn.ndim)
"""


def test_mends_mmpose_and_hides_from_others(tmp_path, run_python):
    broken.hide_modules(tmp_path, 'torchvision')
    env = broken.environment(tmp_path)
    before = run_python('-c', 'import mmpose.visualization', env=env, check=False)
    assert "No module named 'torchvision'" in before.stdout
    after = run_python('-c', AFTER, env=env)
    assert after.stdout.splitlines()[-1] == 'True None 3'


@pytest.mark.parametrize('shape', [(1, 2, 3), (2, 3)])
def test_to_pil_image_known_numbers(shape):
    picture = ToPILImage()(torch.tensor([0, 0.5, 1, 0.25, 0.999, 0.001]).reshape(shape))
    assert picture.mode == 'L'
    assert picture.size == (3, 2)
    assert np.asarray(picture).tolist() == [[0, 127, 255], [63, 254, 0]]


def test_to_pil_image_of_bytes():
    picture = ToPILImage()(torch.tensor([[0, 7, 255]], dtype=torch.uint8))
    assert np.asarray(picture).tolist() == [[0, 7, 255]]


@pytest.mark.parametrize('shape', [(3, 4, 4), (4,), (1, 1, 4, 4)])
def test_to_pil_image_refuses(shape):
    with pytest.raises(ValueError, match='install torchvision'):
        ToPILImage()(torch.zeros(shape))


def test_to_pil_image_like_torchvision():
    transforms = pytest.importorskip('torchvision.transforms', reason='no torchvision here')
    heatmap = torch.rand(1, 8, 6)
    ours, theirs = ToPILImage()(heatmap), transforms.ToPILImage()(heatmap)
    assert np.array_equal(ours, theirs)
