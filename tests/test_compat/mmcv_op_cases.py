"""The same calls for mmcv's compiled ops and for the fallback ones.

``python mmcv_op_cases.py``, where real mmcv is installed, writes what the compiled ops
return for seed 0 to ``mmcv_op_cases.npz``: the known numbers of ``test_mmcv_ops.py``.
"""

from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

GOLDEN = Path(__file__).with_suffix('.npz')
BATCH, CHANNELS, HEIGHT, WIDTH = 2, 3, 9, 12


def nms_outputs(ops: ModuleType, seed: int) -> dict[str, torch.Tensor]:
    """Kept indices over sizes, offsets and thresholds."""
    rng = np.random.default_rng(seed)
    outputs = {}
    for num_boxes, offset, threshold in product((0, 1, 60), (0, 1), (0.3, 0.7)):
        boxes, scores = random_boxes(rng, num_boxes, size=100), random_scores(rng, num_boxes)
        kept = ops.nms(boxes, scores, iou_threshold=threshold, offset=offset)
        outputs[f'nms {num_boxes} offset {offset} iou {threshold}'] = kept
    return outputs


def softnms_outputs(ops: ModuleType, seed: int) -> dict[str, torch.Tensor]:
    """Kept indices and rescored boxes over methods, offsets and score thresholds."""
    rng = np.random.default_rng(seed)
    outputs = {}
    for method, offset, min_score in product((0, 1, 2), (0, 1), (1e-3, 0.2)):
        boxes, scores = random_boxes(rng, 40, size=60), random_scores(rng, 40)
        dets = torch.full((40, 5), -1.0)
        options = dict(iou_threshold=0.3, sigma=0.5, min_score=min_score)
        kept = ops.softnms(boxes, scores, dets, **options, method=method, offset=offset)
        name = f'softnms method {method} offset {offset} min_score {min_score}'
        outputs.update({f'{name} kept': kept, f'{name} dets': dets})
    return outputs


def roi_align_outputs(ops: ModuleType, seed: int) -> dict[str, torch.Tensor]:
    """Pooled features and gradients over both modes, alignments and sampling ratios."""
    rng = np.random.default_rng(seed)
    outputs = {}
    for pool_mode, aligned, ratio, scale in product((0, 1), (True, False), (0, 2), (0.5, 1 / 7)):
        features = torch.from_numpy(rng.normal(size=(BATCH, CHANNELS, HEIGHT, WIDTH))).float()
        rois = random_rois(rng, 6, size=WIDTH / scale)
        output = features.new_zeros(len(rois), CHANNELS, 2, 3)
        argmax = [torch.zeros_like(output) if pool_mode == 0 else output.new_zeros(0)] * 2
        argmax_y, argmax_x = (tensor.clone() for tensor in argmax)
        options = dict(aligned_height=2, aligned_width=3, spatial_scale=scale)
        options.update(sampling_ratio=ratio, pool_mode=pool_mode, aligned=aligned)
        ops.roi_align_forward(features, rois, output, argmax_y, argmax_x, **options)
        weight = torch.from_numpy(rng.normal(size=output.shape)).float()
        grad = torch.zeros_like(features)
        ops.roi_align_backward(weight, rois, argmax_y, argmax_x, grad, **options)
        name = f'roi_align mode {pool_mode} aligned {aligned} ratio {ratio} scale {scale:.2f}'
        outputs.update({f'{name} output': output, f'{name} grad': grad})
        outputs.update({f'{name} y': argmax_y, f'{name} x': argmax_x})
    return outputs


def all_outputs(ops: ModuleType, seed: int) -> dict[str, torch.Tensor]:
    """Outputs of all ops by the name of the call."""
    return nms_outputs(ops, seed) | softnms_outputs(ops, seed) | roi_align_outputs(ops, seed)


def random_boxes(rng: np.random.Generator, num_boxes: int, size: float) -> torch.Tensor:
    corner = rng.random((num_boxes, 2)) * size
    extent = 1 + rng.random((num_boxes, 2)) * size / 2
    return torch.from_numpy(np.hstack((corner, corner + extent))).float()


def random_scores(rng: np.random.Generator, num_boxes: int) -> torch.Tensor:
    """Scores in (0, 1], no two equal: the order of equal ones is the sort's of each torch."""
    return torch.from_numpy((1 + rng.permutation(num_boxes)) / num_boxes).float()


def random_rois(rng: np.random.Generator, num_rois: int, size: float) -> torch.Tensor:
    """RoIs inside, across and beyond the border, the first of them without area."""
    boxes = random_boxes(rng, num_rois, size * 1.4) - size * 0.2
    boxes[0, 2:] = boxes[0, :2]
    image = torch.from_numpy(rng.integers(0, BATCH, (num_rois, 1))).float()
    return torch.hstack((image, boxes))


if __name__ == '__main__':
    from mmcv import _ext

    if not _ext.__file__.endswith('.so'):
        raise SystemExit(f'{_ext.__file__} is not the compiled module; install real mmcv')
    arrays = {name: tensor.numpy() for name, tensor in all_outputs(_ext, seed=0).items()}
    temporary = GOLDEN.with_suffix('.tmp.npz')
    np.savez_compressed(temporary, **arrays)
    temporary.replace(GOLDEN)
