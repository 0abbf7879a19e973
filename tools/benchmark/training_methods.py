"""The methods whose training is measured, and what MMPose has to set beside each."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mmpose_ext  # isort: skip  # mends what MMPose's imports need  # noqa: F401
import mmpose
from mmengine.config import Config
from mmpose.codecs import AssociativeEmbedding
from mmpose.models.losses import KeypointMSELoss
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor
from training_data import TrainingData

CONFIGS = Path(__file__).parents[2] / 'configs'
MMPOSE_CONFIGS = Path(mmpose.__file__).parent / '.mim' / 'configs' / 'body_2d_keypoint'
# What grows with the resolution; the bins of depth do not.
SIZES = ('input_size', 'heatmap_size', 'heatmap_sizes', 'in_featuremap_size')


@dataclass(frozen=True)
class Settings:
    """What a training is built from, as plain dicts; ``data_root`` is still to be set."""

    model: dict
    optim_wrapper: dict
    dataset: dict

    def of_size(self, scale: int) -> 'Settings':
        """The same at a resolution ``scale`` times as high."""
        return replace(self, model=_grown(self.model, scale), dataset=_grown(self.dataset, scale))

    def without_targets(self) -> 'Settings':
        """The same with a pipeline that encodes no targets, nor masks of the size of targets."""
        left_out = ('GenerateTarget', 'CrowdHeatmapMask')
        kept = [step for step in self.dataset['pipeline'] if step['type'] not in left_out]
        return replace(self, dataset=dict(self.dataset, pipeline=kept))


Source = str | Callable[[], Settings]


@dataclass(frozen=True)
class Arm:
    """A way to train, on mannequins and as published.

    Attributes:
        name (str): What the page calls it.
        small (Source, optional): Its config for mannequins, or what makes it; None for none.
        published (Source): Its config of full size.
        data (str): Config whose dataset both load.
    """

    name: str
    small: Source | None
    published: Source
    data: str

    def settings(self, is_published: bool) -> Settings:
        """What to train, with the pipeline of its config on the dataset of ``data``."""
        source = self.published if is_published else self.small
        if source is None:
            raise ValueError(f'{self.name} has no config of this size.')
        found = source() if callable(source) else read(source)
        dataset = {k: v for k, v in read(self.data).dataset.items() if k != 'pipeline'}
        return replace(found, dataset=dict(dataset, pipeline=found.dataset['pipeline']))


@dataclass(frozen=True)
class Method:
    """A method and what it is compared with.

    Attributes:
        arm (Arm): Ours.
        peers (tuple[Arm, ...]): The others, on the same trunk and pictures.
        pictures (str): Method of :class:`TrainingData` that makes the pictures.
        sizes (tuple[int, int]): Sides of the pictures in pixels, small and published.
        batches (tuple[int, int]): Batches, small and published.
        people (tuple[int, int], optional): People in a picture of a crowd.
    """

    arm: Arm
    peers: tuple[Arm, ...]
    pictures: str
    sizes: tuple[int, int]
    batches: tuple[int, int]
    people: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """Name of our arm."""
        return self.arm.name

    def data(self, data: TrainingData, is_published: bool, people: int | None = None) -> Path:
        """The folder of the pictures; ``people`` overrides how many a crowd has."""
        size = [self.sizes[is_published]]
        if self.people is not None:
            size.append(people or self.people[is_published])
        folder: Path = getattr(data, self.pictures)(*size)
        return folder


def read(name: str) -> Settings:
    """Read a config of ours or, behind ``mmpose::``, one of MMPose's 2D configs.

    Pretrained weights are left out, and the mannequin is the body where SMPL would be.
    """
    path = MMPOSE_CONFIGS / name[8:] if name.startswith('mmpose::') else CONFIGS / name
    content = Config.fromfile(path).to_dict()
    return Settings(
        model=_self_contained(content['model']),
        optim_wrapper=content['optim_wrapper'],
        dataset=content['train_dataloader']['dataset'],
    )


def _self_contained(content: Any) -> Any:
    """A copy that needs no file of weights and no body model of the user's."""
    if isinstance(content, list | tuple):
        return type(content)(_self_contained(one) for one in content)
    if not isinstance(content, dict):
        return content
    if str(content.get('model_path')).startswith('data/smpl/'):
        content = dict(content, model_path='mannequin')
        content = {k: v for k, v in content.items() if 'regressor' not in k}
    kept = {k: v for k, v in content.items() if k != 'init_cfg' or not _is_pretrained(v)}
    return {key: _self_contained(value) for key, value in kept.items()}


