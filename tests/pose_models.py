"""Small networks of random weights, one for each method that sees pictures."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
METHODS = {
    'simdr': 'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py',
    'hemlets': 'hemlets/mannequin/hemlets_res18-quarter_1xb32-1800_mannequin-64x64.py',
    'posh': 'posh/mannequin/posh_res18-quarter-frozen_1xb32-1200_mannequin-64x64.py',
    'swahr': 'swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py',
    'hsjp': 'hsjp/mannequin/hsjp_res18-half_1xb32-1200_mannequin-128x96.py',
}

# The maps of random weights are low.
CHANGES = {'swahr': 'model = dict(head=dict(decoder=dict(decode_keypoint_thr=0.0)))'}


def save_model(method: str, folder: Path) -> tuple[Path, Path]:
    """Write a method's smallest config and random weights into a folder; gives their paths."""
    path, weights = folder / f'{method}.py', folder / f'{method}.pth'
    path.write_text(f'_base_ = [{str(CONFIGS / METHODS[method])!r}]\n{CHANGES.get(method, "")}\n')
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(Config.fromfile(path).model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), weights)
    return path, weights


def pictures(*sizes: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    """BGR pictures of noise of these sizes (w, h), coarse enough to differ from place to place."""
    generator = np.random.default_rng(seed)
    made = []
    for width, height in sizes:
        coarse = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        made.append(coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width].copy())
    return made
