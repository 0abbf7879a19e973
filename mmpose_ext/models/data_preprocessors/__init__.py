"""Data preprocessors."""

from mmpose_ext.models.data_preprocessors.pyramid import PyramidDataPreprocessor

__all__ = ['PyramidDataPreprocessor']
