"""Transforms."""

from mmpose_ext.datasets.transforms.human36m18_converter import Human36m18Converter
from mmpose_ext.datasets.transforms.loading import StrictLoadImage

__all__ = ['Human36m18Converter', 'StrictLoadImage']
