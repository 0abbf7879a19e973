"""Necks."""

from mmpose_ext.models.necks.temporal_gru import TemporalGRU

__all__ = ['TemporalGRU']
