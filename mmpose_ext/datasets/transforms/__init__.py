"""Transforms."""

from mmpose_ext.datasets.transforms.bottomup_affine import HigherHRNetRandomAffine
from mmpose_ext.datasets.transforms.bottomup_resize import HigherHRNetResize
from mmpose_ext.datasets.transforms.crowd_mask import CrowdHeatmapMask
from mmpose_ext.datasets.transforms.event_augmentation import (
    EventFlip,
    EventShiftScaleRotate,
    InitialPoseNoise,
)
from mmpose_ext.datasets.transforms.event_loading import (
    LoadClipPoses,
    LoadEventFlow,
    LoadEventFrames,
    LoadGrayFrames,
)
from mmpose_ext.datasets.transforms.event_sampling import SampleClipSteps, SampleEventInterval
from mmpose_ext.datasets.transforms.events_to_frames import EventsToFrames
from mmpose_ext.datasets.transforms.hsjp_shuffle import HSJPShuffle
from mmpose_ext.datasets.transforms.human36m18_converter import Human36m18Converter
from mmpose_ext.datasets.transforms.loading import StrictLoadImage
from mmpose_ext.datasets.transforms.pack_3d import Pack3DPoseInputs
from mmpose_ext.datasets.transforms.pack_bottomup import PackBottomupInputs
from mmpose_ext.datasets.transforms.pack_events import PackEventInputs

__all__ = [
    'CrowdHeatmapMask',
    'EventFlip',
    'EventShiftScaleRotate',
    'EventsToFrames',
    'HSJPShuffle',
    'HigherHRNetRandomAffine',
    'HigherHRNetResize',
    'Human36m18Converter',
    'InitialPoseNoise',
    'LoadClipPoses',
    'LoadEventFlow',
    'LoadEventFrames',
    'LoadGrayFrames',
    'Pack3DPoseInputs',
    'PackBottomupInputs',
    'PackEventInputs',
    'SampleClipSteps',
    'SampleEventInterval',
    'StrictLoadImage',
]
