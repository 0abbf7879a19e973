"""Datasets and transforms."""

from mmpose_ext.datasets.datasets import StrictCocoDataset, StrictMpiiDataset
from mmpose_ext.datasets.transforms import StrictLoadImage

__all__ = ['StrictCocoDataset', 'StrictLoadImage', 'StrictMpiiDataset']
