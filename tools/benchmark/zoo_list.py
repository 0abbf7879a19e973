"""The configs that :mod:`zoo` measures when it is given none, ours beside MMPose's."""

from collections.abc import Container
from dataclasses import dataclass, replace

_2D = 'mmpose::body_2d_keypoint/'
_TD = f'{_2D}topdown_heatmap/coco/td-hm_'
_LIFT = 'mmpose::body_3d_keypoint/'
_HHR = "HigherHRNet's authors, with their own schedule"


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Attributes:
        label (str): Short name.
        config (str): Path of ours from the root, or ``mmpose::...``.
        published (float, optional): Figure that is in no metafile, as a metafile would say it.
        source (str, optional): Who published it.
    """

    label: str
    config: str
    published: float | None = None
    source: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is a config of this package."""
        return not self.config.startswith('mmpose::')


@dataclass(frozen=True)
class Group:
    """A table.

    Attributes:
        title (str): Its heading.
        dataset (str): Test data of the published figures, as metafiles name it.
        metric (str): Published figure, as metafiles name it.
        entries (tuple[Entry, ...]): Its rows.
        about (str): What stands above it.
    """

    title: str
    dataset: str
    metric: str
    entries: tuple[Entry, ...]
    about: str = ''

    def only(self, configs: Container[str]) -> 'Group':
        """The group with the rows of some configs."""
        return replace(self, entries=tuple(one for one in self.entries if one.config in configs))


TOP_DOWN = Group(
    'Top-down, one person',
    'COCO',
    'AP',
    (
        Entry('SimDR R50 64x64', 'configs/simdr/coco/simdr_res50_4xb32-140e_coco-64x64.py'),
        Entry('SimDR R50 128x128', 'configs/simdr/coco/simdr_res50_4xb32-140e_coco-128x128.py'),
        Entry('SimDR R50', 'configs/simdr/coco/simdr_res50_4xb32-140e_coco-256x192.py'),
        Entry(
            'SimDR R50 upfree', 'configs/simdr/coco/simdr_res50-upfree_4xb32-140e_coco-256x192.py'
        ),
        Entry('SimDR W32 128x128', 'configs/simdr/coco/simdr_hrnet-w32_4xb32-210e_coco-128x128.py'),
        Entry('SimDR W32', 'configs/simdr/coco/simdr_hrnet-w32_4xb32-210e_coco-256x192.py'),
        Entry('SimDR W48', 'configs/simdr/coco/simdr_hrnet-w48_4xb32-210e_coco-256x192.py'),
        Entry(
            'SA-SimDR W48 384x288',
            'configs/simdr/coco/simdr-sa_hrnet-w48_4xb32-210e_coco-384x288.py',
        ),
        Entry('HSJP R50, heatmap', 'configs/hsjp/coco/td-hm_res50-hsjp_8xb64-210e_coco-256x192.py'),
        Entry('SimpleBaseline R50', f'{_TD}res50_8xb64-210e_coco-256x192.py'),
        Entry('SimpleBaseline R152', f'{_TD}res152_8xb32-210e_coco-256x192.py'),
        Entry('HRNet W32', f'{_TD}hrnet-w32_8xb64-210e_coco-256x192.py'),
        Entry('HRNet W48', f'{_TD}hrnet-w48_8xb32-210e_coco-256x192.py'),
        Entry('SimCC R50', f'{_2D}simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py'),
        Entry(
            'SimCC MobileNetV2',
            f'{_2D}simcc/coco/simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192.py',
        ),
        Entry('SimCC ViPNAS', f'{_2D}simcc/coco/simcc_vipnas-mbv3_8xb64-210e_coco-256x192.py'),
        Entry(
            'IPR R50 256x256',
            f'{_2D}integral_regression/coco/ipr_res50_8xb64-210e_coco-256x256.py',
        ),
        Entry(
            'RLE R50', f'{_2D}topdown_regression/coco/td-reg_res50_rle-8xb64-210e_coco-256x192.py'
        ),
        Entry('RTMPose-t', f'{_2D}rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py'),
        Entry('RTMPose-s', f'{_2D}rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py'),
        Entry('RTMPose-m', f'{_2D}rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py'),
        Entry('RTMPose-l', f'{_2D}rtmpose/coco/rtmpose-l_8xb256-420e_coco-256x192.py'),
        Entry('ViTPose-S', f'{_TD}ViTPose-small_8xb64-210e_coco-256x192.py'),
        Entry('ViTPose-B', f'{_TD}ViTPose-base_8xb64-210e_coco-256x192.py'),
    ),
    'Published: COCO val2017, with boxes of a detector of 56.4 AP and flip test. '
    'An image is a crop of one person, 256x192 (h x w) where the name says nothing else.',
)

