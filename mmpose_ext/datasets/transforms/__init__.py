"""Transforms."""

from mmpose_ext.datasets.transforms.loading import StrictLoadImage

__all__ = ['StrictLoadImage']
