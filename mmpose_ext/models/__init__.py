"""Models: heads and losses."""

from mmpose_ext.models.heads import SimDRHead
from mmpose_ext.models.losses import SimDRKLLoss, SimDRSmoothingLoss

__all__ = ['SimDRHead', 'SimDRKLLoss', 'SimDRSmoothingLoss']