BOTTOM_UP = Group(
    'Bottom-up, a whole picture',
    'COCO',
    'AP',
    (
        Entry('SWAHR W32', 'configs/swahr/coco/swahr_hrnet-w32_8xb20-300e_coco-512x512.py'),
        Entry('SWAHR W48', 'configs/swahr/coco/swahr_hrnet-w48_8xb10-300e_coco-640x640.py'),
        Entry(
            'HigherHRNet W32',
            'configs/swahr/coco/higherhrnet_hrnet-w32_8xb20-300e_coco-512x512.py',
            *(0.671, _HHR),
        ),
        Entry(
            'AE HRNet W32',
            f'{_2D}associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py',
        ),
        Entry('DEKR W32', f'{_2D}dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py'),
        Entry('CID W32', f'{_2D}cid/coco/cid_hrnet-w32_8xb20-140e_coco-512x512.py'),
        # MMPose's metafile of RTMO names another data set.
        Entry(
            'RTMO-s',
            f'{_2D}rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py',
            *(0.677, "MMPose's page of RTMO"),
        ),
        Entry(
            'RTMO-l',
            f'{_2D}rtmo/coco/rtmo-l_16xb16-600e_coco-640x640.py',
            *(0.724, "MMPose's page of RTMO"),
        ),
        Entry('YOLOX-Pose-s', f'{_2D}yoloxpose/coco/yoloxpose_s_8xb32-300e_coco-640.py'),
    ),
    'Published: COCO val2017, one scale; flip test for the methods of heatmaps.',
)

THREE_D = Group(
    '3D',
    'Human3.6M',
    'MPJPE',
    (
        Entry('HEMlets R50', 'configs/hemlets/h36m/hemlets_res50_8xb32-25e_h36m-mpii-256x256.py'),
        Entry(
            'HEMlets W32', 'configs/hemlets/h36m/hemlets_hrnet-w32_8xb32-25e_h36m-mpii-256x256.py'
        ),
        Entry('PoSh R50', 'configs/posh/h36m/posh_res50_8xb32-5e_h36m-256x256.py'),
        Entry(
            'InterNet R50, hands',
            'mmpose::hand_3d_keypoint/internet/interhand3d/'
            'internet_res50_4xb16-20e_interhand3d-256x256.py',
        ),
        Entry(
            'SimpleBaseline3D, lifter',
            f'{_LIFT}image_pose_lift/h36m/image-pose-lift_tcn_8xb64-200e_h36m.py',
        ),
        Entry(
            'VideoPose3D 27, lifter',
            f'{_LIFT}video_pose_lift/h36m/video-pose-lift_tcn-27frm-supv_8xb128-160e_h36m.py',
        ),
        Entry(
            'VideoPose3D 243, lifter',
            f'{_LIFT}video_pose_lift/h36m/video-pose-lift_tcn-243frm-supv_8xb128-160e_h36m.py',
        ),
    ),
    'Published: MPJPE in mm on Human3.6M, Protocol 1, lower is better. Lifters are given the true '
    '2D keypoints and see no picture: neither their figures nor their costs are to be held against '
    "those that see one. InterNet is MMPose's other network of 3D heatmaps; it sees hands.",
)

EVENTS = Group(
    'Events',
    'MMHPSD',
    'PA-MPJPE',
    (
        Entry(
            'EventHPE flow', 'configs/eventhpe/mmhpsd/eventhpe-flownet_1xb16-30e_mmhpsd-256x256.py'
        ),
        Entry(
            'EventHPE pose',
            'configs/eventhpe/mmhpsd/eventhpe-shapenet_r50-gru_1xb8-10e_mmhpsd-256x256.py',
        ),
    ),
    'An image is the frame of the events of one step; MMPose has nothing like it. '
    "The paper's figures were not to be had.",
)

MANNEQUINS = Group(
    'Made-up people, trained on two cores',
    'Mannequins',
    '',
    (
        Entry(
            'SimDR R18/2 64x64',
            'configs/simdr/mannequin/simdr_res18-half_1xb32-15e_mannequin-64x64.py',
        ),
        Entry(
            'heatmap R18/2 64x64',
            'configs/simdr/mannequin/td-hm_res18-half_1xb32-15e_mannequin-64x64.py',
        ),
        Entry(
            'SWAHR tiny', 'configs/swahr/mannequin/swahr_hrnet-tiny_1xb16-1600_mannequin-128x128.py'
        ),
        Entry(
            'HEMlets R18', 'configs/hemlets/mannequin/hemlets_res18_1xb32-24e_mannequin-128x128.py'
        ),
        Entry('PoSh R18', 'configs/posh/mannequin/posh_res18_1xb32-24e_mannequin-128x128.py'),
        Entry(
            'EventHPE flow/2',
            'configs/eventhpe/mannequin/eventhpe-flownet-half_1xb16-20e_mannequin-64x64.py',
        ),
        Entry(
            'EventHPE R18/4',
            'configs/eventhpe/mannequin/eventhpe-shapenet_res18-quarter-gru_1xb8-20e_mannequin-64x64.py',
        ),
    ),
    'Small networks (/2, /4: a half, a quarter of the width), no published figures. Accuracies are '
    'of mannequins; SimDR and the heatmap are compared in '
    '[simdr_low_resolution.md](simdr_low_resolution.md).',
)

GROUPS = (TOP_DOWN, BOTTOM_UP, THREE_D, EVENTS, MANNEQUINS)
