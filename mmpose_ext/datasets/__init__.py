"""Datasets and transforms."""

from mmpose_ext.datasets.datasets import (
    CocoPolarityDataset,
    HSJPCocoDataset,
    Human36m18CombinedDataset,
    Human36mImageDataset,
    LspDataset,
    LspPolarityDataset,
    MpiiPolarityDataset,
    SMPLImageDataset,
    StrictCocoDataset,
    StrictMpiiDataset,
)
from mmpose_ext.datasets.transforms import (
    HSJPShuffle,
    Human36m18Converter,
    Pack3DPoseInputs,
    StrictLoadImage,
)

__all__ = [
    'CocoPolarityDataset',
    'HSJPCocoDataset',
    'HSJPShuffle',
    'Human36m18CombinedDataset',
    'Human36m18Converter',
    'Human36mImageDataset',
    'LspDataset',
    'LspPolarityDataset',
    'MpiiPolarityDataset',
    'Pack3DPoseInputs',
    'SMPLImageDataset',
    'StrictCocoDataset',
    'StrictLoadImage',
    'StrictMpiiDataset',
]
