"""What goes into an exported file: pixels in, keypoints, bodies or maps out, all in tensors.

A graph runs a trained model's own layers and then decodes as its codec does. Codecs decode outside
of PyTorch where that is faster, which no graph can hold: the decoding here says the same in
operations that all runtimes have, and the tests hold the two against each other.
"""

import copy
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModel
from mmpose.codecs import MSRAHeatmap
from mmpose.models.heads import HeatmapHead
from torch import Tensor, nn

from mmpose_ext.codecs import HEMletsLabel, SimDRLabel
from mmpose_ext.codecs.functional import peak_probability
from mmpose_ext.models.body_models.smpl_body import SMPLBody
from mmpose_ext.models.heads import HEMletsHead, HigherHRNetHead, PoShHead, SimDRHead
from mmpose_ext.models.heads.crowd_maps import aggregate_maps

_KEYPOINTS = '(B, K, 2) x, y in pixels of the input'
_SCORES = '(B, K) score of each keypoint'


class PoseGraph(nn.Module):
    """A model as one function of pixels.

    Args:
        model (BaseModel): Pose estimator in evaluation mode. Its layers are shared, not copied.

    Attributes:
        outputs (dict[str, str]): Names of the outputs, in their order, and what they are.

    Raises:
        ValueError: If the model prepares images in a way that a graph does not know.
    """

    meanings: ClassVar[dict[str, str]]
    # How torch.export traces: what a head asks of len() only stays open strictly, which takes
    # several times as long.
    strict: ClassVar[bool] = False

    mean: Tensor
    std: Tensor

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self.outputs = dict(self.meanings)
        self.model = model
        self.head: Any = model.head
        preparation = model.data_preprocessor
        if getattr(preparation, 'pad_size_divisor', 1) != 1:
            raise ValueError(
                'pad_size_divisor of the data_preprocessor must be 1 for export, got '
                f'{preparation.pad_size_divisor}: pad in the pipeline'
            )
        self.swap_colours = bool(preparation._channel_conversion)
        normalises = preparation._enable_normalize
        mean = preparation.mean if normalises else torch.zeros(3, 1, 1)
        std = preparation.std if normalises else torch.ones(3, 1, 1)
        self.register_buffer('mean', mean.detach().clone(), persistent=False)
        self.register_buffer('std', std.detach().clone(), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Predict.

        Args:
            image (Tensor): BGR pixels (B, 3, H, W) uint8.

        Returns:
            tuple[Tensor, ...]: See ``outputs``.
        """
        pixels = image.float()
        if self.swap_colours:
            pixels = pixels.flip(1)
        return self.decode((pixels - self.mean) / self.std)

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        raise NotImplementedError


class SimDRGraph(PoseGraph):
    """SimDR: the highest bin of each axis, and its probability."""

    meanings: ClassVar = {'keypoints': _KEYPOINTS, 'keypoint_scores': _SCORES}

    def __init__(self, model: BaseModel) -> None:
        super().__init__(model)
        self.codec: SimDRLabel = _codec_of(model, SimDRLabel)
        if self.codec.use_dark:
            raise ValueError(
                'use_dark=True of SimDRLabel cannot be exported: its blur is a Fourier transform, '
                'which runtimes do not share. Export with use_dark=False in the codec, or run the '
                'model in PyTorch'
            )
        if self.codec.decode_visibility:
            self.outputs['keypoints_visible'] = '(B, K) visibility from 0 to 1'

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        codec = self.codec
        logits = self.head(self.model.extract_feat(inputs))
        bins = [axis.argmax(dim=-1) for axis in logits]
        scores = [self._score(*axis) for axis in zip(logits, bins, strict=True)]
        reduce = torch.maximum if codec.score_reduction == 'max' else torch.minimum
        score = reduce(scores[0], scores[1])
        position = torch.stack(bins, dim=-1).to(score.dtype)
        if codec.reject_nonpositive:
            position = torch.where((score <= 0)[..., None], -1.0, position)
        keypoints = position / float(codec.simcc_split_ratio)
        if not codec.decode_visibility:
            return keypoints, score
        scales = [float(codec.decode_beta * sigma) for sigma in codec.sigma]
        peaks = [peak_probability(x * scale) for x, scale in zip(logits, scales, strict=True)]
        return keypoints, score, torch.minimum(peaks[0], peaks[1])

    def _score(self, logits: Tensor, bins: Tensor) -> Tensor:
        values = logits if self.codec.score_type == 'raw' else logits.softmax(dim=-1)
        return values.gather(-1, bins[..., None])[..., 0]


class HeatmapGraph(PoseGraph):
    """Heatmaps of one person: the highest pixel, a quarter towards its higher neighbours."""

    meanings: ClassVar = {'keypoints': _KEYPOINTS, 'keypoint_scores': _SCORES}

    stride: Tensor

    def __init__(self, model: BaseModel) -> None:
        super().__init__(model)
        codec: MSRAHeatmap = _codec_of(model, MSRAHeatmap)
        if codec.unbiased:
            raise ValueError(
                'unbiased=True of MSRAHeatmap (DARK) cannot be exported: set unbiased=False in the '
                'codec, or run the model in PyTorch'
            )
        self.register_buffer('stride', torch.as_tensor(codec.scale_factor), persistent=False)

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        heatmaps = self.head(self.model.extract_feat(inputs))
        pixels, scores = highest_pixels(heatmaps)
        return (pixels + quarter_steps(heatmaps, pixels)) * self.stride, scores


class HEMletsGraph(PoseGraph):
    """HEMlets: the joints of the volume, the peaks of the heatmaps, the polarity of the parts."""

    meanings: ClassVar = {
        'keypoints': '(B, J, 3) x, y in pixels of the input, depth relative to the root in mm',
        'keypoint_scores': '(B, J) peak of each heatmap, 0 to 1; 1 without heatmaps',
        'part_polarity': '(B, P) -1, 0 or 1 for each part, int64',
    }
    strict: ClassVar[bool] = True

    size: Tensor
    child_joints: Tensor

    def __init__(self, model: BaseModel) -> None:
        super().__init__(model)
        self.codec: HEMletsLabel = _codec_of(model, HEMletsLabel)
        self.pose_head: HEMletsHead = getattr(self.head, 'pose_head', self.head)
        if 'hemlets' not in self.pose_head.map_channels:
            del self.outputs['part_polarity']
        size = torch.tensor([*self.codec.input_size], dtype=torch.float32)
        self.register_buffer('size', size, persistent=False)
        child_joints = torch.as_tensor(self.codec.parts[:, 1], dtype=torch.int64)
        self.register_buffer('child_joints', child_joints, persistent=False)

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        return self.decode_pose(self.head(self.model.extract_feat(inputs)))

    def decode_pose(self, pred: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Decode what ``HEMletsHead`` predicts."""
        coords, maps = pred['coords'], self.pose_head.split_maps(pred['maps'])
        points = (coords[..., :2] + 0.5) * self.size
        keypoints = torch.cat([points, coords[..., 2:] * self.codec.depth_bound], dim=-1)
        scores = torch.ones_like(coords[..., 0])
        if 'heatmaps' in maps:
            scores = maps['heatmaps'].amax((2, 3)).clamp(0, 1)
        if 'hemlets' not in maps:
            return keypoints, scores
        return keypoints, scores, self._polarity(maps['hemlets'], points)

    def _polarity(self, hemlets: Tensor, points: Tensor) -> Tensor:
        """The map of each part that is highest at its child, as ``decode_polarity`` does."""
        height, width = hemlets.shape[-2:]
        last = torch.tensor([width - 1.0, height - 1.0])
        on_map = points[:, self.child_joints] * (
            torch.tensor([1.0 * width, 1.0 * height]) / self.size
        )
        pixels = (torch.minimum(on_map.clamp(min=-0.5), last) + 0.5).long()
        index = pixels[..., 1] * width + pixels[..., 0]
        triplets = hemlets.flatten(2).unflatten(1, (-1, 3))
        at_child = triplets.gather(-1, index[..., None, None].expand(-1, -1, 3, 1))
        return at_child[..., 0].argmax(dim=-1) - 1


class PoShGraph(HEMletsGraph):
    """HEMlets PoSh: what HEMlets gives, SMPL's parameters, and the body that they pose.

    Args:
        model (BaseModel): Model with ``PoShHead``.
        with_body (bool): Whether the body model is part of the graph. SMPL's files are licensed
            to each user: what holds one may not be passed on. Without it the outputs are the
            parameters. Defaults to True.
    """

    smpl_outputs: ClassVar = {
        'smpl_pose': '(B, 24, 3, 3) rotation matrices, the first the orientation in camera axes',
        'smpl_betas': '(B, S) shape coefficients',
        'smpl_camera': '(B, 3) s, tx, ty: a point relative to the pelvis lies at s (x + tx, y + '
        'ty), where -1 to 1 spans the input',
    }
    body_outputs: ClassVar = {
        'smpl_joints': '(B, J, 3) joints of the body in metres, relative to the pelvis, joint 0',
        'smpl_vertices': '(B, V, 3) vertices in metres, relative to the pelvis',
        'smpl_pelvis': '(B, 3) pelvis in the axes of the body model in metres',
        'smpl_faces': '(F, 3) triangles, the same for all',
    }

    faces: Tensor

    def __init__(self, model: BaseModel, with_body: bool = True) -> None:
        super().__init__(model)
        self.outputs |= self.smpl_outputs
        self.body: SMPLBody | None = None
        if with_body:
            self.outputs |= self.body_outputs
            # A copy, with a mode of its own.
            self.body = copy.copy(self.head.body_model)
            self.register_buffer('faces', torch.as_tensor(self.body.faces), persistent=False)

    def train(self, mode: bool = True) -> 'PoShGraph':
        """Switch the mode; the body stays in that in which it asks nothing of values."""
        super().train(mode)
        if self.body is not None:
            self.body.training = True
        return self

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        pred = self.head(self.model.extract_feat(inputs))
        pose, betas = pred['pose'], pred['betas']
        found = (*self.decode_pose(pred), pose, betas, pred['camera'])
        if self.body is None:
            return found
        posed = self.body(pose[:, :1], pose[:, 1:], betas)
        pelvis = posed.joints[:, :1]
        relative = posed.joints - pelvis, posed.vertices - pelvis
        return *found, *relative, pelvis[:, 0], self.faces.clone()


class CrowdGraph(PoseGraph):
    """HigherHRNet and SWAHR: heatmaps and tags as their codec groups them."""

    meanings: ClassVar = {
        'heatmaps': '(B, K, h, w) mean of all levels',
        'tags': '(B, K, h, w) tag of each pixel of each heatmap',
    }

    def decode(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Predict from normalised images (B, 3, H, W)."""
        levels = self.head(self.model.extract_feat(inputs))
        size = (inputs.shape[3], inputs.shape[2])
        project = self.model.test_cfg.get('project2image', True)
        return aggregate_maps([levels], self.head.num_keypoints, size=size if project else None)


# Of a class and its heirs; the first that fits.
GRAPHS: dict[type, type[PoseGraph]] = {
    SimDRHead: SimDRGraph,
    HEMletsHead: HEMletsGraph,
    PoShHead: PoShGraph,
    HigherHRNetHead: CrowdGraph,
    HeatmapHead: HeatmapGraph,
}


def build_graph(model: BaseModel, with_body: bool = True) -> PoseGraph:
    """Make the graph of a model.

    Args:
        model (BaseModel): Pose estimator in evaluation mode.
        with_body (bool): Whether a body model is part of it, see :class:`PoShGraph`. Defaults to
            True.

    Returns:
        PoseGraph: The graph.

    Raises:
        ValueError: If the model has none; the message says what can be exported.
    """
    head = getattr(model, 'head', None)
    for kind, graph in GRAPHS.items():
        if isinstance(head, kind):
            options = {} if graph is not PoShGraph else dict(with_body=with_body)
            return graph(model, **options).eval()
    raise ValueError(
        f'{type(model).__name__} with {type(head).__name__} cannot be exported, only models with '
        f'{", ".join(kind.__name__ for kind in GRAPHS)} can; event models run in PyTorch, with '
        'tools/infer_events.py'
    )


def highest_pixels(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Find the highest pixel of each heatmap, as ``mmpose.codecs.utils.get_heatmap_maximum``.

    Args:
        heatmaps (Tensor): (B, K, h, w).

    Returns:
        tuple[Tensor, Tensor]: x and y (B, K, 2), -1 where nothing is above 0, and values (B, K).
    """
    width = heatmaps.shape[-1]
    values, index = heatmaps.flatten(2).max(dim=-1)
    pixels = torch.stack([index % width, index // width], dim=-1).to(heatmaps.dtype)
    return torch.where((values <= 0)[..., None], -1.0, pixels), values


def quarter_steps(heatmaps: Tensor, pixels: Tensor) -> Tensor:
    """Steps of a quarter of a pixel towards the higher neighbours.

    As ``mmpose.codecs.utils.refine_keypoints``, with its limits: no step along an axis from its
    first two pixels or its last, nor where the other coordinate is not above 0.

    Args:
        heatmaps (Tensor): (B, K, h, w).
        pixels (Tensor): Their highest pixels, x and y (B, K, 2).

    Returns:
        Tensor: Steps (B, K, 2): -0.25, 0 or 0.25.
    """
    height, width = heatmaps.shape[-2:]
    x, y = pixels.long().unbind(-1)
    flat = heatmaps.flatten(2)

    def at(x: Tensor, y: Tensor) -> Tensor:
        index = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
        return flat.gather(-1, index[..., None])[..., 0]

    # MMPose's code asks 0 < y < H for a step in x, and 0 < x < W for one in y.
    in_x = (x > 1) & (x < width - 1) & (y > 0)
    in_y = (y > 1) & (y < height - 1) & (x > 0)
    slope_x = torch.where(in_x, at(x + 1, y) - at(x - 1, y), 0.0)
    slope_y = torch.where(in_y, at(x, y + 1) - at(x, y - 1), 0.0)
    return 0.25 * torch.stack([slope_x, slope_y], dim=-1).sign()


def _codec_of(model: BaseModel, kind: type) -> Any:
    """The codec of a model's head; raise ValueError if it is of another kind."""
    codec = getattr(model.head, 'decoder', None)
    if not isinstance(codec, kind):
        raise ValueError(
            f'a model with {type(model.head).__name__} is exported with the decoder '
            f'{kind.__name__}, got {type(codec).__name__}'
        )
    return codec
