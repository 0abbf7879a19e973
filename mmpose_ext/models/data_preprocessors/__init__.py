"""Data preprocessors."""

from mmpose_ext.models.data_preprocessors.event_data_preprocessor import EventDataPreprocessor
from mmpose_ext.models.data_preprocessors.pyramid import PyramidDataPreprocessor

__all__ = ['EventDataPreprocessor', 'PyramidDataPreprocessor']
