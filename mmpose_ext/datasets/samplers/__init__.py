"""Samplers."""

from mmpose_ext.datasets.samplers.recording_sampler import RecordingSampler

__all__ = ['RecordingSampler']