def _is_pretrained(init_cfg: Any) -> bool:
    return isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained'


def _grown(content: Any, scale: int) -> Any:
    """A copy with all sizes multiplied."""
    if isinstance(content, dict):
        return {k: _times(v, scale) if k in SIZES else _grown(v, scale) for k, v in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(_grown(one, scale) for one in content)
    return content


def _times(size: Any, scale: int) -> Any:
    if isinstance(size, list | tuple):
        return type(size)(_times(one, scale) for one in size)
    return size * scale


# What MMPose has beside each.


@KEYPOINT_CODECS.register_module(name='TrainableAssociativeEmbedding', force=True)
class TrainableAssociativeEmbedding(AssociativeEmbedding):
    """MMPose's codec, whose labels MMPose's ``PackPoseInputs`` packs."""

    label_mapping_table = dict(  # noqa: RUF012  # as MMPose declares it
        keypoint_weights='keypoint_weights', keypoint_indices='keypoint_indices'
    )


@MODELS.register_module(name='UnweightedKeypointMSELoss', force=True)
class UnweightedKeypointMSELoss(KeypointMSELoss):
    """MMPose's loss with its mask, without weights of keypoints."""

    def forward(
        self, output: Tensor, target: Tensor, target_weights: Tensor, mask: Tensor
    ) -> Tensor:
        """Compute the loss; see ``KeypointMSELoss``."""
        return super().forward(output, target, None, mask)


def simcc() -> Settings:
    """MMPose's SimCC with the trunk of SimDR's small config, and its smoothing of labels."""
    settings = deepcopy(read(SIMDR))
    codec = dict(settings.model['head']['decoder'], type='SimCCLabel', smoothing_type='standard')
    codec['label_smooth_weight'] = 0.1
    loss = dict(type='KLDiscretLoss', use_target_weight=True)
    settings.model['head'].update(type='SimCCHead', loss=loss, decoder=codec)
    _encode_with(settings, codec)
    return settings


def integral() -> Settings:
    """Integral regression of the volume alone, with the trunk of HEMlets' small config."""
    settings = deepcopy(read(HEMLETS))
    settings.model['head'].update(use_hemlets=False, use_heatmap2d=False)
    return settings


def associative_embedding(config: str) -> Settings:
    """MMPose's bottom-up network with the trunk of a config of SWAHR's.

    MMPose 1.3.2 has no pipeline to train it with: that of its DEKR is taken, and the codec tells
    it what to pack. Its loss of heatmaps is given weights of people where it expects images', and
    ignores them.
    """
    settings, ours = deepcopy(read(AE)), read(config)
    sizes = ours.model['head']['decoder']
    codec = dict(settings.model['head']['decoder'], input_size=sizes['input_size'])
    codec.update(
        type='TrainableAssociativeEmbedding',
        heatmap_size=sizes['heatmap_sizes'][0],
        sigma=sizes.get('sigma', 2.0),
    )
    settings.model.update(backbone=ours.model['backbone'])
    settings.model['head'].update(
        in_channels=ours.model['head']['in_channels'],
        keypoint_loss=dict(type='UnweightedKeypointMSELoss'),
        decoder=codec,
    )
    settings.dataset['pipeline'] = [
        dict(type='LoadImage'),
        dict(type='BottomupRandomAffine', input_size=codec['input_size']),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='BottomupGetHeatmapMask'),
        dict(type='PackPoseInputs'),
    ]
    return settings


