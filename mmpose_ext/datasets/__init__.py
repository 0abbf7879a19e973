"""Datasets and transforms."""

from mmpose_ext.datasets.datasets import (
    CocoPolarityDataset,
    Human36m18CombinedDataset,
    Human36mImageDataset,
    LspDataset,
    LspPolarityDataset,
    MpiiPolarityDataset,
    StrictCocoDataset,
    StrictMpiiDataset,
)
from mmpose_ext.datasets.transforms import (
    Human36m18Converter,
    Pack3DPoseInputs,
    StrictLoadImage,
)

__all__ = [
    'CocoPolarityDataset',
    'Human36m18CombinedDataset',
    'Human36m18Converter',
    'Human36mImageDataset',
    'LspDataset',
    'LspPolarityDataset',
    'MpiiPolarityDataset',
    'Pack3DPoseInputs',
    'StrictCocoDataset',
    'StrictLoadImage',
    'StrictMpiiDataset',
]
