"""Datasets."""

from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset

__all__ = ['StrictCocoDataset']
