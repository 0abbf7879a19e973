"""Whether an exported model says the same as the model in PyTorch."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from mmpose.models.backbones.resnet import BasicBlock, Bottleneck
from mmpose.models.pose_estimators import BottomupPoseEstimator
from mmpose.structures import PoseDataSample
from torch import nn

from mmpose_ext.apis.export.onnx_backend import OnnxNetwork
from mmpose_ext.codecs.functional.hemlets import decode_polarity
from mmpose_ext.models.heads import SimDRHead
from mmpose_ext.models.heads.smpl_regressor import SMPLRegressor
from mmpose_ext.visualization.person3d import as_array

TOLERANCE = 1e-4
# What 1 is, of outputs that are not of about 1 themselves: crops, and metres for millimetres.
_MM = 1000.0
# Weights of trained SMPL regressors as shares of He's (0.4 to 0.5, and 0.06 to 0.33). With He's
# own, one that corrects its estimate three times over makes 1e-3 of what float32 rounds.
_REGRESSOR_SHARES = {'layers': 0.5, 'decoders': 0.2}
# Scale of the last batch norm of each residual block. Where it is 1, fifty blocks of random weights
# make 2e-3 of what float32 rounds: PyTorch is as far from itself in float64. In training it may
# start at zero (Goyal et al., arXiv 1706.02677).
_RESIDUAL_SHARE = 0.2
# Largest value of SimDR's vectors, about that of trained ones: a Gaussian of sigma 6 stands 1000
# times above the rest at 7. With He's weights they reach 80, of which a softmax makes certainties
# and ten times the difference that float32 rounds.
_VECTOR_PEAK = 10.0


def random_pixels(model: BaseModel, batch: int = 2, seed: int = 0) -> np.ndarray:
    """Make inputs of a model: noise, coarse and fine.

    Args:
        model (BaseModel): Pose estimator with a codec.
        batch (int): B. Defaults to 2.
        seed (int): Of the noise. Defaults to 0.

    Returns:
        np.ndarray: BGR pixels (B, 3, H, W) uint8 of the codec's input size.
    """
    width, height = model.head.decoder.input_size
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.zeros(batch, 3, height, width)
    for cells in (4, 16, height):
        noise = torch.rand(batch, 3, cells, max(1, cells * width // height), generator=generator)
        pixels += nn.functional.interpolate(noise, size=(height, width), mode='bilinear')
    return (pixels * (255 / 3)).round().to(torch.uint8).numpy()


@torch.no_grad()
def torch_outputs(model: BaseModel, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Predict as MMPose does in its test, without the flip test, and as a file's outputs are.

    Args:
        model (BaseModel): Pose estimator in evaluation mode.
        pixels (np.ndarray): BGR pixels (B, 3, H, W) uint8.

    Returns:
        dict[str, np.ndarray]: Everything that the head predicts of the outputs of
        :mod:`~mmpose_ext.apis.export.graphs`, ``smpl_pelvis`` and ``smpl_faces`` left out.
    """
    inputs, samples = _prepared(model, pixels)
    feats = model.extract_feat(inputs)
    options = {**model.test_cfg, 'flip_test': False, 'output_heatmaps': True, 'refine': None}
    found = model.head.predict(feats, samples, test_cfg=options)
    instances, fields = found if isinstance(found, tuple) else (found, [])
    if isinstance(model, BottomupPoseEstimator):
        return {name: _stacked(fields, name) for name in ('heatmaps', 'tags')}
    wanted = {'keypoints', 'keypoint_scores', 'keypoints_visible', 'smpl_pose', 'smpl_betas'}
    wanted |= {'smpl_camera', 'smpl_joints', 'smpl_vertices'}
    outputs = {name: _stacked(instances, name)[:, 0] for name in wanted & set(instances[0].keys())}
    if fields and 'hemlets' in fields[0]:
        codec = model.head.decoder
        scale = np.divide(codec.heatmap_size, codec.input_size)
        children = outputs['keypoints'][:, codec.parts[:, 1], :2] * scale
        outputs['part_polarity'] = decode_polarity(_stacked(fields, 'hemlets'), children)
    return outputs


