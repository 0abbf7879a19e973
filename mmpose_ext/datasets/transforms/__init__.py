"""Transforms."""

from mmpose_ext.datasets.transforms.human36m18_converter import Human36m18Converter
from mmpose_ext.datasets.transforms.loading import StrictLoadImage
from mmpose_ext.datasets.transforms.pack_3d import Pack3DPoseInputs

__all__ = ['Human36m18Converter', 'Pack3DPoseInputs', 'StrictLoadImage']
