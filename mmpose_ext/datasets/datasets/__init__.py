"""Datasets."""

from mmpose_ext.datasets.datasets.dhp19 import DHP19Dataset
from mmpose_ext.datasets.datasets.hsjp_coco import HSJPCocoDataset
from mmpose_ext.datasets.datasets.human36m18_combined import Human36m18CombinedDataset
from mmpose_ext.datasets.datasets.human36m_image import Human36mImageDataset
from mmpose_ext.datasets.datasets.lsp import LspDataset
from mmpose_ext.datasets.datasets.mmhpsd import MMHPSDataset
from mmpose_ext.datasets.datasets.polarity_2d import (
    CocoPolarityDataset,
    LspPolarityDataset,
    MpiiPolarityDataset,
)
from mmpose_ext.datasets.datasets.smpl_image import SMPLImageDataset
from mmpose_ext.datasets.datasets.strict_coco import StrictCocoDataset
from mmpose_ext.datasets.datasets.strict_mpii import StrictMpiiDataset

__all__ = [
    'CocoPolarityDataset',
    'DHP19Dataset',
    'HSJPCocoDataset',
    'Human36m18CombinedDataset',
    'Human36mImageDataset',
    'LspDataset',
    'LspPolarityDataset',
    'MMHPSDataset',
    'MpiiPolarityDataset',
    'SMPLImageDataset',
    'StrictCocoDataset',
    'StrictMpiiDataset',
]