def _encode_with(settings: Settings, codec: dict) -> None:
    for step in settings.dataset['pipeline']:
        if 'encoder' in step:
            step['encoder'] = codec


SIMDR = 'simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-128x128.py'
HEMLETS = 'hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py'
POSH = 'posh/mannequin/posh_res18_1xb32-24e_mannequin-128x128.py'
HSJP = 'hsjp/mannequin/hsjp_res18-half_1xb32-1200_mannequin-128x96.py'
SWAHR = 'swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py'
SWAHR_W32 = 'swahr/coco/swahr_hrnet-w32_8xb20-300e_coco-512x512.py'
FLOW = 'eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py'
SHAPE = 'eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py'
AE = 'mmpose::associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py'

_HEMLETS = Arm('HEMlets', HEMLETS, 'hemlets/h36m/hemlets_res50_8xb32-25e_h36m-256x256.py', HEMLETS)
METHODS = (
    Method(
        Arm('SimDR', SIMDR, 'simdr/coco/simdr_res50_4xb32-140e_coco-256x192.py', SIMDR),
        (
            Arm(
                'SimCC (MMPose)',
                simcc,
                'mmpose::simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py',
                SIMDR,
            ),
        ),
        *('single', (256, 512), (32, 4)),
    ),
    Method(
        _HEMLETS,
        (
            Arm(
                'integral regression (ours)',
                integral,
                'hemlets/h36m/integral_res50_8xb32-25e_h36m-256x256.py',
                HEMLETS,
            ),
            Arm(
                'integral regression in 2D (MMPose)',
                None,
                'mmpose::integral_regression/coco/ipr_res50_8xb64-210e_coco-256x256.py',
                SIMDR,
            ),
        ),
        *('single', (256, 512), (32, 2)),
    ),
    Method(
        Arm('PoSh', POSH, 'posh/h36m/posh_res50_8xb32-5e_h36m-256x256.py', POSH),
        (_HEMLETS,),
        *('single', (256, 512), (32, 2)),
    ),
    Method(
        Arm('HSJP pretraining', HSJP, 'hsjp/coco/hsjp_res50_8xb64-210e_coco-256x192.py', HSJP),
        (
            Arm(
                "MMPose's heatmaps, supervised",
                'hsjp/mannequin/td-hm_res18-half-hsjp_1xb32-400_mannequin-128x96.py',
                'mmpose::topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py',
                SIMDR,
            ),
        ),
        *('single', (256, 512), (32, 4)),
    ),
    Method(
        Arm('SWAHR', SWAHR, SWAHR_W32, SWAHR),
        (
            Arm(
                'HigherHRNet (ours)',
                SWAHR.replace('swahr_', 'higherhrnet_'),
                SWAHR_W32.replace('swahr_', 'higherhrnet_'),
                SWAHR,
            ),
            Arm(
                'associative embedding, one resolution (MMPose)',
                lambda: associative_embedding(SWAHR),
                lambda: associative_embedding(SWAHR_W32),
                SWAHR,
            ),
        ),
        *('crowd', (192, 512), (16, 2), (5, 12)),
    ),
    Method(
        Arm(
            'EventHPE flow',
            FLOW,
            'eventhpe/mmhpsd/eventhpe-flownet_1xb16-30e_mmhpsd-256x256.py',
            FLOW,
        ),
        (),
        *('events', (64, 256), (16, 4)),
    ),
    Method(
        Arm(
            'EventHPE shape',
            SHAPE,
            'eventhpe/mmhpsd/eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py',
            SHAPE,
        ),
        (),
        *('events', (64, 256), (8, 1)),
    ),
)
