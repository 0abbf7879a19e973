"""Datasets."""

from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset
from mmpose_ext.datasets.datasets.strict_mpii import StrictMpiiDataset

__all__ = ['StrictCocoDataset', 'StrictMpiiDataset']
