"""Heads."""

from mmpose_ext.models.heads.simdr_head import SimDRHead

__all__ = ['SimDRHead']
