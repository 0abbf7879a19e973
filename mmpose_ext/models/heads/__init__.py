"""Heads."""

from mmpose_ext.models.heads.hemlets_head import HEMletsHead
from mmpose_ext.models.heads.simdr_head import SimDRHead

__all__ = ['HEMletsHead', 'SimDRHead']