def differences(model: BaseModel, path: str | Path, pixels: np.ndarray) -> dict[str, float]:
    """Compare an exported model with the model.

    Args:
        model (BaseModel): The model, in evaluation mode.
        path (str | Path): What was exported of it.
        pixels (np.ndarray): BGR pixels (B, 3, H, W) uint8.

    Returns:
        dict[str, float]: Largest difference of each output that both give: of coordinates as a
        share of the input's longer side, of depths in metres, of maps and scores as a share of
        the largest value where that is above 1; infinite where shapes differ or one is NaN.

    Raises:
        FileNotFoundError: See :class:`~mmpose_ext.apis.export.onnx_backend.OnnxNetwork`.
        ValueError: See :class:`~mmpose_ext.apis.export.onnx_backend.OnnxNetwork`.
    """
    expected, found = torch_outputs(model, pixels), OnnxNetwork(path)(pixels)
    side = float(max(pixels.shape[2:]))
    result = {}
    for name in expected.keys() & found.keys():
        first, second = (np.asarray(array, np.float64) for array in (expected[name], found[name]))
        if first.shape != second.shape:
            result[name] = float('inf')
            continue
        unit: Any = max(1.0, np.abs(first).max())
        if name == 'keypoints':
            unit = np.array([side, side, _MM][: first.shape[-1]])
        worst = (np.abs(first - second) / unit).max()
        result[name] = float(worst) if np.isfinite(worst) else float('inf')
    return result


@torch.no_grad()
def liven(model: BaseModel, seed: int = 0) -> None:
    """Give a model weights with which its outputs differ from pixel to pixel and joint to joint.

    As initialised, heads give next to nothing, and any graph would do: He's weights, with residual
    blocks, regressors of SMPL's parameters and SimDR's vectors as small as trained ones, and
    statistics of the batch norms of inputs as :func:`random_pixels` makes them.

    Args:
        model (BaseModel): Pose estimator; it is left in evaluation mode.
        seed (int): Of the weights. Defaults to 0.
    """
    generator = torch.Generator().manual_seed(seed)
    norms = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            fan_in = module.weight[0].numel()
            if isinstance(module, nn.ConvTranspose2d):
                fan_in = module.weight.numel() // module.weight.shape[1] // 4
            noise = torch.randn(module.weight.shape, generator=generator)
            module.weight.copy_(noise * (2 / fan_in) ** 0.5)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            norms.append(module)
    for module in model.modules():
        if isinstance(module, BasicBlock | Bottleneck):
            last = module.norm2 if isinstance(module, BasicBlock) else module.norm3
            nn.init.constant_(last.weight, _RESIDUAL_SHARE)
    _calm_regressors(model)
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = 1.0
        norm.train()
    # A layer after the other, each of which sees what those before give.
    inputs, _ = _prepared(model, random_pixels(model, 2, seed))
    outputs = model.head.forward(model.extract_feat(inputs))
    model.eval()
    if isinstance(model.head, SimDRHead):
        for layer, vectors in zip(
            (model.head.mlp_head_x, model.head.mlp_head_y), outputs, strict=True
        ):
            layer.weight *= _VECTOR_PEAK / vectors.abs().max()


def _calm_regressors(model: BaseModel) -> None:
    regressors = [part for part in model.modules() if isinstance(part, SMPLRegressor)]
    for regressor in regressors:
        for name, share in _REGRESSOR_SHARES.items():
            for layer in getattr(regressor, name).modules():
                if isinstance(layer, nn.Linear):
                    layer.weight *= share


def _prepared(model: BaseModel, pixels: np.ndarray) -> tuple[torch.Tensor, list[PoseDataSample]]:
    """The inputs of a model's layers, (B, 3, H, W), and samples that know their size."""
    meta = dict(input_size=(pixels.shape[3], pixels.shape[2]))
    samples = [PoseDataSample(metainfo=meta) for _ in pixels]
    data = dict(inputs=list(torch.from_numpy(pixels)), data_samples=samples)
    ready = model.data_preprocessor(data)
    return ready['inputs'], ready['data_samples']


def _stacked(parts: list[Any], name: str) -> np.ndarray:
    return np.stack([as_array(part.get(name)) for part in parts])
