"""Transforms."""

from mmpose_ext.datasets.transforms.bottomup_affine import HigherHRNetRandomAffine
from mmpose_ext.datasets.transforms.bottomup_resize import HigherHRNetResize
from mmpose_ext.datasets.transforms.crowd_mask import CrowdHeatmapMask
from mmpose_ext.datasets.transforms.hsjp_shuffle import HSJPShuffle
from mmpose_ext.datasets.transforms.human36m18_converter import Human36m18Converter
from mmpose_ext.datasets.transforms.loading import StrictLoadImage
from mmpose_ext.datasets.transforms.pack_3d import Pack3DPoseInputs
from mmpose_ext.datasets.transforms.pack_bottomup import PackBottomupInputs

__all__ = [
    'CrowdHeatmapMask',
    'HSJPShuffle',
    'HigherHRNetRandomAffine',
    'HigherHRNetResize',
    'Human36m18Converter',
    'Pack3DPoseInputs',
    'PackBottomupInputs',
    'StrictLoadImage',
]
